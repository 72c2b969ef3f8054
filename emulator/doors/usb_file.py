"""A program's open file on a USB device: what the kernel lets the program do with the device (Linux 6.1, drivers/usb/core/devio.c).

Both doors for USB stand on this: pyusb in this process, and the ioctls of programs outside. Everything here runs inside the Lab.
"""

from __future__ import annotations

import errno
from typing import Final, Protocol

from emulator.doors.usb_device import AttachedDevice, Refused
from particle_protocol.usb import RequestType, Setup

MOST_INTERFACES: Final = 64
"""Interfaces that a file can claim: the bits of an unsigned long."""

USBFS: Final = "usbfs"
"""The driver that an interface has which a program claimed."""

_KIND: Final = 0x60
_RECIPIENT: Final = 0x1F
_PRINTER: Final = 7


class Kernel(Protocol):
    """What the kernel around the file does with devices: binding drivers, choosing configurations, resetting ports."""

    def bind_driver(self, device: AttachedDevice, interface: int) -> bool:
        """Offer an interface to the drivers; whether one took it."""

    def release_driver(self, device: AttachedDevice, interface: int) -> None:
        """Take an interface from its driver."""

    def configure(self, device: AttachedDevice, value: int) -> None:
        """Choose a configuration."""

    def reset(self, device: AttachedDevice) -> None:
        """Reset the port."""


class DeviceFile:
    """One open file: what it claims, and what may be asked through it. Every call raises `Refused` with the kernel's errno."""

    __slots__ = ("device", "kernel")

    def __init__(self, kernel: Kernel, device: AttachedDevice) -> None:
        self.kernel = kernel
        self.device = device

    def lost(self, interface: int) -> None:
        """See `Claimant.lost`."""

    def bury(self) -> None:
        """Close the files of programs that are gone, where that has to be looked for: somebody wants what they may have claimed."""

    def close(self) -> None:
        """Give back what was claimed."""
        for interface, holder in list(self.device.claims.items()):
            if holder is self:
                self._let_go(interface)

    def claim(self, interface: int) -> None:
        """Reserve an interface (claimintf). Claiming again what one holds does nothing.

        Raises:
            Refused: ENOENT, there is no such interface; EBUSY, another program or a driver has it; EINVAL, the number is impossible.
        """
        device = self.device
        if not 0 <= interface < MOST_INTERFACES:
            raise Refused(errno.EINVAL, f"no interface can have the number {interface}")
        if device.claims.get(interface, self) is not self:
            self.bury()
        if not device.interface(interface):
            raise Refused(errno.ENOENT, f"no interface {interface}")
        if interface in device.drivers:
            raise Refused(errno.EBUSY, f"interface {interface} is used by the kernel driver {device.drivers[interface].name}")
        if device.claims.setdefault(interface, self) is not self:
            raise Refused(errno.EBUSY, f"interface {interface} is claimed by another program")

    def release(self, interface: int) -> None:
        """Give an interface back (releaseintf).

        Raises:
            Refused: ENOENT, there is no such interface; EINVAL, it is not claimed.
        """
        if 0 <= interface < MOST_INTERFACES and not self.device.interface(interface):
            raise Refused(errno.ENOENT, f"no interface {interface}")
        if self.device.claims.get(interface) is not self:
            raise Refused(errno.EINVAL, f"interface {interface} is not claimed")
        self._let_go(interface)

    def set_interface(self, interface: int, alternate: int) -> None:
        """Choose an alternate setting, claiming the interface when it is free (proc_setintf)."""
        self._use(interface)
        self.device.set_alternate(interface, alternate)

    def set_configuration(self, value: int) -> None:
        """Choose a configuration, -1 or 0 for none; only while nobody uses an interface (proc_setconfig)."""
        self.bury()
        device = self.device
        if device.drivers:
            raise Refused(errno.EBUSY, f"the kernel driver {next(iter(device.drivers.values())).name} uses an interface")
        if device.claims:
            raise Refused(errno.EBUSY, f"interface {next(iter(device.claims))} is claimed")
        self.kernel.configure(device, 0 if value == -1 else value)

    def driver_of(self, interface: int) -> str:
        """The driver of an interface (proc_getdriver).

        Raises:
            Refused: ENODATA, it has none.
        """
        if interface in self.device.drivers:
            return self.device.drivers[interface].name
        if interface in self.device.claims:
            self.bury()
        if interface in self.device.claims:
            return USBFS
        raise Refused(errno.ENODATA, f"no kernel driver has interface {interface}")

    def disconnect(self, interface: int) -> None:
        """Take an interface from its driver, be it a program's claim (proc_ioctl: USBDEVFS_DISCONNECT)."""
        self._check_driver_change(interface)
        if self.driver_of(interface) == USBFS:
            holder = self.device.claims.pop(interface)
            holder.lost(interface)
            self.device.freed(interface)
        else:
            self.kernel.release_driver(self.device, interface)

    def connect(self, interface: int) -> bool:
        """Offer a free interface to the drivers; whether one took it (proc_ioctl: USBDEVFS_CONNECT)."""
        self._check_driver_change(interface)
        if interface in self.device.claims:
            self.bury()
        if interface in self.device.claims or interface in self.device.drivers:
            raise Refused(errno.EBUSY, f"interface {interface} is in use")
        return self.kernel.bind_driver(self.device, interface)

    def clear_halt(self, endpoint: int) -> None:
        """Clear an endpoint's halt, at the device too (proc_clear_halt)."""
        self.use_endpoint(endpoint)
        self.device.clear_halt(endpoint)

    def use_endpoint(self, address: int) -> int:
        """Have the interface that an endpoint belongs to, claiming it when it is free; gives the endpoint's transfer type.

        Raises:
            Refused: EINVAL or ENOENT, there is no such endpoint; ESRCH, there is no configuration; EBUSY, the interface is in use.
        """
        self._use(self._interface_of(address))
        configuration = self.device.configuration
        for each in configuration.interfaces if configuration is not None else ():
            setting = self.device.current_setting(each[0].number)
            for endpoint in setting.endpoints if setting is not None else ():
                if endpoint.address == address:
                    return endpoint.attributes & 3
        raise Refused(errno.ENOENT, f"no endpoint {address:#04x} in the setting that its interface is in")

    def check_request(self, setup: Setup) -> None:
        """Whether a control request may pass: one to an interface or endpoint needs the interface, or takes it (check_ctrlrecip)."""
        if setup.request_type & _KIND == RequestType.VENDOR:
            return
        index = setup.index & 0xFF
        if setup.request_type & _RECIPIENT == RequestType.ENDPOINT:
            if index & 0x7F:
                self._use(self._endpoint_owner(index))
        elif setup.request_type & _RECIPIENT == RequestType.INTERFACE and not self._asks_printer(setup):
            self._use(index)

    def reset(self) -> None:
        """Reset the port (proc_resetdevice).

        Raises:
            Refused: ENODEV, the device left because of it.
        """
        self.kernel.reset(self.device)

    def _use(self, interface: int) -> None:
        """Have an interface (checkintf)."""
        if self.device.configuration is None:
            raise Refused(errno.EHOSTUNREACH, "it is in no configuration")
        self.claim(interface)

    def _interface_of(self, address: int) -> int:
        """The interface that has an endpoint in any of its settings (findintfep)."""
        if address & ~0x8F:
            raise Refused(errno.EINVAL, f"no endpoint can have the address {address:#04x}")
        configuration = self.device.configuration
        if configuration is None:
            raise Refused(errno.ESRCH, "it is in no configuration")
        for settings in configuration.interfaces:
            if any(endpoint.address == address for setting in settings for endpoint in setting.endpoints):
                return settings[0].number
        raise Refused(errno.ENOENT, f"no endpoint {address:#04x}")

    def _endpoint_owner(self, index: int) -> int:
        """The interface of an endpoint that a request names; programs that get the direction wrong are forgiven."""
        try:
            return self._interface_of(index)
        except Refused:
            return self._interface_of(index ^ 0x80)

    def _asks_printer(self, setup: Setup) -> bool:
        """A printer tells its id to anybody (USB printer class 1.1, 4.2.1)."""
        if (setup.request_type, setup.request) != (RequestType.IN | RequestType.CLASS | RequestType.INTERFACE, 0):
            return False
        settings = self.device.interface(setup.index >> 8)
        return any(each.alternate == setup.index & 0xFF and each.interface_class == _PRINTER for each in settings)

    def _check_driver_change(self, interface: int) -> None:
        if self.device.configuration is None:
            raise Refused(errno.EHOSTUNREACH, "it is in no configuration")
        if not self.device.interface(interface):
            raise Refused(errno.EINVAL, f"no interface {interface}")

    def _let_go(self, interface: int) -> None:
        del self.device.claims[interface]
        self.lost(interface)
        self.device.freed(interface)
