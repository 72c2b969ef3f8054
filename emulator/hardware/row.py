"""A row of a table, read field by field: what is missing, left over or of the wrong kind is an error that names table, row and field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class TableError(ValueError):
    """A table has a hole or a contradiction. The message names the table, the row, the field and what belongs there."""


class Row:
    """One row. `where` names it in errors: the file, and what the row is about."""

    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        self.where = where
        self._data = dict(data)

    def take(self, field: str, kind: type[T], meaning: str) -> T:
        """The value of a field, which is done with afterwards.

        Raises:
            TableError: it is missing or of another kind.
        """
        if field not in self._data:
            raise self.fault(field, f"is missing; it says {meaning}")
        value = self._data.pop(field)
        if kind is float and type(value) is int:
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.fault(field, f"is {value!r}; it says {meaning}, as {kind.__name__}")
        return value

    def take_or(self, field: str, kind: type[T], default: T) -> T:
        """The value of a field that may be left out."""
        return self.take(field, kind, "what may be left out") if field in self._data else default

    def take_row(self, field: str, meaning: str) -> Row:
        """The row within a field."""
        return Row(self.take(field, dict, meaning), f"{self.where}: {field}")

    def done(self) -> None:
        """Say that nothing else belongs here.

        Raises:
            TableError: a field was never asked for.
        """
        for field in self._data:
            raise self.fault(field, "means nothing here; remove it")

    def fault(self, field: str, what: str) -> TableError:
        """An error about a field of this row."""
        return TableError(f"{self.where}: {field} {what}")
