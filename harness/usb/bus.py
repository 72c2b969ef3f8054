"""The USB bus of a host, through pyusb: what is on it, and opening one of its devices."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import usb.core
import usb.util

from harness.errors import BoardLabel, BoardNotAvailable, Unavailable, hides
from harness.testbed import socket_of_its_own
from harness.usb.device import UsbDevice, translate
from harness.usb.entry import UsbEntry

__tracebackhide__ = hides

ENGLISH = 0x0409
"""The language of a board's strings (docs of the device: string 0 is 0x0409 on every platform)."""

LIBRARY_REMEDY = "Install libusb 1.0 (Debian: apt install libusb-1.0-0; macOS: brew install libusb; Windows: pip install libusb-package)"

Wanted = Callable[[int, int], bool]

_begun: list[bool] = []
"""Whether pyusb has opened libusb in this process."""


class UsbBus:
    """The devices that pyusb finds. `backend` None means pyusb's own choice, looked up afresh at every listing.

    A device's serial-number string is read once per enumeration. A device whose string cannot be read stays in the list, with the
    trouble; it never keeps the others from being listed.
    """

    def __init__(self, backend: Any = None) -> None:
        self._backend = backend
        self._read: dict[tuple[int, int, str, int, int], tuple[str | None, str]] = {}

    def entries(self, wanted: Wanted, *, port: str | None = None) -> list[UsbEntry]:
        """Every device whose (vendor id, product id) is wanted, at one port only if `port` is given, in the order of their ports.

        Raises:
            BoardNotAvailable: there is no libusb on this computer.
        """
        found: list[UsbEntry] = []
        read: dict[tuple[int, int, str, int, int], tuple[str | None, str]] = {}
        try:
            devices = self._devices()
        except usb.core.NoBackendError as error:
            raise BoardNotAvailable(Unavailable.NO_USB_LIBRARY, seen=str(error), remedy=LIBRARY_REMEDY) from error
        for device in devices:
            vid, pid = device.idVendor, device.idProduct
            if not wanted(vid, pid):
                continue
            path = port_path(device)
            if port is not None and path != port:
                continue
            key = (device.bus, device.address, path, vid, pid)
            known = self._read.get(key)
            entry = entry_of(device) if known is None or known[0] is None else _as_read(device, known)
            read[key] = entry.serial, entry.trouble
            found.append(entry)
        if port is None:
            self._read = read
        else:
            self._read.update(read)
        return sorted(found, key=_by_port)

    def _devices(self) -> Iterable[Any]:
        if self._backend is not None or _begun:
            return usb.core.find(find_all=True, backend=self._backend)  # type: ignore[no-any-return]
        with socket_of_its_own(os.environ):
            _begun.append(True)
            return usb.core.find(find_all=True, backend=None)  # type: ignore[no-any-return]

    def open(self, entry: UsbEntry, label: BoardLabel | None = None) -> UsbDevice:
        """Open a device, and make sure that it still is the board that was listed: its serial number is read again.

        Raises:
            BoardNotAvailable: it went away, may not be opened, or another board answers in its place.
        """
        serial, trouble = _read_serial(entry.device, label)
        if serial is None or (entry.serial is not None and serial != entry.serial):
            usb.util.dispose_resources(entry.device)
            seen = f"serial number {serial}" if serial else trouble
            raise BoardNotAvailable(Unavailable.UNPLUGGED, f"not at USB port {entry.port} any more", board=label, seen=seen)
        return UsbDevice(entry, label)


def entry_of(device: Any) -> UsbEntry:
    """What a pyusb device is, as an entry; it is asked for its serial number."""
    return _as_read(device, _read_serial(device))


def _as_read(device: Any, serial: tuple[str | None, str]) -> UsbEntry:
    return UsbEntry(device.idVendor, device.idProduct, device.bus, device.address, port_path(device), *serial, device)


def port_path(device: Any) -> str:
    """Bus and hub ports of a pyusb device in Linux's notation; the bus and address where the ports are not known."""
    ports = getattr(device, "port_numbers", None)
    return f"{device.bus}-{'.'.join(map(str, ports))}" if ports else f"{device.bus}-?{device.address}"


def _by_port(entry: UsbEntry) -> tuple[int, tuple[int, ...], int]:
    _, _, ports = entry.port.partition("-")
    return entry.bus, tuple(int(part) for part in ports.split(".") if part.isdigit()), entry.address


def _read_serial(device: Any, label: BoardLabel | None = None) -> tuple[str | None, str]:
    """The serial-number string in lower case, or None and why not. With a label, failing to open the device raises instead."""
    if not device.iSerialNumber:
        return None, "it has no serial number"
    try:
        return usb.util.get_string(device, device.iSerialNumber, ENGLISH).lower(), ""
    except usb.core.USBError as error:
        problem = translate(error, label, "reading the serial number")
        if label is not None and isinstance(problem, BoardNotAvailable):
            raise problem from error
        return None, problem.reason.value if isinstance(problem, BoardNotAvailable) else str(error)
    except ValueError as error:
        return None, f"its serial number cannot be read: {error}"
    finally:
        if label is None:
            _let_go(device)


def _let_go(device: Any) -> None:
    try:
        usb.util.dispose_resources(device)
    except usb.core.USBError:
        pass  # it went away meanwhile
