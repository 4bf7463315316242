"""What a service is told before its first request, and where it does not start."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from email.utils import formatdate
from io import StringIO
from pathlib import Path

import jwt
import pytest
import urllib3
from conftest import eventually, free_port
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, models

from authd_django import conf
from authd_django.apps import refuse_if_wrong
from authd_django.checks import check
from authd_django.followed import needs_a_value
from authd_django.management.commands import authd_sync
from authd_django.middleware import AuthdMiddleware
from authd_django.mirror import Mirror
from authd_django.models import Cursor, Link

HERE = Path(__file__).parent
URL = {"URL": "https://auth.example.com"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "Set AUTHD"),
        ({}, 'AUTHD["URL"] is missing'),
        ({**URL, "CLIENT_SCERET": "x"}, 'AUTHD has no "CLIENT_SCERET": is it "CLIENT_SECRET"?'),
        ({**URL, "xyzzy": 1}, 'AUTHD has no "xyzzy".'),
        ({"URL": 5}, 'AUTHD["URL"] must be like'),
        ({"URL": "auth.example.com"}, 'AUTHD["URL"] must be like'),
        ({"URL": "ftp://auth.example.com"}, 'AUTHD["URL"] must be like'),
        ({"URL": "https://user:secret@auth.example.com"}, 'AUTHD["URL"] must be like'),
        ({"URL": "https://auth.example.com?x=1"}, 'AUTHD["URL"] must be like'),
        ({"URL": "https://auth.example.com:port"}, 'AUTHD["URL"] must be like'),
        ({"URL": "https://auth.example.com/\r\nX: y"}, 'AUTHD["URL"] must be like'),
        ({**URL, "CLIENT_SECRET": "hidden"}, 'AUTHD["CLIENT_SECRET"] is there without'),
        ({**URL, "CLIENT_ID": 5}, 'AUTHD["CLIENT_ID"] must be a text'),
        ({**URL, "MODE": "cached"}, 'set AUTHD["CLIENT_ID"]'),
        ({**URL, "MODE": "fast"}, "must be one of online, cached, offline"),
        ({**URL, "WHEN_DOWN": None}, "must be one of refuse, serve"),
        ({**URL, "TIMEOUT": 0}, "must be a number from 0.05 to 60"),
        ({**URL, "TIMEOUT": True}, "must be a number from 0.05 to 60"),
        ({**URL, "CACHE_SIZE": 1.5}, "must be a number from 1 to 1e+06"),
        ({**URL, "LINK_BY_EMAIL": "yes"}, "must be True or False"),
        ({**URL, "GROUPS": [5]}, "must hold names of groups"),
        ({**URL, "GROUPS": "billing"}, "must be True or False"),
        ({**URL, "HEADER_TYPES": "JWT"}, 'AUTHD["HEADER_TYPES"] must be a list of words'),
        ({**URL, "HEADER_TYPES": []}, "must be a list of words"),
        ({**URL, "HEADER_TYPES": ["Bearer "]}, "must be a list of words"),
        ({**URL, "HEADER_TYPES": ["Bearer", 5]}, "must be a list of words"),
        ({**URL, "HEADER_TYPES": ["Bearer", "basic"]}, "must be a list of words"),
        ({**URL, "FIELDS": ["email"]}, "must map fields"),
        ({**URL, "FIELDS": {"x": "password"}}, "must map fields"),
        ({**URL, "FIELDS": {"x": 5}}, "must map fields"),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_not_shown(settings, given, said):
    settings.AUTHD = given
    with pytest.raises(ImproperlyConfigured, match=re.escape(said)) as caught:
        conf.read()
    assert "hidden" not in str(caught.value) and "secret@" not in str(caught.value)
    with pytest.raises(ImproperlyConfigured):
        AuthdMiddleware(lambda request: None)
    assert {message.id for message in check()} == {"authd.E001"}
    for command in ("authd_check", "authd_sync"):
        with pytest.raises(CommandError, match=re.escape(said)):
            call_command(command)


def test_settings_have_defaults_that_refuse(settings):
    settings.AUTHD = {"URL": "https://auth.example.com/sso/"}
    found = conf.read()
    assert (found.url, found.issuer, found.audience) == ("https://auth.example.com/sso",) * 3
    assert (found.mode, found.when_down, found.max_age) == ("online", "refuse", 0)
    assert (found.link_privileged, found.groups, found.permissions) == (False, False, False)
    settings.AUTHD = {**URL, "GROUPS": ["billing"], "ISSUER": "https://a", "AUDIENCE": "b"}
    found = conf.read()
    assert (found.groups, found.issuer, found.audience) == (("billing",), "https://a", "b")


class TestChecks:
    def ids(self):
        return sorted(message.id for message in check())

    def test_a_service_and_its_authd_that_fit_have_nothing_to_say(self, settings, shared):
        for mode in conf.MODES:
            settings.AUTHD = shared.settings(CHECK_AT_START=True, MODE=mode)
            assert check() == []
            refuse_if_wrong()
        settings.AUTHD = {"URL": shared.url}
        assert check() == []

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"ISSUER": "https://elsewhere.example"}, "The issuer is http://"),
            ({"AUDIENCE": "another"}, "none of the client's audiences"),
            ({"CLIENT_SECRET": "wrong"}, "authd knows no client"),
        ],
    )
    def test_the_wrong_issuer_audience_or_client_is_an_error(self, settings, shared, more, said):
        settings.AUTHD = shared.settings(CHECK_AT_START=True, **more)
        assert self.ids() == ["authd.E003"]
        with pytest.raises(ImproperlyConfigured, match=said):
            refuse_if_wrong()

    def test_so_is_an_audience_of_the_client_that_is_not_the_users(self, settings, own):
        authd = own()
        client, secret = authd.add_client("narrow", "--audience", "reports")
        more = {"CLIENT_ID": client, "CLIENT_SECRET": secret, "AUDIENCE": "reports"}
        settings.AUTHD = authd.settings(CHECK_AT_START=True, **more)
        (message,) = check()
        assert message.msg == "The tokens of users are for another audience than reports."

    def test_an_authd_that_does_not_answer_is_no_reason_not_to_start(self, settings):
        settings.AUTHD = {"URL": "http://127.0.0.1:1"}
        assert self.ids() == ["authd.W003"]
        refuse_if_wrong()

    def test_an_authd_without_public_keys_is_for_the_mode_online(self, settings, stand_in):
        stand_in.answers["/.well-known/jwks.json"] = (200, {}, {"keys": []})
        settings.AUTHD = stand_in.settings(CHECK_AT_START=True, MODE="offline")
        assert self.ids() == ["authd.E003"]

    def test_fields_that_are_not_there_plain_http_and_rights_by_address_are_said(self, settings):
        off = {"CHECK_AT_START": False}
        for name in ("nothing", "groups", "id", "authd_link"):
            settings.AUTHD = {**URL, **off, "FIELDS": {name: "email"}}
            assert self.ids() == ["authd.E002"], name
        settings.AUTHD = {**URL, **off, "EXTERNAL_ID_FIELD": "nothing"}
        assert self.ids() == ["authd.E002"]
        settings.AUTHD = {**URL, **off, "EXTERNAL_ID_FIELD": "id", "FIELDS": {"company": "fields.unit"}}
        assert self.ids() == []
        settings.AUTHD = {"URL": "http://auth.example.com", **off}
        assert self.ids() == ["authd.W001"]
        settings.AUTHD = {**URL, **off, "FIELDS": {"is_staff": "is_staff"}}
        assert self.ids() == ["authd.W002"]
        settings.AUTHD = {**URL, **off, "FIELDS": {"is_staff": "is_staff"}, "LINK_BY_EMAIL": False}
        assert self.ids() == []

    def test_a_model_without_groups_cannot_follow_them(self, settings, monkeypatch):
        settings.AUTHD = {**URL, "CHECK_AT_START": False, "GROUPS": True}
        assert self.ids() == []
        monkeypatch.delattr("django.contrib.auth.models.PermissionsMixin.user_permissions", raising=False)
        monkeypatch.delattr(get_user_model(), "user_permissions")
        assert self.ids() == ["authd.E002"]

    def test_a_model_that_would_surprise_somebody_is_said(self, settings, monkeypatch):
        settings.AUTHD = {**URL, "CHECK_AT_START": False}
        model = get_user_model()
        kept = [field for field in model._meta.concrete_fields if field.name != "is_active"]
        with monkeypatch.context() as patched:
            patched.setattr(model._meta, "concrete_fields", kept)
            assert self.ids() == ["authd.W004"]
        monkeypatch.setattr(model, "USERNAME_FIELD", "phone_number")
        assert self.ids() == []
        settings.AUTHD = {**URL, "CHECK_AT_START": False, "FIELDS": {"phone_number": "id"}}
        (message,) = check()
        assert message.id == "authd.W004" and "longer than 20 characters" in message.msg

    def test_a_field_that_nothing_fills_is_said(self, settings, monkeypatch, shared):
        settings.AUTHD = shared.settings()
        monkeypatch.setattr(get_user_model()._meta.get_field("level"), "null", False)
        (message,) = check()
        assert message.id == "authd.W004" and "accounts.User.level must have a value" in message.msg
        out = StringIO()
        call_command("authd_check", stdout=out)
        assert "doubtful accounts.User.level must have a value" in out.getvalue()
        settings.AUTHD = {**URL, "CHECK_AT_START": False, "FIELDS": {"level": "fields.level"}}
        assert self.ids() == []

    @pytest.mark.parametrize(
        ("field", "needs_one"),
        [
            (models.DateField(), True),
            (models.UUIDField(), True),
            (models.BooleanField(), True),
            (Permission._meta.get_field("content_type"), True),
            (models.ForeignKey("auth.Group", on_delete=models.CASCADE, null=True), False),
            (models.DateField(null=True), False),
            (models.DateField(auto_now=True), False),
            (models.DateTimeField(auto_now_add=True), False),
            (models.UUIDField(default=uuid.uuid4), False),
            (models.CharField(max_length=5), False),
            (models.BigAutoField(primary_key=True), False),
            (models.OneToOneField("auth.Group", on_delete=models.CASCADE, parent_link=True), False),
        ],
    )
    def test_which_fields_nothing_fills(self, field, needs_one):
        assert needs_a_value(field) == needs_one

    def test_the_middleware_stands_after_those_that_set_a_user_of_their_own(self, settings):
        settings.AUTHD = {**URL, "CHECK_AT_START": False}
        ours, other = (
            "authd_django.middleware.AuthdMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        )
        for middleware, ids in [
            ([other, ours], []),
            ([ours], []),
            ([ours, other], ["authd.E004"]),
            ([], []),
            (None, []),
        ]:
            settings.MIDDLEWARE = middleware
            assert self.ids() == ids, middleware

    def test_they_are_done_where_something_is_to_serve(self, settings, monkeypatch):
        settings.AUTHD = {}
        monkeypatch.setitem(sys.modules, "django.core.wsgi", sys)
        with pytest.raises(ImproperlyConfigured):
            apps.get_app_config("authd").ready()
        monkeypatch.delitem(sys.modules, "django.core.wsgi")
        monkeypatch.delitem(sys.modules, "django.core.asgi", raising=False)
        apps.get_app_config("authd").ready()


@pytest.mark.django_db(transaction=True)
class TestCommands:
    def run(self, name, *arguments, **options):
        out, err = StringIO(), StringIO()
        call_command(name, *arguments, stdout=out, stderr=err, **options)
        return out.getvalue() + err.getvalue()

    def test_check_says_what_it_found(self, settings, own):
        authd = own()
        settings.AUTHD = authd.settings(MODE="cached")
        assert self.run("authd_check").splitlines() == [
            f"good     The issuer is {authd.url}.",
            "good     Keys are published: 1.",
            "good     authd knows the client service.",
            f"good     Tokens are for {authd.url}.",
            "good     The client may see users: authd_sync works.",
        ]
        client, secret = authd.add_client("narrow")
        settings.AUTHD = authd.settings(CLIENT_ID=client, CLIENT_SECRET=secret)
        assert "has not the scope users.view" in self.run("authd_check")
        with pytest.raises(CommandError, match=re.escape("needs the scope users.view")):
            self.run("authd_sync", "--once")
        settings.AUTHD = {"URL": authd.url}
        assert "cannot be seen without" in self.run("authd_check")
        with pytest.raises(CommandError, match="only clients are told of users"):
            self.run("authd_sync", "--once")

    @pytest.mark.parametrize(
        ("apart", "said"),
        [(60, "60 seconds behind authd's"), (-60, "60 seconds ahead of authd's"), (5, None), (None, None)],
    )
    def test_check_says_that_the_clocks_differ(self, settings, stand_in, apart, said):
        settings.AUTHD = stand_in.settings()

        def answer(handler):
            date = "yesterday" if apart is None else formatdate(time.time() + apart, usegmt=True)
            body = json.dumps({"issuer": stand_in.authd.url})
            head = f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n\r\n"
            handler.wfile.write((head + body).encode())

        stand_in.answers["/.well-known/oauth-authorization-server"] = answer
        lines = [line for line in self.run("authd_check").splitlines() if "clock" in line]
        if said is None:
            assert lines == []
        else:
            seconds = re.sub(r"\b(59|61)\b", "60", lines[0])
            assert seconds == f"doubtful The clock of this service is {said}: good tokens may be refused."

    def test_check_fails_where_something_is_wrong(self, settings, shared):
        out = StringIO()
        for bad in (
            {"FIELDS": {"nothing": "email"}},
            {"ISSUER": "https://elsewhere.example"},
            {"URL": "http://127.0.0.1:1"},
        ):
            settings.AUTHD = shared.settings(**bad)
            with pytest.raises(CommandError, match="Not everything is as it should be"):
                call_command("authd_check", stdout=out)
        assert "has no field 'nothing'" in out.getvalue()
        assert "gives no answer" in out.getvalue()

    def test_sync_makes_every_row_and_goes_on_where_it_was(self, settings, own):
        authd = own()
        settings.AUTHD = authd.settings()
        people = [authd.add_user() for _ in range(3)]
        local = get_user_model().objects.create_user(people[0]["email"], company="ACME")
        staff = authd.add_user()
        get_user_model().objects.create_user(staff["email"], is_staff=True)
        said = self.run("authd_sync", "--once")
        assert (
            said
            == "4 changes read, 0 rows deactivated, 1 accounts without a row, 0 rows not as authd has the account\n"
        )
        assert Link.objects.get(user=local).sub.urn.endswith(people[0]["id"])
        assert get_user_model().objects.filter(authd_link__isnull=False).count() == 3
        assert self.run("authd_sync", "--once").startswith("0 changes read")
        authd.set_user(people[1], "--first-name", "Eve")
        authd.authctl("user", "disable", people[2]["email"], "--yes")
        authd.authctl("user", "delete", people[0]["email"], "--yes")
        assert self.run("authd_sync", "--once").startswith("3 changes read, 1 rows deactivated")
        rows = {row.email: row for row in get_user_model().objects.all()}
        assert rows[people[1]["email"]].first_name == "Eve"
        assert not rows[people[2]["email"]].is_active
        assert not rows[people[0]["email"]].is_active and rows[people[0]["email"]].company == "ACME"

    def test_sync_reads_all_anew_when_asked_or_when_the_history_is_another(self, settings, own):
        authd = own()
        settings.AUTHD = authd.settings()
        user = authd.add_user()
        self.run("authd_sync", "--once")
        assert str(Cursor.objects.get()) == f"{authd.url}: {user['version']}"
        get_user_model().objects.update(last_name="Changed here")
        assert self.run("authd_sync", "--once", "--full").startswith("1 changes read")
        assert get_user_model().objects.get().last_name == user["last_name"]
        get_user_model().objects.update(last_name="Changed here")
        Link.objects.update(version=2**40)
        Cursor.objects.update(position=2**40)
        assert self.run("authd_sync", "--once").startswith("1 changes read")
        assert get_user_model().objects.get().last_name == user["last_name"]
        assert Link.objects.get().version == user["version"]

    @pytest.mark.parametrize("is_asked", [False, True])
    def test_sync_ends_what_was_begun_anew_by_a_process_that_was_killed(self, settings, own, monkeypatch, is_asked):
        authd = own()
        settings.AUTHD = authd.settings()
        monkeypatch.setattr("authd_django.client.PAGE", 1)
        people = [authd.add_user() for _ in range(3)]
        self.run("authd_sync", "--once")
        rows = get_user_model().objects
        # As after a restored backup: of the lost history there is somebody, and versions that are higher.
        Link.objects.create(sub=uuid.uuid4(), user=rows.create_user("lost@example.com"), version=1)
        rows.update(last_name="Of another history")
        Link.objects.update(version=2**40)
        if not is_asked:
            Cursor.objects.update(position=2**40)
        follower = authd_sync.Follower(conf.read(), is_anew=is_asked)
        assert follower.step(0.0) is False
        if not is_asked:
            assert follower.step(0.0) is False
        assert rows.filter(last_name="Of another history").count() == 3
        follower.client.close()
        # Killed here, and begun again by something that knows of nothing.
        assert self.run("authd_sync", "--once").startswith("2 changes read, 1 rows deactivated")
        assert [row.email for row in rows.filter(last_name="Of another history")] == ["lost@example.com"]
        assert sorted(row.email for row in rows.filter(is_active=True)) == sorted(one["email"] for one in people)
        assert self.run("authd_sync", "--once").startswith("0 changes read, 0 rows deactivated")

    def test_sync_leaves_nothing_out_of_a_page_that_failed(self, settings, own, monkeypatch):
        authd = own()
        settings.AUTHD = authd.settings()
        authd.add_user()
        second = authd.add_user()
        apply = Mirror.apply

        def fail_once(mirror, account, **more):
            if account.id == second["id"]:
                raise OperationalError("the database is locked")
            return apply(mirror, account, **more)

        with monkeypatch.context() as patched:
            patched.setattr(Mirror, "apply", fail_once)
            with pytest.raises(CommandError, match="Not all was read"):
                self.run("authd_sync", "--once")
        assert not get_user_model().objects.exists()
        assert self.run("authd_sync", "--once").startswith("2 changes read")
        assert get_user_model().objects.count() == 2

    def test_sync_once_fails_where_authd_does_not_answer(self, settings, shared):
        settings.AUTHD = shared.settings(URL="http://127.0.0.1:1")
        with pytest.raises(CommandError, match="Not all was read"):
            self.run("authd_sync", "--once")

    def test_sync_opens_a_connection_anew_that_broke(self, settings, own, monkeypatch):
        authd = own()
        settings.AUTHD = authd.settings()
        monkeypatch.setattr(authd_sync, "WAIT", 1.0)
        monkeypatch.setattr(authd_sync, "PAUSE", 0.0)
        authd.add_user()
        steps = []
        step = authd_sync.Follower.step

        def watched(follower, wait):
            steps.append(wait)
            if len(steps) == 1:
                # As a server does that is started anew.
                connection.connection.close()
            if len(steps) > 5 or get_user_model().objects.exists():
                raise KeyboardInterrupt
            return step(follower, wait)

        connection.ensure_connection()
        monkeypatch.setattr(authd_sync.Follower, "step", watched)
        try:
            said = self.run("authd_sync")
        finally:
            connection.close()
        assert "Trying again" in said and "1 changes read" in said
        assert get_user_model().objects.count() == 1

    def test_sync_goes_on_when_its_own_token_ends_before_its_time(self, settings, own):
        authd = own()
        settings.AUTHD = authd.settings()
        authd.add_user()
        follower = authd_sync.Follower(conf.read(), is_anew=False)
        assert follower.step(0.0)
        token, _ = follower.client._token
        authd.authctl("key", "revoke", jwt.get_unverified_header(token)["kid"], "--yes")
        second = authd.add_user()
        assert follower.step(0.0)
        assert follower.client._token[0] != token
        assert get_user_model().objects.filter(email=second["email"]).exists()
        follower.client.close()

    def test_sync_outlives_that_its_client_is_disabled_for_a_while(self, settings, own, monkeypatch):
        authd = own()
        settings.AUTHD = authd.settings()
        monkeypatch.setattr(authd_sync, "WAIT", 1.0)
        monkeypatch.setattr(authd_sync, "PAUSE", 0.1)
        steps = []
        step = authd_sync.Follower.step

        def watched(follower, wait):
            steps.append(wait)
            if len(steps) == 2:
                authd.authctl("client", "disable", authd.client_id, "--yes")
            if len(steps) == 5:
                authd.authctl("client", "enable", authd.client_id)
                authd.add_user()
            if get_user_model().objects.exists():
                raise KeyboardInterrupt
            return step(follower, wait)

        monkeypatch.setattr(authd_sync.Follower, "step", watched)
        said = self.run("authd_sync")
        assert said.count("(invalid_client): check CLIENT_ID and CLIENT_SECRET. Trying again until it is over.") == 1
        assert said.count("It is over: the changes are followed again.") == 1
        assert "1 changes read" in said

    @pytest.mark.parametrize(
        ("status", "said", "asked"), [(401, "check CLIENT_ID", 2), (403, "needs the scope users.view", 1)]
    )
    def test_sync_is_refused_by_what_authd_says_to_a_new_token(self, settings, stand_in, status, said, asked):
        settings.AUTHD = stand_in.settings()
        stand_in.answers["/users/changes"] = (status, {}, {"code": "invalid_token" if status == 401 else "forbidden"})
        with pytest.raises(CommandError, match=said):
            self.run("authd_sync", "--once")
        assert stand_in.count("/users/changes") == asked
        # A page of somebody on the way is no refusal of authd's.
        stand_in.answers["/users/changes"] = (status, {}, b"<html>log in</html>")
        with pytest.raises(CommandError, match="Not all was read"):
            self.run("authd_sync", "--once")

    def test_sync_does_not_begin_again_for_ever(self, settings, stand_in, caplog):
        settings.AUTHD = stand_in.settings()
        stand_in.answers["/users/changes"] = (410, {}, {"code": "gone", "cursor": 0})
        with pytest.raises(CommandError, match="Not all was read"):
            self.run("authd_sync", "--once")
        assert stand_in.count("/users/changes") == 2
        assert caplog.text.count("all accounts are read anew") == 1

    def test_sync_says_why_a_client_is_not_let_in(self, settings, own):
        authd = own()
        settings.AUTHD = authd.settings()
        authd.authctl("client", "disable", authd.client_id, "--yes")
        with pytest.raises(CommandError, match=re.escape("(invalid_client): check CLIENT_ID and CLIENT_SECRET")):
            self.run("authd_sync", "--once")

    def test_sync_follows_until_it_is_interrupted_and_goes_on_after_trouble(self, settings, own, monkeypatch):
        authd = own()
        settings.AUTHD = authd.settings(TIMEOUT=1.0)
        monkeypatch.setattr(authd_sync, "WAIT", 1.0)
        monkeypatch.setattr(authd_sync, "PAUSE", 0.2)
        first = authd.add_user()
        steps = []
        step = authd_sync.Follower.step

        def watched(follower, wait):
            steps.append(wait)
            if len(steps) == 2:
                authd.set_user(first, "--first-name", "Eve")
            if len(steps) == 4:
                authd.stop()
            if len(steps) == 6:
                authd.start()
                authd.set_user(first, "--first-name", "Mallory")
            if get_user_model().objects.filter(first_name="Mallory").exists():
                raise KeyboardInterrupt
            return step(follower, wait)

        monkeypatch.setattr(authd_sync.Follower, "step", watched)
        said = self.run("authd_sync")
        assert said.count("Trying again") == 1
        assert "3 changes read" in said or "2 changes read" in said


def environment(authd, tmp_path, **more):
    found = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{HERE}:{HERE.parent}",
        "PYTHONWARNINGS": "error",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "AUTHD_TEST_FOLDER": str(tmp_path),
        "AUTHD_TEST_URL": authd.url,
        "AUTHD_TEST_CLIENT_ID": authd.client_id,
        "AUTHD_TEST_CLIENT_SECRET": authd.client_secret,
    }
    return {**found, **more}


@pytest.mark.parametrize(
    "wrong", [{"AUTHD_TEST_ISSUER": "https://elsewhere.example"}, {"AUTHD_TEST_AUDIENCE": "another"}]
)
def test_a_server_pointed_at_the_wrong_issuer_or_audience_does_not_start(shared, tmp_path, wrong):
    command = [sys.executable, "-c", "import project.wsgi"]
    good = subprocess.run(command, env=environment(shared, tmp_path), capture_output=True, text=True, cwd=tmp_path)
    assert good.returncode == 0, good
    bad = subprocess.run(
        command, env=environment(shared, tmp_path, **wrong), capture_output=True, text=True, cwd=tmp_path
    )
    assert bad.returncode == 1 and "ImproperlyConfigured" in bad.stderr, bad
    manage = [sys.executable, str(HERE / "manage.py"), "migrate"]
    bad = subprocess.run(
        manage, env=environment(shared, tmp_path, **wrong), capture_output=True, text=True, cwd=tmp_path
    )
    assert bad.returncode == 1 and "authd.E003" in bad.stderr, bad
    assert shared.client_secret not in bad.stderr


def test_each_process_of_a_server_that_forks_hears_what_ended(own, tmp_path):
    """gunicorn makes the application once, uses it, and forks: the children's verdicts end as the parent's would."""
    authd = own()
    variables = environment(authd, tmp_path, AUTHD_TEST_MODE="cached")
    manage = [sys.executable, str(HERE / "manage.py"), "migrate"]
    subprocess.run(manage, env=variables, check=True, capture_output=True, cwd=tmp_path)
    user, token = authd.signed_in()
    (tmp_path / "forked.py").write_text(
        "from project.wsgi import application as service\n"
        "from authd_django.bearer import user_behind\n"
        "from django.db import connection\n"
        "import os\n"
        f"user_behind({token!r})\n"
        "connection.close()\n"
        "def application(environ, start_response):\n"
        "    def start(status, headers, *rest):\n"
        "        return start_response(status, [*headers, ('X-Process', str(os.getpid()))], *rest)\n"
        "    return service(environ, start)\n"
    )
    port = free_port()
    address = f"127.0.0.1:{port}"
    gunicorn = [
        sys.executable,
        "-m",
        "gunicorn",
        "--preload",
        "--workers",
        "3",
        "--bind",
        address,
        "forked:application",
    ]
    with (tmp_path / "gunicorn.log").open("w") as log:
        server = subprocess.Popen(gunicorn, env=variables, cwd=tmp_path, stdout=log, stderr=log)
    try:

        def ask():
            # A connection for each, so that each process has its turn.
            with urllib3.PoolManager() as pool:
                good = {"Authorization": f"Bearer {token}", "Connection": "close"}
                answer = pool.request("GET", f"http://{address}/me", headers=good, retries=False)
            return answer.headers["X-Process"], answer.status

        def answers():
            try:
                return dict(ask() for _ in range(30))
            except urllib3.exceptions.HTTPError:
                return {}

        assert eventually(lambda: len(answers()) == 3, 30), (tmp_path / "gunicorn.log").read_text()
        assert set(answers().values()) == {200}
        time.sleep(1)
        authd.authctl("user", "disable", user["email"], "--yes")
        assert eventually(lambda: set((found := answers()).values()) == {401} and len(found) == 3, 5)
        authd.stop()
        assert eventually(lambda: set(answers().values()) <= {401, 503}, 5)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
