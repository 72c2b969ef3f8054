"""uvicorn's HTTP protocol with bounds: how large the head of a request may be, and how long it may take.

The parser keeps what it has of a head until it is whole, and uvicorn waits for it as long as the connection is there. So somebody could
fill the memory with one header, or keep connections that say nothing.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HANG_UP = "particle_hil.hang_up"
"""The extension of ASGI by which a request ends without an answer: a function that breaks its connection."""
_FRAMING_PER_BYTE = 8
"""Bytes that a chunked body may take around each byte of its own: a chunk of one byte has five."""
_PER_HEADER = 4
"""The colon, the blank, and the end of the line."""


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Bytes of a request's head (its trailers are as much again), and seconds from its first byte, or the connection, to its end."""

    size: int = 64 * 1024
    seconds: float = 10.0


class _TooMuchError(Exception):
    """Ends the parser; what is answered instead is noted already."""


def bounded_protocol(limits: HeadLimits) -> type[HttpToolsProtocol]:
    """Uvicorn's protocol class with these limits: it makes one object per connection, and knows of no more arguments."""
    return type("BoundedProtocol", (_BoundedProtocol,), {"limits": limits})


class _BoundedProtocol(HttpToolsProtocol):
    limits: HeadLimits

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = False
        self._waiting = 0
        """Bytes that have come of a head that is not whole, as far as they are surely its own."""
        self._begun = 0
        """Requests that began in the data at hand."""
        self._framing = 0
        """Bytes that have come since a head was whole, but for those of its body; negative when the body was the most."""
        self._trailers = 0
        self._refused: tuple[HTTPStatus, str] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._begun = 0
        if self._in_head:
            self._waiting += len(data)
        else:
            self._framing += len(data)
        idle = not self._in_head and not self._answering()
        super().data_received(data)
        if idle and self._in_head and self._begun == 1:
            self._waiting = len(data)
        if self.transport.is_closing():
            self._clear_deadline()
        elif self._in_head and self._waiting > self.limits.size:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the head of a request has at most {self.limits.size} bytes")
        elif not self._in_head and self._framing > self.limits.size:
            self._refuse(HTTPStatus.BAD_REQUEST, "the body comes in pieces with too much around them")
        elif self._deadline is None and (self._in_head or not self._answering()):
            self._set_deadline()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: {"call": self.transport.abort}}
        self._in_head, self._waiting, self._trailers = True, 0, 0
        self._begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            self._trailers += len(name) + len(value) + _PER_HEADER
            if self._trailers > self.limits.size:
                self._refused = (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"trailers have at most {self.limits.size} bytes")
                raise _TooMuchError
            return
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._framing = False, 0
        self._clear_deadline()
        size = len(self.url) + sum(len(name) + len(value) + _PER_HEADER for name, value in self.headers)
        if size > self.limits.size:
            self._refused = (
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the head of a request has at most {self.limits.size} bytes",
            )
            raise _TooMuchError
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._framing -= (1 + _FRAMING_PER_BYTE) * len(body)
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        status, text = self._refused or (HTTPStatus.BAD_REQUEST, msg)
        self._refuse(status, text)

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Answer and hang up; only hang up, where another answer is not whole yet."""
        self._clear_deadline()
        if self._answering():
            self.transport.abort()
            return
        body = json.dumps({"error": "invalid_request", "error_description": text}).encode()
        headers = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n{headers}".encode() + body)
        self.transport.close()

    def _answering(self) -> bool:
        """Whether an answer is on its way."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.limits.seconds, self._overdue)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the head of a request comes within {self.limits.seconds:g} s")
