"""The README, done as it says."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROGRAMS, blocks, free_port
from django.test import override_settings

from authd_django import conf

HERE = Path(__file__).parents[1]
README = (HERE / "README.md").read_text()


@pytest.fixture
def folder(tmp_path):
    """A folder with the package beside a fresh project, whose users are Django's own."""
    source = tmp_path / "connectors" / "django"
    shutil.copytree(HERE, source, ignore=shutil.ignore_patterns("tests", "bench", "__pycache__"))
    (tmp_path / "project").mkdir()
    subprocess.run(
        [sys.executable, "-m", "django", "startproject", "service", tmp_path / "project"],
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    return tmp_path


def add(path, text):
    path.write_text(path.read_text() + "\n" + text)


def run(folder, script, **variables):
    """Runs lines in bash; what they said."""
    search = f"{PROGRAMS}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": search, "PYTHONPATH": str(folder / "site"), "PYTHONUNBUFFERED": "1", **variables}
    with (folder / "said").open("w+") as said:
        shell = subprocess.Popen(
            ["bash", "-ec", script], cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True
        )
        try:
            status = shell.wait(120)
        finally:
            # A server that was started with '&' goes as well.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
        said.seek(0)
        text = said.read()
    assert status == 0, text
    return text


def test_the_five_minutes_work_as_printed(own, folder):
    authd = own()
    user, token = authd.signed_in()
    install, prepare, ask = blocks("sh")
    settings, urls, *_, signals, _ = blocks("python")
    add(folder / "project" / "service" / "settings.py", settings.replace("http://localhost:8000", authd.url))
    (folder / "project" / "service" / "urls.py").write_text(urls + signals)
    port = str(free_port())
    # The libraries are here already; only the package itself is new.
    install = install.replace("pip install", "pip install --quiet --no-deps --no-build-isolation --target site")
    assert "9000" in prepare and "9000" in ask
    wait = f"for _ in $(seq 100); do curl -s http://localhost:{port}/ >/dev/null && break; sleep 0.1; done"
    script = "\n".join([install, "cd project", prepare, wait, ask]).replace("9000", port)
    # `authctl` is the one of this authd.
    same = {"AUTHD_DATABASE_URL": f"sqlite:{authd.folder}/authd.db", "AUTHD_SERVER_PUBLIC_URL": authd.url}
    said = run(folder, script, TOKEN=token, **same)
    assert "The client may see users: authd_sync works." in said
    assert "1 changes read, 0 rows deactivated, 0 accounts without a row" in said
    assert f"{user['email']} is row 1" in said
    assert '{"pk":1,"email":"' + user["email"] + '","scope":[]}' in said


def test_the_other_settings_fit_a_fresh_project(own, folder):
    authd = own()
    _, token = authd.signed_in()
    _, _, doors, fields, *_ = blocks("python")
    path = folder / "project" / "service" / "settings.py"
    add(path, (doors + fields).replace("http://localhost:8000", authd.url))
    script = (
        "cd project; python manage.py check --fail-level ERROR; python manage.py migrate;"
        "python manage.py shell -c 'from django.contrib.auth import authenticate; import os;"
        'print("came:", authenticate(None, token=os.environ["TOKEN"]).username)\''
    )
    said = run(folder, script, TOKEN=token, PYTHONPATH=str(HERE))
    assert "authd.W002" in said
    assert re.search(r"came: \w+@example.com", said), said


def test_the_table_has_every_setting_and_its_default():
    table = README.split("<!-- settings -->")[1].split("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.strip().splitlines()[2:]]
    named = [name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(conf.KNOWN)
    values = [(re.findall(r"`(\w+)`", names), re.findall(r"`([^`]+)`", defaults) or [None]) for names, defaults in rows]
    said = {name: value for names, values in values for name, value in zip(names, values * 2, strict=False)}
    with override_settings(AUTHD={"URL": "https://auth.example.com"}):
        found = conf.read()
    for name, value in said.items():
        if value is not None and value not in conf.KNOWN:
            used = getattr(found, name.lower())
            assert (list(used) if isinstance(used, tuple) else used) == eval(value), name
    assert [name for name, value in said.items() if value is None] == [
        *("URL", "CLIENT_ID", "CLIENT_SECRET", "EXTERNAL_ID_FIELD", "CA_FILE")
    ]


def test_the_package_carries_its_licences(folder):
    install = blocks("sh")[0].splitlines()[0]
    run(folder, install.replace("pip install", "pip install --quiet --no-deps --no-build-isolation --target site"))
    (licences,) = (folder / "site").glob("authd_django-*.dist-info/licenses")
    for name in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert (licences / name).read_text() == (HERE.parents[1] / name).read_text()


def test_the_paragraph_on_tests_is_true(folder):
    settings, urls, *_, testing = blocks("python")
    project = folder / "project"
    add(project / "service" / "settings.py", settings.replace("http://localhost:8000", "http://127.0.0.1:1"))
    (project / "service" / "urls.py").write_text(urls)
    (project / "tests.py").write_text(testing)
    said = run(folder, "cd project; python manage.py test", AUTHD_CLIENT_SECRET="x", PYTHONPATH=str(HERE))
    assert "Ran 1 test" in said and "OK" in said
    assert "gives no answer" in said
    add(project / "service" / "settings.py", 'AUTHD["CHECK_AT_START"] = False')
    said = run(folder, "cd project; python manage.py test", AUTHD_CLIENT_SECRET="x", PYTHONPATH=str(HERE))
    assert "OK" in said and "gives no answer" not in said


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)", README)
    assert links
    assert [link for link in links if not (HERE / link).exists()] == []


def test_files_that_are_named_exist():
    named = re.findall(r"`(\w+\.py)`", README.split("## What is in here")[1])
    assert len(named) >= 5
    assert [name for name in named if not (HERE / "authd_django" / name).exists()] == []
