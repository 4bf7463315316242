"""The row of ``AUTH_USER_MODEL`` that stands for an account of authd."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, router, transaction

from . import addresses, linking, refusals, rights, signals
from .answers import AuthdUser
from .conf import Settings
from .errors import NoLocalUser
from .followed import field_map, field_map_of_new, values
from .models import FORGOTTEN, Link

logger = logging.getLogger("authd_django")

#: Seconds after which one looks again whose a row is. Whatever authd has changed is looked at at once.
KNOWN_FOR: Final = 60.0
#: Rows that are made inactive in one transaction, where accounts are found gone.
UNNAMED_AT_ONCE: Final = 500

Written = TypeVar("Written")


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
        self._map, self._map_of_new = field_map(settings), field_map_of_new(settings)
        self._has_is_active = any(field.name == "is_active" for field in self._model._meta.concrete_fields)
        #: Of whom something was said.
        self._told: deque[tuple[str, int, str]] = deque(maxlen=1000)
        #: How many rows were not to be as authd has the account.
        self.refused = 0

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
            return self._tried(account, lambda: self._written(account))
        except refusals.Refusal as refusal:
            why = NoLocalUser(f"the database does not take it ({refusal})")
        except NoLocalUser as refusal:
            why = refusal
        self._say_once(account, "no local row for the account %s: %s", account.id, why)
        raise why

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
        links.filter(user__isnull=False).update(version=FORGOTTEN)
        # Who was deleted before there was a row may be there in another history: authd's own answer says so, no token.
        links.filter(user__isnull=True).update(version=0)

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
        if self._has_is_active and not self._saved_active(row, False, None):
            return False
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
        if link is not None and link.user is None and is_news:
            found: AbstractBaseUser = self._linked(link, account)
            return found
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
        # What is begun here and refused is taken back as a whole, by `apply`.
        with refusals.judged():
            row: Any = linking.adoptable(self._rows, account, self._settings)
            is_new = row is None
            if is_new and "email" in self._map.values() and not account.email:
                raise NoLocalUser("the token does not say its address (tokens.claims), and nobody was asked")
            if is_new:
                row = self._model(**dict(values(self._map_of_new, account)))
                row.set_unusable_password()
                row.save(using=self._db, force_insert=True)
            link.user = row
            link.save(using=self._db, update_fields=["user"])
        if is_new:
            self._follow_rights(row, account)
            self._tell(signals.user_created, row, account)
        else:
            logger.info("the local row %s stands for the account %s from now on", row.pk, account.id)
            self._update(row, account)
        return row

    def _tried(self, account: AuthdUser, write: Callable[[], Written]) -> Written:
        """What was written; once more if the address was still another's. Raises ``Refusal``."""
        try:
            with transaction.atomic(using=self._db):
                return write()
        except refusals.Refusal as refusal:
            if not refusal.is_of_a_rule:
                raise
            with transaction.atomic(using=self._db):
                # It changes nothing. A statement that writes comes first, as in `_written`.
                self._take(account.id, 0, below=FORGOTTEN)
                taken = list(addresses.taken_from_others(account, self._map, self._db))
                if not taken:
                    raise
                written = write()
        for row, name in taken:
            logger.info("the address of the row %s is another account's by now, and taken from it", row.pk)
            self._tell(signals.user_updated, row, None, changed=[name])
        return written

    def _update(self, row: Any, account: AuthdUser) -> None:
        was_active = row.is_active
        try:
            with refusals.judged():
                changed = self._set(row, account)
            if changed:
                self._tried(account, lambda: self._saved(row, changed))
        except refusals.Refusal as refusal:
            self._stays(account, "the row %s stays as it was, but for is_active: %s", row.pk, refusal)
            row.refresh_from_db(using=self._db)
            changed = self._set_active(row, account)
        changed += self._follow_rights(row, account)
        if changed:
            self._tell(signals.user_updated, row, account, changed=changed)
        if was_active and not row.is_active:
            self._tell(signals.user_deactivated, row, account)

    def _saved(self, row: Any, changed: list[str]) -> None:
        with refusals.judged():
            row.save(using=self._db, update_fields=changed)

    def _set(self, row: Any, account: AuthdUser) -> list[str]:
        """Gives the row the account's values, and says which were others."""
        changed = [name for name, value in values(self._map, account) if getattr(row, name) != value]
        for name, value in values(self._map, account):
            setattr(row, name, value)
        return changed

    def _set_active(self, row: Any, account: AuthdUser) -> list[str]:
        """Makes a row that stays as it was at least as active as the account is, and says whether it was not."""
        if "is_active" not in self._map or row.is_active == account.is_active:
            return []
        return ["is_active"] if self._saved_active(row, account.is_active, account) else []

    def _saved_active(self, row: Any, value: bool, account: AuthdUser | None) -> bool:
        before, row.is_active = row.is_active, value
        try:
            with refusals.judged(), transaction.atomic(using=self._db):
                row.save(using=self._db, update_fields=["is_active"])
        except refusals.Refusal as refusal:
            row.is_active = before
            self._stays(account, "the row %s does not even become active or inactive: %s", row.pk, refusal)
            return False
        return True

    def _follow_rights(self, row: AbstractBaseUser, account: AuthdUser) -> list[str]:
        if not (self._settings.groups or self._settings.permissions):
            return []
        try:
            with refusals.judged(), transaction.atomic(using=self._db):
                return rights.follow(row, account, self._settings)
        except refusals.Refusal as refusal:
            self._stays(account, "groups and permissions of the row %s stay as they were: %s", row.pk, refusal)
            return []

    def _stays(self, account: AuthdUser | None, sentence: str, *of: Any) -> None:
        """Something was refused: said once for each version, and what was said of the account is to be news again."""
        self.refused += 1
        if account is None:
            logger.warning(sentence, *of)
            return
        mine = Link.objects.using(self._db).filter(sub=account.id)
        mine.update(version=max(account.version - 1, 0))
        self._say_once(account, sentence, *of)

    def _say_once(self, account: AuthdUser, sentence: str, *of: Any) -> None:
        key = (account.id, account.version, sentence)
        if key not in self._told:
            self._told.append(key)
            logger.warning(sentence, *of)

    def _tell(self, signal: Any, row: AbstractBaseUser, account: AuthdUser | None, **more: Any) -> None:
        transaction.on_commit(
            lambda: signal.send_robust(sender=self._model, user=row, authd=account, **more), using=self._db
        )
