"""Who may come in by the HTTP door: only programs that mean this server, and web pages that it knows.

A browser lets any web page send requests to loopback, with a body of `text/plain` even without asking first; and a page whose host name
its owner points at 127.0.0.1 (DNS rebinding) may read the answers as well. Two headers that a page cannot forge give it away: `Host` names
the server that was meant, `Origin` the page. Other programs send no Origin, and are let in.
"""

from __future__ import annotations

import ipaddress
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)
ANY = "*"
"""Of origins: every web page, as the real cloud lets them."""
_SCHEMES = {"http": 80, "https": 443}
_SHOWN = 200
"""Characters of a header that an answer or the log repeats."""
_REMEMBERED = 256
"""Pairs of Host and Origin whose verdict is kept: a client sends the same ones again and again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a request: `why` it is refused, with which status; else the origin (empty: none) that may read the answer."""

    why: str = ""
    status: int = 200
    origin: str = ""


class Visitors:
    """Decides by Host and Origin. Loopback's names are always meant; `hosts` are further names, `origins` web pages that may ask.

    Raises:
        ValueError: one of them is no host name, or no origin. The text says which, and how it is written.
    """

    def __init__(self, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._hosts = frozenset(map(_host_name, hosts))
        self._origins = frozenset(map(_origin, origins))
        self._known: dict[tuple[bytes, bytes], Verdict] = {}

    def judge(self, http_version: str, headers: Iterable[tuple[bytes, bytes]]) -> Verdict:
        """Whether a request with these headers may come in."""
        host = origin = None
        for name, value in headers:
            if name == b"host":
                if host is not None:
                    return Verdict("a request has one Host header", 400)
                host = value
            elif name == b"origin":
                if origin is not None:
                    return Verdict("a request has at most one Origin header", 400)
                origin = value
        if host is None:
            if origin is None and http_version == "1.0":
                return Verdict()
            return Verdict("a request has a Host header (RFC 9112, 3.2)", 400)
        key = (host, origin or b"")
        known = self._known.get(key)
        if known is None:
            known = self._judge(host.decode("latin-1"), None if origin is None else origin.decode("latin-1"))
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = known
            if known.why:
                logger.warning("an HTTP request was refused: %s", known.why)
        return known

    def _judge(self, host: str, origin: str | None) -> Verdict:
        meant = _name_and_port(host)
        if meant is None:
            return Verdict(f"the Host header {_shown(host)} is no host name", 400)
        if not self._ours(meant[0]):
            return Verdict(f"this server has not the name {_shown(meant[0])}; `particle-hil serve --allow-host NAME` gives it one", 403)
        if origin is None:
            return Verdict()
        if ANY in self._origins or origin.lower() in self._origins or self._of_this_server(origin, meant[1]):
            return Verdict(origin=origin)
        return Verdict(f"web pages of {_shown(origin)} may not use this server; `particle-hil serve --cors ORIGIN` lets them", 403)

    def _of_this_server(self, origin: str, port: int | None) -> bool:
        """Whether a page came from this server itself: under one of its names, and by the port that was asked."""
        scheme, _, rest = origin.partition("://")
        place = _name_and_port(rest)
        if scheme not in _SCHEMES or place is None:
            return False
        standard = _SCHEMES[scheme]
        return self._ours(place[0]) and (place[1] or standard) == (port or standard)

    def _ours(self, name: str) -> bool:
        return name in self._hosts or is_loopback_name(name)


def is_loopback_name(name: str) -> bool:
    """Whether a host name always means this computer: localhost and what is below it (RFC 6761, 6.3), or an address of loopback."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Doorkeeper:
    """An ASGI application around another one, which gets to see only those whom `visitors` lets in."""

    def __init__(self, app: ASGIApp, visitors: Visitors) -> None:
        self._app = app
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        verdict = self._visitors.judge(scope["http_version"], scope["headers"])
        if verdict.why:
            await _refuse(verdict, send)
        elif verdict.origin:
            await self._app(scope, receive, _Readable(verdict.origin, send))
        else:
            await self._app(scope, receive, send)


class _Readable:
    """Sends an answer that the pages of an origin may read."""

    __slots__ = ("_headers", "_send")

    def __init__(self, origin: str, send: Send) -> None:
        self._headers = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*self._headers, *message.get("headers", ())]}
        await self._send(message)


async def _refuse(verdict: Verdict, send: Send) -> None:
    """Say why not, and end the connection: what is left of the request is not read."""
    word = "invalid_request" if verdict.status == 400 else "access_denied"
    body = json.dumps({"error": word, "error_description": verdict.why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": verdict.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _name_and_port(text: str) -> tuple[str, int | None] | None:
    """A host name in lower case (an IPv6 address without its brackets), and the port; None where it is neither."""
    if text.startswith("["):
        name, closed, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not closed or colon not in ("", ":") or ":" not in name:
            return None
    else:
        name, colon, port = text.partition(":")
    if not name or (colon and not port) or not (port == "" or (port.isascii() and port.isdigit() and len(port) <= 5)):
        return None
    if any(letter <= " " or letter in '/\\@?#,"<>|' for letter in name):
        return None
    return name.lower().removesuffix("."), int(port) if port else None


def _host_name(text: str) -> str:
    """A name that the user gives this server."""
    place = _name_and_port(text)
    if place is None and text.count(":") > 1:
        place = _name_and_port(f"[{text}]")
    if place is None or place[1] is not None or ANY in text:
        raise ValueError(f"{text!r} is no host name; write it as it stands in the URL that is asked, without scheme and port")
    return place[0]


def _origin(text: str) -> str:
    """An origin as browsers write it: without a path, and without the scheme's own port."""
    if text == ANY:
        return ANY
    wrong = ValueError(f"{text!r} is no origin of a web page; write it as http://localhost:3000, or * for every web page there is")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise wrong from None
    place = _name_and_port(parts.netloc)
    if place is None or parts.scheme not in _SCHEMES or parts.path not in ("", "/") or parts.query or parts.fragment or ANY in text:
        raise wrong
    name, port = place
    name = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{name}" + ("" if port is None or port == _SCHEMES[parts.scheme] else f":{port}")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
