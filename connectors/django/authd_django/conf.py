"""The setting ``AUTHD``, read once: text becomes a value with a rule here, and nowhere else."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

MODES: Final = ("online", "cached", "offline")
WHEN_DOWN: Final = ("refuse", "serve")

#: Own fields are named ``fields.NAME``.
OWN_FIELD: Final = "fields."
#: What an account has otherwise, as far as a row may follow it.
USER_FIELDS: Final = frozenset(
    (
        *("id", "external_id", "email", "first_name", "last_name", "phone_number"),
        *("is_active", "is_staff", "is_superuser", "date_joined", "last_login"),
    )
)


@dataclass(frozen=True)
class Settings:
    """``settings.AUTHD`` as used; README.md has the table of what each is for."""

    url: str
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    mode: Literal["online", "cached", "offline"] = "online"
    issuer: str = ""
    audience: str = ""
    fields: Mapping[str, str | None] = field(default_factory=dict)
    link_by_email: bool = True
    link_privileged: bool = False
    link_keeps_password: bool = False
    external_id_field: str = ""
    groups: bool | tuple[str, ...] = False
    permissions: bool = False
    when_down: Literal["refuse", "serve"] = "refuse"
    max_age: float = 0.0
    max_silence: float = 15.0
    replica_staleness: float = 0.0
    leeway: float = 30.0
    header_types: tuple[str, ...] = ("Bearer",)
    timeout: float = 2.0
    connect_timeout: float = 1.0
    pool_size: int = 16
    cache_size: int = 10_000
    ca_file: str = ""
    check_at_start: bool = True

    @property
    def has_client(self) -> bool:
        """Whether there is a client to speak as."""
        return bool(self.client_id and self.client_secret)


#: The least and the most that a number may be.
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "max_age": (0, 3600),
    "max_silence": (3, 180),
    "replica_staleness": (0, 3600),
    "leeway": (0, 60),
    "timeout": (0.05, 60),
    "connect_timeout": (0.05, 60),
    "pool_size": (1, 1000),
    "cache_size": (1, 1_000_000),
}
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {"mode": MODES, "when_down": WHEN_DOWN}
KNOWN: Final = {one.name.upper(): one for one in fields(Settings)}


def read() -> Settings:
    """The settings of this project. Raises ``ImproperlyConfigured`` with all that is wrong."""
    settings, wrong = parse(getattr(django_settings, "AUTHD", None))
    if settings is None:
        raise ImproperlyConfigured(" ".join(wrong))
    return settings


def parse(given: object) -> tuple[Settings | None, list[str]]:
    """The settings, or a sentence for each thing that is wrong. No sentence holds a value."""
    if not isinstance(given, Mapping):
        return None, ['Set AUTHD = {"URL": "https://..."} in the settings.']
    wrong = [_unknown(str(name)) for name in given if name not in KNOWN]
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in KNOWN:
            attribute = name.lower()
            values[attribute], sentence = _value(attribute, value)
            wrong += [f'AUTHD["{name}"] {sentence}.'] if sentence else []
    if "URL" not in given:
        wrong.append('AUTHD["URL"] is missing: say where authd is.')
    if values.get("client_id", "") == "" and values.get("client_secret"):
        wrong.append('AUTHD["CLIENT_SECRET"] is there without AUTHD["CLIENT_ID"].')
    if wrong:
        return None, wrong
    values["issuer"] = values.get("issuer") or values["url"]
    values["audience"] = values.get("audience") or values["issuer"]
    settings = Settings(**values)
    if settings.mode == "cached" and not settings.has_client:
        sentence = 'AUTHD["MODE"] "cached" follows what authd revokes, which only clients are told: '
        return None, [sentence + 'set AUTHD["CLIENT_ID"] and AUTHD["CLIENT_SECRET"] (authctl client add).']
    return settings, []


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.upper(), KNOWN, n=1)
    return f'AUTHD has no "{name}"' + (f': is it "{near[0]}"?' if near else ".")


def _value(name: str, value: object) -> tuple[object, str]:
    """A value as used, and what is wrong with it: a predicate, or nothing."""
    default = KNOWN[name.upper()].default
    if name == "url":
        return _url(value)
    if name == "fields":
        return value, "" if _is_field_map(value) else _FIELDS_RULE
    if name == "groups" and isinstance(value, (list, tuple, set, frozenset)):
        is_good = all(isinstance(one, str) for one in value)
        return tuple(value), "" if is_good else "must hold names of groups"
    if name == "header_types":
        return _header_types(value)
    if name in CHOICES:
        return value, "" if value in CHOICES[name] else f"must be one of {', '.join(CHOICES[name])}"
    if name in RANGES:
        least, most = RANGES[name]
        is_number = isinstance(value, int if isinstance(default, int) else (int, float)) and not isinstance(value, bool)
        is_good = is_number and least <= value <= most  # type: ignore[operator]
        return value, "" if is_good else f"must be a number from {least:g} to {most:g}"
    if isinstance(default, bool):
        return value, "" if isinstance(value, bool) else "must be True or False"
    return value, "" if isinstance(value, str) else "must be a text"


def _header_types(value: object) -> tuple[object, str]:
    """The words before a token, in any case of their letters."""
    words = value if isinstance(value, (list, tuple)) else ()
    is_good = bool(words) and all(isinstance(one, str) and _WORD.fullmatch(one) for one in words)
    # What comes after that is a password.
    is_good = is_good and "basic" not in [one.lower() for one in words]
    return tuple(words), "" if is_good else 'must be a list of words before a token, as ["Bearer", "JWT"]'


def _url(value: object) -> tuple[object, str]:
    """Of authd, without a slash at its end."""
    rule = "must be like https://auth.example.com, without user, query or fragment"
    if not isinstance(value, str):
        return value, rule
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return value, rule
    is_plain = not (parts.query or parts.fragment or "@" in parts.netloc) and value.isascii() and value.isprintable()
    return value.rstrip("/"), "" if is_good and is_plain and " " not in value else rule


#: Of RFC 9110, section 11.1.
_WORD: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

_FIELDS_RULE: Final = (
    'must map fields of the local model to those of authd, as {"phone": "phone_number", "unit": "fields.unit", '
    '"last_name": None}'
)


def _is_field_map(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(local, str) and (source is None or _is_source(source)) for local, source in value.items()
    )


def _is_source(source: object) -> bool:
    return isinstance(source, str) and (source in USER_FIELDS or source.startswith(OWN_FIELD))
