"""A PostgreSQL server for one run of the tests, made and ended with it."""

import atexit
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path


def programs():
    """The folder with PostgreSQL's programs: Debian's newest, or one on the path."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = [Path(folder) for folder in os.environ["PATH"].split(":")]
    for folder in [*versions, *on_path]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise SystemExit("The tests start PostgreSQL: please install it.")


def unprivileged():
    """Whom the server runs as: it refuses to be root's."""
    if os.geteuid() != 0:
        return {}
    names = [entry.pw_name for entry in pwd.getpwall()]
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def database():
    """The entry of ``DATABASES`` for a database on it."""
    folder = Path(tempfile.mkdtemp(prefix="authd-django-postgres-", dir="/tmp"))
    as_whom, bin_ = unprivileged(), programs()
    password = secrets.token_hex(16)
    secret = folder / "password"
    secret.write_text(password)
    if as_whom:
        for path in (folder, secret):
            os.chown(path, as_whom["user"], as_whom["group"])
    data = folder / "data"
    initdb = [bin_ / "initdb", "-D", data, "--username=postgres", "--auth=scram-sha-256", "--no-sync"]
    initdb += ["--encoding=UTF8", "--locale=C", f"--pwfile={secret}"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **as_whom)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = [
        bin_ / "postgres",
        "-D",
        data,
        "-p",
        str(port),
        "-k",
        folder,
        "-c",
        "fsync=off",
        "-c",
        "max_connections=200",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(server, stdout=log, stderr=log, cwd="/", **as_whom)

    def end():
        process.terminate()
        process.wait()
        shutil.rmtree(folder)

    atexit.register(end)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "PASSWORD": password,
        "HOST": "127.0.0.1",
        "PORT": port,
    }
