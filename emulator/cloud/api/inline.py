"""The REST API in process: an httpx transport without a socket, for either driver.

A request is answered on the Lab's own terms: what needs a device lets the Lab's time pass until the device has answered (in virtual time:
at once). An event stream can be read too; every read is bounded by httpx's read timeout, in the Lab's time.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any

import httpx

from emulator.clock import Signal
from emulator.cloud.api.app import Api
from emulator.cloud.api.errors import too_large
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.messages import NO_ANSWER, Answer, ByteSource, EventStream, Request
from emulator.drivers import Driver, WaitTimeout

LONGEST = 3600.0
"""Seconds of the Lab's time that a request without a timeout may take."""


class InlineTransport(httpx.BaseTransport):
    """Give it to `httpx.Client(transport=...)`; any base URL will do."""

    def __init__(self, api: Api, driver: Driver) -> None:
        self.api = api
        self.driver = driver

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        Raises:
            httpx.ReadTimeout: The answer did not come within the read timeout, in the Lab's time.
            httpx.ConnectError: The cloud does not answer at all.
        """
        answer = self._answer(request)
        if answer is NO_ANSWER:
            raise httpx.ConnectError("nothing answers", request=request)
        headers = [(b"content-type", answer.content_type.encode())] if answer.status != 204 else []
        headers += [(name.encode(), value.encode()) for name, value in answer.headers]
        if isinstance(answer, EventStream):
            stream = _Stream(answer.source, self.driver, request)
            return httpx.Response(answer.status, headers=headers, stream=stream)
        if request.method == "HEAD":
            return httpx.Response(answer.status, headers=headers)
        return httpx.Response(answer.status, headers=headers, content=answer.body)

    def _answer(self, request: httpx.Request) -> Answer:
        body = request.read()
        limit = self.api.limits.of(request.headers.get("content-type", ""))
        if len(body) > limit:
            return too_large(limit).answer(Shape.OAUTH)
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw}
        asked = Request(request.method, path, query, headers, body, "127.0.0.1")
        answer: Answer | Coroutine[Any, Any, Answer] = self.driver.call(self.api.answer, asked)
        if not isinstance(answer, Coroutine):
            return answer
        try:
            return self.driver.run(answer, timeout=_timeout(request))
        except WaitTimeout as error:
            raise httpx.ReadTimeout(f"{request.method} {path}: {error}", request=request) from error


def _timeout(request: httpx.Request) -> float:
    """The read timeout of a request in seconds."""
    seconds = request.extensions.get("timeout", {}).get("read")
    return LONGEST if seconds is None else float(seconds)


class _Stream(httpx.SyncByteStream):
    """An event stream, read by letting the Lab's time pass.

    Each wait takes the read timeout that the request's extensions have at that moment, and iterating again goes on where a timeout ended
    it: so a reader can wait for one event with a timeout of its own, and for the next one with another.
    """

    def __init__(self, source: ByteSource, driver: Driver, request: httpx.Request) -> None:
        self._source = source
        self._driver = driver
        self._request = request
        self._more = Signal()
        driver.call(source.open, self._more.fire)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            try:
                data = self._driver.wait(
                    self._next,
                    [self._more],
                    timeout=_timeout(self._request),
                    awaited="something on the event stream",
                    seen=lambda: "silence",
                )
            except WaitTimeout as error:
                raise httpx.ReadTimeout(str(error), request=self._request) from error
            if not data:
                return
            yield data

    def _next(self) -> bytes | None:
        """What waits; b"" at the end; None as long as there is nothing."""
        data = self._source.take()
        return data if data or self._source.closed else None

    def close(self) -> None:
        self._driver.call(self._source.close)
