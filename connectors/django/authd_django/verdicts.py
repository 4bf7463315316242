"""Verdicts that were given, as long as they are good for anything: bounded, and by the token's hash."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .answers import Change, Verification
from .conf import Settings

#: Changes that are remembered. Verdicts from before the oldest are dropped: nothing is known of them any more.
MAX_CHANGES: Final = 50_000
#: Seconds for which a verdict is kept at most, whatever the token says.
MAX_LIFE: Final = 3600.0

Digest = bytes


def digest(token: str) -> Digest:
    """What a verdict is kept under: whoever reads the memory of them learns no token."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True)
class Verdict:
    """A verification, and for how long it serves; times are monotonic, but for that of the token."""

    verification: Verification
    #: Before it was asked for.
    asked_at: float
    #: It may stand for an answer until then.
    usable_until: float
    #: It is dropped then; until then its tag saves an answer.
    until: float
    #: The same by the clock on the wall, which goes on while a machine sleeps.
    expires_at: float
    #: What it hangs on beside the account: `(kind, id)` as changes are named.
    hangs_on: tuple[tuple[str, str], ...]


def verdict(verification: Verification, kid: str | None, asked_at: float, usable: float) -> Verdict:
    """What is to be kept of an answer; `usable`: seconds for which it may stand for another."""
    claims = verification.claims
    expiry = claims.get("exp")
    expires_at = float(max(0, min(expiry, 2**53))) if type(expiry) is int else float("inf")
    now = time.monotonic()
    named = (("session", "sid"), ("token", "jti"), ("client", "client_id"))
    hangs_on = [(kind, claims[name]) for kind, name in named if isinstance(claims.get(name), str)]
    hangs_on += [("key", kid)] if kid is not None else []
    until = now + min(expires_at - time.time(), MAX_LIFE)
    return Verdict(verification, asked_at, min(now + usable, until), until, expires_at, tuple(hangs_on))


class Verdicts:
    """The verdicts of this process."""

    def __init__(self, settings: Settings) -> None:
        self._size = settings.cache_size
        self._staleness = settings.replica_staleness
        self._lock = threading.Lock()
        self._kept: OrderedDict[Digest, Verdict] = OrderedDict()
        self._changes: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._horizon = float("-inf")

    def find(self, key: Digest) -> Verdict | None:
        """The verdict about this token, unless it is over or something that it hangs on has changed since."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            is_over = time.monotonic() >= found.until or time.time() >= found.expires_at
            if is_over or self._is_overtaken(found):
                del self._kept[key]
                return None
            self._kept.move_to_end(key)
            return found

    def _is_overtaken(self, found: Verdict) -> bool:
        if found.asked_at <= self._horizon:
            return True
        if not self._changes:
            return False
        user = found.verification.user
        if user is not None:
            _, version = self._changes.get(("user", user.id), (0.0, -1))
            if version > found.verification.version:
                return True
        for one in found.hangs_on:
            changed = self._changes.get(one)
            # What was on its way when the change came may be older than that, and a replica's answer even later.
            if changed is not None and found.asked_at <= changed[0] + self._staleness:
                return True
        return False

    def keep(self, key: Digest, new: Verdict) -> None:
        """Keeps it; the one that was longest without use goes if there are too many."""
        with self._lock:
            self._kept[key] = new
            self._kept.move_to_end(key)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def drop(self, key: Digest) -> None:
        """Forgets what was said of this token."""
        with self._lock:
            self._kept.pop(key, None)

    def note(self, changes: Iterable[Change]) -> None:
        """Nothing that hangs on these, and was asked for until now, serves any longer."""
        now = time.monotonic()
        with self._lock:
            for change in changes:
                self._changes[change.kind, change.id] = (now, change.version)
                self._changes.move_to_end((change.kind, change.id))
            while len(self._changes) > MAX_CHANGES:
                _, (at, _) = self._changes.popitem(last=False)
                self._horizon = max(self._horizon, at + self._staleness)

    def begin_again(self) -> None:
        """Nothing that was asked for until now serves any longer."""
        with self._lock:
            self._kept.clear()
            self._changes.clear()
            self._horizon = time.monotonic() + self._staleness
