"""Wi-Fi near the boards: what a set-up program joins a board's own network with, and talks to the board through.

The lab's radio is a phone among its boards. This computer's is whatever its owner joined to the board's network by hand.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from harness.errors import hides

__tracebackhide__ = hides

Address = tuple[str, int]


class Radio(Protocol):
    """One phone or computer with Wi-Fi. It is in at most one network."""

    def networks(self) -> Sequence[str] | None:
        """The names of the networks that it sees. None: nobody can tell, or have it join one."""

    def join(self, ssid: str) -> None:
        """Join an open network of that name.

        Raises:
            OSError: it cannot; says why.
        """

    def exchange(self, address: Address, request: bytes, received: Callable[[bytes], None], *, timeout: float) -> None:
        """Connect, send `request`, and hand over what comes until the other side closes the connection.

        Raises:
            TimeoutError: it did not within `timeout` seconds.
            OSError: there is no such connection.
        """


class OwnRadio:
    """This computer, in whatever network its owner has joined."""

    def networks(self) -> Sequence[str] | None:
        """See `Radio.networks`."""
        return None

    def join(self, ssid: str) -> None:
        """See `Radio.join`."""
        raise OSError(f"no program joins this computer to the network {ssid!r}")

    def exchange(self, address: Address, request: bytes, received: Callable[[bytes], None], *, timeout: float) -> None:
        """See `Radio.exchange`."""
        end = time.monotonic() + timeout
        with socket.create_connection(address, timeout=timeout) as connection:
            connection.sendall(request)
            while True:
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError("timed out")
                connection.settimeout(left)
                data = connection.recv(65536)
                if not data:
                    return
                received(data)
