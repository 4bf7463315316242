"""Requests a second of one view: simplejwt's authentication, and each mode of ours.

usage: python bench/bench.py [SECONDS] (with the programs in target/debug, or in AUTHD_TEST_PROGRAMS)

The service runs in this process, without a socket in front, and one request after the other: what differs is the
authentication alone. Its database is SQLite's. All take turns within a round, and each ratio is made of two that ran
in the same round; the figures are medians, with the lowest and the highest round. No speed is asserted.
"""

import os
import statistics
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
WARMING = 0.5
ROUNDS = 7
MODES = ("online", "cached", "offline")


class Contender:
    """An application as one of them authenticates it, made once."""

    def __init__(self, application, token):
        self.application = application
        self.token = token
        self.rounds = []

    def ask(self, seen):
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/whoami",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_AUTHORIZATION": f"Bearer {self.token}",
            "wsgi.url_scheme": "http",
            "wsgi.input": sys.stdin.buffer,
            "wsgi.errors": sys.stderr,
        }
        answer = self.application(environ, lambda status, _: seen.append(status))
        b"".join(answer)
        answer.close()

    def run(self):
        """One turn."""
        seen = []
        until = time.monotonic() + WARMING
        while time.monotonic() < until:
            self.ask(seen)
        seen.clear()
        began = time.monotonic()
        while time.monotonic() < began + SECONDS:
            self.ask(seen)
        took = time.monotonic() - began
        if set(seen) != {"200 OK"}:
            raise SystemExit(f"connector   FAILED: it answered {sorted(set(seen))}")
        self.rounds.append(len(seen) / took)


def line(what, name, value, note):
    # As the other rows of `make bench` are printed.
    print(f"{what:<12}{name:<37}{value:>18}  {note}".rstrip())


def main():
    django.setup()
    from conftest import PROGRAMS, Authd
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
            # Tokens of an hour, and of one user.
            _, token = authd.signed_in()
            with override_settings(AUTHD=authd.settings()):
                row = authenticate(None, token=token)
            contenders = {"simplejwt": Contender(WSGIHandler(), str(AccessToken.for_user(row)))}
            contenders |= {mode: Contender(WSGIHandler(), token) for mode in MODES}
            views = {name: view(AuthdAuthentication if name in MODES else JWTAuthentication) for name in contenders}
            print("\nconnector   GET of a Django service, one after the other: connectors/django and simplejwt")
            how = f"{ROUNDS} rounds of {SECONDS:g} s"
            print(f"{'':12}authd of {PROGRAMS.name}; Django {django.__version__}, SQLite; {how}")
            for _ in range(ROUNDS):
                for name, contender in contenders.items():
                    settings = {"AUTHD": authd.settings(MODE=name)} if name in MODES else {}
                    with override_settings(ROOT_URLCONF=views[name], **settings):
                        contender.run()
        finally:
            authd.stop()
    for name, contender in contenders.items():
        low, high = min(contender.rounds), max(contender.rounds)
        rate = f"{statistics.median(contender.rounds):,.0f} requests/s"
        line("", name, rate, f"{low:,.0f} to {high:,.0f}")
    for mode in MODES:
        pairs = zip(contenders[mode].rounds, contenders["simplejwt"].rounds, strict=True)
        ratios = [ours / theirs for ours, theirs in pairs]
        reach = "; reach 1.00" if mode == "cached" else ""
        note = f"{min(ratios):.2f} to {max(ratios):.2f}{reach}"
        line("ratio", f"{mode}/simplejwt", f"{statistics.median(ratios):.2f}", note)


if __name__ == "__main__":
    main()
