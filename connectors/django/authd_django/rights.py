"""Groups and permissions of a row, as far as the settings let them follow."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from .answers import AuthdUser
from .conf import Settings


def follow(row: Any, account: AuthdUser, settings: Settings) -> list[str]:
    """Gives the row the account's rights, and says which were others."""
    changed = []
    # What a token says of groups may be old: version 0.
    if settings.groups and account.version and _follow_groups(row, account, settings.groups):
        changed.append("groups")
    if settings.permissions and account.permissions is not None and _follow_permissions(row, account.permissions):
        changed.append("user_permissions")
    return changed


def _follow_groups(row: Any, account: AuthdUser, managed: bool | tuple[str, ...]) -> bool:
    wanted = set(account.groups)
    is_ours = Q()
    if isinstance(managed, tuple):
        wanted &= set(managed)
        is_ours = Q(name__in=managed)
    present = set(row.groups.filter(is_ours).values_list("name", flat=True))
    for name in wanted - present:
        row.groups.add(Group.objects.using(row._state.db).get_or_create(name=name)[0])
    row.groups.remove(*row.groups.filter(name__in=present - wanted))
    return wanted != present


def _follow_permissions(row: Any, names: tuple[str, ...]) -> bool:
    codenames = [name.partition(".")[2] for name in names]
    there = Permission.objects.using(row._state.db).filter(codename__in=codenames)
    named = there.values_list("pk", "content_type__app_label", "codename")
    wanted = {pk for pk, app, codename in named if f"{app}.{codename}" in names}
    if wanted == set(row.user_permissions.values_list("pk", flat=True)):
        return False
    row.user_permissions.set(wanted)
    return True
