"""The one room of the harness that knows the emulator: emulated hosts, boards and clouds, as the harness sees them.

An `EmulatedHost` is a computer whose USB ports have emulated boards in them. Above it nothing differs from real boards: its devices are
listed and opened through pyusb, its serial ports through pyserial.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from random import SystemRandom
from typing import Any, cast

import serial

from emulator.board.board import Board as EmulatedBoard
from emulator.board.settings import StoredNetwork
from emulator.cloud import CloudSettings, RateLimits, Storage
from emulator.cloud.api import Api, InlineTransport
from emulator.cloud.basics import password_fits
from emulator.cloud.storage import StateFileError
from emulator.doors.pyusb_backend import EmulatedUsbBackend
from emulator.doors.serial_url import comports
from emulator.doors.umockdev import PreloadMissing, UmockdevDoor
from emulator.doors.usb_host import UsbHost
from emulator.drivers import Driver, WaitTimeout
from emulator.drivers.served import ServedDriver
from emulator.factory import EMULATED, RELEASES, device_os_release, user_part
from emulator.lab import DEFAULT_OS_VERSION, Lab
from emulator.serving import CannotListen, Listener, Service
from harness.board import Board
from harness.boards import Rig, ServiceFacts, Serving
from harness.boards.emu import ForeignServer
from harness.capabilities import Extras, LedChange, Releases
from harness.cloud import CloudTarget, WifiNetwork
from harness.device_os import CACHE, Stock
from harness.device_os import stock as stock_of
from harness.errors import Blame, BoardLabel, CapabilityMissing, HarnessError
from harness.flashing import load
from harness.host import CONSOLE_BAUDRATE, SerialEntry, open_serial_port
from harness.modes import Capability, Mode
from harness.releases import RealReleases
from harness.starting import Start
from harness.usb.bus import UsbBus, Wanted
from harness.usb.device import UsbDevice
from harness.usb.entry import UsbEntry
from particle_protocol.platforms import Platform, platform_by_name

__all__ = ["EmulatedHost", "Lab", "LabClock", "LabRig", "board_on"]

SSID, PASSWORD = "particle-hil", "a long enough secret"
"""The Wi-Fi network of a Lab; its user has the same password."""

USER = "tester@example.com"
LAB_URL = "http://lab"
"""How the cloud of a Lab in virtual time is called; nothing is resolved or opened."""


NO_BOARDS: Mapping[str, EmulatedBoard] = {}


class LabClock:
    """The time of a Lab."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._clock = driver.clock

    def now(self) -> float:
        """See `HostClock.now`."""
        return self._driver.call(self._now)

    def _now(self) -> float:
        return self._clock.now

    def utc(self) -> datetime:
        """See `HostClock.utc`."""
        return self._driver.call(self._clock.utc)

    def sleep(self, seconds: float) -> None:
        """See `HostClock.sleep`."""
        self._driver.sleep(seconds)


class EmulatedHost:
    """A computer with emulated boards in its USB ports. `boards` maps ports, as in `1-1`, to boards."""

    def __init__(self, lab: Lab, boards: Mapping[str, EmulatedBoard] = NO_BOARDS, name: str = "emulated host") -> None:
        self.name = name
        self.lab = lab
        self.driver = lab.driver
        self.clock = LabClock(lab.driver)
        self.usb_host = UsbHost(lab.driver)
        self.backend = EmulatedUsbBackend(lab.driver, self.usb_host)
        self.boards: dict[str, EmulatedBoard] = {}
        """What is plugged in, by port."""
        self._changes: dict[str, int] = {}
        self._rested: dict[str, int] = {}
        self._bus = UsbBus(self.backend)
        self._bus_changes = 0
        self._listed: tuple[int, list[UsbEntry]] | None = None
        self.driver.call(self.usb_host.changed.subscribe, self._bus_changed)
        for port, board in boards.items():
            self.plug_in(port, board)

    def plug_in(self, port: str, board: EmulatedBoard) -> None:
        """Put a board into a free port."""
        self.usb_host.plug_in(port, board.plug)
        self.boards[port] = board
        self._changes[port] = self._rested[port] = 0
        self.driver.call(board.changed.subscribe, lambda: self._changed(port))

    def _changed(self, port: str) -> None:
        self._changes[port] += 1

    def _bus_changed(self) -> None:
        self._bus_changes += 1

    def usb_entries(self, wanted: Wanted, *, port: str | None = None) -> list[UsbEntry]:
        """See `Host.usb_entries`. The bus is listed anew only after something came or went on it."""
        changes = self._bus_changes
        if self._listed is None or self._listed[0] != changes:
            self._listed = changes, self._bus.entries(_anything)
        return [entry for entry in self._listed[1] if (port is None or entry.port == port) and wanted(entry.vid, entry.pid)]

    def open_usb(self, entry: UsbEntry, label: BoardLabel | None = None) -> UsbDevice:
        """See `Host.open_usb`."""
        return self._bus.open(entry, label)

    def serial_entries(self) -> list[SerialEntry]:
        """See `Host.serial_entries`."""
        return [
            SerialEntry(port.device, port.vid, port.pid, port.serial_number.lower() if port.serial_number else None)
            for port in comports(self.usb_host)
        ]

    def open_serial(self, entry: SerialEntry, label: BoardLabel | None = None, *, baudrate: int = CONSOLE_BAUDRATE) -> serial.Serial:
        """See `Host.open_serial`."""
        return open_serial_port(entry, label, baudrate=baudrate)

    def rest(self, seconds: float, *, port: str | None = None) -> bool:
        """See `Host.rest`. Comes back early whenever the board at `port` (or any) shows something else, its LED included."""
        ports = [port] if port in self.boards else list(self.boards)
        signals = [self.boards[each].changed for each in ports]

        def changed() -> bool:
            return any(self._changes[each] != self._rested[each] for each in ports)

        try:
            self.driver.wait(changed, signals, timeout=seconds, awaited="a change on USB")
        except WaitTimeout as timeout:
            return not timeout.stalled
        finally:
            for each in ports:
                self._rested[each] = self._changes[each]
        return True

    def join_wifi(self, ssid: str, password: str | None = None) -> None:
        """See `Host.join_wifi`."""
        raise CapabilityMissing(Capability.WIFI, remedy=f"The emulated host has no Wi-Fi to join {ssid!r} with")


def _anything(vid: int, pid: int) -> bool:
    return True


class LabButtons:
    """The buttons of an emulated board."""

    def __init__(self, driver: Driver, board: EmulatedBoard) -> None:
        self._driver = driver
        self._buttons = board.buttons

    def press_mode(self) -> None:
        """See `Buttons.press_mode`."""
        self._driver.call(self._buttons.press_mode)

    def release_mode(self) -> None:
        """See `Buttons.release_mode`."""
        self._driver.call(self._buttons.release_mode)

    def press_reset(self) -> None:
        """See `Buttons.press_reset`."""
        self._driver.call(self._buttons.press_reset)

    def release_reset(self) -> None:
        """See `Buttons.release_reset`."""
        self._driver.call(self._buttons.release_reset)


class LabLed:
    """The LED of an emulated board."""

    def __init__(self, driver: Driver, board: EmulatedBoard) -> None:
        self._driver = driver
        self._led = board.led

    def describe(self) -> str:
        """See `Led.describe`."""
        return self._driver.call(self._led.describe)

    def timeline(self) -> list[LedChange]:
        """See `Led.timeline`."""
        return [LedChange(change.time, str(change.status)) for change in self._driver.call(lambda: self._led.timeline)]


class LabPower:
    """The power supply of an emulated board."""

    def __init__(self, driver: Driver, board: EmulatedBoard) -> None:
        self._driver = driver
        self._board = board

    def on(self) -> None:
        """See `Power.on`."""
        self._driver.call(self._board.power_on)

    def off(self) -> None:
        """See `Power.off`."""
        self._driver.call(self._board.power_off)


class BuiltReleases:
    """Firmware that the emulator builds, with the places, versions and dependencies of the real one."""

    default_os = DEFAULT_OS_VERSION

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def device_os(self, version: str) -> Sequence[bytes]:
        """See `Releases.device_os`."""
        return device_os_release(self._platform, version)

    def application(self) -> bytes:
        """See `Releases.application`. It fits every Device OS there is, as the real Tinker does."""
        return user_part(self._platform, RELEASES[0])


_FIRMWARE: dict[str, type[BuiltReleases | RealReleases]] = {"built": BuiltReleases, "real": RealReleases}


def board_on(host: EmulatedHost, port: str, moniker: str = "emu:photon", releases: Releases | None = None) -> Board:
    """The harness's view of the board at a port of an emulated host, with its buttons, LED and power switch."""
    emulated = host.boards[port]
    driver = host.driver
    extras = Extras(
        LabButtons(driver, emulated),
        LabLed(driver, emulated),
        LabPower(driver, emulated),
        releases if releases is not None else BuiltReleases(emulated.platform),
        lambda: driver.call(_cloud_trouble, host.lab, emulated.device_id),
    )
    return Board(host, emulated.platform, emulated.device_id, moniker=moniker, port=port, allow_changes=True, extras=extras)


def _cloud_trouble(lab: Lab, device_id: str) -> str:
    """What the cloud has not got to heal a connected board with, or why it turned the board away last.

    Connections that ended before they told whose they were count too.
    """
    device = lab.cloud.devices.by_id(device_id)
    lacks = [] if device is None else lab.cloud.healing.lacks(device)
    if lacks:
        return f"it misses {', '.join(map(str, lacks))} or later, which is not in the cloud's library; give it with --device-os"
    refusals = reversed(lab.device_service.refusals)
    return next((str(refusal) for refusal in refusals if refusal.device_id in (None, device_id)), "")


class LabRig:
    """A Lab behind one emulated host: what the kind `emu:` opens. `rig` is what the harness sees of it."""

    def __init__(self, *, seed: int = 0, served: bool = False, serving: Serving | None = None, stock: Stock | None = None) -> None:
        self._serving = Serving() if serving is None else serving
        if serving is None:
            self.lab = Lab(seed=seed, served=served)
        else:
            self.lab = _serving_lab(seed, serving)
        self._stock_is_ours = stock is None
        self._fill_library(Stock(built=True, images=()) if stock is None else stock)
        self.host = EmulatedHost(self.lab)
        self.lab.driver.call(self.lab.network.access_point, SSID, PASSWORD)
        self._service: Service | None = None
        self._starts: list[Start] = []
        self.rig = Rig(
            [],
            cloud=self._open_cloud(),
            wifi=WifiNetwork(SSID, PASSWORD),
            service=self._facts(),
            snapshot=self.lab.snapshot,
            restore=self._restore,
            door=self._open_usb_door if served else None,
            close=self.close,
        )

    def add_board(
        self,
        moniker: str,
        platform: str,
        start: Start,
        device_id: str | None = None,
        *,
        firmware: str = "built",
        server: ForeignServer | None = None,
    ) -> Board:
        """Make a board and plug it into the next free port. `firmware` is "built" or "real"; `server` a cloud that is not the Lab's.

        Raises:
            ValueError, LookupError: it cannot be emulated so.
            ImageRefused: there is no such real firmware to be had.
        """
        if firmware not in _FIRMWARE:
            raise ValueError(f"firmware={firmware}; there are: {', '.join(_FIRMWARE)}")
        if platform_by_name(platform or "photon").name not in EMULATED:
            raise ValueError(f"a {platform} cannot be emulated yet; these can: {', '.join(EMULATED)}")
        knows_network = server is not None or start.claimed or start.mode not in (None, Mode.LISTENING, Mode.DFU, Mode.OFF)
        releases = _FIRMWARE[firmware](platform_by_name(platform or "photon"))
        os = start.os or releases.default_os
        modules = None
        if firmware == "real":
            modules = [load(source)[1] for source in (*releases.device_os(os), releases.application())]
            if self._stock_is_ours:
                self._fill_library(stock_of([CACHE]))
                self._stock_is_ours = False
        emulated = self.lab.add_board(
            platform or "photon",
            os=os,
            modules=modules,
            device_id=device_id,
            networks=(StoredNetwork(SSID, int(WifiNetwork(SSID).security), PASSWORD),) if knows_network else (),
            mode=_LAB_MODES.get(start.mode, "normal") if start.mode is not None else "normal",
            server=None if server is None else server.address,
            server_key=None if server is None else server.key,
        )
        port = f"1-{len(self.host.boards) + 1}"
        self.host.plug_in(port, emulated)
        board = board_on(self.host, port, moniker, releases)
        self.rig.boards.append(board)
        self._starts.append(start if server is None else replace(start, mode=start.mode or Mode.RUNNING))
        return board

    def _fill_library(self, stock: Stock) -> None:
        """Give the cloud what it heals boards with."""
        if stock.built:
            self.lab.driver.call(self.lab.stock_built_releases)
        for image in stock.images:
            self.lab.driver.call(self.lab.cloud.library.add, image)

    def _facts(self) -> ServiceFacts | None:
        service = self._service
        return None if service is None else ServiceFacts(service.device_address, service.server_public_key)

    def settle(self) -> None:
        """Let time pass until every board is in the mode in which it starts."""
        for board, start in zip(self.rig.boards, self._starts, strict=True):
            if start.mode is Mode.OFF:
                continue
            board.usb.wait_for(lambda entry: entry, timeout=10, awaited="it to come up")
            if start.mode is None:
                board.wait_for(Mode.ONLINE if start.claimed else Mode.LISTENING)
            else:
                Start(start.mode).bring(board, self.rig.wifi)
            board.journal.clear()

    def close(self) -> None:
        """End the Lab, and what it serves."""
        if self._service is not None:
            self._service.close()
        self.lab.close()

    def _open_cloud(self) -> CloudTarget:
        """Make the Lab's cloud reachable, in process or over HTTP and TCP on loopback, with one user in it."""
        api, driver = Api(self.lab.cloud), self.lab.driver
        target = CloudTarget(LAB_URL, self.host.clock, lambda: InlineTransport(api, driver), ours=True, username=USER, password=PASSWORD)
        if isinstance(driver, ServedDriver):
            try:
                self._service = Service(self.lab, http_port=self._serving.http_port, device_port=self._serving.device_port)
            except CannotListen as error:
                self.lab.close()
                option = _PORT_OPTIONS[error.listener]
                raise HarnessError(
                    f"port {error.port} cannot be listened on for {error.listener.value}: {error.strerror}",
                    blame=Blame.RACK,
                    remedy=f"Choose another one with {option}; 0 takes any that is free",
                ) from error
            target = replace(target, url=self._service.url, transport=None)
        return driver.call(self._with_user, target)

    def _with_user(self, target: CloudTarget) -> CloudTarget:
        """Make the user that the run logs in as. One that the state has may have changed its password since; then a token serves."""
        cloud = self.lab.cloud
        user = cloud.accounts.find(USER)
        if user is None:
            cloud.accounts.create(USER, PASSWORD)
            return target
        if password_fits(PASSWORD, user.password_hash) and not user.mfa:
            return target
        client = cloud.tokens.client(*cloud.settings.known_clients[0])
        return replace(target, password="", token=cloud.tokens.issue_user(client, user, expires_at=None).token)

    @contextmanager
    def _open_usb_door(self) -> Iterator[dict[str, str]]:
        """Show the boards to other programs through umockdev."""
        driver = self.lab.driver
        assert isinstance(driver, ServedDriver)
        try:
            door = UmockdevDoor(driver, self.host.usb_host)
            door.start()
        except PreloadMissing as error:
            raise HarnessError(str(error), blame=Blame.RACK) from error
        try:
            yield door.environment()
        finally:
            door.stop()

    def _restore(self, state: object) -> None:
        self.lab.restore(cast("dict[str, Any]", state))
        self.settle()


_PORT_OPTIONS = {Listener.HTTP: "--http-port", Listener.DEVICES: "--device-port"}


def _serving_lab(seed: int, serving: Serving) -> Lab:
    """A Lab for other programs, with the file that keeps its cloud's state.

    Raises:
        HarnessError: it is no state file, a damaged one, or one of a newer version, or cannot be written.
    """
    try:
        storage = None if serving.state is None else Storage(serving.state)
        settings = CloudSettings.serving(rate_limits=RateLimits() if serving.rate_limits else None)
        return Lab(seed=seed, served=True, storage=storage, cloud_settings=settings, cloud_rng=SystemRandom())
    except StateFileError as error:
        raise HarnessError(f"the state file cannot be used: {error}", blame=Blame.REQUEST) from error


_LAB_MODES = {Mode.DFU: "dfu", Mode.SAFE: "safe", Mode.OFF: "off"}
"""How a Lab is told to start a board; every other mode is reached from `normal`."""
