"""A board as a piece of hardware: flash, settings, LED, buttons, USB connector, and a processor that runs one `Firmware` at a time."""

from __future__ import annotations

import enum
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.board.backup import BackupMemory
from emulator.board.buttons import Buttons
from emulator.board.enterprise import EnterpriseSettings
from emulator.board.flash import INSTANT, Cut, Flash
from emulator.board.interrupted_transfer import TransferMemory
from emulator.board.led_patterns import OFF
from emulator.board.notes import NewAssets
from emulator.board.otp import Otp
from emulator.board.power import PowerCut, PowerScope
from emulator.board.settings import Settings
from emulator.board.sim_slots import SimSlots
from emulator.board.sleep import Alarm, Sleep, WakeUp
from emulator.board.status_led import StatusLed
from emulator.board.stored_networks import StoredNetworks
from emulator.board.stores import settings_stores
from emulator.clock import Clock, Signal
from emulator.hardware import EXTERNAL, INTERNAL, Hardware, Transport
from emulator.network import Network
from emulator.usb.plug import PlugEvent, UsbFunction, UsbPlug
from particle_protocol.identifiers import DataMatrix
from particle_protocol.messages.goodbye import ResetReason
from particle_protocol.platforms import ModuleSlot, Region
from particle_protocol.usb import Setup, Stall

BOOT_TIME = 0.02
"""Seconds from a reset to the first thing that can be seen from outside. Chosen: long enough for a host to see the gap."""


class BootRequest(enum.IntEnum):
    """What firmware leaves in a backup register for the bootloader (Device OS 2.3.1, hal/inc/syshealth_hal.h:46-47)."""

    NONE = 0
    DFU = 0xEDFA
    SAFE_MODE = 0x5AFE


class Firmware(Protocol):
    """What the processor runs, from one boot to the next reset."""

    def start(self) -> None:
        """Begin to run. Called once."""

    def mode_changed(self) -> None:
        """The MODE button went down or up."""


@dataclass(frozen=True, slots=True)
class BoardIdentity:
    """What was given to a board in the factory and never changes."""

    device_id: str
    serial_number: str = ""
    """Empty: it has none, as the oldest boards."""
    mobile_secret: str = ""
    mac: bytes | None = None
    """Of its Wi-Fi radio; None without one."""
    wire_mac: bytes = b""
    """Of an Ethernet FeatherWing on it, which has none of its own: the board makes it of its Bluetooth address, which is random."""
    imei: str = ""
    """Of its modem; empty without one."""


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Public keys (SubjectPublicKeyInfo, DER) that a board's firmware has in it, whatever its DCT says."""

    servers: Mapping[Transport, bytes]
    """Of the cloud it is made for, by transport."""
    mover: bytes
    """Of who may tell it that its server moved."""


class Board:
    """One board. It has no thread and no socket: it acts when its clock, its buttons or its USB connector make it.

    `images` is what its flashes hold at first, by name; those without are erased. `instant`: their operations take no time.
    """

    def __init__(
        self,
        hardware: Hardware,
        identity: BoardIdentity,
        clock: Clock,
        network: Network,
        *,
        images: Mapping[str, bytes],
        instant: bool,
        boot: Callable[[Board], Firmware],
        rng: random.Random,
        sim: str | None = None,
        applications: Mapping[str, Callable[[], Any]],
        takes_stand_ins: bool,
        known_keys: KnownKeys,
    ) -> None:
        self.hardware = hardware
        self.platform = hardware.platform
        self.identity = identity
        self.clock = clock
        self.network = network
        self.rng = rng
        self.applications = applications
        """What user parts made for tests run, by the name they carry."""
        self.takes_stand_ins = takes_stand_ins
        """Whether its Device OS takes modules that only stand for real ones: it was made with such."""
        self.known_keys = known_keys
        self.changed = Signal()
        """Fired when something that can be seen from outside changed: USB, LED, power."""
        self.flashes = {
            name: Flash(part.sectors, images.get(name), INSTANT if instant else part.timing) for name, part in hardware.flashes.items()
        }
        """Its flashes, by the names in its hardware table."""
        stores = settings_stores(hardware, self.flashes)
        self.settings = Settings(stores.dct)
        self.networks = StoredNetworks(stores.networks) if stores.networks is not None else None
        """The Wi-Fi networks it knows; None for a board without Wi-Fi."""
        self.enterprise = EnterpriseSettings.among(self.settings, stores.networks)
        """What it keeps for an enterprise network; None for a board that cannot join one."""
        self.transfer = TransferMemory(stores.transfer)
        """What it remembers of an update that was interrupted."""
        self.new_assets = NewAssets(stores.cache)
        self.ncp_version = hardware.ncp
        """The version of the network processor's firmware; None without such a processor."""
        self.sims = SimSlots(sim, stores.cellular)
        self.otp = Otp(hardware.otp)
        self.featherwing = False
        """Whether an Ethernet FeatherWing is plugged onto it, and a cable into that."""
        self.led = StatusLed(self.changed.fire)
        self.buttons = Buttons(self._mode_changed, self._reset_changed)
        self.plug = UsbPlug()
        self.plug.watch(self._plug_changed)
        self.powered = False
        self.firmware: Firmware | None = None
        self.boot_request = BootRequest.NONE
        """The backup register that survives a reset, but not a power cut."""
        self.reset_reason = ResetReason.UNKNOWN
        self.backup = BackupMemory()
        self.boots = 0
        self.outgoing: deque[str] = deque(maxlen=64)
        """What servers saw its newest connections come from."""
        self._boot = boot
        self._scope: PowerScope | None = None
        self._sleep: Sleep | None = None

    @property
    def device_id(self) -> str:
        """The device id: 24 lower-case hexadecimal digits."""
        return self.identity.device_id

    @property
    def sim(self) -> str | None:
        """The number (ICCID) of the SIM that its modem uses; None where there is none."""
        return self.sims.active

    def flash_of(self, place: ModuleSlot | Region) -> Flash:
        """The flash that a slot or a region of the memory map lies in."""
        return self.flash_named(external=place.external)

    def flash_named(self, *, external: bool) -> Flash:
        """The flash that the memory map calls external, or the microcontroller's own."""
        return self.flashes[EXTERNAL if external else INTERNAL]

    @property
    def label(self) -> str:
        """What a scanner reads in the 2D code on the board, which has the serial number printed below. Empty where there is none.

        A board without a serial number whose modem has a sticker of its own says the modem's IMEI: an older Electron.
        """
        if not self.identity.serial_number:
            return str(DataMatrix(None, imei=self.identity.imei))
        return str(DataMatrix(self.identity.serial_number, self.identity.mobile_secret if self.platform.generation == 3 else None))

    def power_on(self) -> None:
        """Give the board power. Does nothing when it has it."""
        if not self.powered:
            self.powered = True
            self.reset_reason = ResetReason.POWER_DOWN
            self._restart()

    def power_off(self) -> None:
        """Take the power away, in whatever the board is doing. Does nothing when it has none."""
        if self.powered:
            self.powered = False
            self.boot_request = BootRequest.NONE
            self._halt()
            self.backup = BackupMemory()
            self.changed.fire()

    @property
    def flash_operations(self) -> int:
        """How many erase and program operations there were, in all its flashes."""
        return sum(flash.operations for flash in self.flashes.values())

    def await_cut(self, cut: Cut) -> None:
        """Have the power go away in some erase or program operation to come, whichever of its flashes that is in."""
        for flash in self.flashes.values():
            flash.await_cut(cut)

    def forget_cut(self, cut: Cut) -> None:
        """Take a power cut back, if it has not happened yet; another that was asked for since stays."""
        for flash in self.flashes.values():
            flash.forget_cut(cut)

    def reset(self, reason: ResetReason, request: BootRequest = BootRequest.NONE) -> None:
        """Reset by software: `reason` is what the next boot reports, `request` what its bootloader is asked for."""
        self.reset_reason = reason
        self.boot_request = request
        self._restart()

    def run(self, firmware: Firmware) -> None:
        """Run `firmware` instead of what runs now, without a reset: how a bootloader jumps to the system."""
        self.firmware = firmware
        firmware.start()

    @property
    def asleep(self) -> bool:
        """Whether its processor sleeps."""
        return self._sleep is not None

    def sleep(self, alarm: Alarm, woken: Callable[[WakeUp], None]) -> None:
        """Stand still, with USB and LED off, and go on where it was: `woken` is called first, then whatever wanted to run meanwhile.

        The timer of STM32 processors stands still, too; that of the others runs on, and what came due is late (Device OS 2.0,
        hal/src/stm32f2xx/sleep_hal.cpp stops SysTick; for nRF52 nobody says it: chosen).
        """
        scope = self.scope

        def wake(by: WakeUp) -> None:
            kept = [] if self._sleep is None else self._sleep.end()
            self._sleep = None
            scope.resume(time_stood_still=self.platform.generation <= 2)
            for function, args in [(woken, (by,)), *kept]:
                if scope.alive:
                    self.enter(function, args)

        scope.suspend()
        self._go_dark()
        self._sleep = Sleep(self.clock, alarm, wake)
        self.changed.fire()

    def hibernate(self, alarm: Alarm) -> None:
        """Stand still as without power but for the backup memory, and boot when woken."""
        self._halt()
        self.reset_reason = ResetReason.POWER_MANAGEMENT
        self.boot_request = BootRequest.NONE
        self._sleep = Sleep(self.clock, alarm, lambda _: self._restart())
        self.changed.fire()

    def receive(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Run firmware code for data from the network, which may wake the board."""
        asleep = self._sleep
        self.enter(function, args)
        if asleep is not None:
            asleep.receive()

    def run_instead(self, make: Callable[[Board], Firmware]) -> None:
        """End everything that this boot began, and run something else without a reset: how a panic takes the processor over."""
        self._halt()
        self._scope = PowerScope(self.clock, self.enter)
        self.run(make(self))
        self.changed.fire()

    def stand_by(self) -> None:
        """Stand still until RESET is pressed, which is how firmware switches a board off. What backup memory holds stays."""
        self._halt()
        self.changed.fire()

    def enter(self, function: Callable[..., Any], args: tuple[Any, ...] = ()) -> Any:
        """Run firmware code; in its sleep, later. A power cut in it ends here, with the board off; the result is None then."""
        if self._sleep is not None:
            self._sleep.keep(function, args)
            return None
        try:
            return function(*args)
        except PowerCut:
            self.power_off()
            return None

    def attach(self, function: UsbFunction) -> None:
        """Show a USB device to the host."""
        self.plug.attach(_Guarded(self, function))

    @property
    def scope(self) -> PowerScope:
        """The power scope of this boot.

        Raises:
            RuntimeError: the processor does not run.
        """
        if self._scope is None:
            raise RuntimeError(f"board {self.device_id} is not running")
        return self._scope

    def snapshot(self) -> dict[str, Any]:
        """Everything that outlives a boot, to hand to `restore`."""
        flashes = {name: flash.snapshot() for name, flash in self.flashes.items()}
        return {
            "flashes": flashes,
            "otp": self.otp.read(0, self.otp.size),
            "powered": self.powered,
            "sims": (self.sims.internal, self.sims.external),
            "ncp_version": self.ncp_version,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Hold what a snapshot held, and boot anew if the board had power then. Both buttons are up afterwards."""
        self.power_off()
        self.buttons.release_mode()
        self.buttons.release_reset()
        for name, flash in self.flashes.items():
            flash.restore(state["flashes"][name])
        self.settings.reload()
        self.otp = Otp(self.hardware.otp)
        self.otp.program(0, state["otp"])
        self.sims.internal, self.sims.external = state["sims"]
        self.ncp_version = state["ncp_version"]
        self.led.forget()
        self.outgoing.clear()
        if state["powered"]:
            self.power_on()

    def _halt(self) -> None:
        """Stop the processor: nothing of this boot may act any more."""
        if self._sleep is not None:
            self._sleep.end()
            self._sleep = None
        if self._scope is not None:
            self._scope.end()
            self._scope = None
        self.firmware = None
        self._go_dark()

    def _go_dark(self) -> None:
        self.plug.detach()
        self.led.show(OFF, self.clock.now)

    def _restart(self) -> None:
        self._halt()
        if self.powered and not self.buttons.reset:
            self._scope = PowerScope(self.clock, self.enter)
            self._scope.call_later(BOOT_TIME, self._start)

    def _start(self) -> None:
        self.boots += 1
        self.settings.reload()
        self.run(self._boot(self))

    def _mode_changed(self) -> None:
        if self._sleep is not None:
            if self.buttons.mode:
                self._sleep.press_button()
        elif self.firmware is not None:
            self.enter(self.firmware.mode_changed)

    def _reset_changed(self) -> None:
        if self.buttons.reset:
            self._halt()
            self.changed.fire()
        else:
            self.reset_reason = ResetReason.PIN_RESET
            self.boot_request = BootRequest.NONE
            self._restart()

    def _plug_changed(self, event: PlugEvent) -> None:
        if event is not PlugEvent.READABLE:
            self.changed.fire()


class _Guarded:
    """A board's USB function towards the doors: a power cut in the middle of a transfer ends the transfer, with the board gone."""

    __slots__ = ("_board", "_function", "bus_reset", "ep_in")

    def __init__(self, board: Board, function: UsbFunction) -> None:
        self._board = board
        self._function = function
        self.ep_in = function.ep_in
        self.bus_reset = function.bus_reset

    def control(self, setup: Setup, data: bytes) -> bytes:
        try:
            return self._function.control(setup, data)
        except PowerCut:
            self._board.power_off()
            raise Stall from None

    def ep_out(self, endpoint: int, data: bytes) -> None:
        self._board.enter(self._function.ep_out, (endpoint, data))
