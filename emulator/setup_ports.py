"""The servers of a board's own network on this computer's loopback: how set-up programs reach a listening board without Wi-Fi.

They are there as long as the board is; while it has no network in the air, connections to them are dropped at once.
"""

from __future__ import annotations

from functools import partial

from emulator.doors.sockets import TcpListener
from emulator.drivers.served import ServedDriver
from emulator.network import Address, Network, Stream
from particle_protocol.softap.names import ADDRESS, HTTP_PORT, TCP_PORT


class SetupPorts:
    """The two ports of one board."""

    def __init__(self, driver: ServedDriver, network: Network, device_id: str, host: str) -> None:
        self._network = network
        self._device_id = device_id
        self._listeners = {port: TcpListener(driver, partial(self._accept, port), host, patient=True) for port in (TCP_PORT, HTTP_PORT)}

    def open(self) -> None:
        """Begin to listen.

        Raises:
            OSError: no port can be had.
        """
        try:
            for listener in self._listeners.values():
                listener.open()
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Stop listening, and hang up on everybody."""
        for listener in self._listeners.values():
            listener.close()

    @property
    def tcp(self) -> Address:
        """Where the line protocol is spoken, as on port 5609 of the board's network."""
        return self._address(TCP_PORT)

    @property
    def http(self) -> Address:
        """Where HTTP is spoken, as on port 80 of the board's network."""
        return self._address(HTTP_PORT)

    def _address(self, port: int) -> Address:
        listener = self._listeners[port]
        return listener.host, listener.port

    def _accept(self, port: int, stream: Stream) -> None:
        point = self._network.hosted.get(self._device_id)
        if point is None:
            stream.abort()
        else:
            point.servers[(ADDRESS, port)](stream)
