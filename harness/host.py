"""The computer that a board is plugged into.

The harness reaches every board through a `Host`: its clock, what is on its USB bus, its serial ports, its Wi-Fi. `RealHost` is this
computer; `harness.lab.EmulatedHost` is one whose boards are emulated. Both list and open USB devices through pyusb and serial ports
through pyserial, so the code above exercises the same calls on either.

Listing never asks a board for anything but its serial-number string, and one device that cannot be opened does not spoil the list of
the others: its entry tells the trouble instead.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import serial
import serial.tools.list_ports

from harness.errors import BoardLabel, BoardNotAvailable, NotReached, Unavailable, hides
from harness.radio import OwnRadio, Radio
from harness.testbed import check_served
from harness.usb.bus import UsbBus, Wanted
from harness.usb.device import UsbDevice
from harness.usb.entry import UsbEntry

__tracebackhide__ = hides

if sys.platform == "win32":
    SERIAL_ERRORS: tuple[type[Exception], ...] = (serial.SerialException, OSError)
else:
    import termios

    SERIAL_ERRORS = (serial.SerialException, OSError, termios.error)
"""What pyserial raises when a board leaves: also the errors of the C library's terminal functions, which are no OSError."""

T = TypeVar("T")

REST_ON_A_REAL_BUS = 0.05
"""Seconds between two looks at a real USB bus: libusb through pyusb has no way to be told of changes."""

CONSOLE_BAUDRATE = 9600
"""What the listening-mode console is opened with (particle-cli 3.49.2, src/cmd/serial.js:39). 14400 would mean DFU mode."""


@dataclass(frozen=True, slots=True)
class SerialEntry:
    """One serial port of the host."""

    name: str
    """What opens it: `/dev/ttyACM0`, `COM4`, a pyserial URL."""
    vid: int | None = None
    pid: int | None = None
    serial: str | None = None
    """The USB serial number of the device behind it, in lower case."""

    def __str__(self) -> str:
        return self.name


class HostClock(Protocol):
    """The time of a host."""

    def now(self) -> float:
        """Seconds, never going back."""

    def utc(self) -> datetime:
        """The date and time of day in UTC."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""


class Host(Protocol):
    """See the module. `name` is for messages ("this computer")."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def clock(self) -> HostClock:
        """Its time."""

    def usb_entries(self, wanted: Wanted, *, port: str | None = None) -> list[UsbEntry]:
        """What is on the bus now, of the (vendor id, product id) that `wanted` accepts; at one port only if `port` is given."""

    def open_usb(self, entry: UsbEntry, label: BoardLabel | None = None) -> UsbDevice:
        """Open a device for transfers, after making sure that it still is the one that was listed.

        Raises:
            BoardNotAvailable: it went away, is busy, or may not be opened.
        """

    def serial_entries(self) -> list[SerialEntry]:
        """The serial ports now."""

    def open_serial(self, entry: SerialEntry, label: BoardLabel | None = None, *, baudrate: int = CONSOLE_BAUDRATE) -> serial.Serial:
        """Open a serial port exclusively.

        Raises:
            BoardNotAvailable: it went away, is busy, or may not be opened.
        """

    def rest(self, seconds: float, *, port: str | None = None) -> bool:
        """Let at most `seconds` pass; comes back early when something changed on the bus (at `port`, if given).

        Returns False when nothing more can happen, however long one waits (virtual time only).
        """

    def radio(self) -> Radio:
        """Wi-Fi near its boards, to join a board's own network with."""


class WallClock:
    """The time of this computer."""

    def now(self) -> float:
        """See `HostClock.now`."""
        return time.monotonic()

    def utc(self) -> datetime:
        """See `HostClock.utc`."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """See `HostClock.sleep`."""
        time.sleep(seconds)


class RealHost:
    """This computer: pyusb with the backend it finds by itself, and pyserial's list of ports.

    `clock` is the wall clock unless a test hands in another one.

    Raises:
        BoardNotAvailable: this program is to see emulated boards (an umockdev door's variables are set), and nobody serves them any more.
    """

    name = "this computer"

    def __init__(self, clock: HostClock | None = None) -> None:
        check_served(os.environ)
        self.clock: HostClock = clock if clock is not None else WallClock()
        self._bus = UsbBus()

    def usb_entries(self, wanted: Wanted, *, port: str | None = None) -> list[UsbEntry]:
        """See `Host.usb_entries`."""
        return self._bus.entries(wanted, port=port)

    def open_usb(self, entry: UsbEntry, label: BoardLabel | None = None) -> UsbDevice:
        """See `Host.open_usb`."""
        return self._bus.open(entry, label)

    def serial_entries(self) -> list[SerialEntry]:
        """See `Host.serial_entries`."""
        return list_serial_ports()

    def open_serial(self, entry: SerialEntry, label: BoardLabel | None = None, *, baudrate: int = CONSOLE_BAUDRATE) -> serial.Serial:
        """See `Host.open_serial`."""
        return open_serial_port(entry, label, baudrate=baudrate)

    def rest(self, seconds: float, *, port: str | None = None) -> bool:
        """See `Host.rest`. A real bus is looked at again after a short time."""
        self.clock.sleep(min(seconds, REST_ON_A_REAL_BUS))
        return True

    def radio(self) -> Radio:
        """See `Host.radio`. It is in the network that its owner has joined it to."""
        return OwnRadio()


def list_serial_ports() -> list[SerialEntry]:
    """The serial ports that pyserial lists."""
    return [
        SerialEntry(port.device, port.vid, port.pid, port.serial_number.lower() if port.serial_number else None)
        for port in serial.tools.list_ports.comports()
    ]


def serial_entry(host: Host, serial_number: str) -> SerialEntry | None:
    """The serial port of the device with that USB serial number, in lower case; None while there is none."""
    return next((entry for entry in host.serial_entries() if entry.serial == serial_number), None)


def open_serial_port(entry: SerialEntry, label: BoardLabel | None, *, baudrate: int) -> serial.Serial:
    """Open a port through pyserial, exclusively where the operating system can.

    Raises:
        BoardNotAvailable: it went away, is busy, or may not be opened.
    """
    options: dict[str, Any] = {} if "://" in entry.name else {"exclusive": True}
    try:
        return serial.serial_for_url(entry.name, baudrate=baudrate, timeout=0, **options)
    except (*SERIAL_ERRORS, ValueError) as error:
        reason, remedy = Unavailable.UNPLUGGED, ""
        code = getattr(error, "errno", None)
        if code in (errno.EACCES, errno.EPERM):
            reason = Unavailable.NO_PERMISSION
            remedy = "Add yourself to the group that owns serial ports (Debian: dialout)" if sys.platform == "linux" else ""
        elif code in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
            reason, remedy = Unavailable.BUSY, "Close the other program (a serial monitor, ModemManager) and try again"
        raise BoardNotAvailable(reason, f"serial port {entry.name}", board=label, seen=str(error), remedy=remedy) from error


def wait_until(
    host: Host,
    look: Callable[[], T | None],
    *,
    timeout: float,
    awaited: str,
    seen: Callable[[], str],
    board: BoardLabel | None = None,
    port: str | None = None,
    poll: float = 0.25,
    remedy: str = "",
) -> T:
    """Look again and again, at every change on the bus and every `poll` seconds, until `look()` gives something.

    Returns what `look()` gave when it was neither None nor False.

    Raises:
        NotReached: not within `timeout` seconds, or nothing more can happen; tells what was seen.
    """
    clock = host.clock
    end = clock.now() + timeout
    stalled = False
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        left = end - clock.now()
        if stalled or left <= 0:
            raise NotReached(awaited, timeout, seen=seen(), board=board, remedy=remedy, stalled=stalled)
        # The last thing that could happen may be what is awaited, with nothing on the bus to show for it.
        stalled = not host.rest(min(poll, left), port=port)
