"""What a value or the database has against a row, said without values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, OperationalError, ProgrammingError

#: What else than a failure comes of a row, be it a rule of the table or what a trigger of the project's own raises.
_REFUSED: Final = (DatabaseError, ValidationError, ValueError, TypeError, OverflowError)
#: How SQLite names a rule of its own; what a trigger says is anything.
_OF_SQLITE: Final = re.compile(r"(?:UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed(?:: [\w.]+(?:, [\w.]+)*)?")
#: How PostgreSQL numbers them.
_RULES: Final = {"23502": "NOT NULL", "23503": "FOREIGN KEY", "23505": "UNIQUE", "23514": "CHECK"}


class Refusal(Exception):
    """A row is not to be like that; the text says as much as is known, and no value."""

    def __init__(self, error: Exception) -> None:
        super().__init__(_said(error))
        self.is_of_a_rule = isinstance(error, IntegrityError)


@contextmanager
def judged() -> Iterator[None]:
    """Raises ``Refusal`` for what is not to be written; what was begun is for the caller to take back."""
    try:
        yield
    except _REFUSED as error:
        if _is_failure(error):
            raise
        raise Refusal(error) from error


def _is_failure(error: Exception) -> bool:
    """Whether the database failed, or is not as the models have it: that is no row's fault."""
    if isinstance(error, ProgrammingError):
        cause = error.__cause__
        # PostgreSQL's drivers say so of what a trigger raises, too.
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or "42"
        return str(state).startswith("42")
    return isinstance(error, OperationalError)


def _said(error: Exception) -> str:
    kind, cause = type(error).__name__, error.__cause__
    if isinstance(error, IntegrityError):
        diagnosis = getattr(cause, "diag", None)
        if (rule := _RULES.get(getattr(diagnosis, "sqlstate", ""))) is not None:
            named = (getattr(diagnosis, name) for name in ("table_name", "constraint_name", "column_name"))
            return f"{kind}: {rule} {' '.join(filter(None, named))}"
        if _OF_SQLITE.fullmatch(str(cause)):
            return f"{kind}: {cause}"
    return kind
