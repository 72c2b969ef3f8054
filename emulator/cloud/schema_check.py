"""Whether something can be a JSON schema, as far as the keywords go that schemas of configurations use (draft 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
MAX_DEPTH = 32
"""Schemas inside schemas."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong: at which place, under which keyword, and what should be there."""

    place: str
    keyword: str
    message: str


def violations(schema: object, place: str = "", depth: int = 0) -> Iterator[Violation]:
    """Everything that is wrong with a schema; nothing: it is one."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield Violation(place, "type", "should be object,boolean")
        return
    if depth > MAX_DEPTH:
        yield Violation(place, "depth", f"should have at most {MAX_DEPTH} levels")
        return
    for keyword, fits in _PLAIN.items():
        if keyword in schema and not fits(schema[keyword]):
            yield Violation(f"{place}.{keyword}", keyword, _MESSAGES[fits])
    for keyword, inner in schema.items():
        if keyword in _BY_NAME:
            yield from _by_name(inner, f"{place}.{keyword}", keyword, depth)
        elif keyword in _LISTS or (keyword == "items" and isinstance(inner, list)):
            yield from _list(inner, f"{place}.{keyword}", keyword, depth)
        elif keyword in _SINGLE:
            yield from violations(inner, f"{place}.{keyword}", depth + 1)


def _by_name(inner: object, place: str, keyword: str, depth: int) -> Iterator[Violation]:
    if not isinstance(inner, dict):
        yield Violation(place, keyword, "should be object")
        return
    for name, each in inner.items():
        yield from violations(each, f"{place}['{name}']", depth + 1)


def _list(inner: object, place: str, keyword: str, depth: int) -> Iterator[Violation]:
    if not isinstance(inner, list) or not inner:
        yield Violation(place, keyword, "should be array with at least one schema")
        return
    for number, each in enumerate(inner):
        yield from violations(each, f"{place}[{number}]", depth + 1)


_BY_NAME = frozenset({"properties", "patternProperties", "definitions"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf"})
_SINGLE = frozenset({"items", "additionalProperties", "not", "if", "then", "else"})


def _type(value: Any) -> bool:
    return value in TYPES if isinstance(value, str) else isinstance(value, list) and bool(value) and all(each in TYPES for each in value)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value) and len(set(value)) == len(value)


def _choices(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


_PLAIN: dict[str, Callable[[Any], bool]] = {
    "type": _type,
    **dict.fromkeys(("$schema", "$id", "$ref", "title", "description", "pattern", "format"), _text),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _count),
    "required": _names,
    "enum": _choices,
}
_MESSAGES: dict[Callable[[Any], bool], str] = {
    _type: "should be equal to one of the allowed values",
    _text: "should be string",
    _number: "should be number",
    _count: "should be integer >= 0",
    _names: "should be array of unique strings",
    _choices: "should be array with at least one value",
}
