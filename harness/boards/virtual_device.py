"""Device OS virtual devices: `vdev:/path/to/program`, `vdev:program?id=0123456789abcdef01234567`.

A virtual device is Device OS compiled for Linux by the user, with an application of their own (docs/virtual-devices.md). It has a
connection to the cloud and a log, and nothing else: no USB, no listening mode, no LED. The boards of this kind have a cloud of their own,
in this process and in real time, at a loopback address of its own, because such a program knows no other port than the usual one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from harness import waits
from harness.board import Board
from harness.boards import Kind, Moniker, OpenOptions, Rig, Serving
from harness.boards.vdev_process import DEVICE_KEY, NO_INTERNET, SERVER_KEY, VirtualDevice
from harness.capabilities import Extras
from harness.device_os import stock
from harness.device_server import DeviceServer
from harness.errors import BoardNotAvailable, CapabilityMissing, HarnessError, NotReached, Unavailable, hides
from harness.host import RealHost
from harness.modes import Capability
from particle_protocol.cloud_profiles import PORT_NUMBERS, Transport
from particle_protocol.dct import ServerAddress
from particle_protocol.identifiers import IdentifierError, make_device_id, parse_device_id
from particle_protocol.platforms import Feature, Platform, UnknownPlatform, platform_by_id, platform_by_name

if TYPE_CHECKING:
    from harness.cloud import WifiNetwork
    from harness.lab import LabRig, OutsideDevice

__tracebackhide__ = hides

OPTIONS = {
    "id": "its device id, 24 hexadecimal digits; drawn from the seed without it",
    "protocol": "tcp or udp; unless told, that of the platform that it names, and tcp for its own",
    "platform_id": "the platform that it names to its cloud over UDP; over TCP it names 3, whatever it was told",
    "describe": "a file with the modules that it describes to its cloud, in JSON",
    "product_version": "the version of the product that it says it is of",
}
FLAGS = {"platform_id": "--platform_id", "product_version": "--product_version"}
"""Options that are handed on as they are. Older programs do not know them, so they are given only when told."""

EVERYTHING = "70"
"""The verbosity at which the program logs all there is."""

SERVER_KEY_SIZE = 1024
"""Bytes of the key file that the program reads."""

ONLINE_TIMEOUT = 60.0
"""Seconds that it has to come online: it connects within one, and tries again some seconds later where that failed."""

FIRST, LAST = 2, 254
"""The loopback addresses to look for one on whose usual port nobody listens: 127.0.0.2 to 127.0.0.254."""

HOW_TO_GET_ONE = (
    "Write vdev: and the path of a Device OS virtual device, a program that you build from the public sources of Device OS with "
    "PLATFORM=gcc (docs/virtual-devices.md)"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A virtual device as its moniker describes it."""

    moniker: str
    program: Path
    platform: Platform
    transport: Transport
    device_id: str | None = None
    arguments: tuple[str, ...] = field(default=())


class HostNetwork:
    """The network of the computer that it runs on: it is joined already."""

    kind = "network of this computer"
    step = "join the network"
    in_listening = False

    def lacks(self, wifi: WifiNetwork | None) -> CapabilityMissing | None:
        """See `Network.lacks`: nothing."""
        return None

    def offer(self, wifi: WifiNetwork | None) -> str:
        """See `Network.offer`."""
        return "Nothing would have been done"

    def join(self, wifi: WifiNetwork | None = None) -> None:
        """See `Network.join`."""


def open_boards(monikers: Sequence[Moniker], options: OpenOptions) -> Rig:
    """Start these virtual devices, and wait until each is online.

    Raises:
        BoardNotAvailable: a moniker names no program, or makes no sense.
        NotReached: one does not come online; tells what it and its cloud said.
    """
    from harness.lab import LabRig

    wanted = [read(moniker) for moniker in monikers]
    if options.cloud is not None and not options.cloud_is_default:
        raise BoardNotAvailable(
            Unavailable.BAD_MONIKER, "virtual devices have a cloud of their own", remedy="Leave --cloud out, or use a board of another kind"
        )
    address = free_address()
    healing = stock(options.device_os) if options.device_os else None
    serving = Serving(device_host=address, device_port=PORT_NUMBERS[Transport.TCP], device_udp_port=PORT_NUMBERS[Transport.UDP])
    lab = LabRig(seed=options.seed, served=True, serving=serving, stock=healing)
    lab.host.surroundings.offers = frozenset({Capability.CLOUD_FAULTS})  # their network and their memory are this computer's
    devices: list[VirtualDevice] = []
    boards: list[Board] = []

    def close() -> None:
        for device in devices:
            device.close()
        lab.close()

    try:
        random = Random(options.seed)
        for each in wanted:
            board = _make(each, lab, address, each.device_id or make_device_id(random, each.platform), devices)
            boards.append(board)
    except BaseException:
        close()
        raise
    return Rig(boards, cloud=lab.rig.cloud, surroundings=lab.host.surroundings, close=close)


def _make(wanted: Wanted, lab: LabRig, address: str, device_id: str, devices: list[VirtualDevice]) -> Board:
    """Start one, see it online, and make a board of it."""
    from harness.lab import OutsideDevice

    outside = OutsideDevice(lab, device_id, wanted.platform.id, wanted.transport)
    service = lab.rig.service
    assert service is not None
    server = DeviceServer(ServerAddress(address), DeviceServer.of(service, wanted.transport).key)
    files = {DEVICE_KEY: outside.private_key, SERVER_KEY: server_key_file(server)}
    clock = lab.host.clock
    arguments = ("-v", EVERYTHING, "--device_id", device_id, *wanted.arguments)
    device = VirtualDevice(wanted.program, arguments, files, clock.now)
    devices.append(device)
    seen = outside.seen_by_cloud
    board = Board(
        RealHost(clock),
        wanted.platform,
        device_id,
        moniker=wanted.moniker,
        allow_changes=True,
        extras=Extras(
            power=device,
            refusal=seen.refusal,
            log=lambda since: [*device.log(since), *seen.log(since)],
            lasting=False,
            usb=False,
            serial=False,
            network=HostNetwork(),
            state=device.describe,
            surroundings=lab.host.surroundings,
        ),
    )
    begun = clock.now()
    device.on()
    _await_online(board, device, outside, begun)
    return board


def _await_online(board: Board, device: VirtualDevice, outside: OutsideDevice, begun: float) -> None:
    seen = outside.seen_by_cloud

    def why() -> str:
        refusal = seen.refusal(begun)
        return device.describe() + (f", and in the cloud's log: {refusal}" if refusal else ", and nothing in the cloud's log")

    def online() -> bool:
        if not device.runs:
            raise NotReached("it to come online", 0, seen=why(), board=board.label, remedy=_REMEDY, stalled=True)
        return seen.online()

    waits.tell(f"waiting for virtual devices to come online: {board.moniker}")
    board.until(online, timeout=ONLINE_TIMEOUT, awaited="it to come online", seen=why, remedy=_REMEDY)
    board.saw(f"online; {device.describe()}")
    board.journal.clear()


_REMEDY = f"Start it by hand to see what it needs. As Device OS is, {NO_INTERNET}"


def read(moniker: Moniker) -> Wanted:
    """What a moniker asks for.

    Raises:
        BoardNotAvailable: there is no such program, or an option makes no sense.
    """
    options = moniker.options
    program = _program(moniker)
    try:
        platform = platform_by_id(int(options["platform_id"])) if "platform_id" in options else platform_by_name("gcc")
        device_id = None if "id" not in options else parse_device_id(options["id"])
    except (ValueError, UnknownPlatform, IdentifierError) as error:
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker}: {error}") from error
    usual = Transport.TCP if platform.has(Feature.TCP) else Transport.UDP
    try:
        transport = Transport(options.get("protocol", usual.value))
    except ValueError:
        what = f"{moniker}: protocol={options['protocol']}"
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, what, remedy="Write protocol=tcp or protocol=udp") from None
    arguments = ["-p", transport.value]
    for name, flag in FLAGS.items():
        if name in options:
            arguments += [flag, options[name]]
    if "describe" in options:
        describe = Path(options["describe"]).absolute()
        if not describe.is_file():
            raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker}: describe={describe} is no file")
        arguments += ["--describe", str(describe)]
    told = platform if transport is Transport.UDP else platform_by_name("gcc")
    return Wanted(moniker.text, program, told, transport, device_id, tuple(arguments))


def _program(moniker: Moniker) -> Path:
    if not moniker.name:
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker} names no program", remedy=HOW_TO_GET_ONE)
    program = Path(moniker.name).expanduser().absolute()
    if not program.is_file():
        raise BoardNotAvailable(Unavailable.NOT_FOUND, str(moniker), seen=f"no file {program}", remedy=HOW_TO_GET_ONE)
    if not os.access(program, os.X_OK):
        raise BoardNotAvailable(Unavailable.NO_PERMISSION, f"{program} may not be executed", remedy=f"Run: chmod +x {program}")
    return program


def server_key_file(server: DeviceServer) -> bytes:
    """The file in which a virtual device finds its cloud: what a board has in its DCT. Of the port in it the program knows nothing."""
    return server.record().ljust(SERVER_KEY_SIZE, b"\xff")


def free_address() -> str:
    """A loopback address on whose usual ports for boards nobody listens.

    Raises:
        HarnessError: there is none, or this computer has only 127.0.0.1.
    """
    trouble: OSError | None = None
    for last in range(FIRST, LAST + 1):
        address = f"127.0.0.{last}"
        try:
            with socket.create_server((address, PORT_NUMBERS[Transport.TCP])), socket.socket(type=socket.SOCK_DGRAM) as datagrams:
                datagrams.bind((address, PORT_NUMBERS[Transport.UDP]))
                return address
        except OSError as error:
            trouble = error
    ports = " and ".join(map(str, PORT_NUMBERS.values()))
    raise HarnessError(
        f"no loopback address is free for a cloud on the ports {ports}",
        seen=f"127.0.0.{LAST}: {trouble.strerror if trouble else ''}",
        remedy="End the program that listens there on every address; a virtual device knows no other ports",
    )


KIND = Kind(open_boards, OPTIONS)
