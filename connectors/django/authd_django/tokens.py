"""What can be said of a token without asking anybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

from .answers import is_user_id
from .conf import Settings
from .errors import InvalidToken, TooEarly

#: authd takes none that is longer.
MAX_TOKEN: Final = 8 * 1024
#: Of RFC 6750, section 2.1.
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_UNSIGNED: Final = "authd_pat_"
#: What the library raises for what is not as it should be.
_WRONG: Final = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
_REQUIRED: Final = ["iss", "sub", "aud", "iat", "exp", "jti"]


def in_header(value: str | None, settings: Settings) -> str | None:
    """The token of an ``Authorization`` header, if that is a bearer's. Raises ``InvalidToken`` unless it is one."""
    scheme, _, rest = (value or "").strip(" ").partition(" ")
    if scheme.lower() not in map(str.lower, settings.header_types):
        return None
    token = rest.strip(" ")
    check_form(token)
    return token


def check_form(token: str) -> None:
    """Raises ``InvalidToken`` for what no token looks like."""
    if len(token) > MAX_TOKEN or not _TOKEN.fullmatch(token):
        raise InvalidToken("it has not the form of a token")


def is_signed(token: str) -> bool:
    """Whether it is a token that can be checked here; others are for authd alone."""
    return not token.startswith(_UNSIGNED)


def key_id(token: str) -> str | None:
    """What the header of a token calls its key. Raises ``InvalidToken`` if it should have one and has not."""
    if not is_signed(token):
        return None
    try:
        found: str | None = jwt.get_unverified_header(token).get("kid")
    except _WRONG as error:
        raise InvalidToken(type(error).__name__) from None
    return found


def claims(token: str, find_key: Callable[[str], jwt.PyJWK | None], settings: Settings) -> Mapping[str, Any]:
    """The claims of an access token that authd has signed for this audience, and that is of this hour."""
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if str(header.get("typ")).lower() not in ("at+jwt", "application/at+jwt") or "crit" in header:
            raise InvalidToken("it is no access token")
        key = find_key(kid) if isinstance(kid, str) else None
        if key is None:
            raise InvalidToken("authd has no such key")
        found: Mapping[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm_name],
            issuer=settings.issuer,
            audience=settings.audience,
            leeway=settings.leeway,
            options={"require": _REQUIRED},
        )
    except jwt.ImmatureSignatureError:
        # Of a token whose signature is good.
        raise TooEarly("it is of a time that has not come") from None
    except _WRONG as error:
        raise InvalidToken(type(error).__name__) from None
    if is_user_id(found["sub"]) != isinstance(found.get("sid"), str):
        raise InvalidToken("it is neither a user's nor a client's")
    return found
