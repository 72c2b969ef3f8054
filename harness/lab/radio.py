"""A phone in the air of a Lab."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emulator.clock import Signal
from emulator.drivers import WaitTimeout
from emulator.lab import Lab
from emulator.network import CannotJoin, Station, Stream
from harness.errors import hides
from harness.radio import Address

__tracebackhide__ = hides


class LabRadio:
    """See `Radio`."""

    def __init__(self, lab: Lab) -> None:
        self._driver = lab.driver
        self._station = Station(lab.network)

    def networks(self) -> Sequence[str] | None:
        """See `Radio.networks`."""
        return self._driver.call(lambda: [point.ssid for point in self._station.networks()])

    def join(self, ssid: str) -> None:
        """See `Radio.join`."""
        try:
            self._driver.call(self._join, ssid)
        except CannotJoin as error:
            raise OSError(str(error)) from error

    def exchange(self, address: Address, request: bytes, received: Callable[[bytes], None], *, timeout: float) -> None:
        """See `Radio.exchange`."""
        conversation = _Conversation(request, received)
        self._driver.call(self._station.connect, address, conversation.opened, conversation.failed)
        try:
            self._driver.wait(
                lambda: conversation.over, [conversation.changed], timeout=timeout, awaited="the other side to close the connection"
            )
        except WaitTimeout as error:
            raise TimeoutError("timed out") from error
        finally:
            self._driver.call(conversation.leave)
        if conversation.trouble:
            raise OSError(conversation.trouble)

    def _join(self, ssid: str) -> None:
        if self._station.point is None or self._station.point.ssid != ssid:
            self._station.join(ssid)


class _Conversation:
    """One connection: a request, and what comes in answer."""

    def __init__(self, request: bytes, received: Callable[[bytes], None]) -> None:
        self.over = False
        self.trouble = ""
        self.changed = Signal()
        self._request = request
        self._received = received
        self._stream: Stream | None = None

    def opened(self, stream: Stream) -> None:
        self._stream = stream
        stream.on_data = self._received
        stream.on_closed = lambda _: self._end("")
        stream.write(self._request)

    def failed(self, why: str) -> None:
        self._end(why)

    def leave(self) -> None:
        """Hang up, if the other side has not."""
        if self._stream is not None:
            self._stream.close()

    def _end(self, trouble: str) -> None:
        self.over, self.trouble = True, trouble
        self.changed.fire()
