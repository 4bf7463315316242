"""The project as a service: its accounts over HTTP, by Django REST framework, simplejwt and djoser."""

import os
from datetime import timedelta

from settings import *  # noqa: F403
from settings import INSTALLED_APPS, MIGRATION_MODULES

ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = INSTALLED_APPS + [
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "djoser",
]
MIGRATION_MODULES = MIGRATION_MODULES | {"token_blacklist": None}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in [
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    ]
]
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = int(os.environ.get("MAIL_PORT", "0"))
TIME_ZONE = "UTC"
DEFAULT_FROM_EMAIL = "authd@example.com"
DOMAIN = "app.example.com"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
}
SIMPLE_JWT = {
    "SIGNING_KEY": "only for tests, and long enough for HS256",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "AUTH_HEADER_TYPES": ("Bearer", "JWT"),
}
DJOSER = {
    "SEND_ACTIVATION_EMAIL": True,
    "ACTIVATION_URL": "activate/{uid}/{token}",
    "PASSWORD_RESET_CONFIRM_URL": "password/reset/confirm/{uid}/{token}",
    "TOKEN_MODEL": None,
    "SERIALIZERS": {
        "user": "accounts.serializers.UserSerializer",
        "current_user": "accounts.serializers.UserSerializer",
        "user_create": "accounts.serializers.UserCreateSerializer",
    },
}
