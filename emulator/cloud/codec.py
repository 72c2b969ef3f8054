"""Records to text and back: JSON objects that leave out what equals the default.

So a row stays small, and a record that gains a field with a default reads the rows from before without a migration.
"""

from __future__ import annotations

import base64
import json
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, NewType, get_args, get_origin, get_type_hints

from particle_protocol.json_text import MAX_DEPTH, parse_json

Convert = Callable[[Any], Any]
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class _Field:
    __slots__ = ("decode", "default", "encode", "name")

    def __init__(self, name: str, default: Any, encode: Convert | None, decode: Convert | None) -> None:
        self.name = name
        self.default = default
        self.encode = encode
        self.decode = decode


JsonText = NewType("JsonText", str)
"""A field that holds JSON: it is read when it is asked for, and looked at when its record comes from a file."""
_MAX_STORED_DEPTH = 2 * MAX_DEPTH
"""What was taken in has at most `MAX_DEPTH` levels, and is stored in a few more."""


def dumps(record: Any) -> str:
    """The text of one record."""
    return _compact(_to_plain(record))


def loads(kind: type[Any], text: str) -> Any:
    """The record of `kind` in a text.

    Raises:
        ValueError: the text is not a JSON object.
        TypeError: a field without a default is missing.
    """
    plain = parse_json(text, max_depth=_MAX_STORED_DEPTH, max_size=None)
    if not isinstance(plain, dict):
        raise ValueError(f"a {kind.__name__} is a JSON object, not {type(plain).__name__}")
    return _from_plain(kind, plain)


def _to_plain(record: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for field in _fields_of(type(record)):
        value = getattr(record, field.name)
        if value != field.default:
            plain[field.name] = value if field.encode is None or value is None else field.encode(value)
    return plain


def _from_plain(kind: type[Any], plain: dict[str, Any]) -> Any:
    values: dict[str, Any] = {}
    for field in _fields_of(kind):
        if field.name in plain:
            value = plain[field.name]
            values[field.name] = value if field.decode is None or value is None else field.decode(value)
    return kind(**values)


_KNOWN: dict[type[Any], tuple[_Field, ...]] = {}


def _fields_of(kind: type[Any]) -> tuple[_Field, ...]:
    found = _KNOWN.get(kind)
    if found is None:
        found = _KNOWN[kind] = _read_fields(kind)
    return found


def _read_fields(kind: type[Any]) -> tuple[_Field, ...]:
    hints = get_type_hints(kind)
    found = []
    for field in fields(kind):
        encode, decode = _converters(hints[field.name]) or (None, None)
        default = field.default
        if field.default_factory is not MISSING:
            default = field.default_factory()
        found.append(_Field(field.name, default, encode, decode))
    return tuple(found)


def _converters(hint: Any) -> tuple[Convert, Convert] | None:
    """How a value of this type becomes JSON, and comes back. None: it is JSON already."""
    origin = get_origin(hint)
    if origin is typing.Union or origin is types.UnionType:
        inner = [each for each in get_args(hint) if each is not type(None)]
        return _converters(inner[0]) if len(inner) == 1 else None
    if origin in (tuple, frozenset):
        each = _converters(get_args(hint)[0])
        make: Convert = origin
        ordered: Convert = sorted if origin is frozenset else list
        if each is None:
            return ordered, make
        encode, decode = each
        return lambda values: [encode(value) for value in values], lambda values: make(decode(value) for value in values)
    if hint is JsonText:
        return str, _json_text
    if not isinstance(hint, type):
        return None
    if issubclass(hint, Enum):
        return (lambda value: value.value), hint
    if issubclass(hint, bytes):
        return (lambda value: base64.b64encode(value).decode()), base64.b64decode
    if is_dataclass(hint):
        return _to_plain, lambda plain: _from_plain(hint, plain)
    return None


def _json_text(text: Any) -> str:
    """A text that holds JSON.

    Raises:
        ValueError: it does not.
    """
    parse_json(text, max_depth=_MAX_STORED_DEPTH, max_size=None)
    return str(text)
