"""Which row that was there before becomes an account's: once, and never one that could be somebody else's."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, Manager, OuterRef

from .answers import AuthdUser
from .conf import Settings
from .errors import NoLocalUser
from .followed import email_field, field_map
from .models import Link


def adoptable(rows: Manager[Any], account: AuthdUser, settings: Settings) -> Any:
    """The one row that was this person's before there was a link; ``None``: there is none.

    Raises ``NoLocalUser`` for one that nobody gets by an address alone.
    """
    found: list[Any] = []
    is_by_email = False
    by_key = settings.external_id_field
    if by_key and account.external_id is not None:
        found = _named(rows, by_key, account.external_id)
    by_email = email_field()
    if not found and settings.link_by_email and account.may_be_known_by_email and by_email in field_map(settings):
        is_by_email = True
        alike = _named(rows, f"{by_email}__iexact", account.email)
        # The database's idea of upper case joins letters that are two addresses.
        found = [row for row in alike if is_same_address(getattr(row, by_email), account.email)]
    if len(found) != 1 or found[0].is_linked:
        return None
    (row,) = found
    is_privileged = getattr(row, "is_staff", False) or getattr(row, "is_superuser", False)
    if is_privileged and not settings.link_privileged:
        why = f"it would be the row {row.pk}, which is staff or superuser"
        raise NoLocalUser(f'{why}: AUTHD["LINK_PRIVILEGED"] allows that')
    if is_by_email and not (is_privileged or settings.link_keeps_password):
        # Whoever made the row may never have had the address. Django's sessions end with the password.
        row.set_unusable_password()
        row.save(using=rows.db, update_fields=["password"])
    return row


def _named(rows: Manager[Any], lookup: str, value: str) -> list[Any]:
    is_linked = Exists(Link.objects.using(rows.db).filter(user=OuterRef("pk")))
    try:
        # Two are as good as none.
        return list(rows.annotate(is_linked=is_linked).filter(**{lookup: value})[:10])
    except (ValueError, ValidationError, OverflowError):
        return []


def is_same_address(one: object, other: str) -> bool:
    """Whether two addresses are one: letters outside ASCII must be the same."""
    return one == other or (isinstance(one, str) and one.isascii() and other.isascii() and one.lower() == other.lower())
