"""authd, a Django service and a Rust service behind nginx: one user comes, changes, and is shut out.

`make demo` builds what this needs and runs it. It ends all that it has started, also on Ctrl-C, and fails if
anything is not as it says.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
PASSWORD = "lantern over quiet harbours"
EMAIL = "ada@example.com"
PATIENCE = 60  # seconds; rows follow within one or two


class Demo:
    """A folder with everything in it, and the processes that work there."""

    def __init__(self, folder, programs, nginx):
        self.folder, self.programs, self.nginx = Path(folder), Path(programs).resolve(), nginx
        self.processes = []
        self.ports = {name: free_port() for name in ("front", "authd", "orders", "billing")}
        self.front = f"http://127.0.0.1:{self.ports['front']}"
        self.own = {
            "AUTHD_SERVER_LISTEN": f"127.0.0.1:{self.ports['authd']}",
            "AUTHD_SERVER_PUBLIC_URL": self.front,
            "AUTHD_SERVER_TRUSTED_PROXIES": "127.0.0.1",
        }

    def authctl(self, *words, said=None):
        """A command of authctl, as somebody at the machine types it; what it prints."""
        command = [self.programs / "authctl", *words]
        done = subprocess.run(command, cwd=self.folder, env=self.own, input=said, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"authctl {' '.join(words)}: {done.stderr}")
        return done.stdout.strip()

    def start(self, name, command, **variables):
        """Starts a process in the folder; what it says goes into a file."""
        log = (self.folder / f"{name}.log").open("w")
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(HERE.parent / "connectors/django"),
                "PYTHONDONTWRITEBYTECODE": "1",
                **variables,
            },
            stdout=log,
            stderr=log,
            # Ctrl-C is for us alone: we end them one after the other.
            start_new_session=True,
        )
        self.processes.append((name, process))

    def start_services(self):
        """authd; the two services, each with a client of its own; and nginx in front of them."""
        self.start("authd", [self.programs / "authd", "serve"], **self.own)
        self.authctl("ping", "--wait", "30s")
        for name in ("orders", "billing"):
            secret = self.authctl("client", "add", name, "--scope", "users.view", "-q")
            variables = {
                "AUTHD_URL": f"http://127.0.0.1:{self.ports['authd']}",
                "AUTHD_ISSUER": self.front,
                "AUTHD_CLIENT_SECRET": secret,
                f"{name.upper()}_DATABASE": str(self.folder / f"{name}.db"),
            }
            getattr(self, f"start_{name}")(variables)
        text = (HERE / "nginx.conf").read_text().replace("FOLDER", str(self.folder))
        for name, port in self.ports.items():
            text = text.replace(f"{name.upper()}_PORT", str(port))
        configuration = self.folder / "nginx.conf"
        configuration.write_text(text)
        self.start("nginx", [self.nginx, "-e", self.folder / "nginx.log", "-p", self.folder, "-c", configuration])
        for path in ("/livez", "/orders/", "/billing/"):
            until(lambda path=path: self.ask(path)[0] in (200, 401), f"{path} answers", self)

    def start_orders(self, variables):
        """Django, and beside it what makes rows follow people who do not come."""
        manage = [sys.executable, HERE / "orders/manage.py"]
        variables["ORDERS_SECRET_KEY"] = secrets.token_hex(32)
        self.start("migrate", [*manage, "migrate"], **variables)
        if self.processes.pop()[1].wait(PATIENCE) != 0:
            sys.exit((self.folder / "migrate.log").read_text())
        self.start("orders", [*manage, "runserver", "--noreload", str(self.ports["orders"])], **variables)
        self.start("authd_sync", [*manage, "authd_sync"], **variables)

    def start_billing(self, variables):
        """The service in Rust, which follows by itself."""
        variables["BILLING_LISTEN"] = f"127.0.0.1:{self.ports['billing']}"
        self.start("billing", [self.programs / "billing"], **variables)

    def ask(self, path, token=None, body=None):
        """One request through nginx: status and answer."""
        request = urllib.request.Request(self.front + path)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or b"null") if "/livez" not in path else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, None
        except OSError:
            return 0, None

    def rows(self):
        """The user's row in each service's own database: the phone number, and whether it is active."""
        queries = {"orders": "orders_user", "billing": "customers"}
        found = {}
        for service, table in queries.items():
            file = f"file:{self.folder / service}.db?mode=ro"
            with closing(sqlite3.connect(file, uri=True, timeout=30)) as database:
                sql = f"SELECT id, email, phone_number, is_active FROM {table} WHERE email = ?"  # noqa: S608
                found[service] = database.execute(sql, [EMAIL]).fetchone()
        return found

    def show_rows(self):
        """Those rows, for people."""
        for service, row in self.rows().items():
            number, email, phone, is_active = row
            print(f"    {service:8} row {number}   {email}   {phone}   {'active' if is_active else 'not active'}")

    def end(self):
        """Ends what was started, the last first."""
        # Whoever presses Ctrl-C again waits for this all the same.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for _, process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for name, process in reversed(self.processes):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                print(f"{name} does not end: it is killed")
                process.kill()
                process.wait()


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(is_so, what, demo):
    """Waits until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        for name, process in demo.processes:
            if process.poll() is not None:
                sys.exit(f"{name} has ended: {(demo.folder / f'{name}.log').read_text()}")
        if time.monotonic() > deadline:
            logs = "".join(f"--- {name}\n{(demo.folder / f'{name}.log').read_text()}" for name, _ in demo.processes)
            sys.exit(f"this is not so after {PATIENCE} s: {what}\n{logs}")
        time.sleep(0.05)


def check(is_so, what):
    """Fails unless it is so."""
    if not is_so:
        sys.exit(f"this is not so: {what}")


def title(text):
    """What comes next."""
    print(f"\n==> {text}")


def play(demo):
    """The demo."""
    title("authd, orders (Django) and billing (Rust) start, and nginx in front of them")
    demo.start_services()
    print(f"    all of it at {demo.front}, files in {demo.folder}")

    title(f"an account is made: authctl user add {EMAIL}")
    demo.authctl(
        "user", "add", EMAIL, "--first-name", "Ada", "--phone-number", "+44 20 7946 0000", "--password-stdin",
        said=PASSWORD,
    )  # fmt: skip

    title("Ada logs in: POST /auth/login")
    status, grant = demo.ask("/auth/login", body={"email": EMAIL, "password": PASSWORD})
    check(status == 200, f"login is answered 200, not {status}")
    token = grant["access_token"]
    print(f"    access token {token[:24]}..., for {grant['expires_in'] // 60} minutes")

    title("both services take the token")
    check(demo.ask("/orders/")[0] == 401 and demo.ask("/billing/")[0] == 401, "without a token both refuse")
    status, orders = demo.ask("/orders/", token, {"what": "a brass lantern"})
    check(status == 200 and orders["orders"] == ["a brass lantern"], f"orders takes the token: {status} {orders}")
    print(f"    POST /orders/   {json.dumps(orders)}")
    status, bill = demo.ask("/billing/", token)
    check(status == 200 and bill["owes"], f"billing takes the token: {status} {bill}")
    print(f"    GET  /billing/  {json.dumps(bill)}")

    title("each has a row of its own for her, in its own database")
    check(all(row and row[2] == "+442079460000" and row[3] for row in demo.rows().values()), f"{demo.rows()}")
    demo.show_rows()

    title(f"she moves: authctl user set {EMAIL} --phone-number '+44 20 7946 0958'")
    demo.authctl("user", "set", EMAIL, "--phone-number", "+44 20 7946 0958")
    began = time.monotonic()
    until(lambda: all(row[2] == "+442079460958" for row in demo.rows().values()), "both rows follow", demo)
    print(f"    {time.monotonic() - began:.1f} s later, though she has not come again:")
    demo.show_rows()

    title(f"she leaves: authctl user disable {EMAIL}")
    demo.authctl("user", "disable", EMAIL, "--yes")
    began = time.monotonic()
    paths = ("/orders/", "/billing/")
    until(lambda: all(demo.ask(path, token)[0] == 401 for path in paths), "both refuse her token", demo)
    print(f"    {time.monotonic() - began:.1f} s later the same token gets 401 from both")
    until(lambda: not any(row[3] for row in demo.rows().values()), "both rows are not active", demo)
    demo.show_rows()


def main():
    """Plays the demo in a folder that is gone afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, help="folder with authd, authctl and billing")
    parser.add_argument("--nginx", default=shutil.which("nginx"), help="nginx, where it is not on the path")
    arguments = parser.parse_args()
    if arguments.nginx is None:
        parser.error("there is no nginx on the path: say where it is by --nginx")
    # Told to stop, it ends as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="authd-demo-") as folder:
        demo = Demo(folder, arguments.programs, arguments.nginx)
        try:
            play(demo)
        except KeyboardInterrupt:
            sys.exit("\nstopped")
        finally:
            demo.end()
    print("\nAll of it is ended, and gone.")


if __name__ == "__main__":
    main()
