"""What can be said of a token without asking anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import jwt

from .answers import is_user_id
from .conf import Settings
from .errors import InvalidToken
from .keys import KeySet

#: authd takes none that is longer.
MAX_TOKEN: Final = 8 * 1024
#: Of RFC 6750, section 2.1.
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_UNSIGNED: Final = "authd_pat_"
_REQUIRED: Final = ["iss", "sub", "aud", "iat", "exp", "jti"]


def in_header(value: str | None) -> str | None:
    """The token of an ``Authorization`` header, if that is a bearer's. Raises ``InvalidToken`` unless it is one."""
    scheme, _, rest = (value or "").strip(" ").partition(" ")
    if scheme.lower() != "bearer":
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
    """What the header of a token that was found good calls its key."""
    return jwt.get_unverified_header(token).get("kid") if is_signed(token) else None


def claims(token: str, keys: KeySet, settings: Settings) -> Mapping[str, Any]:
    """The claims of an access token that authd has signed for this audience, and that is of this hour."""
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if str(header.get("typ")).lower() not in ("at+jwt", "application/at+jwt") or "crit" in header:
            raise InvalidToken("it is no access token")
        key = keys.find(kid) if isinstance(kid, str) else None
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
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidToken(type(error).__name__) from None
    if is_user_id(found["sub"]) != isinstance(found.get("sid"), str):
        raise InvalidToken("it is neither a user's nor a client's")
    return found
