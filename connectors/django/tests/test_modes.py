"""What each mode asks, what it keeps, and what it still knows when authd is down."""

import contextlib
import datetime
import logging
import os
import signal
import threading
import time

import jwt
import pytest
from conftest import eventually
from django.contrib.auth import get_user_model

from authd_django import runtime as runtime_module
from authd_django import verdicts
from authd_django.answers import Change
from authd_django.bearer import user_behind
from authd_django.errors import InvalidToken, NoLocalUser, Unavailable
from authd_django.keys import KeySet
from authd_django.runtime import runtime

pytestmark = pytest.mark.django_db(transaction=True)


def is_heard():
    """Whether the thread that follows authd has begun."""
    return eventually(runtime().verifier.feed.is_fresh)


def warm(get, token):
    """Asks until the verdict is kept."""
    assert get("/me", token).status_code == 200
    assert is_heard()
    assert get("/me", token).status_code == 200


def test_online_asks_each_time_and_an_answer_that_is_the_same_is_not_sent_again(settings, stand_in, shared, get):
    settings.AUTHD = stand_in.settings()
    user, token = shared.signed_in()
    for _ in range(3):
        assert get("/me", token).status_code == 200
    assert stand_in.count("/auth/verify") == 3
    tags = [headers.get("If-None-Match") for _, headers in stand_in.asked]
    assert tags[0] is None and tags[1] == tags[2] != ""
    shared.authctl("user", "disable", user["email"], "--yes")
    assert get("/me", token).status_code == 401


def test_online_keeps_an_answer_for_as_long_as_authd_and_the_settings_allow(settings, stand_in, shared, get):
    settings.AUTHD = stand_in.settings(MAX_AGE=3600)
    _, token = shared.signed_in()
    for _ in range(5):
        assert get("/me", token).status_code == 200
    # authd says five seconds.
    assert stand_in.count("/auth/verify") == 1
    settings.AUTHD = stand_in.settings(MAX_AGE=0.2)
    assert get("/me", token).status_code == 200
    time.sleep(0.25)
    assert get("/me", token).status_code == 200
    assert stand_in.count("/auth/verify") == 3


@pytest.mark.parametrize("mode", ["online", "cached"])
def test_while_authd_is_down_requests_are_refused_and_served_again_after(settings, own, get, mode, caplog):
    authd = own()
    settings.AUTHD = authd.settings(MODE=mode, MAX_SILENCE=3)
    _, token = authd.signed_in()
    _, other = authd.signed_in()
    warm(get, token) if mode == "cached" else get("/me", token)
    authd.stop()
    if mode == "cached":
        # Within the silence that is borne, what is kept serves.
        assert get("/me", token).status_code == 200
        assert get("/me", other).status_code == 503
        assert eventually(lambda: not runtime().verifier.feed.is_fresh())
    for _ in range(20):
        answer = get("/me", token)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert answer.json() == {"detail": "It cannot be said at the moment whether the token is good."}
    about = [record.getMessage() for record in caplog.records if record.name == "authd_django"]
    assert len([line for line in about if "'verify'" in line]) == 1, about
    assert "could not be asked (NewConnectionError)" in " ".join(about)
    authd.start()
    assert eventually(lambda: get("/me", token).status_code == 200)
    assert get("/me", other).status_code == 200
    assert "answers 'verify' again" in caplog.text


@pytest.mark.parametrize("mode", ["online", "cached"])
def test_what_is_kept_may_serve_within_its_life_while_authd_is_down(settings, own, get, mode):
    authd = own(AUTHD_TOKENS_VERIFY_MAX_AGE="3s", AUTHD_TOKENS_ACCESS_TTL="10s")
    settings.AUTHD = authd.settings(MODE=mode, WHEN_DOWN="serve", MAX_SILENCE=3)
    _, token = authd.signed_in()
    _, other = authd.signed_in()
    warm(get, token) if mode == "cached" else get("/me", token)
    authd.stop(signal.SIGKILL)
    assert get("/me", token).status_code == 200
    assert get("/me", other).status_code == 503
    if mode == "cached":
        assert eventually(lambda: not runtime().verifier.feed.is_fresh())
        assert get("/me", token).status_code == 200
    # A verify answer is over after its max_age, a token with its exp.
    assert eventually(lambda: get("/me", token).status_code == 503, 15)


def test_offline_asks_nobody_and_makes_a_row_of_what_the_token_says(settings, own, get):
    authd = own(AUTHD_TOKENS_CLAIMS="email")
    settings.AUTHD = authd.settings(MODE="offline", WHEN_DOWN="serve")
    user, token = authd.signed_in()
    _, other = authd.signed_in()
    assert get("/me", token).status_code == 200
    authd.stop()
    assert get("/me", token).json()["email"] == user["email"]
    assert get("/me", other).status_code == 200
    # And with keys that are over, too, as the settings have it.
    runtime().verifier._keys._max_age = 0.0
    assert get("/me", other).status_code == 200


def test_offline_without_an_address_in_the_token_has_no_row_to_make(settings, shared, get):
    settings.AUTHD = shared.settings(MODE="offline")
    _, token = shared.signed_in()
    assert get("/me", token).status_code == 403


def test_cached_asks_once_for_each_token_and_hears_within_a_second_what_ended(settings, stand_in, shared, get):
    settings.AUTHD = stand_in.settings(MODE="cached")
    user, token = shared.signed_in()
    warm(get, token)
    asked = stand_in.count("/auth/verify")
    for _ in range(10):
        assert get("/me", token).status_code == 200
    assert stand_in.count("/auth/verify") == asked
    changed = shared.set_user(user, "--first-name", "Eve")
    assert changed["first_name"] == "Eve"
    assert eventually(lambda: get("/me", token).status_code == 200 and stand_in.count("/auth/verify") > asked, 2)
    from django.contrib.auth import get_user_model

    assert get_user_model().objects.get().first_name == "Eve"
    session = jwt.decode(token, options={"verify_signature": False})["sid"]
    shared.authctl("session", "revoke", session)
    assert eventually(lambda: get("/me", token).status_code == 401, 2)


def test_cached_does_not_trouble_authd_with_what_is_not_signed(settings, stand_in, shared, get):
    settings.AUTHD = stand_in.settings(MODE="cached")
    _, token = shared.signed_in()
    assert get("/me", token[:-4] + "AAAA").status_code == 401
    assert stand_in.count("/auth/verify") == 0


def test_cached_keeps_what_authd_said_of_an_api_token_until_it_is_revoked(settings, stand_in, shared, get):
    settings.AUTHD = stand_in.settings(MODE="cached")
    user = shared.add_user()
    made = shared.authctl("token", "add", "--user", user["email"], "--name", "x", "--expires", "never")
    warm(get, made["token"])
    asked = stand_in.count("/auth/verify")
    assert get("/me", made["token"]).status_code == 200
    assert stand_in.count("/auth/verify") == asked
    shared.authctl("token", "revoke", made["api_token"]["id"], "--yes")
    assert eventually(lambda: get("/me", made["token"]).status_code == 401, 2)
    settings.AUTHD = shared.settings(MODE="offline")
    assert get("/me", made["token"]).status_code == 401


def test_a_key_that_is_revoked_takes_its_tokens_with_it(settings, own, get):
    authd = own()
    settings.AUTHD = authd.settings(MODE="cached")
    _, token = authd.signed_in()
    warm(get, token)
    kid = jwt.get_unverified_header(token)["kid"]
    authd.authctl("key", "revoke", kid, "--yes")
    assert eventually(lambda: get("/me", token).status_code == 401, 2)
    assert eventually(lambda: get("/me", authd.signed_in()[1]).status_code == 200)


def test_after_a_gap_in_what_is_heard_nothing_kept_is_trusted(settings, stand_in, shared, get):
    settings.AUTHD = stand_in.settings(MODE="cached", MAX_SILENCE=3)
    _, token = shared.signed_in()
    warm(get, token)
    asked = stand_in.count("/auth/verify")
    stand_in.answers["/auth/revocations"] = (410, {}, {"code": "gone", "cursor": 0})
    assert eventually(lambda: get("/me", token).status_code == 200 and stand_in.count("/auth/verify") > asked)


def test_after_a_new_beginning_of_the_feed_a_row_does_not_stay_as_a_replica_had_it(settings, stand_in, shared, get):
    user, token = shared.signed_in("--first-name", "Ada")
    headers = {"Authorization": f"Bearer {token}"}
    late = shared.http.request("GET", f"{shared.url}/auth/verify", headers=headers).json()
    # Before the feed begins, so that it does not tell of it.
    shared.set_user(user, "--first-name", "Eve")
    settings.AUTHD = stand_in.settings(MODE="cached", REPLICA_STALENESS=60)
    runtime().verifier.feed.ensure_running()
    assert eventually(lambda: stand_in.count("/auth/revocations") > 1)

    def name():
        assert get("/me", token).status_code == 200
        return get_user_model().objects.get(email=user["email"]).first_name

    stand_in.answers["/auth/verify"] = (200, {}, late)
    assert name() == "Ada"
    del stand_in.answers["/auth/verify"]
    assert name() == "Eve"


def test_a_client_that_may_not_follow_is_said_once_and_every_request_is_asked_about(
    settings, stand_in, shared, get, caplog
):
    settings.AUTHD = stand_in.settings(MODE="cached", CLIENT_SECRET="wrong")
    _, token = shared.signed_in()
    for _ in range(3):
        assert get("/me", token).status_code == 200
    assert eventually(lambda: stand_in.count("/auth/revocations") >= 3)
    assert stand_in.count("/auth/verify") == 3
    assert caplog.text.count("check CLIENT_ID and CLIENT_SECRET") == 1
    assert "wrong" not in caplog.text


def test_a_client_that_was_disabled_and_enabled_again_hears_again(settings, own, get, caplog):
    authd = own()
    settings.AUTHD = authd.settings(MODE="cached")
    user, token = authd.signed_in()
    warm(get, token)
    authd.authctl("client", "disable", authd.client_id, "--yes")
    assert eventually(lambda: "check CLIENT_ID and CLIENT_SECRET" in caplog.text, 15)
    authd.authctl("client", "enable", authd.client_id)
    assert eventually(lambda: runtime().verifier.feed._failures == 0, 15)
    authd.authctl("user", "disable", user["email"], "--yes")
    assert eventually(lambda: get("/me", token).status_code == 401, 2)


def test_the_thread_outlives_what_nobody_foresaw(settings, shared, caplog, monkeypatch):
    settings.AUTHD = shared.settings(MODE="cached")
    feed = runtime().verifier.feed

    def fail(*_):
        raise RuntimeError("nobody foresaw this")

    with monkeypatch.context() as patched:
        patched.setattr(feed._client, "revocations", fail)
        assert feed.step() > 0
    assert "could not be followed" in caplog.text
    assert not feed.is_fresh()
    assert feed.step() == 0 and feed.is_fresh()


def test_the_thread_is_started_once_and_ends_with_its_runtime(settings, shared):
    settings.AUTHD = shared.settings(MODE="cached", MAX_SILENCE=3)
    feed = runtime().verifier.feed
    starters = [threading.Thread(target=feed.ensure_running) for _ in range(20)]
    for one in starters:
        one.start()
    for one in starters:
        one.join()
    running = [one for one in threading.enumerate() if one.name == "authd-revocations"]
    assert feed._thread in running
    runtime_module.stop()
    feed._thread.join(10)
    assert not feed._thread.is_alive()
    runtime_module.stop()


def test_whoever_finds_the_thread_started_meanwhile_starts_none(settings, shared):
    settings.AUTHD = shared.settings(MODE="cached")
    feed = runtime().verifier.feed
    with feed._start:
        second = threading.Thread(target=feed.ensure_running)
        second.start()
        assert not eventually(lambda: not second.is_alive(), 0.1)
        feed._thread = threading.current_thread()
    second.join()
    assert feed._thread is threading.current_thread()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_begins_with_nothing_of_its_parents(settings, shared):
    settings.AUTHD = shared.settings(MODE="cached")
    of_parent, lock = runtime(), runtime_module._lock
    of_parent.verifier.feed.ensure_running()
    with lock:
        # Held by a thread that is not in the child.
        child = os.fork()
        if child == 0:  # pragma: no cover
            is_new = runtime_module._runtime is None and runtime() is not of_parent
            os._exit(0 if is_new else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert runtime() is of_parent
    # What was done in the child, once more here, where it can be seen.
    runtime_module._after_fork_in_child()
    assert runtime_module._lock is not lock and runtime() is not of_parent
    of_parent.verifier.feed.stop()


def test_many_pages_are_heard_to_their_end_before_anything_is_trusted(settings, stand_in, shared):
    settings.AUTHD = stand_in.settings(MODE="cached")
    feed = runtime().verifier.feed
    feed.step()
    feed._heard_at = float("-inf")
    page = {"changes": [{"kind": "session", "id": "x", "version": 1}], "cursor": 1, "more": True}
    stand_in.answers["/auth/revocations"] = (200, {}, page)
    feed.step()
    assert not feed.is_fresh()
    stand_in.answers["/auth/revocations"] = (200, {}, {**page, "more": False})
    feed.step()
    assert feed.is_fresh()


def test_a_machine_that_slept_does_not_know_what_ended_meanwhile(settings, stand_in, monkeypatch):
    settings.AUTHD = stand_in.settings(MODE="cached", MAX_SILENCE=3)
    feed = runtime().verifier.feed
    feed.step()
    assert feed.is_fresh()
    now = time.time()
    # What lasts does not go on.
    monkeypatch.setattr(time, "time", lambda: now + 60.0)
    assert not feed.is_fresh()
    page = {"changes": [], "cursor": feed._cursor, "more": True}
    stand_in.answers["/auth/revocations"] = (200, {}, page)
    feed.step()
    assert not feed.is_fresh()
    stand_in.answers["/auth/revocations"] = (200, {}, {**page, "more": False})
    feed.step()
    assert feed.is_fresh()


class TestVerdicts:
    """What is kept, below the requests."""

    @pytest.fixture
    def found(self, settings, shared):
        settings.AUTHD = shared.settings()
        _, token = shared.signed_in()
        return runtime().verifier.verify(token)

    def kept(self, found, asked_at=None, **more):
        from authd_django.conf import parse

        memory = verdicts.Verdicts(parse({"URL": "http://localhost", **more})[0])
        new = verdicts.verdict(found, "k", time.monotonic() if asked_at is None else asked_at, 60)
        memory.keep(b"1", new)
        return memory, new

    def test_a_change_of_anything_it_hangs_on_overtakes_what_was_asked_before(self, found):
        claims = found.claims
        for kind, of in [("session", claims["sid"]), ("token", claims["jti"]), ("key", "k")]:
            memory, new = self.kept(found)
            memory.note([Change("session", "another", 1), Change(kind, "another", 2)])
            assert memory.find(b"1") is new
            memory.note([Change(kind, of, 3)])
            assert memory.find(b"1") is None
            # What is asked after the change knows of it.
            memory.keep(b"1", verdicts.verdict(found, "k", time.monotonic() + 0.001, 60))
            assert memory.find(b"1") is not None

    def test_a_clients_hangs_on_the_client(self, found):
        of_client = type(found)(user=None, claims={"client_id": "c", "exp": found.claims["exp"]}, max_age=5, version=1)
        memory, new = self.kept(of_client)
        memory.note([Change("client", "d", 2)])
        assert memory.find(b"1") is new
        memory.note([Change("client", "c", 3)])
        assert memory.find(b"1") is None

    def test_of_a_user_the_version_says_which_is_newer(self, found):
        memory, _ = self.kept(found)
        memory.note([Change("user", found.user.id, found.version)])
        assert memory.find(b"1") is not None
        memory.note([Change("user", found.user.id, found.version + 1)])
        assert memory.find(b"1") is None

    def test_where_replicas_answer_what_is_asked_soon_after_a_change_is_not_kept(self, found):
        memory, _ = self.kept(found, asked_at=time.monotonic() + 5, REPLICA_STALENESS=10)
        memory.note([Change("key", "k", 1)])
        assert memory.find(b"1") is None

    def test_there_are_so_many_and_no_more(self, found, monkeypatch):
        memory, new = self.kept(found, CACHE_SIZE=2)
        memory.keep(b"2", new)
        assert memory.find(b"1") is new
        memory.keep(b"3", new)
        assert memory.find(b"2") is None and memory.find(b"1") is new and memory.find(b"3") is new
        memory.drop(b"3")
        memory.drop(b"3")
        assert memory.find(b"3") is None
        monkeypatch.setattr(verdicts, "MAX_CHANGES", 2)
        memory.note([Change("token", str(number), number) for number in range(2)])
        assert memory.find(b"1") is new
        memory.note([Change("token", "more", 3)])
        assert memory.find(b"1") is None

    def test_nothing_is_kept_longer_than_its_token(self, found):
        memory, _ = self.kept(found)
        claims = {**found.claims, "exp": int(time.time()) - 1}
        over = type(found)(user=found.user, claims=claims, max_age=60, version=1)
        memory.keep(b"1", verdicts.verdict(over, None, time.monotonic(), 60))
        assert memory.find(b"1") is None
        assert b"1" not in memory._kept
        endless = type(found)(user=found.user, claims={**found.claims, "exp": 10**400}, max_age=60, version=1)
        assert verdicts.verdict(endless, None, time.monotonic(), 60).until < time.monotonic() + verdicts.MAX_LIFE + 1

    def test_a_machine_that_slept_takes_no_token_after_its_end(self, found, monkeypatch):
        memory, new = self.kept(found)
        expiry = found.claims["exp"]
        # What lasts does not go on.
        monkeypatch.setattr(verdicts.time, "time", lambda: expiry - 1.0)
        assert memory.find(b"1") is new
        monkeypatch.setattr(verdicts.time, "time", lambda: float(expiry))
        assert memory.find(b"1") is None


class TestKeys:
    """The public keys."""

    @pytest.fixture
    def keys(self, settings, stand_in):
        settings.AUTHD = stand_in.settings(MODE="offline")
        return KeySet(runtime().client, runtime().settings)

    def kid(self, shared):
        return jwt.get_unverified_header(shared.signed_in()[1])["kid"]

    def test_they_are_fetched_once_and_again_after_half_their_life(self, keys, stand_in, shared):
        kid = self.kid(shared)
        for _ in range(3):
            assert keys.find(kid) is not None
        assert stand_in.count("/.well-known/jwks.json") == 1
        keys._fetched_at -= keys._max_age * 0.6
        keys._asked_at -= 60
        with keys._lock:
            # Somebody else is at it.
            assert keys.find(kid) is not None
        assert keys.find(kid) is not None
        assert stand_in.count("/.well-known/jwks.json") == 2

    def test_names_that_are_made_up_do_not_make_us_ask(self, keys, stand_in, shared):
        for number in range(50):
            assert keys.find(f"made-up-{number}") is None
        assert stand_in.count("/.well-known/jwks.json") == 1
        keys._asked_at -= 60
        assert keys.find("another") is None
        assert stand_in.count("/.well-known/jwks.json") == 2

    def test_keys_that_are_over_are_no_keys(self, keys, stand_in, shared):
        kid = self.kid(shared)
        assert keys.find(kid) is not None
        stand_in.answers["/.well-known/jwks.json"] = (500, {}, {})
        keys._fetched_at -= 301
        keys._asked_at -= 301
        with pytest.raises(Unavailable):
            keys.find(kid)

    @pytest.mark.parametrize("when_down", ["refuse", "serve"])
    def test_keys_that_were_forgotten_serve_nobody_until_they_are_answered_anew(
        self, settings, stand_in, shared, when_down
    ):
        settings.AUTHD = stand_in.settings(MODE="offline", WHEN_DOWN=when_down)
        keys = KeySet(runtime().client, runtime().settings)
        kid = self.kid(shared)
        assert keys.find(kid) is not None
        stand_in.answers["/.well-known/jwks.json"] = (500, {}, {})
        keys.forget()
        with pytest.raises(Unavailable):
            keys.find(kid)
        del stand_in.answers["/.well-known/jwks.json"]
        keys.forget()
        assert keys.find(kid) is not None

    def test_only_public_keys_for_signatures_count(self, keys, stand_in, shared):
        stand_in.answers["/.well-known/jwks.json"] = (
            200,
            {"Cache-Control": "public, max-age=10, max-age=x"},
            {
                "keys": [
                    "x",
                    {},
                    {"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256"},
                    {"kty": "OKP", "crv": "Ed25519", "kid": "no-x"},
                    {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "enc"},
                    {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
                    {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "good"},
                ]
            },
        )
        assert keys.find("good") is not None
        assert list(keys._keys) == ["good"]
        assert keys._max_age == 10


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "JWT"}, {}),
        ({"crit": ["x"]}, {}),
        ({"kid": None}, {}),
        ({"kid": "another"}, {}),
        ({"alg": "HS256"}, {}),
        ({}, {"iss": "https://elsewhere.example"}),
        ({}, {"aud": "another"}),
        ({}, {"exp": 1}),
        ({}, {"exp": None}),
        ({}, {"sid": None}),
        ({}, {"sub": "service"}),
        ({}, {"jti": None}),
    ],
)
def test_a_token_that_is_signed_by_a_key_of_authds_is_still_held_to_the_rules(
    settings, stand_in, shared, header, claims
):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from jwt.algorithms import OKPAlgorithm

    private = Ed25519PrivateKey.generate()
    public = {**OKPAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": "k"}
    stand_in.answers["/.well-known/jwks.json"] = (200, {}, {"keys": [public]})
    settings.AUTHD = stand_in.settings(MODE="offline")
    now = int(time.time())
    user = "01a216a7-2e38-78af-8948-ad354d06575f"
    good = {"iss": shared.url, "aud": shared.url, "sub": user, "sid": user, "jti": user, "iat": now, "exp": now + 60}
    headers = {"typ": "at+jwt", "kid": "k"}

    def token(header, claims):
        said = {name: value for name, value in {**good, **claims}.items() if value is not None}
        above = {name: value for name, value in {**headers, **header}.items() if value is not None}
        algorithm = above.pop("alg", "EdDSA")
        key = private if algorithm == "EdDSA" else "0123456789abcdef0123456789abcdef"
        return jwt.encode(said, key, algorithm=algorithm, headers=above)

    verifier = runtime().verifier
    assert verifier.verify(token({}, {})).user.id == user
    with pytest.raises(InvalidToken):
        verifier.verify(token(header, claims))


@pytest.mark.parametrize("mode", ["cached", "offline"])
def test_a_clock_that_is_behind_is_said_once(settings, shared, get, mode, caplog, monkeypatch):
    settings.AUTHD = shared.settings(MODE=mode)
    _, token = shared.signed_in()

    class Slow(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) - datetime.timedelta(seconds=60)

    with monkeypatch.context() as patched:
        patched.setattr(jwt.api_jwt, "datetime", Slow)
        for _ in range(3):
            assert get("/me", token).status_code == 401
        assert get("/me", token[:-4] + "AAAA").status_code == 401
    assert caplog.text.count("the clock of this service is more than") == 1
    with pytest.raises(NoLocalUser) if mode == "offline" else contextlib.nullcontext():
        # No address in it; but a good token, as those are that are older than the clock is behind.
        user_behind(token)
    again = shared.signed_in()[1]
    with monkeypatch.context() as patched:
        patched.setattr(jwt.api_jwt, "datetime", Slow)
        assert get("/me", again).status_code == 401
        assert caplog.text.count("the clock of this service is more than") == 1
        patched.setattr(runtime().verifier, "_silent_until", 0.0)
        assert get("/me", again).status_code == 401
    assert caplog.text.count("the clock of this service is more than") == 2


def test_nothing_that_is_shown_holds_a_secret(settings, shared, get, caplog):
    caplog.set_level(logging.DEBUG)
    settings.AUTHD = shared.settings(MODE="cached")
    _, token = shared.signed_in()
    warm(get, token)
    get("/me", token[:-4] + "AAAA")
    own = runtime()
    shown = [repr(own.settings), str(own.settings), repr(own.client), repr(own.verifier), caplog.text]
    for text in shown:
        assert shared.client_secret not in text
        assert token not in text and token.split(".")[2] not in text
