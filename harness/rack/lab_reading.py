"""A lab file as a document whose form is right: it is TOML, has no key too many, and each value is what the schema wants."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from harness.errors import hides
from harness.rack.lab_errors import LabFileWrong, Place, Problem, wrong
from harness.rack.lab_schema import SIM_STATES, lab_schema
from harness.rack.toml_lines import Document, NotToml, read_toml
from harness.rack.toml_lines import Path as KeyPath

__tracebackhide__ = hides

MAX_FILE: Final = 4 * 1024 * 1024
"""Bytes; what is larger, or has no end, is no file of a lab."""
_TYPES: Final = {
    "string": "a text in quotation marks",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list in [brackets]",
    "object": "a table",
}


def read_document(path: Path) -> Document:
    """Read a lab file, and check its form.

    Raises:
        LabFileWrong: it cannot be read, is no TOML, or has not the form; tells all that is wrong.
    """
    text = read_text(path, "Name a lab file; docs/lab-file.md has one to begin with")
    try:
        document = read_toml(text)
    except NotToml as error:
        remedy = "Write key = value, texts in quotation marks, and [[board]] above each board"
        raise wrong(Place(path, error.line), f"this is no TOML: {error}", remedy) from None
    problems = [Problem(Place(path, document.line(where)), what, remedy) for where, what, remedy in _judge(document.data)]
    if problems:
        raise LabFileWrong(problems)
    return document


def read_text(path: Path, remedy: str = "", named_at: Place | None = None) -> str:
    """The text of a file that is part of a lab; `named_at` is where the lab file names it.

    Raises:
        LabFileWrong: it is not there, is no file, is not ours to read, is far too large, or is no UTF-8.
    """
    place = Place(path, 1) if named_at is None else named_at
    about = "" if named_at is None else f"{path}: "
    data = b""
    try:
        if not path.is_file():
            raise wrong(place, f"{about}{'this is no file' if path.exists() else 'there is no such file'}", remedy)
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise wrong(place, f"{about}more than {MAX_FILE} bytes are far too many", remedy)
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise wrong(place, f"{about}it cannot be read: {error.strerror}", remedy) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise wrong(Place(path, line), f"this is no UTF-8 text: byte {data[error.start]:#04x}", "Save it as UTF-8") from None


def close_to(word: str, words: Iterable[str]) -> str:
    """The remedy for a word that there is not: the one that was meant, or all there are."""
    known = list(words)
    near = difflib.get_close_matches(word, known, 1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There are: {', '.join(known)}" if known else "There are none"


def _judge(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    """What the schema has against a document: where, what, remedy."""
    from jsonschema import Draft7Validator  # takes a tenth of a second, which nobody else should wait

    for error in Draft7Validator(lab_schema()).iter_errors(data):
        yield from _explain(tuple(error.absolute_path), str(error.validator), error.validator_value, error.instance, error.schema)


def _explain(path: KeyPath, rule: str, value: Any, found: Any, schema: Any) -> Iterator[tuple[KeyPath, str, str]]:
    explain = _TABLE_RULES.get(rule)
    if explain is not None and isinstance(found, dict) and "properties" in schema:
        yield from ((path + where, what, remedy) for where, what, remedy in explain(value, found, schema))
        return
    about = schema.get("description", "")
    if rule == "enum":
        words = list(map(str, value))
        about = close_to(str(found), words) if len(words) > len(SIM_STATES) else f"There are: {', '.join(words)}"
    elif schema.keys() == {"pattern"}:
        about = "Take letters, digits, '-', '_' and '.' for a name"
    if rule == "type":
        yield path, f"{_called(path)} is {_kind(found)}, where {_TYPES[value]} belongs", about
    else:
        yield path, f"{_called(path)} cannot be {_short(found)}", about


_Told: TypeAlias = Iterator[tuple[KeyPath, str, str]]
_CONTRADICT: Final = "contradict each other"


def _unknown(value: Any, found: Any, schema: Any) -> _Told:
    for key in found.keys() - schema["properties"].keys():
        yield (key,), f"unknown key {key!r}", close_to(key, schema["properties"])


def _missing(value: Any, found: Any, schema: Any) -> _Told:
    for key in (key for key in value if key not in found):
        yield (), f"the key {key!r} is missing", schema["properties"][key]["description"]


def _alone(value: Any, found: Any, schema: Any) -> _Told:
    for key in value.keys() & found.keys():
        for other in (each for each in value[key] if each not in found):
            yield (key,), f"{key!r} needs the key {other!r} beside it", schema["properties"][other]["description"]


def _both(value: Any, found: Any, schema: Any) -> _Told:
    yield (), f"{' and '.join(map(repr, value['required']))} {_CONTRADICT}", "Leave one of them out"


def _one_of(value: Any, found: Any, schema: Any) -> _Told:
    keys = [key for each in value for key in each.get("required", ())]
    if sum(key in found for key in keys) > 1:
        yield (), f"{' and '.join(map(repr, keys))} {_CONTRADICT}", "Leave one of them out"
    elif keys:
        yield (), f"one of the keys {' and '.join(map(repr, keys))} is missing", schema["properties"][keys[0]]["description"]
    else:
        yield (), "this cannot be", schema["description"]


_TABLE_RULES: Final[Mapping[str, Callable[[Any, Any, Any], _Told]]] = {
    "additionalProperties": _unknown,
    "required": _missing,
    "dependencies": _alone,
    "not": _both,
    "oneOf": _one_of,
    "anyOf": _one_of,
}
"""What the rules about the keys of a table have against one."""


def _called(path: KeyPath) -> str:
    """What to call the thing at a path."""
    if path and isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of {path[-2]}"
    return str(path[-1]) if path else "this"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return _TYPES["boolean"]
    kinds = {str: "a text", int: "a whole number", float: "a number", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
