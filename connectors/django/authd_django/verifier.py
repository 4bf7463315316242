"""Is this token good, and who is behind it? One way of finding out for each mode."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from . import tokens, verdicts
from .answers import Verification, account_of_claims
from .client import AuthdClient
from .conf import Settings
from .errors import InvalidToken, TooEarly, Unavailable
from .feed import Feed
from .keys import KeySet
from .verdicts import Digest, Verdict, Verdicts

logger = logging.getLogger("authd_django")

#: Seconds for which a signature that was checked is remembered where nobody tells of keys that were revoked.
OFFLINE_LIFE: Final = 60.0
#: Seconds after which it is said again that the clock is wrong.
SILENCE: Final = 600.0


class Verifier:
    """The one of this process."""

    def __init__(self, settings: Settings, client: AuthdClient) -> None:
        self._settings = settings
        self._client = client
        self._keys = KeySet(client, settings)
        self._verdicts = Verdicts(settings)
        self.feed = Feed(client, self._verdicts, self._keys, settings)
        ways: Mapping[str, Callable[[str, Digest], Verification]] = {
            "online": self._online,
            "cached": self._cached,
            "offline": self._offline,
        }
        self._way = ways[settings.mode]
        #: Until when it is not said again that the clock is behind.
        self._silent_until = 0.0

    def verify(self, token: str) -> Verification:
        """Who is behind the token. Raises ``InvalidToken``, or ``Unavailable`` where nobody can say."""
        tokens.check_form(token)
        return self._way(token, verdicts.digest(token))

    def _online(self, token: str, key: Digest) -> Verification:
        known = self._verdicts.find(key)
        if known is not None and time.monotonic() < min(known.usable_until, known.asked_at + self._settings.max_age):
            return known.verification
        return self._asked(token, key, known)

    def _cached(self, token: str, key: Digest) -> Verification:
        self.feed.ensure_running()
        known = self._verdicts.find(key)
        if known is not None and self.feed.is_fresh():
            return known.verification
        if known is None and tokens.is_signed(token):
            # What is not even signed does not trouble authd.
            self._claims(token)
        return self._asked(token, key, known)

    def _claims(self, token: str) -> Mapping[str, Any]:
        """What the token says, checked here; that a clock is wrong is logged, once in a while."""
        try:
            found = tokens.claims(token, self._keys.find, self._settings)
        except TooEarly:
            now = time.monotonic()
            if self._silent_until <= now:
                self._silent_until = now + SILENCE
                logger.error(
                    "tokens of authd are refused, as they were made in the future: the clock of this service is more "
                    'than AUTHD["LEEWAY"] (%g seconds) behind authd\'s',
                    self._settings.leeway,
                )
            raise
        return found

    def _asked(self, token: str, key: Digest, known: Verdict | None) -> Verification:
        """What authd says now, or has said if it is silent and that may serve."""
        asked_at = time.monotonic()
        try:
            answer = self._client.verify(token, known.verification.etag if known else "")
        except InvalidToken:
            self._verdicts.drop(key)
            raise
        except Unavailable:
            if self._settings.when_down == "serve" and known is not None and time.monotonic() < known.usable_until:
                return known.verification
            raise
        if answer is None:
            assert known is not None, "the tag was its"  # noqa: S101
            answer = known.verification
        usable = verdicts.MAX_LIFE if self._settings.mode == "cached" else answer.max_age
        self._verdicts.keep(key, verdicts.verdict(answer, tokens.key_id(token), asked_at, usable))
        return answer

    def _offline(self, token: str, key: Digest) -> Verification:
        known = self._verdicts.find(key)
        if known is not None and time.monotonic() < known.usable_until:
            return known.verification
        if not tokens.is_signed(token):
            raise InvalidToken("an API token cannot be checked offline")
        asked_at = time.monotonic()
        claims = self._claims(token)
        user = account_of_claims(claims) if "sid" in claims else None
        found = Verification(user=user, claims=claims, max_age=0, version=0)
        self._verdicts.keep(key, verdicts.verdict(found, None, asked_at, OFFLINE_LIFE))
        return found
