"""``manage.py authd_sync``."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connections, router, transaction

from authd_django import conf
from authd_django.answers import AuthdUser, Deleted, Page
from authd_django.client import AuthdClient, Gone, Refused
from authd_django.conf import Settings
from authd_django.errors import NoLocalUser, Unavailable
from authd_django.mirror import Mirror
from authd_django.models import Cursor

logger = logging.getLogger("authd_django")

#: Seconds for which authd is asked to wait for news, and to pause after trouble.
WAIT = 20.0
PAUSE = 2.0


class Command(BaseCommand):
    help = "Make the local rows as authd has the accounts, and keep them so until interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="End when the rows are as authd has the accounts.")
        parser.add_argument("--full", action="store_true", help="Read every account anew, not only what has changed.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings = conf.read()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        if not settings.has_client:
            raise CommandError('Set AUTHD["CLIENT_ID"] and AUTHD["CLIENT_SECRET"]: only clients are told of users.')
        follower = Follower(settings, is_anew=options["full"])
        try:
            self._follow(follower, once=options["once"])
        except KeyboardInterrupt:
            pass
        finally:
            follower.client.close()
        self.stdout.write(self.style.SUCCESS(follower.said()))

    def _follow(self, follower: Follower, *, once: bool) -> None:
        was_let_in = is_down = False
        while True:
            try:
                is_all = follower.step(0.0 if once else WAIT)
            except (Refused, Unavailable, Error) as trouble:
                # Whoever was let in before may be again: a client that was disabled, and then enabled.
                if once or (isinstance(trouble, Refused) and not was_let_in):
                    raise CommandError(_sentence(trouble)) from None
                if isinstance(trouble, Error):
                    # One that broke stays so, and nobody else opens it anew: there are no requests here.
                    connections[follower.db].close()
                if not is_down:
                    self.stderr.write(self.style.WARNING(f"{_sentence(trouble)} Trying again until it is over."))
                is_down = True
                time.sleep(PAUSE)
                continue
            if is_down:
                self.stderr.write(self.style.WARNING("It is over: the changes are followed again."))
            was_let_in, is_down = True, False
            if is_all and once:
                return


def _sentence(trouble: Exception) -> str:
    if isinstance(trouble, Refused):
        what = "it needs the scope users.view" if trouble.is_about_rights else "check CLIENT_ID and CLIENT_SECRET"
        return f"authd does not tell this client of users ({trouble}): {what}."
    if isinstance(trouble, Error):
        # What it says in words may hold values.
        return f"Not all was read: the local database failed ({type(trouble).__name__})."
    return f"Not all was read: {trouble}."


class Follower:
    """Goes through the changes, and remembers in the database how far it came."""

    def __init__(self, settings: Settings, *, is_anew: bool) -> None:
        self.client = AuthdClient(settings)
        self.db = router.db_for_write(get_user_model())
        self._mirror = Mirror(settings)
        self._issuer = settings.issuer
        stored = Cursor.objects.using(self.db).filter(issuer=settings.issuer).values_list("position", flat=True).first()
        self._position = stored or 0
        #: One that was begun by a process that ended is ended by this one: the links say which accounts were named.
        self._is_unsettled = True
        #: Whether the last answer was that all begins again.
        self._is_gone = False
        self._read = self._refused = self._deactivated = 0
        if is_anew:
            self._begin_again(0)

    def _begin_again(self, position: int) -> None:
        """All are read anew, from here on, by whatever process comes so far."""
        with transaction.atomic(using=self.db):
            self._mirror.begin_again()
            self._store(position)
        self._position, self._is_unsettled = position, True

    def step(self, wait: float) -> bool:
        """Takes one page; says whether there was no more."""
        try:
            page = self.client.user_changes(self._position, wait)
        except Gone as gone:
            if self._is_gone:
                raise Unavailable("where it says to begin is nothing, either") from None
            # Another history, as after a restored backup: versions mean nothing any more.
            logger.warning("authd has another history than the rows: all accounts are read anew")
            self._begin_again(gone.cursor)
            self._is_gone = True
            return False
        self._is_gone = False
        self._take(page)
        if self._is_unsettled and not page.more:
            self._deactivated += self._mirror.settle()
            self._is_unsettled = False
        return not page.more

    def _take(self, page: Page) -> None:
        with transaction.atomic(using=self.db):
            for change in page.changes:
                self._apply(change)
            self._store(page.cursor)
        self._position = page.cursor

    def _store(self, position: int) -> None:
        Cursor.objects.using(self.db).update_or_create(issuer=self._issuer, defaults={"position": position})

    def _apply(self, change: AuthdUser | Deleted) -> None:
        self._read += 1
        if isinstance(change, Deleted):
            self._deactivated += self._mirror.deactivate(change.id, change.version)
            return
        try:
            self._mirror.apply(change)
        except NoLocalUser:
            # The log says why; the others are no worse for it.
            self._refused += 1

    def said(self) -> str:
        """What was done, in a line."""
        refused = f"{self._refused} accounts without a row, {self._mirror.refused} rows not as authd has the account"
        return f"{self._read} changes read, {self._deactivated} rows deactivated, {refused}"
