"""Models of users as other projects have them, each in a project of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BASE = "from django.contrib.auth.models import *\nfrom django.db import models\nimport uuid\n"
MODELS = {
    "auth.User, whose user name is no address": "",
    "a UUID as the key, and an address that may be missing": """
class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(null=True, blank=True)
""",
    "the user name as the key": """
class User(AbstractUser):
    username = models.CharField(primary_key=True, max_length=150)
""",
    "the address under another name, and neither is_active nor rights": """
class Manager(BaseUserManager):
    pass

class User(AbstractBaseUser):
    mail = models.EmailField(unique=True)
    objects = Manager()
    USERNAME_FIELD = EMAIL_FIELD = "mail"
""",
    "a part of a larger family of tables": """
class Person(models.Model):
    full_name = models.CharField(max_length=50, default="")

class User(Person, AbstractUser):
    objects = UserManager()
""",
    "short names, and a manager that hides some": """
class Manager(UserManager):
    def get_queryset(self):
        return super().get_queryset().exclude(last_name="Hidden")

class User(AbstractUser):
    first_name = models.CharField(max_length=5, blank=True)
    objects = Manager()
""",
}
SETTINGS = """
import json, os
SECRET_KEY = "of this test, and long enough for anything that asks"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "people"]
INSTALLED_APPS += ["authd_django"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "authd_django.middleware.AuthdMiddleware",
]
AUTH_USER_MODEL = os.environ["USER_MODEL"]
MIGRATION_MODULES = {"people": None, "auth": None, "contenttypes": None, "sessions": None}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "service.db"}}
ROOT_URLCONF = "urls"
AUTHD = json.loads(os.environ["AUTHD_SETTINGS"])
"""
URLS = """
from django.http import JsonResponse
from django.urls import path

def me(request):
    user = request.user
    return JsonResponse({"address": getattr(user, user.get_email_field_name()), "name": user.get_username()})

urlpatterns = [path("me", me)]
"""
ASK = """
import django, json, os
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", run_syncdb=True, verbosity=0)
answer = Client().get("/me", headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
call_command("authd_sync", once=True)
from django.contrib.auth import get_user_model
rows = get_user_model()._base_manager.all()
rows = [[getattr(row, row.get_email_field_name()), getattr(row, "first_name", None), row.is_active] for row in rows]
print(json.dumps({"status": answer.status_code, "body": answer.content.decode(), "rows": sorted(rows)}))
"""


@pytest.mark.parametrize("what", MODELS)
def test_a_row_comes_and_follows_whatever_the_model_is_like(own, tmp_path, what):
    authd = own()
    user, token = authd.signed_in("--first-name", "Ada", "--last-name", "Hidden")
    gone = authd.add_user("gone@example.com", "--first-name", "Maximilian")
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "__init__.py").touch()
    (tmp_path / "people" / "models.py").write_text(BASE + MODELS[what] if MODELS[what] else "")
    (tmp_path / "settings.py").write_text(SETTINGS)
    (tmp_path / "urls.py").write_text(URLS)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": "settings",
        "USER_MODEL": "people.User" if MODELS[what] else "auth.User",
        "AUTHD_SETTINGS": json.dumps(authd.settings()),
        "TOKEN": token,
    }

    def ask():
        command = [sys.executable, "-c", ASK]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]), done

    found, done = ask()
    assert found["status"] == 200, (found, done)
    assert json.loads(found["body"])["address"] == user["email"]
    assert json.loads(found["body"])["name"] in (user["id"], user["email"])
    rows = {address: rest for address, *rest in found["rows"]}
    assert sorted(rows) == sorted([user["email"], gone["email"]])
    assert rows[user["email"]][0] in ("Ada", None)
    # What does not fit is left out, and cut by no database.
    assert rows[gone["email"]][0] in ("Maximilian", "", None)
    authd.authctl("user", "disable", user["email"], "--yes")
    authd.authctl("user", "delete", gone["email"], "--yes")
    found, _ = ask()
    assert found["status"] == 401
    has_is_active = "neither is_active" not in what
    assert {is_active for _, _, is_active in found["rows"]} == {not has_is_active}
