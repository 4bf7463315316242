"""The row of ``AUTH_USER_MODEL`` that stands for an account of authd."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, router, transaction

from . import linking, rights, signals
from .answers import AuthdUser
from .conf import Settings
from .errors import NoLocalUser
from .followed import field_map, values
from .models import FORGOTTEN, Link

logger = logging.getLogger("authd_django")

#: Seconds after which one looks again whose a row is. Whatever authd has changed is looked at at once.
KNOWN_FOR: Final = 60.0
#: Rows that are made inactive in one transaction, where accounts are found gone.
UNNAMED_AT_ONCE: Final = 500
#: What a value or the database may have against a row.
_REFUSED: Final = (IntegrityError, DataError, ValidationError, ValueError, TypeError, OverflowError)


class Mirror:
    """Keeps rows as authd has the accounts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model: Any = get_user_model()
        self._db = router.db_for_write(self._model)
        self._rows = self._model._default_manager.db_manager(self._db)
        self._lock = threading.Lock()
        #: By account: the row's key, for which version it was up to date, until when that is believed.
        self._known: OrderedDict[str, tuple[Any, int, float]] = OrderedDict()
        self._map = field_map(settings)
        self._has_is_active = any(field.name == "is_active" for field in self._model._meta.concrete_fields)
        #: For whom it was said that there is no row.
        self._told: deque[tuple[str, int]] = deque(maxlen=1000)

    def row_of(self, account: AuthdUser) -> AbstractBaseUser:
        """The active row of an account, made or brought up to date if need be.

        Raises ``NoLocalUser`` if there may be none.
        """
        row = self._known_row(account)
        if row is None:
            link = self._link(account.id)
            if link is not None and link.user is not None and link.version >= account.version:
                row = link.user
            else:
                row = self.apply(account)
            self._remember(account, row)
        if not row.is_active:
            raise NoLocalUser("the local row is not active")
        return row

    def _known_row(self, account: AuthdUser) -> AbstractBaseUser | None:
        """The row as it is now, if it was up to date for this account a moment ago: by its key, which is cheap."""
        pk, version, until = self._known.get(account.id, (None, 0, 0.0))
        if version < account.version or time.monotonic() >= until:
            return None
        try:
            row: AbstractBaseUser = self._rows.get(pk=pk)
        except self._model.DoesNotExist:
            return None
        return row

    def _remember(self, account: AuthdUser, row: AbstractBaseUser) -> None:
        with self._lock:
            self._known[account.id] = (row.pk, account.version, time.monotonic() + KNOWN_FOR)
            self._known.move_to_end(account.id)
            if len(self._known) > self._settings.cache_size:
                self._known.popitem(last=False)

    def apply(self, account: AuthdUser) -> AbstractBaseUser:
        """Makes the row as the account is, unless it is so or newer."""
        try:
            with transaction.atomic(using=self._db):
                return self._written(account)
        except NoLocalUser as refusal:
            if (account.id, account.version) not in self._told:
                self._told.append((account.id, account.version))
                logger.warning("no local row for the account %s: %s", account.id, refusal)
            raise

    def deactivate(self, sub: str, version: int) -> bool:
        """Makes the row of a deleted account inactive, and lets none be made; says whether one became so."""
        with transaction.atomic(using=self._db):
            if not self._take(sub, version, below=version):
                # A token may outlive its account: a link without a row keeps it from making one.
                links = Link.objects.using(self._db)
                _, is_made = links.get_or_create(sub=sub, defaults={"version": version})
                # The request that has made one meanwhile knew of no deletion.
                if is_made or not self._take(sub, version, below=version):
                    return False
            return self._switch_off(self._link(sub))

    def begin_again(self) -> None:
        """Nothing is known of any account, as all are read anew. That is written down: this may end before `settle`."""
        links = Link.objects.using(self._db)
        # Who was deleted before there was a row is told again.
        links.filter(user__isnull=True).delete()
        links.update(version=FORGOTTEN)

    def settle(self) -> int:
        """Once all were read: makes the rows of accounts that were not named inactive, and says how many became so."""
        unnamed = Link.objects.using(self._db).filter(version=FORGOTTEN)
        count = 0
        while subs := list(unnamed.values_list("sub", flat=True)[:UNNAMED_AT_ONCE]):
            with transaction.atomic(using=self._db):
                for sub in subs:
                    # A request may have heard of it meanwhile.
                    is_gone = unnamed.filter(sub=sub).update(version=0) > 0
                    count += is_gone and self._switch_off(self._link(str(sub)))
        return count

    def _switch_off(self, link: Link | None) -> bool:
        """Makes the row inactive, and says whether it became so."""
        row = link.user if link is not None else None
        if row is None or not row.is_active:
            return False
        if self._has_is_active:
            row.is_active = False
            row.save(using=self._db, update_fields=["is_active"])
        self._tell(signals.user_deactivated, row, None)
        return True

    def _written(self, account: AuthdUser) -> AbstractBaseUser:
        # The feed of changes does not say what an account may do: the next verification is to be news as well.
        is_whole = account.permissions is not None or not self._settings.permissions or account.version == 0
        version = account.version if is_whole else account.version - 1
        # A statement that writes comes first: whoever else is at this account waits here, on SQLite too.
        # What a token says is news to nobody who was known, forgotten or not.
        is_news = self._take(account.id, version, below=version if account.version else FORGOTTEN)
        link = self._link(account.id)
        if link is None:
            link = Link(sub=account.id, version=version)
            try:
                with transaction.atomic(using=self._db):
                    link.save(using=self._db, force_insert=True)
            except IntegrityError:
                # Another request was first, and has made it.
                link = self._link(account.id)
            else:
                made: AbstractBaseUser = self._linked(link, account)
                return made
        if link is None or link.user is None:
            raise NoLocalUser("authd has deleted the account")
        if is_news:
            self._update(link.user, account)
        return link.user

    def _take(self, sub: str, version: int, *, below: int) -> bool:
        """Marks the link with the version, if it has one below; false: there is none, or it has not."""
        count: int = Link.objects.using(self._db).filter(sub=sub, version__lt=below).update(version=version)
        return count > 0

    def _link(self, sub: str) -> Link | None:
        found: Link | None = Link.objects.using(self._db).select_related("user").filter(sub=sub).first()
        return found

    def _linked(self, link: Link, account: AuthdUser) -> Any:
        """The row that stands for a new account from now on: one that is there, or a new one."""
        row: Any = linking.adoptable(self._rows, account, self._settings)
        is_new = row is None
        if is_new and "email" in self._map.values() and not account.email:
            raise NoLocalUser("the token does not say its address (tokens.claims), and nobody was asked")
        try:
            if is_new:
                row = self._model(**dict(values(self._map, account)))
                row.set_unusable_password()
                row.save(using=self._db, force_insert=True)
            link.user = row
            link.save(using=self._db, update_fields=["user"])
        except _REFUSED as error:
            # What was begun is taken back as a whole, by `apply`.
            why = "its address or user name is another row's" if isinstance(error, IntegrityError) else "a value"
            raise NoLocalUser(f"the database does not take it ({_kind(error)}: {why}?)") from None
        if is_new:
            rights.follow(row, account, self._settings)
            self._tell(signals.user_created, row, account)
        else:
            logger.info("the local row %s stands for the account %s from now on", row.pk, account.id)
            self._update(row, account)
        return row

    def _update(self, row: AbstractBaseUser, account: AuthdUser) -> None:
        was_active = row.is_active
        try:
            changed = self._set(row, account)
            if changed:
                with transaction.atomic(using=self._db):
                    row.save(using=self._db, update_fields=changed)
        except _REFUSED as error:
            logger.warning("the row %s stays as it was, but for is_active: %s", row.pk, _kind(error))
            row.refresh_from_db(using=self._db)
            changed = ["is_active"] if "is_active" in self._map and row.is_active != account.is_active else []
            row.is_active = account.is_active if changed else row.is_active
            row.save(using=self._db, update_fields=changed)
        changed += rights.follow(row, account, self._settings)
        if changed:
            self._tell(signals.user_updated, row, account, changed=changed)
        if was_active and not row.is_active:
            self._tell(signals.user_deactivated, row, account)

    def _set(self, row: AbstractBaseUser, account: AuthdUser) -> list[str]:
        """Gives the row the account's values, and says which were others."""
        changed = [name for name, value in values(self._map, account) if getattr(row, name) != value]
        for name, value in values(self._map, account):
            setattr(row, name, value)
        return changed

    def _tell(self, signal: Any, row: AbstractBaseUser, account: AuthdUser | None, **more: Any) -> None:
        transaction.on_commit(
            lambda: signal.send_robust(sender=self._model, user=row, authd=account, **more), using=self._db
        )


def _kind(error: Exception) -> str:
    """What kind of thing is wrong: what the database says in words may hold values."""
    return type(error).__name__
