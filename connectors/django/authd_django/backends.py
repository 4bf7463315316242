"""For ``django.contrib.auth.authenticate(request, token=...)``."""

from __future__ import annotations

from typing import Any

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
