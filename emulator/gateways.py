"""The ways out of a Lab: where the requests of webhooks go.

In virtual time nothing can leave the process, so a `HookSink` takes the requests and answers them as a test says. A Lab that is served
can let them out: `HttpGateway` sends them for real. Hand either to `cloud.webhooks.gateway`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from emulator.cloud.hook_requests import HookRequest, HookResponse
from emulator.drivers import Driver, Reply

Answer = Callable[[HookRequest], HookResponse]
TIMEOUT = 20.0
"""Open in public sources: seconds that a server has to answer a webhook."""
MAX_WAITING = 1000
"""Open in public sources: requests that may wait for servers that do not answer."""


class HookSink:
    """Somebody's server, inside the Lab.

    `requests` is what has arrived, oldest first. `answer` makes the response, or raises the `OSError` that the connection fails with;
    `delay` is the time it takes, in seconds of the Lab.
    """

    def __init__(self, driver: Driver, answer: Answer | None = None, *, delay: float = 0.0) -> None:
        self._driver = driver
        self.requests: list[HookRequest] = []
        self.answer: Answer = answer if answer is not None else lambda request: HookResponse(200)
        self.delay = delay

    def __call__(self, request: HookRequest) -> Reply[HookResponse]:
        """Take a request."""
        self.requests.append(request)
        reply: Reply[HookResponse] = self._driver.reply()
        if self.delay:
            self._driver.clock.call_later(self.delay, self._respond, request, reply)
        else:
            self._respond(request, reply)
        return reply

    def _respond(self, request: HookRequest, reply: Reply[HookResponse]) -> None:
        try:
            reply.resolve(self.answer(request))
        except OSError as error:
            reply.fail(error)


class HttpGateway:
    """Sends the requests of webhooks over HTTP, a few at a time, in threads of its own. Only for a Lab that is served.

    What comes while `max_waiting` requests are under way fails at once, so that a server that hangs costs no more than these.
    """

    def __init__(self, driver: Driver, *, timeout: float = TIMEOUT, at_once: int = 8, max_waiting: int = MAX_WAITING) -> None:
        self._driver = driver
        self._max_waiting = max_waiting
        self._waiting = 0
        self._client = httpx.Client(timeout=timeout)
        self._careless = httpx.Client(timeout=timeout, verify=False)  # noqa: S501  # a webhook may say that it does not care
        self._pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="particle-hil-hook")

    def __call__(self, request: HookRequest) -> Reply[HookResponse]:
        """Send a request; the reply comes when the server has answered, or fails with a TimeoutError or ConnectionError."""
        reply: Reply[HookResponse] = self._driver.reply()
        if self._waiting >= self._max_waiting:
            reply.fail(ConnectionError(f"{self._waiting} requests wait for an answer already"))
            return reply
        self._waiting += 1
        reply.settled.subscribe(self._answered)
        self._pool.submit(self._send, request, reply)
        return reply

    def _answered(self) -> None:
        self._waiting -= 1

    def close(self) -> None:
        """Send no more. What is under way comes to its end first."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()
        self._careless.close()

    def _send(self, request: HookRequest, reply: Reply[HookResponse]) -> None:
        client = self._client if request.verify else self._careless
        login = None if request.username is None else httpx.BasicAuth(request.username, request.password or "")
        try:
            answer = client.request(request.method, request.url, headers=dict(request.headers), content=request.body, auth=login)
        except httpx.TimeoutException:
            self._driver.call(reply.fail, TimeoutError("no answer in time"))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            self._driver.call(reply.fail, ConnectionError(str(error) or type(error).__name__))
        else:
            self._driver.call(reply.resolve, HookResponse(answer.status_code, answer.content))
