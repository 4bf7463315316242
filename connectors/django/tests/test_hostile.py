"""Answers that are not authd's: no verdict, said once, and never a 500."""

import gzip
import json
import socket
import time

import pytest
from django.contrib.auth import get_user_model

from authd_django import http
from authd_django.errors import NotOurs, Unavailable
from authd_django.runtime import runtime

pytestmark = pytest.mark.django_db(transaction=True)
JSON = {"Content-Type": "application/json"}


def good(stand_in, token):
    """A real answer, to be bent."""
    answer = stand_in.authd.http.request(
        "GET", stand_in.authd.url + "/auth/verify", headers={"Authorization": f"Bearer {token}"}
    )
    return answer.json()


def changed(path, value):
    """Bends one value of an answer."""

    def bend(answer):
        *parents, last = path.split(".")
        place = answer
        for name in parents:
            place = place[name]
        if value is KeyError:
            del place[last]
        else:
            place[last] = value
        return answer

    return bend


BENT = [
    changed("active", False),
    changed("active", 1),
    changed("claims", []),
    changed("claims.sub", "another"),
    changed("claims.sub", 5),
    changed("claims.iss", "https://elsewhere.example"),
    changed("claims.aud", "another"),
    changed("claims.aud", ["another", 5]),
    changed("claims.exp", 10**400),
    changed("claims.exp", -(10**400)),
    changed("claims.exp", 1.5),
    changed("claims.exp", float("inf")),
    changed("claims.jti", "half a letter: \ud800"),
    changed("user.email", "\udfff@example.com"),
    changed("user.first_name", "\ud800"),
    changed("user.groups", ["\ud800"]),
    changed("permissions", ["accounts.\ud800"]),
    changed("user", []),
    changed("user", None),
    changed("user.id", "5"),
    changed("user.id", 5),
    changed("user.is_active", False),
    changed("user.is_active", "yes"),
    changed("user.email", None),
    changed("user.fields", None),
    changed("user.groups", "billing"),
    changed("user.groups", [5]),
    changed("user.version", True),
    changed("user.version", 2**63),
    changed("permissions", KeyError),
    changed("max_age", -1),
    changed("max_age", "5"),
    changed("version", None),
]


@pytest.mark.parametrize("bend", BENT)
def test_an_answer_with_one_thing_wrong_is_no_answer(settings, stand_in, shared, get, bend):
    settings.AUTHD = stand_in.settings(GROUPS=True, PERMISSIONS=True)
    _, token = shared.signed_in()
    stand_in.answers["/auth/verify"] = (200, JSON, bend(good(stand_in, token)))
    assert get("/me", token).status_code == 503
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("mode", ["online", "cached"])
@pytest.mark.parametrize("token", ["a", "a.b.c", "bnVsbA.e30.", "W10.e30.", "eyJraWQiOiA1fQ.e30."])
def test_an_answer_that_calls_good_what_is_no_token_is_no_answer(settings, stand_in, shared, get, mode, token, caplog):
    settings.AUTHD = stand_in.settings(MODE=mode)
    _, real = shared.signed_in()
    stand_in.answers["/auth/verify"] = (200, JSON, good(stand_in, real))
    for _ in range(2):
        assert get("/me", token).status_code == (503 if mode == "online" else 401)
    assert caplog.text.count("calls something good that is no token") == (mode == "online")
    assert not get_user_model().objects.exists()


def test_whole_letters_that_are_written_as_halves_are_letters(settings, stand_in, shared, get):
    settings.AUTHD = stand_in.settings(GROUPS=True)
    _, token = shared.signed_in()
    bend = changed("user.first_name", "\U0001f600")
    stand_in.answers["/auth/verify"] = (200, JSON, bend(good(stand_in, token)))
    assert get("/me", token).status_code == 200
    assert get_user_model().objects.get().first_name == "\U0001f600"


def trickle(handler):
    """A header at once, and a body that never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def trickled_header(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        handler.wfile.write(b"X")
        time.sleep(0.05)


def broken(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}")


def endless(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(200):
        handler.wfile.write(b" " * 65536)


STRANGE = {
    "a page": (200, {"Content-Type": "text/html"}, b"<html>Welcome</html>"),
    "nothing": (200, {}, b""),
    "a list": (200, JSON, []),
    "deep": (200, JSON, b"[" * 500_000),
    "not UTF-8": (200, JSON, b'{"active": "\xff"}'),
    "half a letter": (200, JSON, b'{"active": true, "x": "\xed\xa0\x80"}'),
    "UTF-16": (200, JSON, '{"active": true}'.encode("utf-16")),
    "too long": (200, JSON, b" " * (http.MAX_ANSWER + 1)),
    "a bomb": (200, {**JSON, "Content-Encoding": "gzip"}, gzip.compress(b" " * 10_000_000)),
    "elsewhere": (302, {"Location": "/elsewhere"}, b""),
    "elsewhere for good": (308, {"Location": "http://127.0.0.1:1/"}, b""),
    "what we have, but we have nothing": (304, {}, b""),
    "its own trouble": (500, JSON, {"code": "internal"}),
    "too much": (429, JSON, {"code": "too_many_requests"}),
    "somebody else's 401": (401, {"WWW-Authenticate": "Basic"}, b"<html>log in</html>"),
    "another 401": (401, JSON, {"code": "another"}),
    "no HTTP": lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a header without end": lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000),
    "hangs up": lambda handler: handler.connection.close(),
    "broken off": broken,
    "endless": endless,
    "a body bit by bit": trickle,
    "a header bit by bit": trickled_header,
    "silence": lambda handler: time.sleep(2),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_strange_answer_is_no_verdict_and_is_said_once(settings, stand_in, shared, get, what, caplog):
    settings.AUTHD = stand_in.settings(TIMEOUT=0.4)
    _, token = shared.signed_in()
    stand_in.answers["/auth/verify"] = STRANGE[what]
    began = time.monotonic()
    for _ in range(3):
        assert get("/me", token).status_code == 503
    # Late once: then nobody waits for a while.
    assert time.monotonic() - began < 2
    assert caplog.text.count("gives no answer to 'verify'") == 1
    assert stand_in.count("/elsewhere") == 0
    del stand_in.answers["/auth/verify"]
    runtime().client._pause_until = 0.0
    assert get("/me", token).status_code == 200


def test_a_connection_that_was_kept_too_long_is_opened_anew(settings, own, get):
    authd = own(AUTHD_SERVER_KEEP_ALIVE="1s")
    settings.AUTHD = authd.settings()
    _, token = authd.signed_in()
    assert get("/me", token).status_code == 200
    authd.stop()
    authd.start()
    assert get("/me", token).status_code == 200
    time.sleep(1.2)
    assert get("/me", token).status_code == 200


def test_when_the_time_is_over_nothing_more_is_read_though_it_is_there():
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(0.05)
        reader = http._WithinTime(near.makefile("rb", buffering=0), near)
        far.sendall(b"ab")
        assert reader.readable()
        assert reader.read(1) == b"a"
        time.sleep(0.06)
        with pytest.raises(TimeoutError):
            reader.read(1)
        reader.close()


def test_other_answers_are_read_as_strictly(settings, stand_in):
    settings.AUTHD = stand_in.settings(MODE="cached")
    client = runtime().client
    stand_in.answers["/.well-known/jwks.json"] = (200, JSON, {"keys": {}})
    with pytest.raises(NotOurs):
        client.jwks()
    for issuer in (5, "https://a\x1b[2J", "https://a\nb", "\u202e", "a" * 501):
        stand_in.answers["/.well-known/oauth-authorization-server"] = (200, JSON, {"issuer": issuer})
        with pytest.raises(NotOurs):
            client.issuer()
    stand_in.answers["/oauth/token"] = (400, JSON, {"error": "\x1b[2J"})
    with pytest.raises(NotOurs):
        client.token()
    for bad in [{}, {"access_token": "x", "expires_in": "x"}, {"access_token": 5, "expires_in": 5}]:
        stand_in.answers["/oauth/token"] = (200, JSON, bad)
        with pytest.raises(NotOurs):
            client.token()
    for page in [{}, {"changes": [5]}, {"changes": [{}]}, {"changes": [], "cursor": 1}, {"changes": [], "cursor": "1"}]:
        stand_in.answers["/auth/revocations"] = (200, JSON, page)
        with pytest.raises(NotOurs):
            client.revocations(1, 0)
    stand_in.answers["/auth/revocations"] = (410, JSON, {"cursor": "x"})
    with pytest.raises(Unavailable):
        client.revocations(1, 0)


def test_tls_is_checked_and_a_path_may_stand_before_authds(settings, tmp_path, own, get):
    import datetime
    import ssl
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    made = made.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    certificate, secret = tmp_path / "certificate", tmp_path / "key"
    certificate.write_bytes(made.public_bytes(pem))
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"issuer": self.path}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://localhost:{server.server_port}/sso/"
    settings.AUTHD = {"URL": url, "CA_FILE": str(certificate)}
    assert runtime().client.issuer() == "/sso/.well-known/oauth-authorization-server"
    settings.AUTHD = {"URL": url}
    with pytest.raises(Unavailable):
        runtime().client.issuer()
    server.shutdown()
    server.server_close()
