"""Declared fields of a request, and reading them from whatever encoding they came in.

Clients send the same field as JSON, as a form or in the query, and forms carry only text: `"true"`, `"1"` and `true` are one value here.
A field that is missing stays missing, so that a handler can tell it from null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, TypeVar

from particle_protocol.json_text import JsonError, parse_json

N = TypeVar("N", int, float)

MAX_INTEGER = 2**53 - 1
"""The largest number that JavaScript clients keep whole."""
MAX_TEXT = 64 * 1024
MAX_LIST = 100_000
LAST_SECOND = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class Kind(Enum):
    """What a field holds."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    FLAG = auto()
    TEXTS = auto()
    OBJECT = auto()
    TIME = auto()
    """ISO 8601, or seconds since 1970; read as POSIX seconds (float)."""
    ANY = auto()
    FILE = auto()


class Where(Enum):
    """Where a field may stand."""

    BODY = auto()
    QUERY = auto()
    EITHER = auto()


class FieldError(Exception):
    """A declared field is missing, or holds what it cannot hold."""

    def __init__(self, field: Field, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field.name} {reason}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request.

    Attributes:
        name: The name handlers use, and the documented one.
        aliases: Other names that clients send for it.
        least, most: Bounds of a number, both allowed.
        longest: The most characters of a text.
        choices: The only texts allowed.
        nullable: Whether null (in a form: nothing, or `null`) is a value of its own.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    where: Where = Where.BODY
    aliases: tuple[str, ...] = ()
    least: int = -MAX_INTEGER
    most: int = MAX_INTEGER
    longest: int = MAX_TEXT
    choices: tuple[str, ...] = ()
    nullable: bool = False
    about: str = ""

    def read(self, value: Any) -> Any:
        """The value as its kind.

        Raises:
            FieldError: It cannot be one.
        """
        if value is None or (self.nullable and value in ("", "null") and self.kind is not Kind.TEXT):
            if self.nullable:
                return None
            raise FieldError(self, "must not be null")
        return _READERS[self.kind](self, value)

    def schema(self) -> dict[str, Any]:
        """The field as JSON schema."""
        schema: dict[str, Any] = dict(_SCHEMAS[self.kind])
        if self.kind in (Kind.INTEGER, Kind.NUMBER):
            schema["minimum"], schema["maximum"] = self.least, self.most
        if self.kind is Kind.TEXT and self.choices:
            schema["enum"] = list(self.choices)
        if self.kind is Kind.TEXTS and self.choices:
            schema["items"] = {**schema["items"], "enum": list(self.choices)}
        if self.kind is Kind.TEXT and self.longest != MAX_TEXT:
            schema["maxLength"] = self.longest
        if self.nullable:
            schema = {"anyOf": [schema, {"type": "null"}]}
        if self.about:
            schema["description"] = self.about
        return schema


def read_fields(fields: Sequence[Field], query: Mapping[str, Any], body: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    """The declared fields out of a request; what is not declared is ignored, as the real cloud does.

    Raises:
        FieldError: One is missing or wrong.
    """
    values: dict[str, Any] = {}
    for field in fields:
        found, value = _find(field, query, body, files)
        if found:
            values[field.name] = field.read(value)
        elif field.required:
            raise FieldError(field, "is required")
    return values


def _find(field: Field, query: Mapping[str, Any], body: Mapping[str, Any], files: Mapping[str, Any]) -> tuple[bool, Any]:
    if field.kind is Kind.FILE:
        sources: tuple[Mapping[str, Any], ...] = (files,)
    elif field.where is Where.BODY:
        sources = (body,)
    elif field.where is Where.QUERY:
        sources = (query,)
    else:
        sources = (body, query)
    for source in sources:
        if source:
            for name in (field.name, *field.aliases):
                if name in source:
                    return True, source[name]
    return False, None


def _read_text(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, (int, float)):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise FieldError(field, "must be text")
    if len(value) > field.longest:
        raise FieldError(field, f"must have at most {field.longest} characters")
    if field.choices and value not in field.choices:
        raise FieldError(field, f"must be one of {', '.join(field.choices)}")
    return value


def _read_integer(field: Field, value: Any) -> int:
    if isinstance(value, bool):
        raise FieldError(field, "must be a whole number")
    if isinstance(value, float) and value.is_integer():
        number = int(value)
    elif isinstance(value, int):
        number = value
    elif isinstance(value, str) and len(value) <= 20 and value.isascii() and value.removeprefix("-").isdigit():
        number = int(value)
    else:
        raise FieldError(field, "must be a whole number")
    return _within(field, number)


def _within(field: Field, number: N) -> N:
    if not field.least <= number <= field.most:
        raise FieldError(field, f"must be between {field.least} and {field.most}")
    return number


def _read_number(field: Field, value: Any) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise FieldError(field, "must be a number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FieldError(field, "must be a number")
    number = float(value) if abs(value) <= MAX_INTEGER else float("nan")
    if number != number:  # not a number, or too large to be one
        raise FieldError(field, "must be a number")
    return _within(field, number)


_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False, "": False}


def _read_flag(field: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, (str, int)) else "?"
    if word not in _FLAGS:
        raise FieldError(field, "must be true or false")
    return _FLAGS[word]


def _read_texts(field: Field, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")] if value.strip() else []
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        value = [value]
    elif isinstance(value, dict) and all(isinstance(key, str) and key.isdigit() for key in value):
        value = [value[key] for key in sorted(value, key=int)]
    if not isinstance(value, list):
        raise FieldError(field, "must be a list")
    if len(value) > MAX_LIST:
        raise FieldError(field, f"must have at most {MAX_LIST} entries")
    return tuple(_read_text(field, entry) for entry in value)


def _read_object(field: Field, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except JsonError:
            value = None
    if not isinstance(value, dict):
        raise FieldError(field, "must be an object")
    return value


def _read_time(field: Field, value: Any) -> float:
    if isinstance(value, str) and not value.isdigit():
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise FieldError(field, "must be a date in ISO 8601") from None
        value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    seconds = _read_number(field, value)
    if not 0 <= seconds <= LAST_SECOND:
        raise FieldError(field, "must be a date between 1970 and 9998")
    return seconds


def _read_any(field: Field, value: Any) -> Any:
    return value


_READERS = {
    Kind.TEXT: _read_text,
    Kind.INTEGER: _read_integer,
    Kind.NUMBER: _read_number,
    Kind.FLAG: _read_flag,
    Kind.TEXTS: _read_texts,
    Kind.OBJECT: _read_object,
    Kind.TIME: _read_time,
    Kind.ANY: _read_any,
    Kind.FILE: _read_any,
}

_SCHEMAS: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"type": "string"},
    Kind.INTEGER: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.FLAG: {"type": "boolean"},
    Kind.TEXTS: {"type": "array", "items": {"type": "string"}},
    Kind.OBJECT: {"type": "object"},
    Kind.TIME: {"type": "string", "format": "date-time"},
    Kind.ANY: {},
    Kind.FILE: {"type": "string", "format": "binary"},
}
