"""For ``django.contrib.auth.authenticate(request, token=...)``."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from . import bearer
from .errors import AuthdError


class AuthdBackend(ModelBackend):
    """Knows people by their bearer token, and never by a password; permissions are the local row's."""

    def authenticate(  # type: ignore[override]
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        **kwargs: Any,
    ) -> AbstractBaseUser | None:
        """The user behind the token; ``None``: nobody, whatever the reason."""
        if token is None:
            return None
        try:
            user, _ = bearer.user_behind(token)
        except AuthdError:
            return None
        return user

    async def aauthenticate(  # type: ignore[override]
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        **kwargs: Any,
    ) -> AbstractBaseUser | None:
        """The same, asked in a thread: what is inherited would look for a password."""
        return await sync_to_async(self.authenticate)(request, username, password, token, **kwargs)
