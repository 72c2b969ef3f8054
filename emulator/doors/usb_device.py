"""One device on a computer's USB port, from its enumeration to its detach, as the kernel knows it.

It behaves as Linux does; everything here runs inside the Lab.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Final, Protocol

from emulator.clock import Signal
from emulator.doors.descriptors import ConfigurationDescriptor, DescriptorError, DeviceDescriptor, InterfaceDescriptor
from emulator.usb.plug import UsbFunction
from particle_protocol.usb import DescriptorType, RequestType, Setup, Stall, StandardRequest

FULL_SPEED: Final = 2
"""12 Mbit/s, as libusb numbers speeds (libusb 1.0.26, libusb/libusb.h: enum libusb_speed)."""


class BoundDriver(Protocol):
    """A kernel driver that serves one or more interfaces of a device."""

    name: str
    interfaces: tuple[int, ...]

    def unbind(self) -> None:
        """The device is gone, or the interfaces were taken away."""

    def readable(self) -> None:
        """An IN endpoint of the device has data."""


class Claimant(Protocol):
    """Who claims interfaces: a program's open file on the device."""

    def lost(self, interface: int) -> None:
        """It does not hold this interface any more."""


class Refused(Exception):
    """The kernel refuses a call, with this errno."""

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(why or os.strerror(code))
        self.code = code


class PortPath(tuple[int, ...]):
    """Where a connector is, as Linux writes it: `1-2.3` is port 3 of the hub at port 2 of bus 1."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> PortPath:
        """Read `BUS-PORT[.PORT...]`.

        Raises:
            ValueError: it is not written so.
        """
        bus, dash, ports = text.partition("-")
        try:
            path = cls((int(bus), *(int(port) for port in ports.split("."))))
        except ValueError:
            path = cls()
        if not dash or not path or min(path) < 1:
            raise ValueError(f"a USB port is written BUS-PORT or BUS-PORT.PORT, as in 1-2.3, not {text!r}")
        return path

    @property
    def bus(self) -> int:
        """The bus number."""
        return self[0]

    @property
    def ports(self) -> tuple[int, ...]:
        """The port numbers from the root hub down."""
        return tuple(self[1:])

    @property
    def way(self) -> tuple[PortPath, ...]:
        """The ports on the way from the root hub, this one last: `1-2.3` is reached through `1-2`."""
        return tuple(PortPath(self[:length]) for length in range(2, len(self) + 1))

    def __str__(self) -> str:
        return f"{self[0]}-{'.'.join(map(str, self[1:]))}"


class AttachedDevice:
    """One device from its enumeration to its detach. The next attach at the same port makes a new one, with a new address."""

    __slots__ = (
        "_strings",
        "address",
        "alternates",
        "changed",
        "claims",
        "configuration_value",
        "configurations",
        "control",
        "descriptor",
        "drivers",
        "function",
        "path",
        "present",
    )

    def __init__(self, path: PortPath, address: int, function: UsbFunction) -> None:
        self.path = path
        self.address = address
        self.function = function
        self.control = function.control
        self.present = True
        self.changed = Signal()
        """Fires when an IN endpoint has data, and at the detach."""
        self.claims: dict[int, Claimant] = {}
        """Interface number to the program's open file that claimed it."""
        self.drivers: dict[int, BoundDriver] = {}
        """Interface number to the kernel driver bound to it."""
        self.alternates: dict[int, int] = {}
        self._strings: dict[int, str | None] = {0: None}
        self.descriptor = DeviceDescriptor.parse(self.get_descriptor(DescriptorType.DEVICE, 0, 18))
        self.configurations = tuple(self._read_configuration(number) for number in range(self.descriptor.configurations))
        if not self.configurations:
            raise DescriptorError("a device without a configuration")
        for index in (self.descriptor.manufacturer_index, self.descriptor.product_index, self.descriptor.serial_index):
            self.string(index)
        self.configuration_value = 0
        self.configure(self.configurations[0].value)

    @property
    def configuration(self) -> ConfigurationDescriptor | None:
        """The active configuration, or None in the unconfigured state."""
        return next((each for each in self.configurations if each.value == self.configuration_value), None)

    @property
    def manufacturer(self) -> str | None:
        """The manufacturer string, read at enumeration."""
        return self.string(self.descriptor.manufacturer_index)

    @property
    def product(self) -> str | None:
        """The product string, read at enumeration."""
        return self.string(self.descriptor.product_index)

    @property
    def serial_number(self) -> str | None:
        """The serial number string, read at enumeration."""
        return self.string(self.descriptor.serial_index)

    def string(self, index: int) -> str | None:
        """A string descriptor in the device's first language; None when it has none. Read once, then kept."""
        if index not in self._strings:
            try:
                languages = self.get_descriptor(DescriptorType.STRING, 0, 255)
                language = int.from_bytes(languages[2:4], "little") if len(languages) >= 4 else 0
                raw = self.get_descriptor(DescriptorType.STRING, index, 255, language)
                self._strings[index] = raw[2 : raw[0]].decode("utf-16-le", "replace") if len(raw) >= 2 else None
            except Stall:
                self._strings[index] = None
        return self._strings[index]

    def get_descriptor(self, kind: int, number: int, length: int, language: int = 0) -> bytes:
        """GET_DESCRIPTOR (USB 2.0, 9.4.3)."""
        return self.control(Setup(RequestType.IN, StandardRequest.GET_DESCRIPTOR, kind << 8 | number, language, length), b"")

    def interface(self, number: int) -> tuple[InterfaceDescriptor, ...]:
        """The alternate settings of an interface of the active configuration; empty when it has no such interface."""
        settings = self.configuration.interfaces if self.configuration is not None else ()
        return next((each for each in settings if each[0].number == number), ())

    def current_setting(self, number: int) -> InterfaceDescriptor | None:
        """The alternate setting that an interface is in."""
        chosen = self.alternates.get(number, 0)
        return next((each for each in self.interface(number) if each.alternate == chosen), None)

    def configure(self, value: int) -> None:
        """SET_CONFIGURATION, 0 for none; all interfaces are in alternate setting 0 afterwards.

        Raises:
            Stall: the device refuses; it is in no configuration then.
        """
        self.alternates.clear()
        self.configuration_value = 0
        self.control(Setup(0, StandardRequest.SET_CONFIGURATION, value, 0, 0), b"")
        self.configuration_value = value

    def set_alternate(self, interface: int, alternate: int) -> None:
        """SET_INTERFACE (Linux 6.1, drivers/usb/core/message.c: usb_set_interface).

        A device may refuse it for an interface that has no choice: then its endpoints are made to start anew.

        Raises:
            Refused: EINVAL, the descriptors have no such interface or setting.
            Stall: the device refuses.
        """
        settings = self.interface(interface)
        wanted = next((each for each in settings if each.alternate == alternate), None)
        if wanted is None:
            raise Refused(errno.EINVAL, f"interface {interface} has no alternate setting {alternate}")
        try:
            self.control(Setup(RequestType.INTERFACE, StandardRequest.SET_INTERFACE, alternate, interface, 0), b"")
        except Stall:
            if len(settings) > 1:
                raise
            for endpoint in wanted.endpoints:
                with contextlib.suppress(Stall):
                    self.clear_halt(endpoint.address)
        self.alternates[interface] = alternate

    def clear_halt(self, endpoint: int) -> None:
        """CLEAR_FEATURE, ENDPOINT_HALT.

        Raises:
            Stall: the device refuses.
        """
        self.control(Setup(RequestType.ENDPOINT, StandardRequest.CLEAR_FEATURE, 0, endpoint, 0), b"")

    def freed(self, interface: int) -> None:
        """Somebody let go of an interface: a setting other than 0 is set back (drivers/usb/core/driver.c: usb_unbind_interface)."""
        if self.present and self.alternates.get(interface):
            with contextlib.suppress(Stall):
                self.set_alternate(interface, 0)
            self.alternates.pop(interface, None)

    def _read_configuration(self, number: int) -> ConfigurationDescriptor:
        head = self.get_descriptor(DescriptorType.CONFIGURATION, number, 9)
        total = int.from_bytes(head[2:4], "little")
        return ConfigurationDescriptor.parse(self.get_descriptor(DescriptorType.CONFIGURATION, number, max(total, 9)))

    def __str__(self) -> str:
        it = self.descriptor
        return f"{it.vendor:04x}:{it.product:04x} at port {self.path} (bus {self.path.bus}, address {self.address})"
