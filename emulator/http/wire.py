"""HTTP/1.1 as bytes: requests in, answers out. No sockets, no clock.

`RequestReader` takes what arrives and gives whole requests; its bodies are bounded, and it refuses what two readers could understand
differently (RFC 9112, 2.2, 5, 6.3, 11.2). `encode_head` makes the beginning of an answer. Pairs with any HTTP client; the tests drive
it with h11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus

from emulator.http.messages import MAX_BODY, Request

MAX_HEAD = 32 * 1024
"""Bytes of a request line and its headers."""
MAX_HEADERS = 100
MAX_CHUNK_LINE = 256

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"[\x21-\x7e]+")
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)


class WireError(Exception):
    """What arrived cannot be answered as asked. Answer with `status` and close: where the next request begins is not known."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"{status}: {reason}")


@dataclass(slots=True, frozen=True)
class Incoming:
    """One whole request, and whether its connection may be used again."""

    request: Request
    keep_alive: bool


@dataclass(slots=True)
class _Head:
    method: str
    target: str
    headers: dict[str, str]
    keep_alive: bool
    length: int
    """Bytes of the body; -1 when it comes in chunks."""


class _Part(Enum):
    """Where in a chunked body the reader stands: what comes next."""

    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()


class RequestReader:
    """The receiving half of one connection. `feed()` what arrives, then `pull()` until it gives None.

    `wants_continue` is true while the client waits for `100 Continue` before it sends the body; send it, and set the attribute to False.
    """

    def __init__(self, peer: str = "", max_body: int = MAX_BODY) -> None:
        self._peer = peer
        self._max_body = max_body
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._body = bytearray()
        self._part = _Part.SIZE
        self._chunk_left = 0
        self.wants_continue = False

    def feed(self, data: bytes) -> None:
        """Take bytes that arrived."""
        self._buffer += data

    @property
    def waiting(self) -> int:
        """Bytes that are held and not yet given away."""
        return len(self._buffer)

    @property
    def midway(self) -> bool:
        """Whether a request has begun and is not whole yet."""
        return self._head is not None or bool(self._buffer)

    def pull(self) -> Incoming | None:
        """The next whole request, or None when more bytes are needed.

        Raises:
            WireError: see there. Do not call again.
        """
        if self._head is None:
            self._head = self._read_head()
            if self._head is None:
                return None
        head = self._head
        if head.length >= 0:
            if len(self._buffer) < head.length:
                return None
            body = bytes(self._buffer[: head.length])
            del self._buffer[: head.length]
        else:
            if not self._read_chunks():
                return None
            body = bytes(self._body)
            self._body.clear()
        self._head = None
        self.wants_continue = False
        path, _, query = head.target.partition("?")
        return Incoming(Request(head.method, path, query, head.headers, body, self._peer), head.keep_alive)

    def _read_head(self) -> _Head | None:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0:
            if len(buffer) >= MAX_HEAD:
                raise WireError(431, "the request's headers are too large")
            return None
        text = buffer[:end].decode("latin-1")
        del buffer[: end + 4]
        lines = text.split("\r\n")
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
            raise WireError(400, "a header holds a line end or a null byte")
        method, target, version = _request_line(lines[0])
        headers = _headers(lines)
        if version == "HTTP/1.1" and "host" not in headers:
            raise WireError(400, "the request has no Host")
        connection = headers.get("connection", "").lower()
        keep_alive = "close" not in connection if version == "HTTP/1.1" else "keep-alive" in connection
        head = _Head(method, target, headers, keep_alive, self._body_length(headers, version))
        if head.length and headers.get("expect", "").lower() == "100-continue":
            self.wants_continue = True
        return head

    def _body_length(self, headers: dict[str, str], version: str) -> int:
        coding = headers.get("transfer-encoding")
        length = headers.get("content-length")
        if coding is not None:
            if length is not None or version != "HTTP/1.1":
                raise WireError(400, "the length of the body is told in two ways")
            if coding.lower() != "chunked":
                raise WireError(501, f"the transfer coding {coding} is not supported")
            return -1
        if length is None:
            return 0
        if not (length.isascii() and length.isdigit() and len(length) < 16):
            raise WireError(400, "the content length is not a number")
        if int(length) > self._max_body:
            raise WireError(413, "the request body is too large")
        return int(length)

    def _read_chunks(self) -> bool:
        """Move what has come of a chunked body; True when the body is whole."""
        buffer = self._buffer
        while buffer:
            if self._part is _Part.DATA:
                taken = min(self._chunk_left, len(buffer))
                self._body += buffer[:taken]
                del buffer[:taken]
                self._chunk_left -= taken
                if self._chunk_left == 0:
                    self._part = _Part.DATA_END
                continue
            line = self._read_line()
            if line is None:
                return False
            if self._part is _Part.SIZE:
                self._begin_chunk(_chunk_size(line))
            elif self._part is _Part.DATA_END:
                if line:
                    raise WireError(400, "a chunk of the body is longer than it says")
                self._part = _Part.SIZE
            elif not line:
                self._part = _Part.SIZE
                return True
        return False

    def _read_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, MAX_CHUNK_LINE)
        if end < 0:
            if len(self._buffer) >= MAX_CHUNK_LINE:
                raise WireError(400, "a line of the chunked body is too long")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _begin_chunk(self, size: int) -> None:
        if len(self._body) + size > self._max_body:
            raise WireError(413, "the request body is too large")
        self._chunk_left = size
        self._part = _Part.DATA if size else _Part.TRAILER


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3:
        raise WireError(400, "the request line is malformed")
    method, target, version = parts
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        if version.startswith("HTTP/"):
            raise WireError(505, "only HTTP/1.1 is spoken here")
        raise WireError(400, "the request line is malformed")
    if not _TOKEN.fullmatch(method) or not _TARGET.fullmatch(target):
        raise WireError(400, "the request line is malformed")
    if not target.startswith("/"):
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            raise WireError(400, "the request target is not a path")
        target = target[absolute.end() :]
        if not target.startswith("/"):
            target = "/" + target
    return method, target.partition("#")[0], version


_names: dict[str, str] = {}
"""Header names seen before, and each in lower case; bounded."""


def _headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > MAX_HEADERS + 1:
        raise WireError(431, "the request has too many headers")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        lower = _names.get(name)
        if lower is None:
            if not colon or not _TOKEN.fullmatch(name):
                raise WireError(400, "a header is malformed")
            lower = name.lower()
            if len(_names) < 1000 and len(name) < 64:
                _names[name] = lower
        elif not colon:
            raise WireError(400, "a header is malformed")
        value = value.strip(" \t")
        if lower in headers:
            if lower in ("host", "content-length", "transfer-encoding", "authorization"):
                raise WireError(400, f"the header {lower} is there twice")
            value = f"{headers[lower]}, {value}"
        headers[lower] = value
    return headers


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip(b" \t")
    if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
        raise WireError(400, "the size of a chunk is not a number")
    return int(digits, 16)


def status_line(status: int) -> str:
    """`HTTP/1.1 200 OK`."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}"


_beginnings: dict[tuple[int, str], str] = {}


def encode_head(
    status: int, content_type: str, length: int | None, headers: tuple[tuple[str, str], ...], date: str, *, close: bool
) -> bytes:
    """The head of an answer, up to and with the empty line.

    Args:
        status: The status code.
        content_type: Left out for 204, which has no body.
        length: Bytes of the body; None for one in chunks.
        headers: Further headers.
        date: As in the Date header.
        close: Whether the connection ends with this answer.
    """
    key = (status, content_type)
    beginning = _beginnings.get(key)
    if beginning is None:
        beginning = f"{status_line(status)}\r\naccess-control-allow-origin: *\r\n"
        if status != 204:
            beginning += f"content-type: {content_type}\r\n"
        if len(_beginnings) < 1000:
            _beginnings[key] = beginning
    size = "" if status == 204 else "transfer-encoding: chunked\r\n" if length is None else f"content-length: {length}\r\n"
    more = "".join([f"{name}: {value}\r\n" for name, value in headers]) if headers else ""
    end = "connection: close\r\n\r\n" if close else "\r\n"
    return f"{beginning}date: {date}\r\n{size}{more}{end}".encode("latin-1")


def encode_chunk(data: bytes) -> bytes:
    """One chunk of a body in chunks; b"" makes the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)
