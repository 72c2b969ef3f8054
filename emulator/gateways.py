"""Where the requests of webhooks go in virtual time.

Nothing can leave the process then, so a `HookSink` takes the requests and answers them as a test says. A Lab that is served can let them
out: `emulator.hook_gateway` sends them for real. Hand either to `cloud.webhooks.gateway`.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.cloud.hook_requests import HookRequest, HookResponse
from emulator.drivers import Driver, Reply

Answer = Callable[[HookRequest], HookResponse]


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

    def snapshot(self) -> tuple[Answer, float]:
        """How it answers, to hand to `restore`."""
        return self.answer, self.delay

    def restore(self, state: tuple[Answer, float]) -> None:
        """Answer so again, and forget what has arrived since."""
        self.answer, self.delay = state
        self.requests.clear()

    def _respond(self, request: HookRequest, reply: Reply[HookResponse]) -> None:
        try:
            reply.resolve(self.answer(request))
        except Exception as error:  # noqa: BLE001  # an OSError as a test says, or a mistake in the test
            reply.fail(error)
