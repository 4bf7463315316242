"""Which field of a row follows which of an account, and with what values."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import timezone

from .answers import AuthdUser
from .conf import OWN_FIELD, Settings

logger = logging.getLogger("authd_django")

#: What is followed where the local model has a field of that name.
FOLLOWED: Final = ("email", "first_name", "last_name", "phone_number", "is_active")


#: Characters of an account's id.
ID_LENGTH: Final = 36


def field_map(settings: Settings) -> dict[str, str]:
    """Which local field follows which of authd."""
    model = get_user_model()
    local = {field.name for field in model._meta.concrete_fields}
    followed: dict[str, str | None] = {name: name for name in FOLLOWED if name in local}
    if (address := email_field()) in local:
        followed[address] = "email"
    followed |= settings.fields
    return {name: source for name, source in followed.items() if source is not None}


def field_map_of_new(settings: Settings) -> dict[str, str]:
    """The same for a row that is made: it needs a user name, and one that was there before keeps its own."""
    followed = field_map(settings)
    name = get_user_model().USERNAME_FIELD
    if name not in followed and name not in settings.fields:
        # A name that nobody can choose, so that it is nobody else's.
        followed[name] = "id"
    return followed


def email_field() -> str:
    """What the local model calls the address."""
    name: str = get_user_model().get_email_field_name()
    return name


def values(followed: Mapping[str, str], account: AuthdUser) -> Iterator[tuple[str, Any]]:
    """What a row is to hold; what the account does not have, or is too long for the field, is left out."""
    model = get_user_model()
    names = (model.USERNAME_FIELD, email_field())
    for name, source in followed.items():
        found = account.raw
        if source.startswith(OWN_FIELD):
            own = account.raw.get("fields")
            found = own if isinstance(own, dict) else {}
        key = source.removeprefix(OWN_FIELD)
        if key in found:
            field = model._meta.get_field(name)
            value = _fitting(field, found[key])
            most = getattr(field, "max_length", None)
            if isinstance(value, str) and most is not None and len(value) > most:
                # Half a name is another one. Not all databases would refuse it.
                if name in names:
                    raise ValueError(f"'{name}' is too long")
                logger.warning("'%s' of the account %s is too long for the row, and left out", name, account.id)
                continue
            yield name, value


def _fitting(field: Any, value: Any) -> Any:
    """A value as the field has it; where it takes no null, that is an empty text or the field's default."""
    if value is None and not field.null:
        return field.get_default()
    found = field.to_python(value)
    if isinstance(found, datetime) and timezone.is_aware(found) and not django_settings.USE_TZ:
        # The database has local times then, and not every one takes others.
        return timezone.make_naive(found, timezone.get_default_timezone())
    return found


def doubtful_fields(settings: Settings) -> Iterator[str]:
    """A sentence for each thing about the local model that would surprise somebody."""
    model = get_user_model()
    fields = {field.name: field for field in model._meta.concrete_fields}
    if "is_active" not in fields:
        yield f"{model._meta.label} has no field 'is_active': rows of disabled and deleted accounts stay as they are."
    name = fields[model.USERNAME_FIELD]
    most = getattr(name, "max_length", None)
    if field_map_of_new(settings).get(name.name) == "id" and most is not None and most < ID_LENGTH:
        yield (
            f"{model._meta.label}.{name.name} follows the account's id, which is longer than {most} characters: no row "
            f'can be made. Set AUTHD["FIELDS"] = {{"{name.name}": ...}}.'
        )
    for field in fields.values():
        if field.name not in field_map_of_new(settings) and needs_a_value(field):
            yield (
                f"{model._meta.label}.{field.name} must have a value, and nothing gives it one: no row can be made, "
                "unless code of yours does. Give it a default, let it be null, or set "
                f'AUTHD["FIELDS"] = {{"{field.name}": ...}}.'
            )


def needs_a_value(field: Any) -> bool:
    """Whether a row for which nobody says anything of this field is refused."""
    if isinstance(field, models.AutoField) or getattr(field, "generated", False):
        return False
    is_of_parent = field.remote_field is not None and getattr(field.remote_field, "parent_link", False)
    is_a_time_of_its_own = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return not (field.null or is_of_parent or is_a_time_of_its_own) and field.get_default() is None


def wrong_fields(settings: Settings) -> list[str]:
    """A sentence for each local field that cannot follow anything."""
    model = get_user_model()
    wrong = []
    for name in [*settings.fields, *filter(None, [settings.external_id_field])]:
        try:
            field = model._meta.get_field(name)
            is_good = isinstance(field, models.Field) and not field.is_relation and not field.primary_key
            is_good = is_good or name == settings.external_id_field
        except FieldDoesNotExist:
            is_good = False
        wrong += [] if is_good else [f"{model._meta.label} has no field '{name}' that could follow authd."]
    if (settings.groups or settings.permissions) and not hasattr(model, "user_permissions"):
        wrong.append(f"{model._meta.label} has no groups and permissions (PermissionsMixin).")
    return wrong
