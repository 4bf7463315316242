"""The public keys of authd, kept for as long as it says."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import jwt

from .client import AuthdClient
from .conf import Settings
from .errors import Unavailable

#: A key for each of these alone: the algorithm is the key's, whatever a token says. A secret is no public key.
ALGORITHMS: Final = ("EdDSA", "ES256", "RS256")
#: Keys in a set at most.
MAX_KEYS: Final = 100
#: Seconds between two looks for a key that is not there: anybody can make up names of keys.
PATIENCE: Final = 5.0


class KeySet:
    """The keys by their ids."""

    def __init__(self, client: AuthdClient, settings: Settings) -> None:
        self._client = client
        self._serves_when_down = settings.when_down == "serve"
        self._lock = threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at = self._asked_at = float("-inf")
        self._max_age = 0.0

    def find(self, kid: str) -> jwt.PyJWK | None:
        """The key of this id, if authd has published it. Raises ``Unavailable`` if nobody can say."""
        now = time.monotonic()
        age = now - self._fetched_at
        found = self._keys.get(kid)
        if found is not None and age < self._max_age / 2:
            return found
        # Half of their life over, one fetches them anew and the others go on; at the end all wait.
        must_wait = found is None or age >= self._max_age
        if self._lock.acquire(blocking=must_wait):
            try:
                self._renew(now)
            finally:
                self._lock.release()
        if time.monotonic() - self._fetched_at >= self._max_age and not (self._serves_when_down and self._keys):
            raise Unavailable("the keys are too old, and there are no newer ones")
        return self._keys.get(kid)

    def _renew(self, now: float) -> None:
        if self._asked_at > now - PATIENCE:
            return
        self._asked_at = now
        try:
            found, max_age = self._client.jwks()
        except Unavailable:
            self._asked_at = now - PATIENCE + 1.0
            return
        self._keys = dict(filter(None, map(_key, found["keys"][:MAX_KEYS])))
        self._fetched_at, self._max_age = time.monotonic(), float(max_age)

    def forget(self) -> None:
        """One of them was retired or revoked: none is used any more, however silent authd is, until they come anew."""
        with self._lock:
            self._keys = {}
            self._fetched_at = self._asked_at = float("-inf")


def _key(found: Any) -> tuple[str, jwt.PyJWK] | None:
    """A key of the set with its id, if it is one to check signatures with."""
    if not isinstance(found, dict) or found.get("kty") == "oct" or found.get("use", "sig") != "sig":
        return None
    kid = found.get("kid")
    try:
        key = jwt.PyJWK(found)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return (kid, key) if isinstance(kid, str) and key.algorithm_name in ALGORITHMS else None
