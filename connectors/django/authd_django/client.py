"""What this service asks of authd."""

from __future__ import annotations

import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar
from urllib.parse import quote_plus, urlencode

from . import answers, tokens
from .answers import Json, Page, Verification
from .conf import Settings
from .errors import InvalidToken, NotOurs, Unavailable
from .http import MAX_PAGE, Answer, Transport

logger = logging.getLogger("authd_django")

#: Seconds for which nobody is made to wait for an authd that has just not answered.
PAUSE: Final = 1.0
#: Characters of a word in an answer that people are shown.
MAX_SHOWN: Final = 500
#: Users in one page of their changes.
PAGE: Final = 200

#: Known, and not allowed.
FORBIDDEN: Final = "forbidden"

Read = TypeVar("Read")


class Gone(Exception):
    """The cursor is too old, or from another history."""

    def __init__(self, cursor: int) -> None:
        super().__init__(cursor)
        self.cursor = cursor


class Refused(Exception):
    """authd does not give this client what it asks for; `code` is that of RFC 6749, or of authd's own problems."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def is_about_rights(self) -> bool:
        """Whether the client is known, and may not see what it asked for."""
        return self.code in ("invalid_scope", FORBIDDEN)


class AuthdClient:
    """One authd, asked as one client. What goes wrong is logged once, and again when it is over."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._transport = Transport(settings)
        self._complaints: set[str] = set()
        self._lock = threading.Lock()
        self._pause_until = 0.0
        self._token: tuple[str, float] | None = None

    def verify(self, token: str, etag: str = "") -> Verification | None:
        """Who is behind the token at this moment; ``None``: what the answer with this tag said."""
        headers = {"Authorization": f"Bearer {token}"}
        if etag:
            headers["If-None-Match"] = etag
        if time.monotonic() < self._pause_until:
            raise Unavailable("it did not answer a moment ago")

        def ask() -> Answer:
            try:
                return self._transport.request("GET", "/auth/verify", headers)
            except NotOurs:
                raise
            except Unavailable:
                self._pause_until = time.monotonic() + PAUSE
                raise

        def read(answer: Answer) -> Verification | None:
            if answer.status == 304 and etag:
                return None
            if answer.status in (400, 401):
                if answers.document(answer.body).get("code") in ("invalid_token", "invalid_request"):
                    raise InvalidToken("authd refuses the token")
                raise NotOurs(f"it answered {answer.status}, and not as authd does")
            return self._from_here(answers.verification(_good(answer), answer.headers.get("ETag", "")), token)

        return self._told("verify", ask, read)

    def _from_here(self, found: Verification, token: str) -> Verification:
        """The verification, if it is of a token of our issuer for our audience."""
        try:
            tokens.key_id(token)
        except InvalidToken:
            raise NotOurs("it calls something good that is no token of authd's") from None
        issuer, audience = found.claims.get("iss"), found.claims.get("aud")
        if issuer != self._settings.issuer:
            raise NotOurs('its tokens are of another issuer than AUTHD["ISSUER"]')
        if self._settings.audience not in (audience if isinstance(audience, list) else [audience]):
            raise NotOurs('its tokens are for another audience than AUTHD["AUDIENCE"]')
        return found

    def jwks(self) -> tuple[Json, int]:
        """The public keys, and for how many seconds they may be kept."""

        def read(answer: Answer) -> tuple[Json, int]:
            found = _good(answer)
            if not isinstance(found.get("keys"), list):
                raise NotOurs("there are no keys in it")
            return found, _max_age(answer.headers.get("Cache-Control", ""))

        return self._told("jwks", lambda: self._transport.request("GET", "/.well-known/jwks.json", {}), read)

    def issuer(self) -> str:
        """The issuer of its tokens, as it says itself."""

        def read(answer: Answer) -> str:
            return _shown(_good(answer).get("issuer"))

        return self._told("metadata", self._ask_metadata, read)

    def clock_ahead(self) -> float | None:
        """By how many seconds its clock is before ours, to the second; ``None``: it does not say."""
        began = time.time()
        date = self._told("metadata", self._ask_metadata, lambda answer: answer.headers.get("Date", ""))
        try:
            return parsedate_to_datetime(date).timestamp() + 0.5 - (began + time.time()) / 2
        except (ValueError, TypeError, OverflowError):
            return None

    def _ask_metadata(self) -> Answer:
        return self._transport.request("GET", "/.well-known/oauth-authorization-server", {})

    def token(self, *, scope: str = "", resource: str = "") -> tuple[str, float]:
        """A token of the client's own, and for how many seconds it lasts."""
        form = {"grant_type": "client_credentials"}
        form |= {"scope": scope} if scope else {}
        form |= {"resource": resource} if resource else {}

        def read(answer: Answer) -> tuple[str, float]:
            if answer.status in (400, 401):
                raise Refused(_shown(answers.document(answer.body).get("error")))
            found = _good(answer)
            token, life = found.get("access_token"), found.get("expires_in")
            if not isinstance(token, str) or type(life) is not int:
                raise NotOurs("there is no token in it")
            return token, life

        request = self._transport.request
        return self._told("token", lambda: request("POST", "/oauth/token", self._as_client(), form=form), read)

    def revocations(self, since: int | None, wait: float) -> Page:
        """What ended after a cursor, once there is something or the time is over; without one, where to begin."""
        query = "" if since is None else "?" + urlencode({"since": since, "wait": f"{wait:.0f}s"})
        request = self._transport.request
        path = f"/auth/revocations{query}"
        return self._told(
            "revocations",
            lambda: request("GET", path, self._as_client(), wait=wait, limit=MAX_PAGE),
            lambda answer: answers.revocations(_page(answer)),
        )

    def user_changes(self, since: int, wait: float) -> Page:
        """Users as they changed after a cursor, in the same way. The client needs the scope users.view."""

        query = urlencode({"since": since, "limit": PAGE, "wait": f"{wait:.0f}s"})

        def ask_with(token: str) -> Answer:
            headers = {"Authorization": f"Bearer {token}"}
            return self._transport.request("GET", f"/users/changes?{query}", headers, wait=wait, limit=MAX_PAGE)

        def ask() -> Answer:
            answer = ask_with(self._own_token())
            if answer.status == 401:
                # It may have ended before its time, as when a key is revoked: a new one will show.
                self._token = None
                answer = ask_with(self._own_token())
            return answer

        return self._told("changes", ask, lambda answer: answers.user_changes(_page(answer)))

    def _own_token(self) -> str:
        """A token to see users with, kept for most of its life."""
        now = time.monotonic()
        if self._token is None or now >= self._token[1]:
            token, life = self.token(scope="users.view", resource=self._settings.audience)
            self._token = (token, now + life * 0.8)
        return self._token[0]

    def _as_client(self) -> dict[str, str]:
        pair = f"{quote_plus(self._settings.client_id)}:{quote_plus(self._settings.client_secret)}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _told(self, about: str, ask: Callable[[], Answer], read: Callable[[Answer], Read]) -> Read:
        """What was asked; trouble is logged where it begins and where it ends, and not in between."""
        try:
            found = read(ask())
        except Unavailable as trouble:
            with self._lock:
                is_new = about not in self._complaints
                self._complaints.add(about)
            if is_new:
                logger.error("authd at %s gives no answer to '%s': %s", self._settings.url, about, trouble)
            raise
        except (InvalidToken, Gone, Refused):
            self._is_over(about)
            raise
        self._is_over(about)
        return found

    def _is_over(self, about: str) -> None:
        if about in self._complaints:
            with self._lock:
                self._complaints.discard(about)
            logger.warning("authd at %s answers '%s' again", self._settings.url, about)

    def close(self) -> None:
        """Closes what rests in the pool."""
        self._transport.close()


def _good(answer: Answer) -> Json:
    if answer.status != 200:
        raise NotOurs(f"it answered {answer.status}")
    return answers.document(answer.body)


def _shown(value: object) -> str:
    """A word of an answer that people are shown: nothing that a terminal or a log would take for more."""
    if not isinstance(value, str) or len(value) > MAX_SHOWN or not (value.isascii() and value.isprintable()):
        raise NotOurs("a word in it is none")
    return value


def _page(answer: Answer) -> Json:
    if answer.status == 410:
        cursor = answers.document(answer.body).get("cursor")
        if type(cursor) is int:
            raise Gone(cursor)
    if answer.status in (401, 403) and isinstance(answers.document(answer.body).get("code"), str):
        raise Refused(FORBIDDEN if answer.status == 403 else "invalid_client")
    return _good(answer)


def _max_age(cache_control: str) -> int:
    for directive in cache_control.split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and value.isdecimal():
            return min(int(value), 300)
    return 300
