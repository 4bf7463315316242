"""The user behind a bearer token: what the authentication class, the middleware and the backend share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import Error

from . import tokens
from .answers import Verification
from .errors import InvalidToken, NoLocalUser, Unavailable
from .runtime import runtime

#: What clients are told; never which of the reasons it was.
SENTENCES: Final = {
    InvalidToken: "The token is not good.",
    NoLocalUser: "There is no account here for this token.",
    Unavailable: "It cannot be said at the moment whether the token is good.",
}
#: Seconds after which to ask again.
RETRY_AFTER: Final = 1


def token_of(headers: Mapping[str, Any]) -> str | None:
    """The token that a request came with, by its ``META``. Raises ``InvalidToken`` for what is none."""
    return tokens.in_header(headers.get("HTTP_AUTHORIZATION"), runtime().settings)


def challenge() -> str:
    """What a request is told to come with."""
    return f'{runtime().settings.header_types[0]} realm="api"'


def user_behind(token: str) -> tuple[AbstractBaseUser, Verification]:
    """The local row of whoever is behind the token, and what is known of them.

    Raises ``InvalidToken``, ``NoLocalUser`` or ``Unavailable``, and nothing else.
    """
    found = runtime().verifier.verify(token)
    if found.user is None:
        raise NoLocalUser("the token is a client's, which is no user")
    try:
        return runtime().mirror.row_of(found.user), found
    except Error as error:
        raise Unavailable(f"the local database failed ({type(error).__name__})") from error
