"""A request with a token, in every mode and at every door."""

import json

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.contrib import auth
from django.contrib.auth import authenticate, get_user_model
from django.db import OperationalError
from django.test import AsyncClient, Client
from rest_framework.test import APIRequestFactory

from authd_django import bearer
from authd_django.backends import AuthdBackend
from authd_django.errors import Unavailable
from authd_django.middleware import AuthdMiddleware
from authd_django.models import Link
from authd_django.runtime import runtime

pytestmark = pytest.mark.django_db(transaction=True)
MODES = ["online", "cached", "offline"]
MIDDLEWARE = "authd_django.middleware.AuthdMiddleware"


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture
def with_email(own):
    """An authd whose tokens say enough to make a row of."""
    return own(AUTHD_TOKENS_CLAIMS="email,first_name,groups")


def test_a_good_token_has_a_row_of_its_own_in_every_mode(settings, with_email, get, mode):
    settings.AUTHD = with_email.settings(MODE=mode)
    user, token = with_email.signed_in("--first-name", "Ada")
    for _ in range(3):
        answer = get("/me", token)
        assert answer.status_code == 200, answer.content
        assert answer.json()["email"] == user["email"]
    (row,) = get_user_model().objects.all()
    assert answer.json()["pk"] == row.pk
    assert row.first_name == "Ada"
    assert not row.has_usable_password()
    assert not (row.is_staff or row.is_superuser)
    assert str(row.authd_link) == user["id"]


def test_a_bad_token_is_401_and_makes_no_row(settings, shared, get, mode):
    settings.AUTHD = shared.settings(MODE=mode)
    _, token = shared.signed_in()
    head, body, signature = token.split(".")
    bad = [
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}.",
        f"{head}.{body}",
        "eyJhbGciOiJub25lIn0.e30.",
        "a",
        "authd_pat_x",
        "[" * 4000,
        "ä",
        "a b",
        "a,b",
        "a" * 9000,
        "",
    ]
    for one in bad:
        answer = get("/me", Authorization=f"Bearer {one}")
        assert answer.status_code == 401, one
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json() == {"detail": "The token is not good."}
    assert not get_user_model().objects.exists()


def test_without_a_bearer_token_nobody_is_asked(settings, shared, get, mode):
    settings.AUTHD = shared.settings(MODE=mode, URL="http://127.0.0.1:1")
    assert get("/me").status_code == 401
    assert get("/me", Authorization="Basic YTpi").status_code == 401


@pytest.mark.parametrize("door", ["the framework", "the middleware"])
def test_other_words_before_a_token_are_taken_where_the_settings_have_them(settings, shared, get, door):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *([MIDDLEWARE] if door == "the middleware" else [])]
    user, token = shared.signed_in()
    settings.AUTHD = shared.settings()
    assert get("/me", Authorization=f"JWT {token}").status_code == 401
    settings.AUTHD = shared.settings(HEADER_TYPES=["JWT", "Bearer"])
    for word in ("JWT", "jwt", "Bearer", "bEARER"):
        assert get("/me", Authorization=f"{word} {token}").json()["email"] == user["email"], word
    for answer in (get("/me", Authorization="jwt x"), get("/me")):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith('JWT realm="api"')
    assert get("/me", Authorization=f"Token {token}").status_code == 401
    settings.AUTHD = shared.settings(HEADER_TYPES=["JWT"])
    assert get("/me", token).status_code == 401
    if door == "the middleware":
        assert get("/plain", Authorization=f"JWT {token}").json()["sub"] == user["id"]
        assert get("/plain", token).json()["sub"] is None


def test_a_clients_token_is_nobody_here(settings, own, get, mode):
    authd = own()
    settings.AUTHD = authd.settings(MODE=mode)
    token, _ = runtime().client.token()
    assert get("/me", token).status_code == 403
    assert authenticate(None, token=token) is None


def test_the_middleware_does_for_plain_django_what_the_class_does_for_the_framework(settings, shared, mode):
    settings.AUTHD = shared.settings(MODE=mode if mode != "offline" else "online")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    user, token = shared.signed_in()
    client = Client(enforce_csrf_checks=True)
    answer = client.get("/plain")
    assert answer.json() == {"user": "AnonymousUser", "sub": None, "method": "GET"}
    good = {"Authorization": f"Bearer {token}"}
    # A header is not sent by the page of another site.
    for method in ("get", "post"):
        answer = getattr(client, method)("/plain", headers=good)
        assert answer.json() == {"user": user["email"], "sub": user["id"], "method": method.upper()}
    assert client.post("/plain").status_code == 403
    answer = client.get("/plain", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert client.get("/me", headers=good).json()["email"] == user["email"]
    nobody, _ = runtime().client.token()
    assert client.get("/plain", headers={"Authorization": f"Bearer {nobody}"}).status_code == 403
    settings.AUTHD = shared.settings(URL="http://127.0.0.1:1")
    answer = client.get("/plain", headers=good)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_asynchronous_views_hear_of_the_same_user(settings, shared, client):
    settings.AUTHD = shared.settings()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    user, token = shared.signed_in()
    # Somebody else has a session in this browser.
    client.force_login(get_user_model().objects.create_user("eve@example.com"), settings.AUTHENTICATION_BACKENDS[0])
    for path in ("/plain", "/later"):
        assert client.get(path, headers={"Authorization": f"Bearer {token}"}).json()["user"] == user["email"]


def test_under_asgi_requests_wait_for_authd_in_a_thread_and_views_in_none(settings, shared, mode):
    settings.AUTHD = shared.settings(MODE=mode if mode != "offline" else "online")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    user, token = shared.signed_in()

    async def view(request):
        return request.authd

    # What Django asks before it puts a thread between.
    assert iscoroutinefunction(AuthdMiddleware(view)) and AuthdMiddleware.async_capable
    assert not iscoroutinefunction(AuthdMiddleware(lambda request: request))

    async def ask():
        client = AsyncClient()
        good = {"Authorization": f"Bearer {token}"}
        answers = [await client.get(path, headers=good) for path in ("/later", "/plain", "/me")]
        bad = await client.get("/later", headers={"Authorization": "Bearer x"})
        nobody = await client.get("/plain")
        return [json.loads(one.content) for one in answers], bad.status_code, json.loads(nobody.content)

    (later, plain, me), bad, nobody = async_to_sync(ask)()
    assert (later["user"], plain["sub"], me["email"]) == (user["email"], user["id"], user["email"])
    assert (bad, nobody["user"]) == (401, "AnonymousUser")


def test_the_framework_takes_the_user_of_the_token_whoever_else_sets_one(settings, shared, client):
    settings.AUTHD = shared.settings()
    user, token = shared.signed_in()
    client.force_login(get_user_model().objects.create_user("eve@example.com"), settings.AUTHENTICATION_BACKENDS[0])
    # In the wrong order, which a check says: the user of the session stands in the request afterwards.
    sessions, *_ = settings.MIDDLEWARE
    settings.MIDDLEWARE = [sessions, MIDDLEWARE, "django.contrib.auth.middleware.AuthenticationMiddleware"]
    assert client.get("/me", headers={"Authorization": f"Bearer {token}"}).json()["email"] == user["email"]


def test_behind_the_middleware_authd_is_asked_once(settings, stand_in, shared, get):
    settings.AUTHD = stand_in.settings()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    _, token = shared.signed_in()
    assert get("/me", token).status_code == 200
    assert stand_in.count("/auth/verify") == 1


def test_the_backend_knows_tokens_and_no_passwords(settings, shared):
    settings.AUTHD = shared.settings()
    settings.AUTHENTICATION_BACKENDS = ["authd_django.backends.AuthdBackend"]
    user, token = shared.signed_in()
    found = authenticate(None, token=token)
    assert found.email == user["email"]
    assert authenticate(None, token="x") is None
    found.set_password("secret")
    found.save()
    assert authenticate(None, username=user["email"], password="secret") is None


def test_the_backend_is_the_same_for_asynchronous_code(settings, shared):
    settings.AUTHD = shared.settings()
    settings.AUTHENTICATION_BACKENDS = ["authd_django.backends.AuthdBackend"]
    user, token = shared.signed_in()
    # Django 5.0 and newer has a function of its own for it.
    ask = getattr(auth, "aauthenticate", sync_to_async(auth.authenticate))

    async def everything():
        by_token, by_nonsense = await ask(None, token=token), await ask(None, token="x")
        await sync_to_async(by_token.set_password)("secret")
        await sync_to_async(by_token.save)()
        backend = AuthdBackend()
        by_password = [
            await ask(None, username=user["email"], password="secret"),
            await backend.aauthenticate(None, user["email"], "secret"),
            await backend.aauthenticate(None, email=user["email"], password="secret"),
        ]
        return by_token, by_nonsense, by_password, await backend.aauthenticate(None, token=token)

    by_token, by_nonsense, by_password, again = async_to_sync(everything)()
    assert by_token.email == user["email"] and again == by_token
    assert by_nonsense is None
    assert by_password == [None, None, None]


def test_a_row_that_was_switched_off_here_is_nobody(settings, shared, get):
    settings.AUTHD = shared.settings()
    user, token = shared.signed_in()
    assert get("/me", token).status_code == 200
    get_user_model().objects.update(is_active=False)
    assert get("/me", token).status_code == 403
    # What is news in authd counts.
    shared.set_user(user, "--first-name", "Eve")
    assert get("/me", token).status_code == 200


def test_a_row_that_was_deleted_here_is_made_anew(settings, shared, get):
    settings.AUTHD = shared.settings()
    _, token = shared.signed_in()
    first = get("/me", token).json()["pk"]
    get_user_model().objects.all().delete()
    assert not Link.objects.exists()
    assert get("/me", token).json()["pk"] != first


def test_a_database_that_fails_is_no_verdict(settings, shared, get, monkeypatch):
    settings.AUTHD = shared.settings()
    _, token = shared.signed_in()
    monkeypatch.setattr(Link._meta, "db_table", "not_there")
    with pytest.raises(Unavailable):
        bearer.user_behind(token)
    assert get("/me", token).status_code == 503


def test_a_database_that_fails_while_the_row_is_made_is_no_verdict_either(settings, shared, get, monkeypatch):
    settings.AUTHD = shared.settings()
    _, token = shared.signed_in()

    def fail(*_, **__):
        raise OperationalError("the database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(get_user_model(), "save", fail)
        assert get("/me", token).status_code == 503
    assert not Link.objects.exists()
    assert get("/me", token).status_code == 200


def test_what_is_known_of_the_token_is_there_for_views(settings, own):
    from authd_django.authentication import AuthdAuthentication

    authd = own()
    settings.AUTHD = authd.settings()
    user = authd.add_user()
    made = authd.authctl("token", "add", "--user", user["email"], "--name", "x", "--scope", "read write")
    token = made["token"]
    request = APIRequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    from rest_framework.views import APIView

    _, known = AuthdAuthentication().authenticate(APIView().initialize_request(request))
    assert known.scope == {"read", "write"}
    assert known.permissions == ()
    assert known.user.id == user["id"]
