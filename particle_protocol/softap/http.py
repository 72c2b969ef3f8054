"""SoftAP on port 80: the commands as pages of an HTTP server. The board's end, without I/O.

The server is the one of WICED's public SDK (libraries/daemons/HTTP_server, http_server.c and .h): it looks into a request for a few
strings, by their exact spelling, and supposes that a request comes alone. The pages are those of Device OS 2.3.1, hal/src/photon/
softap_ip.c:17-31 and softap.cpp (`HTTPDispatcher`). What neither shows, and was chosen, is in docs/softap.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from particle_protocol.softap.commands import has_body
from particle_protocol.softap.requests import MAX_BODY, Answer, PageRequest, Reader, Request, SetupPage

MAX_HEAD: Final = 4096
"""Bytes of a request's head; one that is longer is dropped. Chosen."""
PAGES: Final = frozenset({"version", "device-id", "scan-ap", "configure-ap", "connect-ap", "public-key", "set"})
_OCTETS: Final = b"application/octet-stream"
_TYPES: Final = (
    b"application/x-tlv8",
    b"application/x-apple-binary-plist",
    b"application/x-ns-proxy-autoconfig",
    _OCTETS,
    b"application/javascript",
    b"application/json",
    b"application/hap+json",
    b"application/pairing+tlv8",
    b"application/hap+verify",
    b"text/html",
    b"text/plain",
    b"text/event-stream",
    b"text/css",
    b"image/png",
    b"image/gif",
    b"image/vnd.microsoft.icon",
)
"""The types that the server knows. One that it does not know fits every page, as none does."""
_METHODS: Final = (b"GET ", b"POST ", b"PUT ")
_VERSION: Final = b" HTTP/1.1"
_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"Content-Length: [ \t]*([+-]?[0-9]+)")
_TYPE: Final = b"Content-Type: "
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})?")

_NO_CACHE: Final = b"Cache-Control: no-store, no-cache, must-revalidate, post-check=0, pre-check=0\r\nPragma: no-cache\r\n"
_KEEP: Final = b"Connection: Keep-Alive\r\n"
_ANYBODY: Final = b"Access-Control-Allow-Origin: *\r\n"
_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"
_EMPTY: Final = b"Content-Length: 0\r\n"

_COMMAND: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + _NO_CACHE + _KEEP + _ANYBODY + _CHUNKED + b"\r\n"
_NO_PAGE: Final = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n" + _NO_CACHE + _KEEP + _EMPTY + b"\r\n"
_NO_MEMORY: Final = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\n" + _NO_CACHE + _KEEP + _EMPTY + b"\r\n"
_NOT_FOUND: Final = b"HTTP/1.1 404 Not Found\r\nContent-Type: */*\r\n" + _NO_CACHE + _KEEP + _ANYBODY + _CHUNKED + b"\r\n" + _LAST_CHUNK
"""What is there for a page unless an application has it."""
_REASONS: Final = {200: " OK", 204: " No Content", 400: " Bad Request", 404: " Not Found", 500: " Internal Server Error"}
"""Those that the server knows; other numbers stand alone."""
_HELLO_TEXT: Final = b"Soft AP Setup\0"
_FIXED: Final = {
    "/": b"HTTP/1.1 301\r\nLocation: /index\r\nContent-Length: 0\r\n\r\n",
    "/index": b"HTTP/1.1 301\r\nContent-Type: text/plain\r\n"
    + _NO_CACHE
    + _KEEP
    + _ANYBODY
    + _CHUNKED
    + b"Location: /hello\r\n\r\n"
    + _LAST_CHUNK,
    "/hello": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + _KEEP + b"Content-Length: %d\r\n\r\n" % len(_HELLO_TEXT) + _HELLO_TEXT,
}
_OWN_TYPES: Final = {"/": b"text/html", "/hello": b"text/plain"}
"""Of the pages that are not octets."""


class HttpReader(Reader):
    """The board's end of one connection."""

    waits = False

    def __init__(self) -> None:
        self._head = bytearray()
        self._closes = False
        self._asked = ""
        """The page that an answer is awaited for."""
        self._path: str | None = None
        """Of the request whose body is read."""
        self._left = 0
        self._skip = 0
        """Bytes that are still to come of a body that nobody wants."""
        self._body = bytearray()

    def read(self, inbox: bytearray, *, ended: bool) -> Request | PageRequest | Answer | None:
        """See `Reader.read`. What comes in one piece with a request and behind its body is lost."""
        dropped = min(self._skip, len(inbox))
        self._skip -= dropped
        del inbox[:dropped]
        if self._path is None:
            answer = self._read_head(inbox)
            if answer is not None or self._path is None:
                return answer
        took = inbox[: self._left]
        inbox.clear()
        self._body += took
        self._left -= len(took)
        if self._left:
            return None
        path, body = self._path, bytes(self._body)
        self._body.clear()
        self._path = None
        if path[1:] not in PAGES:
            self._asked = path
            return PageRequest(path, body)
        return Request(path[1:], body if has_body(path[1:]) else b"")

    def answer(self, pieces: Sequence[bytes], *, known: bool) -> Answer:
        """See `Reader.answer`. Each piece is a chunk."""
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        return self._answer(_COMMAND + chunks + _LAST_CHUNK)

    def answer_page(self, page: SetupPage | None) -> Answer:
        """See `Reader.answer_page`. What the application writes is one chunk."""
        if page is None:
            return self._answer(_FIXED.get(self._asked, _NOT_FOUND))
        body = page.body.encode() if isinstance(page.body, str) else page.body
        head = f"HTTP/1.1 {page.status}{_REASONS.get(page.status, '')}\r\nContent-Type: {page.content_type}\r\n".encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in page.headers.items()).encode()
        chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
        return self._answer(head + _NO_CACHE + _KEEP + _ANYBODY + _CHUNKED + more + b"\r\n" + chunk + _LAST_CHUNK)

    def _read_head(self, inbox: bytearray) -> Answer | None:
        """Read a head; an answer, or None when the head is not there yet, is none, or began a command."""
        self._head += inbox
        inbox.clear()
        head, end, rest = bytes(self._head).partition(_END)
        if not end:
            if len(self._head) > MAX_HEAD:
                self._head.clear()
            return None
        self._head.clear()
        self._closes = b"Connection: close" in head
        path = _path(head)
        if path is None or len(head) > MAX_HEAD:
            return self._answer(b"") if self._closes else None
        length = 0 if b"Transfer-Encoding: chunked" in head else _length(head)
        refusal = _refusal(head, path, length)
        if refusal:
            self._skip = max(0, length - len(rest))
            return self._answer(refusal)
        self._path, self._left = path, length
        inbox += rest
        return None

    def _answer(self, data: bytes) -> Answer:
        return Answer(data, self._closes)


def _refusal(head: bytes, path: str, length: int) -> bytes:
    """What a request is answered that is none for a command; empty when it is one."""
    if not _fits(head, _OWN_TYPES.get(path, _OCTETS)):
        return _NO_PAGE
    if not path:
        return _NO_PAGE
    if path in _OWN_TYPES:
        return _FIXED[path]
    return _NO_MEMORY if length > MAX_BODY else b""


def _path(head: bytes) -> str | None:
    """The path that is asked for, without its query; None where the first line is not that of a request."""
    method = next((each for each in _METHODS if head.startswith(each)), None)
    end = head.find(_VERSION)
    if method is None or end < len(method):
        return None
    escaped = head[len(method) : end]
    if any(escape[1] is None for escape in _ESCAPE.finditer(escaped)):
        return ""
    plain = _ESCAPE.sub(lambda escape: bytes((int(escape[1], 16),)), escaped.replace(b"+", b" "))
    return plain.partition(b"?")[0].partition(b"\0")[0].decode("latin-1")


def _fits(head: bytes, page: bytes) -> bool:
    at = head.find(_TYPE)
    if at < 0:
        return True
    given = head[at + len(_TYPE) :]
    known = next((each for each in _TYPES if given.startswith(each)), None)
    return known is None or known == page


def _length(head: bytes) -> int:
    """What stands in Content-Length, in the 16 bits that the server keeps of it."""
    found = _LENGTH.search(head)
    return 0 if found is None else min(int(found[1][:20]), (1 << 31) - 1) & 0xFFFF
