"""What ``manage.py check`` says, and every command that begins with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core import checks

from . import conf, followed, startup
from .conf import Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
OURS = "authd_django.middleware.AuthdMiddleware"
OF_SESSIONS = (
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.RemoteUserMiddleware",
    "django.contrib.auth.middleware.PersistentRemoteUserMiddleware",
)


def check(**_: Any) -> list[checks.CheckMessage]:
    """All of it."""
    settings, wrong = conf.parse(getattr(django_settings, "AUTHD", None))
    if settings is None:
        return [checks.Error(sentence, id="authd.E001") for sentence in wrong]
    return [*_local(settings), *(_remote(settings) if settings.check_at_start else [])]


def _local(settings: Settings) -> Iterator[checks.CheckMessage]:
    for sentence in followed.wrong_fields(settings):
        yield checks.Error(sentence, id="authd.E002")
    for sentence in followed.doubtful_fields(settings):
        yield checks.Warning(sentence, id="authd.W004")
    order = list(getattr(django_settings, "MIDDLEWARE", None) or [])
    if OURS in order and any(name in order[order.index(OURS) :] for name in OF_SESSIONS):
        sentence = "MIDDLEWARE has AuthdMiddleware before AuthenticationMiddleware, which then puts its own user there."
        yield checks.Error(sentence, hint="Put AuthdMiddleware after it.", id="authd.E004")
    parts = urlsplit(settings.url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        sentence = 'AUTHD["URL"] is plain http: whoever is on the way reads tokens, and answers for authd.'
        yield checks.Warning(sentence, hint="Use https, or a network of their own.", id="authd.W001")
    if {"is_staff", "is_superuser"} & set(settings.fields) and settings.link_by_email:
        sentence = "Rows follow who is staff or superuser in authd, and are known by their e-mail address at first."
        hint = 'Once all rows are linked (authd_sync), set AUTHD["LINK_BY_EMAIL"] = False.'
        yield checks.Warning(sentence, hint=hint, id="authd.W002")


def _remote(settings: Settings) -> Iterator[checks.CheckMessage]:
    for finding in startup.examine(settings):
        if finding.level == "wrong":
            yield checks.Error(finding.sentence, id="authd.E003")
        elif finding.about == "reachable":
            hint = 'AUTHD["CHECK_AT_START"] = False asks nobody.'
            yield checks.Warning(finding.sentence, hint=hint, id="authd.W003")
