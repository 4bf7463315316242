"""The settings of the service. What has to do with authd is at the end."""

import os

SECRET_KEY = os.environ["ORDERS_SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "orders.urls"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "authd_django", "orders"]
AUTH_USER_MODEL = "orders.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["ORDERS_DATABASE"],
        # The service and `authd_sync` write to it at once.
        "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["authd_django.authentication.AuthdAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
AUTHD = {
    "URL": os.environ["AUTHD_URL"],
    "ISSUER": os.environ["AUTHD_ISSUER"],
    "CLIENT_ID": "orders",
    "CLIENT_SECRET": os.environ["AUTHD_CLIENT_SECRET"],
    "MODE": "cached",
}
