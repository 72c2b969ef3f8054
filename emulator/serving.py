"""A Lab on real sockets: its cloud's REST API over HTTP, its device service over TCP and UDP, and its boards as clients of the latter."""

from __future__ import annotations

import contextlib
import enum
import os
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from emulator.board.board import Board
from emulator.cloud.api import Api
from emulator.cloud.api.asgi import CloudApp
from emulator.cloud.device_service import DatagramPort, Port, StreamPort
from emulator.destinations import Destinations
from emulator.device_os.cloud_transport import any_device
from emulator.doors.datagram_sockets import UdpListener
from emulator.doors.http import HttpDoor
from emulator.doors.http_protocol import HeadLimits
from emulator.doors.sockets import RealNetwork, TcpListener
from emulator.doors.visitors import Visitors
from emulator.drivers.served import ServedDriver
from emulator.hardware import emulated_platforms, hardware_of
from emulator.hook_gateway import HttpGateway
from emulator.lab import Lab
from emulator.network import Address
from emulator.setup_ports import SetupPorts
from particle_protocol.cloud_profiles import PORT_NUMBERS, Transport

LOOPBACK = "127.0.0.1"


class Listener(enum.Enum):
    """What a served Lab listens for."""

    HTTP = "clients of the REST API"
    DEVICES = "boards"
    UDP_DEVICES = "boards that speak UDP"
    SETUP = "set-up programs"


class CannotListen(OSError):
    """A port cannot be listened on: it is taken, or not allowed. Tells which one (`listener`, `port`) and why (`strerror`)."""

    def __init__(self, listener: Listener, port: int, reason: OSError) -> None:
        super().__init__(reason.errno, os.strerror(reason.errno) if reason.errno else str(reason))
        self.listener = listener
        self.port = port

    def __str__(self) -> str:
        return f"port {self.port} for {self.listener.value}: {self.strerror}"


class Service:
    """What a served Lab shows to other programs.

    Ports 0 are any free ones, and `device_host` is the address for boards, if it is not `host`. `hosts` are names of the REST API besides
    loopback's, `origins` the web pages that may use it (`emulator.doors.visitors`), `webhooks` where webhooks may go besides public
    addresses (`emulator.destinations`). The Lab's own boards connect to the device service over a real socket, like any other board. Usable
    as a context manager; closing it leaves the Lab running.

    Raises:
        ValueError: one of `hosts`, `origins` or `webhooks` is none.
        TypeError: the Lab runs in virtual time.
        CannotListen: a port is taken, or not allowed.
    """

    def __init__(
        self,
        lab: Lab,
        *,
        host: str = LOOPBACK,
        http_port: int = 0,
        device_port: int = 0,
        device_host: str | None = None,
        device_udp_port: int = 0,
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        webhooks: Iterable[str] = (),
    ) -> None:
        driver = lab.driver
        if not isinstance(driver, ServedDriver):
            raise TypeError("only a served Lab can be reached over sockets; make it with Lab(served=True)")
        self.lab = lab
        numbers = {Transport.TCP: device_port, Transport.UDP: device_udp_port}
        api = Api(lab.cloud)
        self.app = app = CloudApp(api.answer, driver, limits=api.limits)
        limits = HeadLimits(lab.cloud.settings.max_head, lab.cloud.settings.head_timeout)
        self._http = HttpDoor(driver, app, host, http_port, app.end_streams, Visitors((host, *hosts), origins), limits)
        self._devices = {port.transport: _door(lab, driver, port, device_host or host, numbers[port.transport]) for port in lab.ports}
        self._outside = RealNetwork(driver)
        self.hooks = HttpGateway(driver, lab.cloud.settings, Destinations(webhooks))
        wanted: list[tuple[HttpDoor | TcpListener | UdpListener, Listener, int]] = [(self._http, Listener.HTTP, http_port)]
        wanted += [(door, _LISTENERS[transport], numbers[transport]) for transport, door in self._devices.items()]
        self._setup: dict[str, SetupPorts] = {}
        with contextlib.ExitStack() as undo:
            for door, listener, port in wanted:
                undo.callback(door.close)
                try:
                    door.open()
                except OSError as error:
                    raise CannotListen(listener, port, error) from error
            driver.call(self._route_boards)
            undo.pop_all()

    def open_setup(self, board: Board) -> SetupPorts | None:
        """Give a board's own network two ports on loopback; None for a board that opens none.

        Raises:
            CannotListen: there are no more ports.
        """
        driver = self.lab.driver
        if not board.platform.has_softap or not isinstance(driver, ServedDriver):
            return None
        ports = SetupPorts(driver, self.lab.network, board.device_id, LOOPBACK)
        try:
            ports.open()
        except OSError as error:
            raise CannotListen(Listener.SETUP, 0, error) from error
        self._setup[board.device_id] = ports
        return ports

    def close_setup(self, device_id: str) -> None:
        """Take the two ports of a board away, if it has them."""
        ports = self._setup.pop(device_id, None)
        if ports is not None:
            ports.close()

    @property
    def url(self) -> str:
        """Where the REST API is, such as `http://127.0.0.1:8080`."""
        return self._http.url

    @property
    def device_address(self) -> tuple[str, int]:
        """Where boards connect that speak TCP."""
        return self.address(Transport.TCP)

    def address(self, transport: Transport) -> tuple[str, int]:
        """Where boards connect."""
        door = self._devices[transport]
        return door.host, door.port

    def server_public_key(self, transport: Transport = Transport.TCP) -> bytes:
        """The server key that boards must hold: SubjectPublicKeyInfo, DER."""
        return next(port.public_der for port in self.lab.ports if port.transport is transport)

    def close(self) -> None:
        """Hang up on everybody and stop listening."""
        self.lab.driver.call(self._keep_hooks_in)
        self.hooks.close()
        for device_id in tuple(self._setup):
            self.close_setup(device_id)
        self._http.close()
        for door in self._devices.values():
            door.close()
        self._outside.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _route_boards(self) -> None:
        network = self.lab.network
        network.outside = self._outside
        for hardware in map(hardware_of, emulated_platforms()):
            network.names[any_device(hardware.server.host)] = LOOPBACK
        for transport, number in PORT_NUMBERS.items():
            network.routes[(LOOPBACK, number)] = self.address(transport)
        self.lab.cloud.webhooks.gateway = self.hooks

    def _keep_hooks_in(self) -> None:
        self.lab.cloud.webhooks.gateway = self.lab.hooks


_LISTENERS = {Transport.TCP: Listener.DEVICES, Transport.UDP: Listener.UDP_DEVICES}


def _door(lab: Lab, driver: ServedDriver, port: Port, host: str, number: int) -> TcpListener | UdpListener:
    """What listens for the boards of a port, behind the weather of the Lab."""
    network = lab.network
    if isinstance(port, StreamPort):
        accept = port.accept
        return TcpListener(driver, lambda stream: accept(network.visited(stream)), host, number)
    assert isinstance(port, DatagramPort)
    door, receive = UdpListener(driver, host, number), port.receive
    wire = port.attach(_Behind(door, lab))
    door.on_datagram = lambda data, sender: network.pass_on(data, receive, wire, data, sender)
    return door


class _Behind:
    """A door for datagrams, as who sends through it sees it: behind the weather."""

    def __init__(self, door: UdpListener, lab: Lab) -> None:
        self._door = door
        self._network = lab.network

    def send(self, data: bytes, address: Address) -> None:
        """See `DatagramPort.send`."""
        self._network.pass_on(data, self._door.send, data, address)
