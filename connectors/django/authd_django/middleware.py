"""For plain Django: ``"authd_django.middleware.AuthdMiddleware"`` after ``AuthenticationMiddleware``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from . import bearer, conf
from .errors import InvalidToken, NoLocalUser, Unavailable


class AuthdMiddleware:
    """``request.user`` is the local row where there is a bearer token, and ``request.authd`` what is known of it.

    Requests without one go on as they came. One that is not good ends here: 401, or 503 if nobody can say.
    Where asynchronous views are served, a thread asks, and none waits for the view.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        conf.read()
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answers the request, or has it answered."""
        return self._later(request) if self._is_async else self._refused(request) or self._get_response(request)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        refusal: HttpResponseBase | None = await sync_to_async(self._refused)(request)
        return refusal or await self._get_response(request)

    @staticmethod
    def _refused(request: Any) -> HttpResponseBase | None:
        """The answer to a token that is not good; else the request knows who it is."""
        request.authd = None
        try:
            token = bearer.token_of(request.META)
            if token is not None:
                user, request.authd = bearer.user_behind(token)
                # Whatever else sets the user: the framework's class takes the one that the token is of.
                request.user = request.authd_user = user
                request.auser = _always(user)
                # The page of another site cannot send this header, so that no form needs a token of its own.
                request._dont_enforce_csrf_checks = True
        except InvalidToken:
            return _refusal(401, InvalidToken, **{"WWW-Authenticate": f'{bearer.challenge()}, error="invalid_token"'})
        except NoLocalUser:
            return _refusal(403, NoLocalUser)
        except Unavailable:
            return _refusal(503, Unavailable, **{"Retry-After": str(bearer.RETRY_AFTER)})
        return None


def _always(user: AbstractBaseUser) -> Callable[[], Awaitable[AbstractBaseUser]]:
    """What asynchronous views ask: without it they would hear of the session's user."""

    async def auser() -> AbstractBaseUser:
        return user

    return auser


def _refusal(status: int, why: type[InvalidToken | NoLocalUser | Unavailable], **headers: str) -> JsonResponse:
    return JsonResponse({"detail": bearer.SENTENCES[why]}, status=status, headers=headers)
