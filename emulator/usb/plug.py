"""The USB connector of a board: what is enumerated on it now, and who watches it.

The board decides what it shows (a normal-mode device, a DFU device, nothing); a door (in-process pyusb, umockdev, USB/IP, ...) serves
whatever is there. Neither knows the other.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol

from particle_protocol.usb import Setup


class UsbFunction(Protocol):
    """A USB device as the host's controller sees it, from one enumeration to the next detach."""

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Carry out one control transfer on endpoint 0, standard requests included.

        Returns the data stage of an IN transfer, never longer than `setup.length`; `b""` for OUT.

        Raises:
            Stall: the request is unknown or not allowed now.
        """

    def ep_out(self, endpoint: int, data: bytes) -> None:
        """Take one bulk or interrupt OUT transfer.

        Raises:
            Stall: there is no such endpoint.
        """

    def ep_in(self, endpoint: int, length: int) -> bytes | None:
        """Give up to `length` bytes of an IN endpoint, or None for NAK: nothing to send now.

        Raises:
            Stall: there is no such endpoint.
        """

    def bus_reset(self) -> None:
        """The host reset the port: back to the unconfigured state, pending requests are cancelled."""


class PlugEvent(enum.Enum):
    """What happened at a connector."""

    ATTACHED = "attached"
    DETACHED = "detached"
    READABLE = "readable"
    """An IN endpoint that answered NAK has data now."""


class UsbPlug:
    """The USB connector of one board.

    `function` is what is enumerated now, or None. Watchers are called in the order they subscribed, with the event; on DETACHED
    `function` is already None, on ATTACHED it is the new one.
    """

    __slots__ = ("_watchers", "function")

    def __init__(self) -> None:
        self.function: UsbFunction | None = None
        self._watchers: list[Callable[[PlugEvent], None]] = []

    def watch(self, callback: Callable[[PlugEvent], None]) -> Callable[[], None]:
        """Call `callback` on every event from now on; returns the function that ends this."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback) if callback in self._watchers else None

    def attach(self, function: UsbFunction) -> None:
        """Show `function` to the host. What was there before is detached first."""
        self.detach()
        self.function = function
        self._tell(PlugEvent.ATTACHED)

    def detach(self) -> None:
        """Show nothing. Does nothing when nothing was shown."""
        if self.function is not None:
            self.function = None
            self._tell(PlugEvent.DETACHED)

    def readable(self) -> None:
        """Tell the watchers that an IN endpoint has data."""
        self._tell(PlugEvent.READABLE)

    def _tell(self, event: PlugEvent) -> None:
        for watcher in tuple(self._watchers):
            watcher(event)
