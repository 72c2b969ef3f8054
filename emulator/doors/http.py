"""The HTTP door: uvicorn on the Lab's own asyncio loop, on loopback unless told otherwise.

It serves any ASGI application, and knows nothing of Particle. httptools does the parsing: on h11, in pure Python, an empty answer alone
takes as long as a whole request may (bench/README.md has the figures).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from emulator.doors.accepting import BACKLOG, ONE_AT_A_TIME
from emulator.doors.http_protocol import HeadLimits, bounded_protocol
from emulator.doors.visitors import Doorkeeper, Visitors
from emulator.drivers.served import ServedDriver

IDLE = 75
"""Seconds a connection may do nothing."""
PATIENCE = 2
"""Seconds that requests which are being answered have when the door closes."""


class HttpDoor:
    """Listens, and answers with an ASGI application that runs where the Lab lives.

    `before_close` is called there before the door stops, to end what would go on for ever (event streams). `visitors` says who may come in;
    unless told, only who means this computer, and no web page but the door's own. `limits` bound the heads of requests.
    """

    def __init__(
        self,
        driver: ServedDriver,
        app: ASGIApp,
        host: str = "127.0.0.1",
        port: int = 0,
        before_close: Callable[[], None] | None = None,
        visitors: Visitors | None = None,
        limits: HeadLimits | None = None,
    ) -> None:
        self.driver = driver
        self.host = host
        self.port = port
        self._before_close = before_close
        self._config = uvicorn.Config(
            Doorkeeper(app, Visitors((host,)) if visitors is None else visitors),
            http=bounded_protocol(HeadLimits() if limits is None else limits),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            backlog=ONE_AT_A_TIME,
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=PATIENCE,
        )
        self._server = uvicorn.Server(self._config)
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def open(self) -> None:
        """Begin to listen; `port` and `url` are then the real ones.

        Raises:
            OSError: the port is taken, or not allowed.
        """
        listener = self._listener()
        self.port = listener.getsockname()[1]
        self.driver.run(self._open(listener), timeout=30)

    def close(self) -> None:
        """Stop listening and end every connection. Closing twice does nothing."""
        self.driver.run(self._close(), timeout=30)

    def _listener(self) -> socket.socket:
        """A listening socket. It says that it is TCP: else asyncio would not turn Nagle's delay off, and every answer would take 40 ms."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener

    async def _open(self, listener: socket.socket) -> None:
        self._serving = asyncio.ensure_future(self._server.serve(sockets=[listener]))
        while not self._server.started:
            await asyncio.sleep(0)
            if self._serving.done():
                self._serving.result()
        listener.listen(BACKLOG)

    async def _close(self) -> None:
        if self._serving is None:
            return
        if self._before_close is not None:
            self.driver.call(self._before_close)
        self._server.should_exit = True
        serving, self._serving = self._serving, None
        await serving
