"""One device on a computer's USB port, from its enumeration to its detach, as the kernel knows it.

It behaves as Linux does; everything here runs inside the Lab.
"""

from __future__ import annotations

from typing import Final, Protocol

from emulator.clock import Signal
from emulator.doors.descriptors import ConfigurationDescriptor, DescriptorError, DeviceDescriptor
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


class InterfaceBusy(Exception):
    """The interface is in use: by another program, or by a kernel driver."""


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
        self.claims: dict[int, object] = {}
        """Interface number to the program's handle that claimed it."""
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

    def configure(self, value: int) -> None:
        """SET_CONFIGURATION; all interfaces are in alternate setting 0 afterwards.

        Raises:
            Stall: the device has no such configuration.
        """
        self.control(Setup(0, StandardRequest.SET_CONFIGURATION, value, 0, 0), b"")
        self.configuration_value = value
        self.alternates.clear()

    def set_alternate(self, interface: int, alternate: int) -> None:
        """SET_INTERFACE.

        Raises:
            Stall: the device refuses.
        """
        self.control(Setup(RequestType.INTERFACE, StandardRequest.SET_INTERFACE, alternate, interface, 0), b"")
        self.alternates[interface] = alternate

    def claim(self, interface: int, holder: object) -> None:
        """Reserve an interface for `holder`. Claiming again what one holds does nothing.

        Raises:
            LookupError: the active configuration has no such interface.
            InterfaceBusy: another program or a kernel driver has it.
        """
        configuration = self.configuration
        if configuration is None or configuration.setting(interface) is None:
            raise LookupError(f"no interface {interface}")
        if interface in self.drivers:
            raise InterfaceBusy(f"interface {interface} is used by the kernel driver {self.drivers[interface].name}")
        if self.claims.setdefault(interface, holder) is not holder:
            raise InterfaceBusy(f"interface {interface} is claimed by another program")

    def release(self, interface: int, holder: object) -> None:
        """Give back an interface; a setting other than 0 is set back, as Linux does when a program lets go (usb_unbind_interface).

        Raises:
            LookupError: `holder` does not have it.
        """
        if self.claims.get(interface) is not holder:
            raise LookupError(f"interface {interface} is not claimed")
        del self.claims[interface]
        if self.present and self.alternates.get(interface):
            try:
                self.set_alternate(interface, 0)
            except Stall:
                self.alternates.pop(interface, None)

    def reset(self) -> None:
        """Reset the port, then bring back the configuration and the alternate settings, as Linux does."""
        alternates = dict(self.alternates)
        self.function.bus_reset()
        if not self.present:
            return
        self.configure(self.configuration_value or self.configurations[0].value)
        for interface, alternate in alternates.items():
            if alternate:
                self.set_alternate(interface, alternate)

    def _read_configuration(self, number: int) -> ConfigurationDescriptor:
        head = self.get_descriptor(DescriptorType.CONFIGURATION, number, 9)
        total = int.from_bytes(head[2:4], "little")
        return ConfigurationDescriptor.parse(self.get_descriptor(DescriptorType.CONFIGURATION, number, max(total, 9)))

    def __str__(self) -> str:
        it = self.descriptor
        return f"{it.vendor:04x}:{it.product:04x} at port {self.path} (bus {self.path.bus}, address {self.address})"
