"""Rows that still have an address which has gone on to another account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import refusals
from .answers import AuthdUser
from .linking import is_same_address
from .models import Link


def taken_from_others(account: AuthdUser, followed: Mapping[str, str], db: str) -> Iterator[tuple[Any, str]]:
    """Takes the account's address from the rows of others, and says from which fields.

    Addresses are one account's in authd, and versions one sequence of all accounts: news of this one that are newer
    than what a row has of another prove that the address is that one's no more. Rows that are nobody's keep theirs.
    """
    if not account.version or not account.email:
        return
    for name in (name for name, source in followed.items() if source == "email"):
        others = Link.objects.using(db).filter(version__lt=account.version, **{f"user__{name}__iexact": account.email})
        for link in others.exclude(sub=account.id).select_for_update():
            row: Any = link.user
            value = nobodys(row._meta.get_field(name), str(link.sub))
            if value == "" or not is_same_address(getattr(row, name), account.email):
                continue
            setattr(row, name, value)
            with refusals.judged():
                row.save(using=db, update_fields=[name])
            if link.version > 0:
                # What it has by now is to be news, though this row may have its version already.
                link.version -= 1
                link.save(using=db, update_fields=["version"])
            yield row, name


def nobodys(field: Any, sub: str) -> str | None:
    """What stands in a row for an address that is not known: nothing, or one that is nobody's; "": neither fits."""
    if field.null:
        return None
    value = f"{sub}@replaced.invalid"
    return value if field.max_length is None or len(value) <= field.max_length else ""
