"""The way out for webhooks: sends their requests over HTTP, from the Lab's own loop.

A server that somebody else runs answers them, or does not. So everything about a request has a bound: where it may go
(`emulator.destinations`), how long it may take from when it was asked for to the last byte, how much of the answer is read, and how
many are under way. Nothing is kept from one request to the next (no cookies, no connections), nothing is unpacked, no redirect is followed,
and no proxy of the user's is used.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import httpcore
import httpx

from emulator.cloud.hook_requests import HookRequest, HookResponse
from emulator.cloud.settings import CloudSettings
from emulator.destinations import Destinations, lookup
from emulator.drivers import Reply
from emulator.drivers.served import ServedDriver

_OURS = frozenset({"accept-encoding", "connection", "content-length", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})
"""Headers that no webhook sets: they are about the connection, or ask for what is not unpacked here."""


class HttpGateway:
    """Sends the requests of webhooks. Its limits are those of the cloud's settings; it is called where the Lab lives."""

    def __init__(self, driver: ServedDriver, settings: CloudSettings | None = None, destinations: Destinations | None = None) -> None:
        self._driver = driver
        self._settings = CloudSettings() if settings is None else settings
        self._destinations = Destinations() if destinations is None else destinations
        self._turn = asyncio.Semaphore(self._settings.hooks_at_once)
        self._tasks: set[asyncio.Task[None]] = set()
        self.closed = False
        self._contexts: dict[bool, ssl.SSLContext] = {}

    @property
    def under_way(self) -> int:
        """How many requests have no answer yet."""
        return len(self._tasks)

    def __call__(self, request: HookRequest) -> Reply[HookResponse]:
        """Send a request; the reply comes with the server's answer, or fails: TimeoutError, PermissionError, ConnectionError."""
        reply: Reply[HookResponse] = self._driver.reply()
        if self.closed:
            reply.fail(ConnectionError("the server stops"))
        elif len(self._tasks) >= self._settings.hooks_waiting:
            reply.fail(ConnectionError(f"{len(self._tasks)} requests wait for an answer already"))
        else:
            task = self._driver.loop.create_task(self._answer(request, reply))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return reply

    def close(self) -> None:
        """Send no more, and abandon what is under way. Closing twice does nothing."""
        self._driver.run(self._close(), timeout=30)

    async def _close(self) -> None:
        self.closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, request: HookRequest, reply: Reply[HookResponse]) -> None:
        """Settle the reply, whatever happens."""
        limit = self._settings.hook_timeout
        outcome: HookResponse | BaseException
        try:
            async with asyncio.timeout(limit), self._turn:
                outcome = await self._send(request)
        except asyncio.CancelledError:
            outcome = ConnectionError("the server stops")
        except TimeoutError:
            outcome = TimeoutError(f"no whole answer within {limit:g} s")
        except PermissionError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001  # whatever somebody else's server, or a webhook's own settings, may lead to
            outcome = ConnectionError(str(error) or type(error).__name__)
        if isinstance(outcome, BaseException):
            self._driver.call(reply.fail, outcome)
        else:
            self._driver.call(reply.resolve, outcome)

    async def _send(self, request: HookRequest) -> HookResponse:
        url = httpx.URL(request.url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ConnectionError("the URL is no http or https URL")
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        network = _CheckedNetwork(self._destinations)
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self._context(request.verify), network_backend=network, max_connections=1, max_keepalive_connections=0
            ) as pool,
            pool.stream(request.method, target, headers=_headers(request, url), content=request.body) as response,
        ):
            return HookResponse(response.status, await self._body(response))

    async def _body(self, response: httpcore.Response) -> bytes:
        encoding = next((value.decode("latin-1") for name, value in response.headers if name.lower() == b"content-encoding"), "identity")
        if encoding.strip().lower() not in ("", "identity"):
            raise ConnectionError(f"the answer is packed as {encoding[:40]!r}, which was not asked for")
        limit, body = self._settings.hook_response_limit, bytearray()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) >= limit:
                break
        return bytes(body[:limit])

    def _context(self, verify: bool) -> ssl.SSLContext:
        """How to speak TLS. Making one reads a hundred certificates: it is done once."""
        if verify not in self._contexts:
            self._contexts[verify] = httpx.create_ssl_context(verify=verify)
        return self._contexts[verify]


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to where webhooks may go."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See `httpcore.AsyncNetworkBackend`.

        Raises:
            PermissionError: webhooks may not go there.
            OSError: there is no such host, or it takes no connection.
        """
        found = await lookup(host, port)
        failed: Exception = ConnectionError(f"{host} has no address")
        for address in self._destinations.reachable(host.lower().removesuffix("."), port, found):
            try:
                return await self._real.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failed = ConnectionError(f"{host}:{port}: {error}")
        raise failed

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """No URL asks for one.

        Raises:
            PermissionError: always.
        """
        raise PermissionError("webhooks go to hosts only")

    async def sleep(self, seconds: float) -> None:
        """See `httpcore.AsyncNetworkBackend`."""
        await self._real.sleep(seconds)


def _headers(request: HookRequest, url: httpx.URL) -> list[tuple[bytes, bytes]]:
    """The request's headers: the webhook's own, and what belongs to every request."""
    own = [(name, value) for name, value in request.headers if name.lower() not in _OURS]
    given = {name.lower() for name, _ in own}
    login = None if request.username is None else (request.username, request.password or "")
    if login is None and url.userinfo:
        login = (unquote(url.username), unquote(url.password))
    more = {"Host": url.netloc.decode("ascii"), "Accept": "*/*", "User-Agent": "particle-hil"}
    if login is not None:
        more["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    more = {name: value for name, value in more.items() if name.lower() not in given}
    more["Accept-Encoding"] = "identity"
    if request.body or request.method not in ("GET", "HEAD", "DELETE"):
        more["Content-Length"] = str(len(request.body))
    return [(name.encode(), value.encode()) for name, value in (*more.items(), *own)]
