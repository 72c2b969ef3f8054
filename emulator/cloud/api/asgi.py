"""The REST API as an ASGI application (Starlette), for a server on the Lab's own loop.

Starlette's router holds what the emulator adds to the real cloud's paths; everything else goes to `Api.answer`. A request whose
answer is ready at once awaits nothing but its own body. Event streams are sent in batches, one per turn of the loop; a reader that
does not keep up is dropped by its stream's own bound and harms nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.requests import Request as Incoming
from starlette.routing import BaseRoute, Router
from starlette.types import Receive, Scope, Send

from emulator.cloud.api.errors import too_large
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.messages import NO_ANSWER, Answer, BodyLimits, ByteSource, EventStream, Request, Response
from emulator.doors.http_protocol import HANG_UP
from emulator.drivers.served import ServedDriver

Answerer = Callable[[Request], Answer | Coroutine[Any, Any, Answer]]


class CloudApp:
    """The application around `Api.answer`.

    Give it to a server that runs on the driver's loop; call `end_streams()` before that server stops.
    """

    def __init__(self, answer: Answerer, driver: ServedDriver, routes: Sequence[BaseRoute] = (), limits: BodyLimits | None = None) -> None:
        self._ask = answer
        self._call = driver.call
        self._limits = BodyLimits() if limits is None else limits
        self._router = Router(routes, redirect_slashes=False, default=self._answer)
        self._streams: dict[ByteSource, Callable[[], None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        await self._router(scope, receive, send)

    @property
    def streams(self) -> tuple[ByteSource, ...]:
        """The event streams that are being sent."""
        return tuple(self._streams)

    def end_streams(self) -> None:
        """End every event stream; their readers get what waits for them, and a proper end. Call it where the Lab lives."""
        for source, wake in tuple(self._streams.items()):
            source.close()
            wake()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        limit = self._limits.of(headers.get("content-type", ""))
        try:
            body = await _body(headers, limit, scope, receive)
        except ClientDisconnect:
            return
        if body is None:
            await _send(too_large(limit).answer(Shape.OAUTH), send)
            return
        path, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("latin-1")
        client = scope["client"]
        asked = Request(scope["method"], path, query, headers, body, client[0] if client else "")
        answer = self._call(self._ask, asked)
        if isinstance(answer, Coroutine):
            answer = await answer
        if answer is NO_ANSWER:
            scope["extensions"][HANG_UP]["call"]()
            await _disconnected(receive)
        elif isinstance(answer, EventStream):
            await self._stream(answer, receive, send)
        else:
            await _send(answer, send)

    async def _stream(self, stream: EventStream, receive: Receive, send: Send) -> None:
        """Send a stream until either end closes it."""
        source, wake = stream.source, asyncio.Event()
        sender = asyncio.current_task()
        sending = False

        def ready() -> None:
            wake.set()
            if source.closed and sending and sender is not None:
                sender.cancel()

        gone = asyncio.ensure_future(_disconnected(receive))
        gone.add_done_callback(lambda _: wake.set())
        self._streams[source] = ready
        try:
            await send({"type": "http.response.start", "status": stream.status, "headers": _headers(stream)})
            self._call(source.open, ready)
            while True:
                wake.clear()
                data = source.take()
                if data:
                    sending = True
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                    sending = False
                if source.closed or gone.done():
                    break
                await wake.wait()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not source.closed:
                raise
        finally:
            gone.cancel()
            self._streams.pop(source, None)
            self._call(source.close)


async def _body(headers: dict[str, str], limit: int, scope: Scope, receive: Receive) -> bytes | None:
    """The whole body; None when it is too large (what is left of it is never kept).

    Raises:
        ClientDisconnect: the client left before it was whole.
    """
    length = headers.get("content-length")
    if length is None and "transfer-encoding" not in headers:
        return b""
    if length is not None and (not length.isdigit() or int(length) > limit):
        return None
    body = bytearray()
    async for chunk in Incoming(scope, receive).stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


async def _disconnected(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(answer: Response | EventStream) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    return [(b"content-type", answer.content_type.encode("latin-1")), *headers]


_heads: dict[tuple[str, int], list[tuple[bytes, bytes]]] = {}
"""Headers of answers that have none of their own, by content type and length; bounded."""


async def _send(answer: Response, send: Send) -> None:
    key = (answer.content_type, len(answer.body))
    headers = _heads.get(key) if not answer.headers and answer.status != 204 else None
    if headers is None:
        headers = _headers(answer)
        if answer.status == 204:
            headers = [header for header in headers if header[0] != b"content-type"]
        else:
            headers.append((b"content-length", b"%d" % len(answer.body)))
            if not answer.headers and len(_heads) < 4096:
                _heads[key] = headers
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
