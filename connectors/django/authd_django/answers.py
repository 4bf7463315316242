"""What authd answers, read strictly: what does not fit is not from authd."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from .errors import NotOurs

Json = Mapping[str, Any]


@dataclass(frozen=True)
class AuthdUser:
    """An account as authd has it, or as a token tells of it."""

    id: str
    email: str
    is_active: bool
    #: Position of its latest change in the sequence of all changes; 0: a token said so, whenever that was.
    version: int
    groups: tuple[str, ...]
    #: What it may do; ``None``: this answer does not say.
    permissions: tuple[str, ...] | None
    #: Everything, as it came.
    raw: Json

    @property
    def external_id(self) -> str | None:
        """The key of an older service, where this authd knows one."""
        value = self.raw.get("external_id")
        return str(value) if isinstance(value, (str, int)) and value != "" else None

    @property
    def may_be_known_by_email(self) -> bool:
        """Whether the address may be taken for the person: not if authd says that nobody has confirmed it."""
        return self.email != "" and self.raw.get("email_verified", True) is True


@dataclass(frozen=True)
class Verification:
    """A good token and who is behind it."""

    #: ``None``: a client by itself.
    user: AuthdUser | None
    claims: Json
    #: Seconds for which the answer may be kept.
    max_age: int
    version: int
    etag: str = ""

    @property
    def permissions(self) -> tuple[str, ...]:
        """What the account may do, as authd said it."""
        return (self.user.permissions or ()) if self.user else ()

    @property
    def scope(self) -> frozenset[str]:
        """What the token is for; empty: whatever its user may do."""
        return frozenset(str(self.claims.get("scope", "")).split())


@dataclass(frozen=True)
class Change:
    """Something that no verdict made before may outlive."""

    kind: str
    id: str
    version: int


@dataclass(frozen=True)
class Deleted:
    """What is left of an account."""

    id: str
    version: int


@dataclass(frozen=True)
class Page:
    """Some changes, and where to go on."""

    changes: Sequence[Any]
    cursor: int
    more: bool


def document(body: bytes) -> Json:
    """The JSON object that a body is."""
    try:
        text = body.decode()
        found = json.loads(text, parse_constant=_no)
        if "\\u" in text:
            # Half a letter, which no database takes.
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise NotOurs("the body is not JSON") from None
    if not isinstance(found, dict):
        raise NotOurs("the body is not a JSON object")
    return found


def verification(found: Json, etag: str) -> Verification:
    """An answer of ``/auth/verify``."""
    if found.get("active") is not True:
        _no("it does not say that the token is active")
    claims = _of(found, "claims", dict)
    subject = _of(claims, "sub", str)
    permissions = _texts(found, "permissions")
    if claims.get("exp") is not None:
        _count(claims, "exp")
    user = found.get("user")
    if user is None:
        _of(found, "client", dict)
    return Verification(
        user=None if user is None else _user_behind(user, subject, permissions),
        claims=MappingProxyType(claims),
        max_age=_count(found, "max_age"),
        version=_count(found, "version"),
        etag=etag,
    )


def _user_behind(user: object, subject: str, permissions: tuple[str, ...]) -> AuthdUser:
    if not isinstance(user, dict):
        _no("its user is not an object")
    read = account(user, permissions)
    if read.id != subject:
        _no("its user is not the token's")
    if not read.is_active:
        _no("its user is not active")
    return read


def account(found: Json, permissions: tuple[str, ...] | None = None) -> AuthdUser:
    """A user, as every answer has it."""
    if not is_user_id(found.get("id")):
        _no("the user's id is not a UUID")
    _of(found, "fields", dict)
    return AuthdUser(
        id=found["id"],
        email=_of(found, "email", str),
        is_active=_of(found, "is_active", bool),
        version=_count(found, "version"),
        groups=_texts(found, "groups"),
        permissions=permissions,
        raw=MappingProxyType(dict(found)),
    )


def account_of_claims(claims: Json) -> AuthdUser:
    """What a token tells of its user: who it is, and what ``tokens.claims`` adds."""
    email = claims.get("email")
    groups = claims.get("groups")
    return AuthdUser(
        id=claims["sub"],
        email=email if isinstance(email, str) else "",
        is_active=True,
        version=0,
        groups=tuple(one for one in groups if isinstance(one, str)) if isinstance(groups, list) else (),
        permissions=None,
        raw=MappingProxyType({**claims, "id": claims["sub"]}),
    )


def revocations(found: Json) -> Page:
    """A page of ``/auth/revocations``."""
    return _page(found, lambda one: Change(_of(one, "kind", str), _of(one, "id", str), _count(one, "version")))


def user_changes(found: Json) -> Page:
    """A page of ``/users/changes``."""

    def read(one: Json) -> AuthdUser | Deleted:
        if "deleted" in one:
            return Deleted(_of(_of(one, "deleted", dict), "id", str), _count(one, "version"))
        return account(_of(one, "user", dict))

    return _page(found, read)


def _page(found: Json, read: Any) -> Page:
    changes = _of(found, "changes", list)
    if not all(isinstance(one, dict) for one in changes):
        _no("a change is not an object")
    return Page([read(one) for one in changes], _count(found, "cursor"), _of(found, "more", bool))


def is_user_id(text: object) -> bool:
    """Whether this is the id of an account: a UUID as authd writes it."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _of(found: Json, name: str, kind: type) -> Any:
    value = found.get(name)
    if not isinstance(value, kind):
        _no(f"'{name}' is not what it should be")
    return value


def _count(found: Json, name: str) -> int:
    value = found.get(name)
    if type(value) is not int or not 0 <= value < 2**63:
        _no(f"'{name}' is not a number")
    return value


def _texts(found: Json, name: str) -> tuple[str, ...]:
    values = _of(found, name, list)
    if not all(isinstance(one, str) for one in values):
        _no(f"'{name}' does not hold texts")
    return tuple(values)


def _no(why: str) -> NoReturn:
    raise NotOurs(why)
