"""A live authd for the tests, the service that asks it, and a server that answers whatever a test wants."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3

from authd_django import runtime as runtime_module

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = Path(os.environ.get("AUTHD_TEST_PROGRAMS", ROOT / "target" / "debug"))
PASSWORD = "correct horse battery staple"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(is_so, seconds=10.0):
    """Waits until it is so; the last answer."""
    deadline = time.monotonic() + seconds
    while not (found := is_so()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


class Authd:
    """A folder with a database, `authctl` for it, and the daemon, which can be stopped and started."""

    def __init__(self, folder, **configuration):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {"PATH": os.environ["PATH"], "AUTHD_SERVER_PUBLIC_URL": self.url, **configuration}
        self.process = None
        self.http = urllib3.PoolManager()
        self.start()
        self.client_id, self.client_secret = self.add_client("service", "--scope", "users.view")

    def start(self):
        listen = f"127.0.0.1:{self.port}"
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [PROGRAMS / "authd", "serve", "--listen", listen],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout.readline().startswith(b"authd ready on "), (self.folder / "log").read_text()

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process.stdout.close()
            self.process = None

    def authctl(self, *arguments, stdin=""):
        """What it printed, as JSON."""
        done = subprocess.run(
            [PROGRAMS / "authctl", "-o", "json", *arguments],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done
        return json.loads(done.stdout) if done.stdout else None

    def add_client(self, name, *arguments):
        return name, self.authctl("client", "add", name, *arguments)["client_secret"]

    def add_user(self, email=None, *arguments):
        email = email or f"{uuid.uuid4().hex[:12]}@example.com"
        return self.authctl("user", "add", email, "--password-stdin", *arguments, stdin=PASSWORD)["user"]

    def set_user(self, user, *arguments):
        return self.authctl("user", "set", user["email"], *arguments)

    def login(self, user):
        body = json.dumps({"email": user["email"], "password": PASSWORD})
        answer = self.http.request(
            "POST", f"{self.url}/auth/login", body=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status == 200, answer.data
        return answer.json()["access_token"]

    def signed_in(self, *arguments):
        """A user, and a token."""
        user = self.add_user(None, *arguments)
        return user, self.login(user)

    def settings(self, **more):
        """`AUTHD` for it."""
        client = {"CLIENT_ID": self.client_id, "CLIENT_SECRET": self.client_secret}
        return {"URL": self.url, "CHECK_AT_START": False, **client, **more}


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """An authd for all tests that leave it as it is."""
    found = Authd(tmp_path_factory.mktemp("authd"))
    yield found
    found.stop()


@pytest.fixture
def own(tmp_path):
    """An authd for one test, which may stop it."""
    made = []

    def make(**configuration):
        folder = tmp_path / f"authd-{len(made)}"
        folder.mkdir()
        made.append(Authd(folder, **configuration))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(autouse=True)
def _fresh():
    """No test is served from what another one's process has kept."""
    runtime_module.stop()
    yield
    runtime_module.stop()


class StandIn:
    """A server in authd's place: passes on what it is asked, but for the paths that a test answers itself."""

    def __init__(self, authd):
        self.authd = authd
        self.answers = {}
        self.asked = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0]
                stand_in.asked.append((path, dict(self.headers)))
                answer = stand_in.answers.get(path)
                if callable(answer):
                    self.close_connection = True
                    answer(self)
                elif answer is None:
                    self.pass_on(body)
                else:
                    status, headers, body = answer
                    self.say(status, headers, body)

            do_POST = do_GET

            def pass_on(self, body):
                answer = stand_in.authd.http.request(
                    self.command,
                    stand_in.authd.url + self.path,
                    body=body,
                    headers={name: value for name, value in self.headers.items() if name.lower() != "host"},
                    retries=False,
                )
                kept = ("Content-Type", "ETag", "Cache-Control")
                headers = {name: answer.headers[name] for name in kept if name in answer.headers}
                self.say(answer.status, headers, answer.data)

            def say(self, status, headers, body):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if status != 304:
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                """A client that has gone is no news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def settings(self, **more):
        return self.authd.settings(**{"URL": self.url, "ISSUER": self.authd.url, **more})

    def count(self, path):
        return sum(one == path for one, _ in self.asked)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def stand_in(shared):
    found = StandIn(shared)
    yield found
    found.close()


@pytest.fixture
def get(client):
    """Asks the service, with a token or another header."""

    def ask(path, token=None, method="get", **headers):
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return getattr(client, method)(path, headers=headers)

    return ask


def blocks(language):
    """The code blocks of the README in this language."""
    text = (Path(__file__).parents[1] / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)
