"""For plain Django: ``"authd_django.middleware.AuthdMiddleware"`` after ``AuthenticationMiddleware``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from . import bearer, conf, tokens
from .errors import InvalidToken, NoLocalUser, Unavailable


class AuthdMiddleware:
    """``request.user`` is the local row where there is a bearer token, and ``request.authd`` what is known of it.

    Requests without one go on as they came. One that is not good ends here: 401, or 503 if nobody can say.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        conf.read()
        self._get_response = get_response

    def __call__(self, request: Any) -> HttpResponseBase:
        """Answers the request, or has it answered."""
        request.authd = None
        try:
            token = tokens.in_header(request.META.get("HTTP_AUTHORIZATION"))
            if token is not None:
                user, request.authd = bearer.user_behind(token)
                request.user, request.auser = user, _always(user)
                # The page of another site cannot send this header, so that no form needs a token of its own.
                request._dont_enforce_csrf_checks = True
        except InvalidToken:
            return _refusal(401, InvalidToken, **{"WWW-Authenticate": f'{bearer.CHALLENGE}, error="invalid_token"'})
        except NoLocalUser:
            return _refusal(403, NoLocalUser)
        except Unavailable:
            return _refusal(503, Unavailable, **{"Retry-After": str(bearer.RETRY_AFTER)})
        return self._get_response(request)


def _always(user: AbstractBaseUser) -> Callable[[], Awaitable[AbstractBaseUser]]:
    """What asynchronous views ask: without it they would hear of the session's user."""

    async def auser() -> AbstractBaseUser:
        return user

    return auser


def _refusal(status: int, why: type[InvalidToken | NoLocalUser | Unavailable], **headers: str) -> JsonResponse:
    return JsonResponse({"detail": bearer.SENTENCES[why]}, status=status, headers=headers)
