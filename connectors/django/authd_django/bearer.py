"""The user behind a bearer token: what the authentication class, the middleware and the backend share."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import Error

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
CHALLENGE: Final = 'Bearer realm="api"'


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
