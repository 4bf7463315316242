"""``manage.py authd_check``."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from authd_django import conf, followed, startup


class Command(BaseCommand):
    help = "Ask authd whether this service and it are meant for each other."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings = conf.read()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        findings = startup.examine(settings)
        styles = {"good": self.style.SUCCESS, "wrong": self.style.ERROR}
        for finding in findings:
            self.stdout.write(styles.get(finding.level, self.style.WARNING)(f"{finding.level:8} {finding.sentence}"))
        for sentence in followed.doubtful_fields(settings):
            self.stdout.write(self.style.WARNING(f"doubtful {sentence}"))
        wrong = followed.wrong_fields(settings)
        for sentence in wrong:
            self.stdout.write(self.style.ERROR(f"wrong    {sentence}"))
        if wrong or any(one.level == "wrong" or one.about == "reachable" for one in findings):
            raise CommandError("Not everything is as it should be.")
