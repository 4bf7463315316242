"""``INSTALLED_APPS = [..., "authd_django"]``."""

from __future__ import annotations

import logging
import sys

from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

logger = logging.getLogger("authd_django")

#: Imported by what serves, and by no command that was not asked to.
SERVING = ("django.core.wsgi", "django.core.asgi")


class AuthdConfig(AppConfig):
    """Looks at the settings once."""

    name = "authd_django"
    label = "authd"
    verbose_name = "authd"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers the system checks; a process that is to serve does them now, and does not start if they fail."""
        from .checks import check

        checks.register(check, "authd")
        if any(name in sys.modules for name in SERVING):
            refuse_if_wrong()


def refuse_if_wrong() -> None:
    """Raises ``ImproperlyConfigured`` if a system check of ours finds an error. Servers run none by themselves."""
    from .checks import check

    found = check()
    for message in found:
        logger.warning("%s", message.msg)
    if errors := [str(message.msg) for message in found if message.is_serious()]:
        raise ImproperlyConfigured(" ".join(errors))
