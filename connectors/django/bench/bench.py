"""Requests a second of one view, one after the other: simplejwt's authentication, and each mode of ours.

usage: python bench/bench.py [SECONDS] (with the programs in target/debug, or in AUTHD_TEST_PROGRAMS)

The service runs in this process, without a socket in front: what differs is the authentication alone. Each has
five turns of so many seconds, in turn with the others, and its best one counts.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"

folder = tempfile.TemporaryDirectory()
os.environ["AUTHD_TEST_FOLDER"] = folder.name

import django  # noqa: E402
from django.test import override_settings  # noqa: E402

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
TURNS = 5


def rate(application, token):
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/whoami",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.url_scheme": "http",
        "wsgi.input": sys.stdin.buffer,
        "wsgi.errors": sys.stderr,
    }
    seen = []

    def ask():
        answer = application(dict(environ), lambda status, _: seen.append(status))
        b"".join(answer)
        answer.close()

    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        ask()
    del seen[:]
    began = time.monotonic()
    while time.monotonic() < began + SECONDS:
        ask()
    assert set(seen) == {"200 OK"}, set(seen)
    return len(seen) / (time.monotonic() - began)


def main():
    django.setup()
    from conftest import Authd
    from django.contrib.auth import authenticate
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.management import call_command
    from django.urls import path
    from rest_framework.decorators import api_view, authentication_classes
    from rest_framework.response import Response
    from rest_framework_simplejwt.authentication import JWTAuthentication
    from rest_framework_simplejwt.tokens import AccessToken

    from authd_django.authentication import AuthdAuthentication

    def view(authentication):
        @api_view(["GET"])
        @authentication_classes([authentication])
        def whoami(request):
            return Response({"email": request.user.email})

        return type("urls", (), {"urlpatterns": [path("whoami", whoami)]})

    call_command("migrate", verbosity=0)
    with override_settings(MIDDLEWARE=[]):
        authd = Authd(Path(folder.name))
        try:
            _, token = authd.signed_in()
            first = override_settings(AUTHD=authd.settings())
            first.enable()
            row = authenticate(None, token=token)
            first.disable()
            turns = {mode: (AuthdAuthentication, {"MODE": mode}, token) for mode in ("online", "cached", "offline")}
            turns["simplejwt"] = (JWTAuthentication, {}, str(AccessToken.for_user(row)))
            best = dict.fromkeys(turns, 0.0)
            for _ in range(TURNS):
                for name, (authentication, more, of) in turns.items():
                    with override_settings(ROOT_URLCONF=view(authentication), AUTHD=authd.settings(**more)):
                        best[name] = max(best[name], rate(WSGIHandler(), of))
            for name, found in best.items():
                print(f"{name:10} {found:8.0f}")
        finally:
            authd.stop()


if __name__ == "__main__":
    main()
