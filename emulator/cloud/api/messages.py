"""Requests and answers as values, free of any transport.

A `Request` is a whole request: transports read the body first (it is bounded, see `MAX_BODY`). An answer is a `Response`, or, for an event
stream, an `EventStream` whose bytes come as long as both ends keep it open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_BODY = 16 * 1024 * 1024
"""The largest request body in bytes; a transport refuses more with 413 before it reads it. An asset bundle is 4 MiB at most, a
product import of 100,000 ids 2.6 MB."""

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
_encode = _encoder.encode

JSON_TYPE = "application/json; charset=utf-8"


def to_json(value: Any) -> bytes:
    """`value` as UTF-8 JSON without spaces. A lone surrogate, which UTF-8 cannot carry, becomes the JSON escape of itself."""
    return _encode(value).encode("utf-8", "backslashreplace")


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
