"""For Django REST framework: ``authd_django.authentication.AuthdAuthentication``."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from rest_framework import exceptions, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from . import bearer
from .answers import Verification
from .errors import InvalidToken, NoLocalUser, Unavailable


class ServiceUnavailable(exceptions.APIException):
    """Nobody can say whether the token is good."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = bearer.SENTENCES[Unavailable]
    default_code = "service_unavailable"
    #: Becomes ``Retry-After``.
    wait = bearer.RETRY_AFTER


class AuthdAuthentication(BaseAuthentication):
    """``request.user`` is the local row, ``request.auth`` the :class:`~authd_django.answers.Verification`."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, Verification] | None:
        """The user behind the bearer token; ``None``: there is no such token."""
        found = getattr(request._request, "authd", None)
        if isinstance(found, Verification):
            # The middleware has asked already.
            return request._request.authd_user, found  # type: ignore[attr-defined]
        try:
            token = bearer.token_of(request.META)
            return None if token is None else bearer.user_behind(token)
        except InvalidToken:
            raise exceptions.AuthenticationFailed(bearer.SENTENCES[InvalidToken], "invalid_token") from None
        except NoLocalUser:
            raise exceptions.PermissionDenied(bearer.SENTENCES[NoLocalUser], "no_local_user") from None
        except Unavailable as trouble:
            raise ServiceUnavailable from trouble

    def authenticate_header(self, request: Request) -> str:
        """Makes refusals 401."""
        return bearer.challenge()
