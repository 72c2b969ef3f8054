"""The pyusb door: a backend for `usb.core` that shows the emulated boards, in this process, on any operating system.

    backend = EmulatedUsbBackend(driver, {"1-1": board.plug})
    device = usb.core.find(backend=backend, idVendor=0x2B04)

It behaves as pyusb's libusb backend does on Linux: `usb_file` is the kernel's part of that, `libusb` is libusb's. Errors carry the same
numbers: 32 for a stall, 19 for a device that is gone, 110 for a time-out, 16 for an interface in use, 2 for something that is not there.
"""

from __future__ import annotations

import contextlib
import errno
import math
import struct
from array import array
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import usb.backend
from usb.core import USBError

from emulator.clock import Signal
from emulator.doors import libusb
from emulator.doors.libusb import LARGEST_CONTROL, MOST_INTERFACES, LibusbError, of_errno
from emulator.doors.usb_device import FULL_SPEED, AttachedDevice, Refused
from emulator.doors.usb_file import USBFS, DeviceFile
from emulator.doors.usb_host import UsbHost
from emulator.drivers import Driver, WaitTimeout
from emulator.usb.plug import UsbPlug
from particle_protocol.usb import RequestType, Setup, Stall

T = TypeVar("T")

_IN: Final = int(RequestType.IN)
_VENDOR: Final = int(RequestType.VENDOR)
_PASSES_FREELY: Final = 0x60
"""As plain ints: the hot path cannot afford an enum's `&`. Vendor requests are nobody's business but the device's."""

_BULK_OR_INTERRUPT: Final = frozenset({2, 3})
_INTERRUPT: Final = frozenset({3})
"""Transfer types of the endpoints that a transfer may go to: a bulk one may also go to an interrupt endpoint."""

_DEVICE_FIELDS = [
    "bLength",
    "bDescriptorType",
    "bcdUSB",
    "bDeviceClass",
    "bDeviceSubClass",
    "bDeviceProtocol",
    "bMaxPacketSize0",
    "idVendor",
    "idProduct",
    "bcdDevice",
    "iManufacturer",
    "iProduct",
    "iSerialNumber",
    "bNumConfigurations",
]
_CONFIGURATION_FIELDS = [
    "bLength",
    "bDescriptorType",
    "wTotalLength",
    "bNumInterfaces",
    "bConfigurationValue",
    "iConfiguration",
    "bmAttributes",
    "bMaxPower",
]
_INTERFACE_FIELDS = [
    "bLength",
    "bDescriptorType",
    "bInterfaceNumber",
    "bAlternateSetting",
    "bNumEndpoints",
    "bInterfaceClass",
    "bInterfaceSubClass",
    "bInterfaceProtocol",
    "iInterface",
]
_ENDPOINT_FIELDS = ["bLength", "bDescriptorType", "bEndpointAddress", "bmAttributes", "wMaxPacketSize", "bInterval"]


class Handle(DeviceFile):
    """What an opened device is to pyusb: the program's file on it, and which interfaces libusb believes to have claimed through it."""

    __slots__ = ("claimed", "control")

    def __init__(self, host: UsbHost, device: AttachedDevice) -> None:
        super().__init__(host, device)
        self.control = device.control
        self.claimed: set[int] = set()


class EmulatedUsbBackend(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no type information
    """A pyusb backend over the ports of one host.

    `ports` maps port paths (`1-1`) to connectors; hand in a `UsbHost` instead to share one computer with other doors. `changed` fires
    at every attach and detach. Transfers that wait (an IN endpoint with nothing to send) let the driver's time pass.
    """

    def __init__(self, driver: Driver, ports: Mapping[str, UsbPlug] | UsbHost) -> None:
        super().__init__()
        self.driver = driver
        self.host = UsbHost.over(driver, ports)
        self._call = driver.call

    @property
    def changed(self) -> Signal:
        """Fires whenever a device came or went."""
        return self.host.changed

    def enumerate_devices(self) -> Iterator[AttachedDevice]:
        """Every device that is attached now."""
        return iter(self.driver.call(lambda: self.host.devices))

    def get_parent(self, dev: AttachedDevice) -> None:
        """None: hubs are not shown."""

    def get_device_descriptor(self, dev: AttachedDevice) -> SimpleNamespace:
        """The device descriptor under USB's own field names, with the address and the place on the bus."""
        found = _fields(_DEVICE_FIELDS, "<BBHBBBBHHHBBBB", dev.descriptor.raw)
        found.bus = dev.path.bus
        found.address = dev.address
        found.port_number = dev.path.ports[-1]
        found.port_numbers = dev.path.ports
        found.speed = FULL_SPEED
        return found

    def get_configuration_descriptor(self, dev: AttachedDevice, config: int) -> SimpleNamespace:
        """The `config`-th configuration; ENOENT past the last."""
        if not 0 <= config < len(dev.configurations):
            raise LibusbError.NOT_FOUND.error(f"{dev} has no configuration {config}")
        it = dev.configurations[config]
        return _fields(_CONFIGURATION_FIELDS, "<BBHBBBBB", it.raw, it.extra)

    def get_interface_descriptor(self, dev: AttachedDevice, intf: int, alt: int, config: int) -> SimpleNamespace:
        """An interface in one of its alternate settings; IndexError past the last."""
        it = dev.configurations[config].interfaces[intf][alt]
        return _fields(_INTERFACE_FIELDS, "<BBBBBBBBB", it.raw, it.extra)

    def get_endpoint_descriptor(self, dev: AttachedDevice, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        """The `ep`-th endpoint of an interface; IndexError past the last."""
        it = dev.configurations[config].interfaces[intf][alt].endpoints[ep]
        found = _fields(_ENDPOINT_FIELDS, "<BBBBHB", it.raw, it.extra)
        found.bRefresh, found.bSynchAddress = it.raw[7:9] if len(it.raw) >= 9 else (0, 0)
        return found

    def open_device(self, dev: AttachedDevice) -> Handle:
        """A handle on the device; any number of programs may hold one."""
        if not dev.present:
            raise _gone(dev)
        return Handle(self.host, dev)

    def close_device(self, dev_handle: Handle) -> None:
        """Let go of the device and of every interface claimed through this handle.

        pyusb also calls this, and `release_interface`, when Python drops a device object, on whatever thread that happens.
        """
        self.driver.post(dev_handle.close)

    def set_configuration(self, dev_handle: Handle, config_value: int) -> None:
        """Choose a configuration, -1 or 0 for none. Refused while anybody uses an interface."""
        if not -1 <= config_value <= 0xFF:
            raise LibusbError.INVALID_PARAM.error(f"{dev_handle.device}: no configuration can have the value {config_value}")
        self._do(dev_handle, lambda: dev_handle.set_configuration(config_value), libusb.SET_CONFIGURATION, "choosing a configuration")

    def get_configuration(self, dev_handle: Handle) -> int:
        """The value of the active configuration, 0 when there is none; costs no transfer.

        libusb reads it off the port, so the handle of a device that left gets that of its successor.
        """
        device = dev_handle.device
        there = device if device.present else self.driver.call(self.host.device_at, str(device.path))
        if there is None:
            raise _gone(device)
        return there.configuration_value

    def set_interface_altsetting(self, dev_handle: Handle, intf: int, altsetting: int) -> None:
        """Choose an alternate setting of a claimed interface."""
        _check_interface(dev_handle, intf, possible=0 <= altsetting <= 0xFF)
        if not dev_handle.device.present:
            raise _gone(dev_handle.device)
        if intf not in dev_handle.claimed:
            raise LibusbError.NOT_FOUND.error(f"{dev_handle.device}: interface {intf} is not claimed")
        what = f"setting {altsetting} of interface {intf}"
        self._do(dev_handle, lambda: dev_handle.set_interface(intf, altsetting), libusb.SET_INTERFACE, what)

    def claim_interface(self, dev_handle: Handle, intf: int) -> None:
        """Reserve an interface for this handle."""
        _check_interface(dev_handle, intf)
        if not dev_handle.device.present:
            raise _gone(dev_handle.device)
        if intf not in dev_handle.claimed:
            self._do(dev_handle, lambda: dev_handle.claim(intf), libusb.CLAIM, f"claiming interface {intf}")
            dev_handle.claimed.add(intf)

    def release_interface(self, dev_handle: Handle, intf: int) -> None:
        """Give an interface back."""
        _check_interface(dev_handle, intf)
        device = dev_handle.device
        if intf not in dev_handle.claimed:
            raise LibusbError.NOT_FOUND.error(f"interface {intf} of {device} is not claimed")
        if not device.present:
            raise _gone(device)
        if device.claims.get(intf) is not dev_handle:
            raise LibusbError.OTHER.error(f"interface {intf} of {device} was lost in a reset")
        dev_handle.claimed.discard(intf)

        def act() -> None:
            with contextlib.suppress(Refused):
                dev_handle.release(intf)

        self.driver.post(act)

    def ctrl_transfer(
        self, dev_handle: Handle, request_type: int, request: int, value: int, index: int, data: array[int], timeout: int
    ) -> int:
        """One control transfer; `data` is filled (IN) or sent (OUT). Returns the number of bytes moved. The device answers at once."""
        device = dev_handle.device
        length = len(data) * data.itemsize & 0xFFFF
        if length > LARGEST_CONTROL:
            raise LibusbError.INVALID_PARAM.error(f"libusb takes {LARGEST_CONTROL} bytes in a control transfer, not {length}; {device}")
        if not device.present:
            raise _gone(device)
        setup = Setup(request_type & 0xFF, request & 0xFF, value & 0xFFFF, index & 0xFFFF, length)
        try:
            if request_type & _PASSES_FREELY != _VENDOR:
                self._call(dev_handle.check_request, setup)
            if not request_type & _IN:
                self._call(dev_handle.control, setup, data.tobytes()[:length])
                return length
            answer = self._call(dev_handle.control, setup, b"")
        except Stall:
            raise LibusbError.PIPE.error(f"{device} stalled {setup}") from None
        except Refused as error:
            raise of_errno(libusb.TRANSFER, error.code).error(f"{device}: {error}") from None
        moved = len(answer)
        if moved > length:
            raise LibusbError.OVERFLOW.error(f"{device} sent {moved} bytes for {setup}")
        memoryview(data).cast("B")[:moved] = answer
        return moved

    def bulk_write(self, dev_handle: Handle, ep: int, intf: int, data: array[int], timeout: int) -> int:
        """One transfer on a bulk endpoint, or on an interrupt endpoint. The address says the direction, as it does in libusb."""
        return self._transfer(dev_handle, ep & 0xFF, data, timeout, _BULK_OR_INTERRUPT)

    def intr_write(self, dev_handle: Handle, ep: int, intf: int, data: array[int], timeout: int) -> int:
        """One transfer on an interrupt endpoint."""
        return self._transfer(dev_handle, ep & 0xFF, data, timeout, _INTERRUPT)

    bulk_read = bulk_write
    intr_read = intr_write

    def _transfer(self, handle: Handle, ep: int, data: array[int], timeout: int, kinds: frozenset[int]) -> int:
        """Send or receive; a read waits `timeout` milliseconds for data, 0 for as long as it takes. Returns the number of bytes moved."""
        device = handle.device
        length = len(data) * data.itemsize

        def look() -> bytes | None:
            return device.function.ep_in(ep, length) if device.present else b""

        def act() -> bytes | None:
            if handle.use_endpoint(ep) not in kinds:
                raise Refused(errno.EINVAL, f"endpoint {ep:#04x} is of another type")
            if ep & _IN:
                return look()
            device.function.ep_out(ep, data.tobytes())
            return b""

        came = self._do(handle, act, libusb.TRANSFER, f"endpoint {ep:#04x}", stalled=LibusbError.PIPE)
        if not ep & _IN:
            return length
        if came is None:
            came = self._wait_for_data(device, look, ep, timeout / 1000 if timeout else math.inf)
        if not came and not device.present:
            raise _gone(device)
        if len(came) > length:
            raise LibusbError.OVERFLOW.error(f"{device} sent {len(came)} bytes to endpoint {ep:#04x}, asked for {length}")
        memoryview(data).cast("B")[: len(came)] = came
        return len(came)

    def _wait_for_data(self, device: AttachedDevice, ready: Callable[[], bytes | None], ep: int, seconds: float) -> bytes:
        """Let time pass until the endpoint answers. Where nothing at all is left to happen, the time still passes, as it would for real."""
        clock = self.driver.clock
        end = clock.now + seconds
        awaited = f"data from endpoint {ep:#04x} of {device}"
        try:
            return self.driver.wait(_answered(ready), [device.changed], timeout=seconds, awaited=awaited, seen=lambda: "NAK")[0]
        except WaitTimeout as error:
            if error.stalled and end < math.inf:
                self.driver.sleep(end - clock.now)
            raise LibusbError.TIMEOUT.error(error) from None
        except Stall:
            raise LibusbError.PIPE.error(f"{device} stalled endpoint {ep:#04x}") from None

    def clear_halt(self, dev_handle: Handle, ep: int) -> None:
        """Clear the halt of an endpoint (CLEAR_FEATURE, ENDPOINT_HALT)."""
        self._do(dev_handle, lambda: dev_handle.clear_halt(ep & 0xFF), libusb.CLEAR_HALT, f"clearing endpoint {ep & 0xFF:#04x}")

    def reset_device(self, dev_handle: Handle) -> None:
        """Reset the port; what was claimed through this handle is claimed again. A device that leaves because of it is "not found"."""

        def act() -> None:
            for interface in dev_handle.claimed:
                with contextlib.suppress(Refused):
                    dev_handle.release(interface)
            dev_handle.reset()
            for interface in sorted(dev_handle.claimed):
                self._claim_again(dev_handle, interface)

        self._do(dev_handle, act, libusb.RESET, "resetting the port")

    def _claim_again(self, handle: Handle, interface: int) -> None:
        try:
            if interface in handle.device.drivers:
                handle.disconnect(interface)
            handle.claim(interface)
        except Refused as error:
            handle.claimed.discard(interface)
            raise LibusbError.NOT_FOUND.error(f"{handle.device}: {error}") from None

    def is_kernel_driver_active(self, dev_handle: Handle, intf: int) -> bool:
        """Whether the kernel serves this interface itself, as it does a serial port."""
        _check_interface(dev_handle, intf)
        name = self._do(dev_handle, lambda: _driver_of(dev_handle, intf), libusb.GET_DRIVER, f"interface {intf}")
        return name not in (None, USBFS)

    def detach_kernel_driver(self, dev_handle: Handle, intf: int) -> None:
        """Take an interface from the kernel: its serial port vanishes."""
        _check_interface(dev_handle, intf)

        def act() -> None:
            if _driver_of(dev_handle, intf) == USBFS:
                raise LibusbError.NOT_FOUND.error(f"{dev_handle.device}: no kernel driver has interface {intf}, a program claimed it")
            dev_handle.disconnect(intf)

        self._do(dev_handle, act, libusb.DETACH, "detaching the kernel driver")

    def attach_kernel_driver(self, dev_handle: Handle, intf: int) -> None:
        """Let the kernel have the interface back."""
        _check_interface(dev_handle, intf)
        if not self._do(dev_handle, lambda: dev_handle.connect(intf), libusb.ATTACH, "attaching the kernel driver"):
            raise LibusbError.NOT_FOUND.error(f"{dev_handle.device}: no kernel driver wants interface {intf}")

    def _do(
        self,
        handle: Handle,
        action: Callable[[], T],
        table: Mapping[int, LibusbError],
        what: str,
        *,
        stalled: LibusbError = LibusbError.OTHER,
    ) -> T:
        """Run `action` inside the Lab and turn what goes wrong into pyusb's errors, as `table` says."""
        device = handle.device
        if not device.present:
            raise _gone(device)
        try:
            return self.driver.call(action)
        except Stall:
            raise stalled.error(f"{device} stalled {what}") from None
        except Refused as error:
            raise of_errno(table, error.code).error(f"{device}: {error}") from None


def _check_interface(handle: Handle, interface: int, *, possible: bool = True) -> None:
    if not (possible and 0 <= interface < MOST_INTERFACES):
        raise LibusbError.INVALID_PARAM.error(f"{handle.device}: libusb takes interface numbers up to {MOST_INTERFACES - 1}")


def _driver_of(handle: Handle, interface: int) -> str | None:
    try:
        return handle.driver_of(interface)
    except Refused:
        return None


def _answered(ready: Callable[[], bytes | None]) -> Callable[[], tuple[bytes] | None]:
    """Wrap an answer, since an empty one would look like none to a wait."""

    def look() -> tuple[bytes] | None:
        data = ready()
        return None if data is None else (data,)

    return look


def _fields(names: list[str], layout: str, raw: bytes, extra: bytes = b"") -> SimpleNamespace:
    values: dict[str, Any] = dict(zip(names, struct.unpack_from(layout, raw), strict=True))
    return SimpleNamespace(**values, extra_descriptors=list(extra))


def _gone(device: AttachedDevice) -> USBError:
    return LibusbError.NO_DEVICE.error(device)
