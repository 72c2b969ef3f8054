"""A Lab: one clock, one network, one cloud, and the boards. Everything hangs on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Self

from emulator.board.board import Board, BoardIdentity, BootRequest
from emulator.board.flash import INSTANT, STM32F205_TIMING, FlashTiming
from emulator.board.otp import MOBILE_SECRET, SERIAL_NUMBER
from emulator.board.settings import StoredNetwork
from emulator.clock import Clock
from emulator.cloud import Cloud, CloudSettings, Storage
from emulator.cloud.device_service import LightSslService
from emulator.device_os.application import Application
from emulator.device_os.bootloader import Bootloader
from emulator.device_os.cloud_manager import DEFAULT_SERVER
from emulator.device_os.system import DeviceOs
from emulator.drivers import Driver
from emulator.drivers.inline import InlineDriver
from emulator.drivers.served import ServedDriver
from emulator.factory import EMULATED, combined, device_os_release, flash_image, has_stand_ins, make_device_code, sectors_of, user_part
from emulator.gateways import HookSink
from emulator.network import Network
from emulator.secrecy import Secrecy, SecretsOfTheSeed, SecretsOfTheSystem
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.identifiers import make_device_id, make_mac_address, make_mobile_secret, make_serial_number, parse_device_id
from particle_protocol.lightssl import DeviceKey
from particle_protocol.os_versions import known_releases
from particle_protocol.platforms import Platform, platform_by_name

DEFAULT_OS_VERSION = "2.3.1"
CLOUD_HOST, CLOUD_PORT = "192.0.2.1", 5683
"""Where the cloud is in the Lab's network, which is nobody else's (RFC 5737)."""


class Lab:
    """A world of its own: boards, their network and their cloud, on one clock.

    `seed` decides everything that is drawn by chance. `served` lets real time carry it, which is needed as soon as another program joins
    in; otherwise time is virtual. Secrets come from the seed too in virtual time, where nobody can get in; a served Lab takes them from the
    operating system (`emulator.secrecy`). `timing` is that of the boards' flash: as in the data sheet in virtual time, none when served,
    unless told. The cloud keeps its state in `storage`, in memory without it.

    Raises:
        StateFileError: `storage` holds what is no state.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        served: bool = False,
        timing: FlashTiming | None = None,
        storage: Storage | None = None,
        cloud_settings: CloudSettings | None = None,
    ) -> None:
        self.seed = seed
        self.driver: Driver = ServedDriver() if served else InlineDriver()
        self.clock: Clock = self.driver.clock
        self.random = random.Random(seed)
        self.network = Network(self.clock, random.Random(seed + 1))
        self.secrecy: Secrecy = SecretsOfTheSystem() if served else SecretsOfTheSeed(seed)
        try:
            self.cloud = Cloud(self.clock, self.secrecy.rng("cloud"), self.driver.reply, storage, cloud_settings)
            self.server_key = self.driver.call(self.secrecy.server_key, self.cloud.keys)
        except BaseException:
            self.driver.close()
            raise
        self.hooks = HookSink(self.driver)
        """Where the cloud's webhooks end, as long as nothing lets them out of the Lab."""
        self.cloud.webhooks.gateway = self.hooks
        self.device_service = LightSslService(
            self.clock,
            self.cloud.arrivals,
            self.server_key,
            self.driver.reply,
            self.secrecy.rng("device service"),
            log=self.cloud.device_log,
        )
        self.network.listen(CLOUD_HOST, CLOUD_PORT, self.device_service.accept)
        self.network.names[DEFAULT_SERVER[0]] = CLOUD_HOST
        self.boards: dict[str, Board] = {}
        self.applications: dict[str, Callable[[], Application]] = {}
        """What the user parts made by `emulator.factory.user_part(application=NAME)` run, by that name."""
        self._built: set[str] = set()
        """The boards that were made with stand-ins, by device id."""
        self.cloud.updates.takes_stand_ins = self._built.__contains__
        self._timing = timing if timing is not None else (INSTANT if served else STM32F205_TIMING)

    def add_board(
        self,
        platform: str = "photon",
        *,
        os: str = DEFAULT_OS_VERSION,
        modules: Iterable[bytes] | None = None,
        application: str | None = None,
        product: tuple[int, int] | None = None,
        device_id: str | None = None,
        networks: Iterable[StoredNetwork] = (),
        mode: str = "normal",
        unique_key: bool = False,
        serial_number: bool = True,
        server: ServerAddress | None = None,
        server_key: bytes | None = None,
    ) -> Board:
        """Make a board and switch it on.

        Args:
            platform: its name, such as `photon`.
            os: the Device OS release it has; built unless `modules` brings real ones.
            modules: module binaries to have instead of the built ones, each in its own place.
            application: the name of a registered application to run; Tinker unless told.
            product: PRODUCT_ID and PRODUCT_VERSION of that application.
            device_id: 24 hexadecimal digits; drawn from the seed unless told.
            networks: Wi-Fi networks it knows. Without any it comes up in listening mode.
            mode: `normal`, `dfu`, `safe`, or `off` for a board without power.
            unique_key: make a new RSA key for it, which costs some 12 ms, instead of taking one from the pool. A served Lab always does.
            serial_number: whether it has one; the oldest boards do not.
            server: the cloud it connects to, if it is not the Lab's.
            server_key: the public key of that cloud (SubjectPublicKeyInfo, DER).

        Raises:
            ValueError: the platform cannot be emulated, the device id is taken or malformed, or the mode is unknown.
            NoSuchRelease: the platform never had the Device OS release; tells those it had.
        """
        foreign: dict[DctField, bytes] = {}
        if server is not None:
            foreign[DctField.SERVER_ADDRESS] = server.encode()
        if server_key is not None:
            foreign[DctField.SERVER_PUBLIC_KEY] = server_key
        made = platform_by_name(platform)
        return self.driver.call(
            self._add_board, made, os, modules, application, product, device_id, tuple(networks), mode, unique_key, serial_number, foreign
        )

    def stock_built_releases(self) -> None:
        """Let the cloud heal boards in safe mode with the Device OS releases that are built here.

        They only stand for real ones, so they go to nobody but the Lab's own boards, and of those only to the ones that were made
        with such: a board on a desk that got them would not start again.
        """
        library = self.cloud.library
        for platform in map(platform_by_name, EMULATED):
            for release in known_releases(platform):
                for module in device_os_release(platform, release.version):
                    library.add(module)

    def close(self) -> None:
        """Switch every board off and stop the clock."""
        self.driver.call(self._switch_off)
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

    def _add_board(
        self,
        platform: Platform,
        os: str,
        modules: Iterable[bytes] | None,
        application: str | None,
        product: tuple[int, int] | None,
        device_id: str | None,
        networks: tuple[StoredNetwork, ...],
        mode: str,
        unique_key: bool,
        serial_number: bool,
        foreign: dict[DctField, bytes],
    ) -> Board:
        if mode not in _BOOT_REQUESTS:
            raise ValueError(f"no mode {mode!r} to start in; there are {', '.join(_BOOT_REQUESTS)}")
        identity = self._identity(platform, device_id)
        if not serial_number:
            identity = replace(identity, serial_number="")
        built = (*device_os_release(platform, os), user_part(platform, os, application, product))
        installed = combined((*built, *(modules or ())))
        takes_stand_ins = has_stand_ins(installed)
        if takes_stand_ins:
            self._built.add(identity.device_id)
        board = Board(
            platform,
            identity,
            self.clock,
            self.network,
            sectors=sectors_of(platform),
            image=flash_image(platform.id, installed),
            timing=self._timing,
            boot=lambda made: Bootloader(made, DeviceOs),
            rng=random.Random(f"{self.seed} {identity.device_id}"),
            applications=self.applications,
            takes_stand_ins=takes_stand_ins,
        )
        number = self.random.getrandbits(16)
        key = DeviceKey.generate() if unique_key else self.secrecy.device_key(number)
        self._commission(board, networks, key, foreign)
        self.boards[identity.device_id] = board
        request = _BOOT_REQUESTS[mode]
        if request is not None:
            board.power_on()
            board.boot_request = request
        return board

    def _identity(self, platform: Platform, device_id: str | None) -> BoardIdentity:
        chosen = make_device_id(self.random, platform) if device_id is None else parse_device_id(device_id)
        if chosen in self.boards:
            raise ValueError(f"there is a board {chosen} already")
        serial_number, drawn = make_serial_number(self.random, platform), make_mobile_secret(self.random)
        mac = make_mac_address(self.random).raw
        known = self.cloud.devices.by_id(chosen)
        secret = known.mobile_secret if known is not None and known.mobile_secret else self.secrecy.mobile_secret(drawn)
        while known is None and self.cloud.devices.by_mac.count(mac.hex()):
            mac = make_mac_address(self.random).raw
        return BoardIdentity(chosen, serial_number, secret, mac)

    def _commission(self, board: Board, networks: tuple[StoredNetwork, ...], key: DeviceKey, foreign: dict[DctField, bytes]) -> None:
        """What the factory writes into a board, and tells the cloud about it."""
        board.otp.program(SERIAL_NUMBER[0], board.identity.serial_number.encode())
        board.otp.program(MOBILE_SECRET[0], board.identity.mobile_secret.encode())
        board.settings.commission(
            {
                DctField.SERVER_PUBLIC_KEY: self.server_key.public.der,
                DctField.DEVICE_PRIVATE_KEY: key.der,
                DctField.DEVICE_ID: bytes.fromhex(board.device_id),
                DctField.DEVICE_CODE: make_device_code(board.rng).encode(),
                DctField.DEVICE_SECRET: board.identity.mobile_secret.encode(),
                **foreign,
            },
            networks,
        )
        if self.cloud.devices.by_id(board.device_id) is not None:
            self.cloud.factory.register_key(board.device_id, key.public_der)
            return
        self.cloud.factory.manufacture(
            board.device_id,
            board.platform.id,
            serial_number=board.identity.serial_number or None,
            mobile_secret=board.identity.mobile_secret,
            mac_wifi=board.identity.mac.hex(),
            public_key=key.public_der,
        )

    def _switch_off(self) -> None:
        for board in self.boards.values():
            board.power_off()
        self.cloud.close()

    def _snapshot(self) -> dict[str, Any]:
        return {
            "boards": {device_id: board.snapshot() for device_id, board in self.boards.items()},
            "cloud": self.cloud.snapshot(),
            "access points": [(point, point.on_air) for point in self.network.access_points],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        for board in self.boards.values():
            board.power_off()
        self.cloud.restore(state["cloud"])
        self.network.access_points = [point for point, _ in state["access points"]]
        for point, on_air in state["access points"]:
            if on_air:
                point.switch_on()
            else:
                point.switch_off()
        for device_id in list(self.boards):
            if device_id in state["boards"]:
                self.boards[device_id].restore(state["boards"][device_id])
            else:
                del self.boards[device_id]


_BOOT_REQUESTS = {"normal": BootRequest.NONE, "dfu": BootRequest.DFU, "safe": BootRequest.SAFE_MODE, "off": None}
