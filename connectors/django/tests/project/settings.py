"""A service as it might be: its own model of users, Django REST framework, and one of the databases."""

import os
import tempfile
from pathlib import Path

from . import postgres

SECRET_KEY = "of the tests, and of nobody else in the world: long enough"
ROOT_URLCONF = "project.urls"
USE_TZ = True
STATIC_URL = "/static/"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "authd_django",
    "project.accounts",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "authd_django.backends.AuthdBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["authd_django.authentication.AuthdAuthentication"]}

if os.environ.get("AUTHD_TEST_ENGINE") == "postgres":
    DATABASES = {"default": postgres.database()}
else:
    if "AUTHD_TEST_FOLDER" in os.environ:
        file = str(Path(os.environ["AUTHD_TEST_FOLDER"], "service.db"))
    else:
        file = str(Path(tempfile.gettempdir(), f"authd-django-{os.getpid()}.db"))
    # A file, as in a small installation: several connections write to it at once.
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": file,
            "OPTIONS": {"timeout": 30},
            "TEST": {"NAME": file},
        }
    }

AUTHD = {
    "URL": os.environ.get("AUTHD_TEST_URL", "http://127.0.0.1:1"),
    "CLIENT_ID": os.environ.get("AUTHD_TEST_CLIENT_ID", ""),
    "CLIENT_SECRET": os.environ.get("AUTHD_TEST_CLIENT_SECRET", ""),
    "MODE": os.environ.get("AUTHD_TEST_MODE", "online"),
    "CHECK_AT_START": "AUTHD_TEST_URL" in os.environ,
}
if "AUTHD_TEST_AUDIENCE" in os.environ:
    AUTHD["AUDIENCE"] = os.environ["AUTHD_TEST_AUDIENCE"]
if "AUTHD_TEST_ISSUER" in os.environ:
    AUTHD["ISSUER"] = os.environ["AUTHD_TEST_ISSUER"]
