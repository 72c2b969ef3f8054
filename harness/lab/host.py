"""A computer whose USB ports have emulated boards in them.

Above it nothing differs from real boards: its devices are listed and opened through pyusb, its serial ports through pyserial.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import serial
import usb.core

from emulator.board.board import Board as EmulatedBoard
from emulator.doors.cdc_acm import AcmPort
from emulator.doors.pyusb_backend import EmulatedUsbBackend
from emulator.doors.serial_url import port_info
from emulator.doors.usb_device import AttachedDevice, PortPath
from emulator.doors.usb_host import UsbHost
from emulator.drivers import Driver, WaitTimeout
from emulator.drivers.inline import InlineDriver
from emulator.lab import Lab
from harness.errors import BoardLabel, NotServed, hides
from harness.host import CONSOLE_BAUDRATE, SerialEntry, open_serial_port
from harness.lab.radio import LabRadio
from harness.lab.surroundings import LabSurroundings
from harness.threads import report
from harness.usb.bus import UsbBus, Wanted, entry_of
from harness.usb.device import UsbDevice
from harness.usb.entry import UsbEntry

__tracebackhide__ = hides

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


@dataclass(slots=True)
class _Listed:
    """What was listed since something last came or went on the bus; what comes then makes a new one."""

    usb: dict[Wanted, list[UsbEntry]] = field(default_factory=dict)
    serial: list[SerialEntry] | None = None


class EmulatedHost:
    """A computer with emulated boards in its USB ports. `boards` maps ports, as in `1-1`, to boards."""

    def __init__(self, lab: Lab, boards: Mapping[str, EmulatedBoard] = NO_BOARDS, name: str = "emulated host") -> None:
        self.name = name
        self.lab = lab
        self.driver = lab.driver
        if isinstance(lab.driver, InlineDriver):
            lab.driver.wrong_thread = _not_served
        self.clock = LabClock(lab.driver)
        self.surroundings = LabSurroundings(lab)
        self.usb_host = UsbHost(lab.driver)
        self.backend = EmulatedUsbBackend(lab.driver, self.usb_host)
        self.boards: dict[str, EmulatedBoard] = {}
        """What is plugged in, by port."""
        self._changes: dict[str, int] = {}
        self._unwatch: dict[str, Callable[[], object]] = {}
        self._rested: dict[str, int] = {}
        self._bus = UsbBus(self.backend)
        self._entries: dict[PortPath, tuple[AttachedDevice, UsbEntry]] = {}
        """What was last found at each port."""
        self._serial_entries: dict[AcmPort, SerialEntry] = {}
        self._listed = _Listed()
        self.driver.call(self.usb_host.changed.subscribe, self._bus_changed)
        for port, board in boards.items():
            self.plug_in(port, board)

    def plug_in(self, port: str, board: EmulatedBoard) -> None:
        """Put a board into a free port."""
        self.usb_host.plug_in(port, board.plug)
        self.boards[port] = board
        self._changes[port] = self._rested[port] = 0
        self._unwatch[port] = self.driver.call(board.changed.subscribe, lambda: self._changed(port))

    def unplug(self, port: str) -> None:
        """Take a board out of its port, which is free then."""
        if port in map(str, self.usb_host.ports):
            self.usb_host.unplug(port)
        self._unwatch.pop(port)()
        del self.boards[port]

    def restart(self, boards: Mapping[str, EmulatedBoard]) -> None:
        """Start anew with these boards in its ports, whatever was plugged in or unplugged since."""
        self.usb_host.restart({})
        for port in list(self.boards):
            self._unwatch.pop(port)()
            del self.boards[port]
        self._entries.clear()
        self._serial_entries.clear()
        for port, board in boards.items():
            self.plug_in(port, board)

    def _changed(self, port: str) -> None:
        self._changes[port] += 1

    def _bus_changed(self) -> None:
        self._listed = _Listed()

    def usb_entries(self, wanted: Wanted, *, port: str | None = None) -> list[UsbEntry]:
        """See `Host.usb_entries`. Only what came since it was last looked at is asked anything."""
        if port is not None:
            device = self.driver.call(self.usb_host.device_at, port)
            return [] if device is None else self._entries_of([device], wanted)
        listed = self._listed
        if wanted not in listed.usb:
            listed.usb[wanted] = self._entries_of(self.backend.enumerate_devices(), wanted)
        return listed.usb[wanted]

    def _entries_of(self, devices: Iterable[AttachedDevice], wanted: Wanted) -> list[UsbEntry]:
        found: list[UsbEntry] = []
        for device in devices:
            known = self._entries.get(device.path)
            entry = known[1] if known is not None and known[0] is device else self._read(device)
            if wanted(entry.vid, entry.pid):
                found.append(entry)
        return found

    def _read(self, device: AttachedDevice) -> UsbEntry:
        """A device as pyusb shows it. One whose serial number could not be read is asked again."""
        entry = entry_of(usb.core.Device(device, self.backend))
        if entry.serial is not None:
            self._entries[device.path] = device, entry
        return entry

    def open_usb(self, entry: UsbEntry, label: BoardLabel | None = None) -> UsbDevice:
        """See `Host.open_usb`."""
        return self._bus.open(entry, label)

    def serial_entries(self) -> list[SerialEntry]:
        """See `Host.serial_entries`."""
        listed = self._listed
        if listed.serial is None:
            known = self._serial_entries
            ports = self.driver.call(lambda: self.usb_host.serial_ports)
            self._serial_entries = {port: known[port] if port in known else self._serial_entry(port) for port in ports}
            listed.serial = list(self._serial_entries.values())
        return listed.serial

    def _serial_entry(self, port: AcmPort) -> SerialEntry:
        info = self.driver.call(port_info, self.usb_host, port)
        return SerialEntry(info.device, info.vid, info.pid, info.serial_number.lower() if info.serial_number else None)

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

    def radio(self) -> LabRadio:
        """See `Host.radio`. Each is another phone."""
        return LabRadio(self.lab)


def _not_served() -> NotServed:
    """The error of a call from a thread of somebody else's, which may swallow it: so it is reported as well."""
    error = NotServed(threading.current_thread().name)
    report(error)
    return error
