"""The HTTP door: a server on the Lab's own asyncio loop, on loopback unless told otherwise.

It serves one callable (`emulator.cloud.api.app.Api.answer`). A request whose answer is ready at once is read, answered and written in one
turn of the loop without a task; one that waits for a device gets a task. Event streams are written once per turn, however many events
came; a reader that does not keep up is dropped by its stream's own bound and harms nobody else.

The reading is ours (`emulator.http.wire`) because the servers that would fit are either slow (uvicorn on h11: 0.37 ms for an empty
answer where this one takes a tenth) or need a compiler where there is no wheel; `bench/README.md` has the figures.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import Any

from emulator.drivers.served import ServedDriver
from emulator.http.messages import MAX_BODY, Answer, EventStream, Request, Response
from emulator.http.wire import RequestReader, WireError, encode_chunk, encode_head

logger = logging.getLogger(__name__)

IDLE = 75.0
"""Seconds a connection may do nothing."""
MIDWAY = 30.0
"""Seconds a request may take to arrive once it has begun, since its last byte."""
SWEEP = 5.0
LINGER = 2.0
"""Seconds to go on reading, and forgetting, what a refused client still sends."""
MAX_AHEAD = 256 * 1024
"""Bytes a client may send ahead while an answer is being made."""
STREAM_BUFFER = 256 * 1024
"""Bytes of an event stream that may wait in the socket's buffer; then they wait in the stream."""

Answerer = Callable[[Request], Answer | Coroutine[Any, Any, Answer]]


class HttpDoor:
    """Listens, and answers with `answer`, which runs where the Lab lives."""

    def __init__(self, driver: ServedDriver, answer: Answerer, host: str = "127.0.0.1", port: int = 0, max_body: int = MAX_BODY) -> None:
        self.driver = driver
        self.answer = answer
        self.host = host
        self.port = port
        self.max_body = max_body
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._date = ""
        self._date_second = -1

    def open(self) -> None:
        """Begin to listen; `port` and `url` are then the real ones.

        Raises:
            OSError: The port is taken, or not allowed.
        """
        self.driver.run(self._open(), timeout=30)

    def close(self) -> None:
        """Stop listening and end every connection, event streams properly."""
        self.driver.run(self._close(), timeout=30)

    @property
    def url(self) -> str:
        """Where clients find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def date(self) -> str:
        """The Date header, made once per second."""
        now = int(time.time())
        if now != self._date_second:
            self._date_second = now
            self._date = formatdate(now, usegmt=True)
        return self._date

    async def _open(self) -> None:
        loop = self.driver.loop
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        self._sweeper = loop.call_later(SWEEP, self._sweep)

    async def _close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in tuple(self.connections):
            connection.end()
        await asyncio.sleep(0)
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.sleep(0)
        await self._server.wait_closed()
        self._server = None

    def _sweep(self) -> None:
        now = self.driver.loop.time()
        for connection in tuple(self.connections):
            connection.expire(now)
        self._sweeper = self.driver.loop.call_later(SWEEP, self._sweep)


class _Connection(asyncio.Protocol):
    """One client's connection: requests one after the other, or one event stream."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door
        self._loop = door.driver.loop
        self._call = door.driver.call
        self._answer = door.answer
        self._reader = RequestReader(max_body=door.max_body)
        self._active = self._loop.time()
        self._task: asyncio.Task[None] | None = None
        self._stream: EventStream | None = None
        self._flushing = False
        self._paused = False
        self._closing = False
        self._linger: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._reader = RequestReader(peer[0] if peer else "", self._door.max_body)
        self._door.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.connections.discard(self)
        self._closing = True
        if self._linger is not None:
            self._linger.cancel()
        if self._task is not None:
            self._task.cancel()
        if self._stream is not None:
            self._call(self._stream.source.close)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._active = self._loop.time()
        self._reader.feed(data)
        self._serve()
        if self._reader.waiting > MAX_AHEAD and (self._task is not None or self._stream is not None):
            self._transport.abort()

    def eof_received(self) -> bool:
        return self._task is not None

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._stream is not None:
            self._flush()
        else:
            self._serve()

    def expire(self, now: float) -> None:
        """Close when nothing has happened for too long."""
        if self._task is None and self._stream is None:
            quiet = now - self._active
            if quiet > (MIDWAY if self._reader.midway else IDLE):
                self._transport.close()

    def end(self) -> None:
        """Close as soon as what is being answered is answered; an event stream is ended properly."""
        self._closing = True
        if self._stream is not None:
            self._call(self._stream.source.close)
            self._flush()
        elif self._task is None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def _serve(self) -> None:
        """Answer the requests that are whole."""
        while self._task is None and self._stream is None and not self._closing and not self._paused:
            try:
                incoming = self._reader.pull()
            except WireError as error:
                self._refuse(error)
                return
            if incoming is None:
                if self._reader.wants_continue:
                    self._reader.wants_continue = False
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            answer = self._call(self._answer, incoming.request)
            if isinstance(answer, Coroutine):
                self._task = self._loop.create_task(self._later(incoming.request, answer, incoming.keep_alive))
            else:
                self._send(incoming.request, answer, incoming.keep_alive)

    async def _later(self, request: Request, answer: Coroutine[Any, Any, Answer], keep_alive: bool) -> None:
        result = await answer
        self._task = None
        self._active = self._loop.time()
        self._send(request, result, keep_alive)
        self._serve()

    def _send(self, request: Request, answer: Answer, keep_alive: bool) -> None:
        close = not keep_alive or self._closing
        if isinstance(answer, EventStream):
            self._begin_stream(request, answer)
            return
        body = b"" if request.method == "HEAD" else answer.body
        head = encode_head(answer.status, answer.content_type, len(answer.body), answer.headers, self._door.date(), close=close)
        self._transport.write(head + body)
        if close:
            self._closing = True
            self._transport.close()

    def _refuse(self, error: WireError) -> None:
        """Answer what cannot be read, and go on reading for a moment: closing at once could cost the client the answer."""
        answer = Response.of({"error": "invalid_request", "error_description": error.reason}, error.status)
        self._closing = True
        self._transport.write(
            encode_head(answer.status, answer.content_type, len(answer.body), (), self._door.date(), close=True) + answer.body
        )
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._linger = self._loop.call_later(LINGER, self._transport.abort)

    def _begin_stream(self, request: Request, stream: EventStream) -> None:
        self._stream = stream
        self._transport.set_write_buffer_limits(high=STREAM_BUFFER)
        self._transport.write(encode_head(stream.status, stream.content_type, None, stream.headers, self._door.date(), close=True))
        self._call(stream.source.open, self._wake)

    def _wake(self) -> None:
        """Something waits in the stream: write it at the end of this turn of the loop."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        stream = self._stream
        if stream is None or self._transport.is_closing():
            return
        if not self._paused:
            data = stream.source.take()
            if data:
                self._transport.write(encode_chunk(data))
        if stream.source.closed:
            if self._paused:
                self._transport.abort()
            else:
                self._transport.write(encode_chunk(b""))
                self._transport.close()
