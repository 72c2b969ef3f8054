"""Requests and answers as values, free of any transport.

A `Request` is a whole request: transports read the body first (it is bounded, see `BodyLimits`). An answer is a `Response`, or, for an
event stream, an `EventStream` whose bytes come as long as both ends keep it open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from particle_protocol.json_text import MAX_DEPTH, MAX_SIZE, finite

MAX_BODY = 16 * 1024 * 1024
"""The largest upload in bytes. An asset bundle is 4 MiB at most, a file with 100,000 ids for a product 2.6 MB."""

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False)
_encode = _encoder.encode

JSON_TYPE = "application/json; charset=utf-8"


def to_json(value: Any) -> bytes:
    """`value` as UTF-8 JSON without spaces, which any reader can read.

    A lone surrogate, which UTF-8 cannot carry, becomes the JSON escape of itself; a number that is not finite, such as a variable of a
    device may be, becomes null, as where JSON.stringify writes it.
    """
    try:
        text = _encode(value)
    except ValueError:
        text = _encode(finite(value))
    return text.encode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """How much a request may bring: bytes of an upload, bytes of JSON or a form, and levels of JSON."""

    upload: int = MAX_BODY
    text: int = MAX_SIZE
    depth: int = MAX_DEPTH

    def of(self, content_type: str) -> int:
        """The most bytes of a body of this type."""
        return min(self.text, self.upload) if is_text(content_type) else self.upload


_TEXTS = frozenset({"", "text/plain", "application/x-www-form-urlencoded", "application/json"})


def media_type(content_type: str) -> str:
    """What a content type is without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_text(content_type: str) -> bool:
    """Whether a body of this type is read as fields (JSON, a form), and not as something that is uploaded."""
    kind = media_type(content_type)
    return kind in _TEXTS or kind.endswith("+json")


@dataclass(slots=True, frozen=True)
class Request:
    """One HTTP request.

    `path` is still percent-encoded (an encoded slash is part of a segment, not a separator); header names are in lower case.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class Response:
    """One complete HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Response:
        """An answer whose body is `value` as JSON."""
        return cls(status, to_json(value))

    def __str__(self) -> str:
        return f"{self.status} ({len(self.body)} bytes)"


NO_ANSWER = Response(0)
"""Nothing answers: whoever carries it lets the connection break."""


class ByteSource(Protocol):
    """The sending half of an event stream, as a transport sees it."""

    on_close: Callable[[], None]
    """Called once, when the stream has ended, whoever ended it."""

    def open(self, wake: Callable[[], None]) -> None:
        """Begin; `wake()` is called when there is something to `take()` and nothing was left from before."""

    def take(self) -> bytes:
        """Everything that waits to be sent; b"" when nothing does."""

    @property
    def closed(self) -> bool:
        """Whether the cloud has ended the stream (what waits may still be taken)."""

    def close(self) -> None:
        """End the stream: the reader has gone. Closing twice does nothing."""


@dataclass(slots=True)
class EventStream:
    """An answer that goes on: status 200 with `source`'s bytes as they come."""

    source: ByteSource
    status: int = 200
    content_type: str = "text/event-stream"
    headers: tuple[tuple[str, str], ...] = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))


Answer = Response | EventStream
