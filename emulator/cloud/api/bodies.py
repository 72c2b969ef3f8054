"""Request bodies: JSON, urlencoded form and multipart, all to the same thing.

Form keys may nest as query-string libraries write them: `a[b]=1`, `groups[]=x`, `devices[0]=x`. Nothing is written to disk and no thread is
used: a body is bounded by the transport, and whole when it comes here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from emulator.cloud.api.messages import media_type
from particle_protocol.json_text import MAX_DEPTH, JsonError, parse_json

MAX_FORM_FIELDS = 10_000
MAX_PARTS = 200
MAX_NESTING = 8


class BodyError(Exception):
    """The body is not what its content type says."""


@dataclass(slots=True, frozen=True)
class Upload:
    """A file part of a multipart body. `filename` is as sent: it may hold a relative path, and is never used as one here."""

    name: str
    filename: str
    content: bytes


@dataclass(slots=True)
class Body:
    """A parsed body: its fields, and its files in the order sent."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)
    raw: bytes = b""


EMPTY = Body()


def parse_body(content_type: str, data: bytes, max_depth: int = MAX_DEPTH) -> Body:
    """Read a body by its content type; one without is read as JSON when it looks so, else as a form. How long it is was bounded before.

    Raises:
        BodyError: It cannot be read.
    """
    if not data:
        return EMPTY
    kind = media_type(content_type)
    if kind == "application/x-www-form-urlencoded":
        return Body(parse_form(data.decode("utf-8", "replace")))
    if kind == "multipart/form-data":
        return _parse_multipart(content_type, data)
    if kind == "application/json" or kind.endswith("+json"):
        return Body(_parse_json(data, max_depth))
    if kind in ("", "text/plain"):
        if data.lstrip()[:1] == b"{":
            return Body(_parse_json(data, max_depth))
        return Body(parse_form(data.decode("utf-8", "replace")), raw=data)
    return Body(raw=data)


def _parse_json(data: bytes, max_depth: int) -> dict[str, Any]:
    if not data.strip():
        return {}
    try:
        value = parse_json(data, max_depth=max_depth, max_size=None)
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no text that could be stored
    except JsonError as error:
        raise BodyError(f"the body {error}") from None
    except UnicodeError:
        raise BodyError("the body is not valid JSON: half a character (a lone surrogate)") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BodyError("the body must be a JSON object")
    return value


def parse_form(text: str) -> dict[str, Any]:
    """A form or a query string as nested fields.

    Raises:
        BodyError: It has too many fields, or nests too deep.
    """
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise BodyError(f"a form may have at most {MAX_FORM_FIELDS} fields") from None
    return nest(pairs)


def nest(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Put `a[b]=c`, `a[]=c` and repeated `a=c` in their places.

    Raises:
        BodyError: A key nests too deep, or is at once a value and a container.
    """
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if "[" not in key:
            if key in fields:
                there = fields[key]
                if not isinstance(there, list):
                    there = fields[key] = [there]
                there.append(value)
            else:
                fields[key] = value
            continue
        head, *rest = key.split("[")
        steps = [step.removesuffix("]") for step in rest]
        if len(steps) > MAX_NESTING:
            raise BodyError("a form field nests too deep")
        _place(fields, head, steps, value)
    return fields


def _place(at: dict[str, Any], key: str, steps: list[str], value: str) -> None:
    if not steps:
        at[key] = value
    elif steps == [""]:
        there = at.setdefault(key, [])
        if not isinstance(there, list):
            raise BodyError(f"the form field {key} is used in two ways")
        there.append(value)
    else:
        inner = at.setdefault(key, {})
        if not isinstance(inner, dict):
            raise BodyError(f"the form field {key} is used in two ways")
        _place(inner, steps[0], steps[1:], value)


class _Parts:
    """Collects the parts that python-multipart finds."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.files: dict[str, Upload] = {}
        self.count = 0
        self.ended = False
        self._headers: dict[str, str] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._data: list[bytes] = []

    def begin(self) -> None:
        self.count += 1
        if self.count > MAX_PARTS:
            raise BodyError(f"a multipart body may have at most {MAX_PARTS} parts")
        self._headers = {}
        self._data = []

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()

    def data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def part_end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", ""))
        name = options.get(b"name")
        if name is None:
            raise BodyError("a part of the multipart body has no name")
        content = b"".join(self._data)
        filename = options.get(b"filename")
        key = name.decode("utf-8", "replace")
        if filename is not None:
            self.files.setdefault(key, Upload(key, filename.decode("utf-8", "replace"), content))
        else:
            self.pairs.append((key, content.decode("utf-8", "replace")))

    def end(self) -> None:
        self.ended = True


def _parse_multipart(content_type: str, data: bytes) -> Body:
    try:
        _, options = parse_options_header(content_type)
    except UnicodeError:
        raise BodyError("the content type cannot be read") from None
    boundary = options.get(b"boundary")
    if not boundary:
        raise BodyError("the multipart body has no boundary")
    parts = _Parts()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_header_field": parts.header_field,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
                "on_part_data": parts.data,
                "on_part_end": parts.part_end,
                "on_end": parts.end,
            },
        )
        parser.write(data)
        parser.finalize()
    except (FormParserError, UnicodeError) as error:
        raise BodyError("the multipart body cannot be read") from error
    if not parts.ended:
        raise BodyError("the multipart body is cut off")
    return Body(nest(parts.pairs), parts.files)
