"""A Lab: one clock, one network, one cloud, and the boards. Everything hangs on it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from emulator.board.board import Board, BoardIdentity, BootRequest, KnownKeys
from emulator.board.otp import MOBILE_SECRET, SERIAL_NUMBER
from emulator.board_spec import BoardSpec
from emulator.clock import Clock
from emulator.cloud import Cloud, CloudSettings, Storage
from emulator.cloud.device_service import DatagramPort, DeviceService, Port, StreamPort
from emulator.device_os.application import Application
from emulator.device_os.bootloader import Bootloader
from emulator.device_os.cloud_transport import FIELDS, FORCE_TCP, any_device, check_transport, transports_of
from emulator.device_os.ethernet import look_for_ethernet
from emulator.device_os.system import DeviceOs
from emulator.drivers import Driver
from emulator.drivers.inline import InlineDriver
from emulator.drivers.served import ServedDriver
from emulator.factory import built_releases, combined, device_os_release, flash_images, has_stand_ins, user_part
from emulator.gateways import HookSink
from emulator.hardware import Hardware, emulated_platforms, hardware_of
from emulator.network import Cell, Network, Outlet
from emulator.secrecy import Secrecy, SecretsOfTheSeed, SecretsOfTheSystem
from emulator.sim_trays import SimTrays
from firmware_images.module import read_module
from particle_protocol.cloud_profiles import PORT_NUMBERS, Transport
from particle_protocol.dct import DctField
from particle_protocol.functions import ModuleFunction
from particle_protocol.identifiers import (
    make_device_id,
    make_iccid,
    make_imei,
    make_local_mac_address,
    make_mac_address,
    make_mobile_secret,
    make_serial_number,
    parse_device_id,
    parse_iccid,
    parse_mobile_secret,
)
from particle_protocol.lightssl import DeviceKey
from particle_protocol.platforms import Platform, parse_os_version, platform_by_name
from particle_protocol.skus import ActivationClass, find_sku, sku_fault
from particle_protocol.softap import names

CLOUD_HOST = "192.0.2.1"
"""Where the cloud is in the Lab's network, which is nobody else's (RFC 5737)."""


class Lab:
    """A world of its own: boards, their network and their cloud, on one clock.

    `seed` decides everything that is drawn by chance. `served` lets real time carry it, which is needed as soon as another program joins
    in; otherwise time is virtual. Secrets come from the seed too in virtual time, where nobody can get in; a served Lab takes them from the
    operating system (`emulator.secrecy`). The boards' flash takes its time in virtual time, and none when served, where nobody wants to
    wait for a flash that is not there. The cloud keeps its state in `storage`, in memory without it.

    Raises:
        StateFileError: `storage` holds what is no state.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        served: bool = False,
        storage: Storage | None = None,
        cloud_settings: CloudSettings | None = None,
    ) -> None:
        self.seed = seed
        with contextlib.ExitStack() as undo:  # whatever goes wrong, Ctrl-C at any moment included: nothing goes on running
            if storage is not None:
                undo.callback(storage.close)
            self.driver: Driver = ServedDriver() if served else InlineDriver()
            undo.callback(self.driver.close)
            self.clock: Clock = self.driver.clock
            self.random = random.Random(seed)
            self.network = Network(self.clock, random.Random(seed + 1))
            self.secrecy: Secrecy = SecretsOfTheSystem() if served else SecretsOfTheSeed(seed)
            self.cloud = Cloud(self.clock, self.secrecy.rng("cloud"), self.driver.reply, storage, cloud_settings)
            self.server_key = self.driver.call(self.secrecy.server_key, self.cloud.keys)
            self.udp_server_key = self.driver.call(self.secrecy.udp_server_key, self.cloud.keys)
            self.hooks = HookSink(self.driver)
            """Where the cloud's webhooks end, as long as nothing lets them out of the Lab."""
            self.cloud.webhooks.gateway = self.hooks
            self.device_service = DeviceService(
                self.clock, self.cloud.listener, self.driver.reply, self.secrecy.rng("device service"), log=self.cloud.device_log
            )
            StreamPort(self.device_service, self.server_key)
            DatagramPort(self.device_service, self.udp_server_key)
            for port in self.ports:
                port.listen(self.network, CLOUD_HOST, PORT_NUMBERS[port.transport])
            for hardware in map(hardware_of, emulated_platforms()):
                self.network.names[any_device(hardware.server.host)] = CLOUD_HOST
            cell = Cell("the Lab's cell", self._admits)
            self.network.cells.append(cell)
            outlet = Outlet("the Lab's Ethernet")
            self.network.outlets.append(outlet)
            self.cloud.sims.other_networks.add(outlet.address)
            self.cloud.sims.changed.subscribe(cell.lost.fire)
            self.boards: dict[str, Board] = {}
            self.sim_trays = SimTrays(self.boards, self.cloud.sims, self.random)
            self.applications: dict[str, Callable[[], Application]] = {}
            """What the user parts made by `emulator.factory.user_part(application=NAME)` run, by that name."""
            self._built: set[str] = set()
            """The boards that were made with stand-ins, by device id."""
            self.cloud.updates.takes_stand_ins = self._built.__contains__
            self._instant = served
            self.mover_key = self.secrecy.mover_key()
            """Signs for servers that boards are told to go to."""
            undo.pop_all()

    @property
    def ports(self) -> list[Port]:
        """The cloud's ports for boards."""
        return self.device_service.ports

    def add_board(self, spec: BoardSpec | None = None) -> Board:
        """Make a board, a Photon unless told, and switch it on.

        Raises:
            ValueError: the platform cannot be emulated, or the device id is taken or malformed.
            UnknownPlatform: there is no such platform.
            NoSuchRelease: the platform never had the Device OS release; tells those it had.
            TableError: the platform's hardware table has a hole.
        """
        return self.driver.call(self._add_board, spec if spec is not None else BoardSpec())

    def remove_board(self, device_id: str) -> None:
        """Take a board away, for good; the cloud goes on knowing the device."""
        self.driver.call(self._remove_board, device_id)

    def has_sim_slot(self, device_id: str) -> bool:
        """Whether a board has a slot for a SIM that can be reached."""
        return self.driver.call(self.sim_trays.has, self.boards[device_id])

    def insert_sim(self, device_id: str, iccid: str | None = None) -> str:
        """Put a plastic SIM into a board's slot, in place of what is there; a new one, which is nobody's, unless told. Gives its number.

        A Gen 3 board has this slot besides its own SIM, and has to be asked to use it (control request 552).

        Raises:
            ValueError: the board has no slot, or that SIM is in another board.
        """
        return self.driver.call(self.sim_trays.insert, self.boards[device_id], iccid)

    def remove_sim(self, device_id: str) -> None:
        """Take the SIM out of a board's slot.

        Raises:
            ValueError: the board has no slot.
        """
        self.driver.call(self.sim_trays.remove, self.boards[device_id])

    def stock_built_releases(self) -> None:
        """Let the cloud heal boards in safe mode with the Device OS releases that are built here.

        They only stand for real ones, so they go to nobody but the Lab's own boards, and of those only to the ones that were made
        with such: a board on a desk that got them would not start again.
        """
        for platform in map(platform_by_name, emulated_platforms()):
            self.cloud.library.supply(platform.id, partial(built_releases, platform))

    def close(self) -> None:
        """Switch every board off and stop the clock.

        Raises:
            NotKept: what the state has yet to be told cannot be written. The Lab is closed all the same.
        """
        try:
            self.driver.call(self._switch_off)
        finally:
            self.driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def snapshot(self) -> dict[str, Any]:
        """Everything that would outlive a power cut, to hand to `restore`."""
        return self.driver.call(self._snapshot)

    def restore(self, state: dict[str, Any]) -> None:
        """Bring back a snapshot: boards made since are gone, those that had power boot anew. Time goes on."""
        self.driver.call(self._restore, state)

    def _add_board(self, spec: BoardSpec) -> Board:
        hardware = hardware_of(spec.platform)
        fault = "" if spec.sku is None else sku_fault(spec.sku, hardware.platform, spec.sim_form)
        if fault:
            raise ValueError(fault)
        platform, os = hardware.platform, spec.os if spec.os is not None else hardware.device_os
        check_transport(hardware, spec.transport, spec.server_key)
        identity = self._identity(platform, spec)
        release = device_os_release(platform, os, spec.versions)
        if not spec.has_device_os:
            release = tuple(each for each in release if read_module(each).prefix.function is not ModuleFunction.SYSTEM_PART)
        built = (*release, user_part(platform, os, spec.application, spec.product))
        installed = combined((*built, *(spec.modules or ())))
        takes_stand_ins = has_stand_ins(installed)
        if takes_stand_ins:
            self._built.add(identity.device_id)
        board = Board(
            hardware,
            identity,
            self.clock,
            self.network,
            images=flash_images(hardware, installed),
            instant=self._instant,
            boot=lambda made: Bootloader(made, DeviceOs),
            rng=random.Random(f"{self.seed} {identity.device_id}"),
            applications=self.applications,
            takes_stand_ins=takes_stand_ins,
            known_keys=KnownKeys(self._server_keys(), self.mover_key.public_der),
            sim=self._sim(hardware, spec, identity.device_id),
        )
        if spec.ncp is not None:
            if board.ncp_version is None:
                raise ValueError(f"a {platform.display_name} has no network processor")
            board.ncp_version = spec.ncp
        self._commission(board, spec, self._keys(hardware, spec))
        if spec.ethernet:
            if platform.generation != 3:
                raise ValueError(f"a {platform.display_name} takes no Ethernet FeatherWing; boards of Gen 3 do")
            board.featherwing = True
            look_for_ethernet(board, on=True)
        self.boards[identity.device_id] = board
        request = _BOOT_REQUESTS[spec.mode]
        if request is not None:
            board.power_on()
            board.boot_request = request
        return board

    def _remove_board(self, device_id: str) -> None:
        self.boards.pop(device_id).power_off()
        self._built.discard(device_id)

    def _sim(self, hardware: Hardware, spec: BoardSpec, device_id: str) -> str | None:
        """The ICCID of the SIM that a board comes with; the operator of the Lab's cell knows it then.

        Raises:
            ValueError: the board takes no SIM, or that one is in another device.
        """
        if hardware.sim is None:
            if spec.iccid is not None or spec.sim_form is not None or spec.sim_status is not None:
                raise ValueError(f"{hardware.platform.display_name} takes no SIM: it has no cellular modem")
            return None
        if not spec.has_sim:
            return None
        iccid = make_iccid(self.random) if spec.iccid is None else parse_iccid(spec.iccid)
        holder = self.cloud.sims.device_of(iccid)
        if holder is not None and holder.id != device_id:
            raise ValueError(f"SIM {iccid} is in device {holder.id} already: give each board a SIM of its own")
        if self.cloud.sims.by_iccid(iccid) is None:
            sku = None if spec.sku is None else find_sku(spec.sku)
            form = spec.sim_form or (sku.sim if sku is not None else None) or hardware.sim
            activation = ActivationClass.FAST if sku is None else sku.activation
            self.cloud.sims.make(iccid, form, activation)
            if spec.sim_status is not None:
                self.cloud.sims.set_up(iccid, spec.sim_status)
        return iccid

    def _identity(self, platform: Platform, spec: BoardSpec) -> BoardIdentity:
        chosen = make_device_id(self.random, platform) if spec.device_id is None else parse_device_id(spec.device_id)
        if chosen in self.boards:
            raise ValueError(f"there is a board {chosen} already")
        serial_number, drawn = make_serial_number(self.random, platform), make_mobile_secret(self.random)
        mac = make_mac_address(self.random, platform).raw
        known = self.cloud.devices.by_id(chosen)
        given = spec.mobile_secret or (None if known is None else known.mobile_secret)
        secret = self.secrecy.mobile_secret(drawn) if given is None else parse_mobile_secret(given)
        while known is None and self.cloud.devices.by_mac.count(mac.hex()):
            mac = make_mac_address(self.random, platform).raw
        imei = make_imei(self.random) if hardware_of(platform).sim is not None else ""
        wire = make_local_mac_address(random.Random(f"FeatherWing of {chosen}")).raw
        serial_number = serial_number if spec.serial_number else ""
        return BoardIdentity(chosen, serial_number, secret, mac if platform.has_wifi_radio else None, wire, imei)

    def _keys(self, hardware: Hardware, spec: BoardSpec) -> list[tuple[Transport, bytes, bytes]]:
        """The keys that a board gets, by transport, its usual one first: the private one, and the public one (both DER)."""
        number = self.random.getrandbits(16)
        made: list[tuple[Transport, bytes, bytes]] = []
        for transport in transports_of(hardware):
            if transport is Transport.TCP:
                rsa = DeviceKey.generate() if spec.unique_key else self.secrecy.device_key(number)
                made.append((transport, rsa.der, rsa.public_der))
            else:
                p256 = self.secrecy.udp_device_key(number)
                made.append((transport, p256.der, p256.public_der))
        return made

    def _server_keys(self) -> dict[Transport, bytes]:
        return {Transport.TCP: self.server_key.public.der, Transport.UDP: self.udp_server_key.public_der}

    def _commission(self, board: Board, spec: BoardSpec, keys: list[tuple[Transport, bytes, bytes]]) -> None:
        """What the factory writes into a board, and tells the cloud about it."""
        board.otp.program(SERIAL_NUMBER[0], board.identity.serial_number.encode())
        board.otp.program(MOBILE_SECRET[0], board.identity.mobile_secret.encode())
        servers = self._server_keys()
        version = parse_os_version(board.hardware.device_os if spec.os is None else spec.os)
        fields = {
            DctField.DEVICE_ID: bytes.fromhex(board.device_id),
            DctField.DEVICE_CODE: names.make_device_code(board.rng.getrandbits(32), version).encode(),
            DctField.DEVICE_SECRET: board.identity.mobile_secret.encode(),
            **(_setup_network() if board.platform.has_softap else {}),
        }
        for transport, private, public_key in keys:
            fields[FIELDS[transport].device_key] = private
            if transport is Transport.TCP:
                fields[DctField.DEVICE_PUBLIC_KEY] = public_key.ljust(DctField.DEVICE_PUBLIC_KEY.size, b"\0")
            fields[FIELDS[transport].server_key] = servers[transport]
        own = FIELDS[board.hardware.server.transport if spec.transport is None else spec.transport]
        if spec.transport is Transport.TCP and len(keys) > 1:
            fields[DctField.CLOUD_TRANSPORT] = FORCE_TCP
        if spec.server_key is not None:
            fields[own.server_key] = spec.server_key
        if spec.server is not None:
            fields[own.server] = spec.server.encode()
        board.settings.commission(fields)
        if spec.networks and board.networks is not None:
            board.networks.replace(tuple(spec.networks))
        public = [each for _, _, each in keys]
        if self.cloud.devices.by_id(board.device_id) is not None:
            self.cloud.factory.register_key(board.device_id, *public)
            return
        self.cloud.factory.manufacture(
            board.device_id,
            board.platform.id,
            serial_number=board.identity.serial_number or None,
            mobile_secret=board.identity.mobile_secret,
            mac_wifi=None if board.identity.mac is None else board.identity.mac.hex(),
            iccid=board.sim,
            sku=spec.sku,
            imei=board.identity.imei or None,
            public_key=public[0],
            other_public_key=public[1] if len(public) > 1 else None,
        )

    def _admits(self, iccid: str, imei: str) -> str:
        """Why the mobile network turns a SIM or the modem around it down; empty when it does not."""
        return self.cloud.sims.ban(imei) or self.cloud.sims.refusal(iccid) or ""

    def _switch_off(self) -> None:
        for board in self.boards.values():
            board.power_off()
        self.cloud.close()

    def _snapshot(self) -> dict[str, Any]:
        return {
            "boards": {device_id: board.snapshot() for device_id, board in self.boards.items()},
            "cloud": self.cloud.snapshot(),
            "network": self.network.snapshot(),
            "hooks": self.hooks.snapshot(),
            "applications": dict(self.applications),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        for board in self.boards.values():
            board.power_off()
        self.cloud.restore(state["cloud"])
        self.device_service.close("the Lab was brought back to an earlier state")
        self.network.restore(state["network"])
        self.hooks.restore(state["hooks"])
        self.applications.clear()
        self.applications.update(state["applications"])
        for device_id in list(self.boards):
            if device_id in state["boards"]:
                self.boards[device_id].restore(state["boards"][device_id])
            else:
                self._remove_board(device_id)


def _setup_network() -> dict[DctField, bytes]:
    """What a board's own network is called, as a board that was tested in the factory has it in its DCT."""
    return {DctField.SSID_PREFIX: bytes((len(names.DEFAULT_PREFIX),)) + names.DEFAULT_PREFIX}


_BOOT_REQUESTS = {"normal": BootRequest.NONE, "dfu": BootRequest.DFU, "safe": BootRequest.SAFE_MODE, "off": None}
