"""The pyusb door: a backend for `usb.core` that shows the emulated boards, in this process, on any operating system.

    backend = EmulatedUsbBackend(driver, {"1-1": board.plug})
    device = usb.core.find(backend=backend, idVendor=0x2B04)

Errors carry the numbers that pyusb's libusb backend gives on Linux (pyusb 1.3.1, usb/backend/libusb1.py:120): 32 for a stall, 19 for a
device that is gone, 110 for a time-out, 16 for an interface in use, 2 for something that is not there.
"""

from __future__ import annotations

import errno
import math
import struct
from array import array
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, NoReturn, TypeVar

import usb.backend
from usb.core import USBError, USBTimeoutError

from emulator.clock import Signal
from emulator.doors.usb_device import FULL_SPEED, AttachedDevice, InterfaceBusy
from emulator.doors.usb_host import UsbHost
from emulator.drivers import Driver, WaitTimeout
from emulator.usb.plug import UsbPlug
from particle_protocol.usb import RequestType, Setup, Stall, StandardRequest

T = TypeVar("T")

_IN = int(RequestType.IN)
"""As a plain int: the hot path cannot afford an enum's `&`."""

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


class Handle:
    """What an opened device is to pyusb."""

    __slots__ = ("control", "device")

    def __init__(self, device: AttachedDevice) -> None:
        self.device = device
        self.control = device.control


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
        """The `config`-th configuration; IndexError past the last."""
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
            _gone(dev)
        return Handle(dev)

    def close_device(self, dev_handle: Handle) -> None:
        """Let go of the device and of every interface claimed through this handle."""
        for interface, holder in list(dev_handle.device.claims.items()):
            if holder is dev_handle:
                self.release_interface(dev_handle, interface)

    def set_configuration(self, dev_handle: Handle, config_value: int) -> None:
        """Choose a configuration. Refused while anybody uses an interface (Linux, drivers/usb/core/devio.c: proc_setconfig)."""
        device = dev_handle.device

        def act() -> None:
            if device.drivers:
                raise InterfaceBusy(f"the kernel driver {next(iter(device.drivers.values())).name} uses an interface")
            if device.claims:
                raise InterfaceBusy(f"interface {next(iter(device.claims))} is claimed")
            device.configure(max(config_value, 0))

        self._do(device, act, "choosing a configuration")

    def get_configuration(self, dev_handle: Handle) -> int:
        """The value of the active configuration, 0 when there is none; costs no transfer."""
        return dev_handle.device.configuration_value

    def set_interface_altsetting(self, dev_handle: Handle, intf: int, altsetting: int) -> None:
        """Choose an alternate setting of a claimed interface."""
        device = dev_handle.device

        def act() -> None:
            if device.claims.get(intf) is not dev_handle:
                raise LookupError(f"interface {intf} is not claimed")
            device.set_alternate(intf, altsetting)

        self._do(device, act, f"setting {altsetting} of interface {intf}")

    def claim_interface(self, dev_handle: Handle, intf: int) -> None:
        """Reserve an interface for this handle."""
        self._do(dev_handle.device, lambda: dev_handle.device.claim(intf, dev_handle), f"claiming interface {intf}")

    def release_interface(self, dev_handle: Handle, intf: int) -> None:
        """Give an interface back. pyusb also calls this when Python drops a device object, on whatever thread that happens."""
        device = dev_handle.device
        if device.claims.get(intf) is not dev_handle:
            raise USBError(f"interface {intf} of {device} is not claimed", None, errno.ENOENT)

        def act() -> None:
            if device.claims.get(intf) is dev_handle:
                device.release(intf, dev_handle)

        self.driver.post(act)

    def ctrl_transfer(
        self, dev_handle: Handle, request_type: int, request: int, value: int, index: int, data: array[int], timeout: int
    ) -> int:
        """One control transfer; `data` is filled (IN) or sent (OUT). Returns the number of bytes moved. The device answers at once."""
        if not dev_handle.device.present:
            _gone(dev_handle.device)
        length = len(data)
        setup = Setup(request_type, request, value, index, length)
        try:
            if not request_type & _IN:
                self._call(dev_handle.control, setup, data.tobytes())
                return length
            answer = self._call(dev_handle.control, setup, b"")
        except Stall:
            raise USBError(f"Pipe error: {dev_handle.device} stalled {setup}", None, errno.EPIPE) from None
        moved = len(answer)
        if moved > length:
            raise USBError(f"Overflow: {dev_handle.device} sent {moved} bytes for {setup}", None, errno.EOVERFLOW)
        data[:moved] = array("B", answer)
        return moved

    def bulk_write(self, dev_handle: Handle, ep: int, intf: int, data: array[int], timeout: int) -> int:
        """Send one transfer to an OUT endpoint."""
        device = dev_handle.device
        self._do(device, lambda: device.function.ep_out(ep, data.tobytes()), f"a write to endpoint {ep:#04x}")
        return len(data) * data.itemsize

    def bulk_read(self, dev_handle: Handle, ep: int, intf: int, buff: array[int], timeout: int) -> int:
        """Receive one transfer from an IN endpoint; waits `timeout` milliseconds for it, 0 for as long as it takes."""
        device = dev_handle.device
        length = len(buff) * buff.itemsize

        def ready() -> bytes | None:
            return device.function.ep_in(ep, length) if device.present else b""

        data = self._do(device, ready, f"a read from endpoint {ep:#04x}")
        if data is None:
            data = self._wait_for_data(device, ready, ep, timeout / 1000 if timeout else math.inf)
        if not data and not device.present:
            _gone(device)
        memoryview(buff).cast("B")[: len(data)] = data
        return len(data)

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
            raise USBTimeoutError(f"Operation timed out: {error}", None, errno.ETIMEDOUT) from None
        except Stall:
            raise USBError(f"Pipe error: {device} stalled endpoint {ep:#04x}", None, errno.EPIPE) from None

    intr_write = bulk_write
    intr_read = bulk_read

    def clear_halt(self, dev_handle: Handle, ep: int) -> None:
        """Clear the halt of an endpoint (CLEAR_FEATURE, ENDPOINT_HALT)."""
        device = dev_handle.device
        setup = Setup(RequestType.ENDPOINT, StandardRequest.CLEAR_FEATURE, 0, ep, 0)
        self._do(device, lambda: device.control(setup, b""), f"clearing endpoint {ep:#04x}")

    def reset_device(self, dev_handle: Handle) -> None:
        """Reset the port.

        A device that is gone, or goes because of it, is "not found" (libusb 1.0.26, libusb/os/linux_usbfs.c: op_reset_device).
        """
        device = dev_handle.device
        if device.present:
            self._do(device, device.reset, "resetting the port")
        if not device.present:
            raise USBError(f"Entity not found: {device} is gone after the reset", None, errno.ENOENT)

    def is_kernel_driver_active(self, dev_handle: Handle, intf: int) -> bool:
        """Whether the kernel serves this interface itself, as it does a serial port."""
        return intf in dev_handle.device.drivers

    def detach_kernel_driver(self, dev_handle: Handle, intf: int) -> None:
        """Take an interface from the kernel: its serial port vanishes."""
        device = dev_handle.device

        def act() -> None:
            if intf not in device.drivers:
                raise LookupError(f"no kernel driver has interface {intf}")
            self.host.release_driver(device, intf)

        self._do(device, act, "detaching the kernel driver")

    def attach_kernel_driver(self, dev_handle: Handle, intf: int) -> None:
        """Let the kernel have the interface back."""
        device = dev_handle.device

        def act() -> None:
            if intf in device.claims or intf in device.drivers:
                raise InterfaceBusy(f"interface {intf} is in use")
            self.host.bind_drivers(device)
            if intf not in device.drivers:
                raise LookupError(f"no kernel driver wants interface {intf}")

        self._do(device, act, "attaching the kernel driver")

    def _do(self, device: AttachedDevice, action: Callable[[], T], what: str) -> T:
        """Run `action` inside the Lab and turn what goes wrong into pyusb's errors."""
        if not device.present:
            _gone(device)
        try:
            return self.driver.call(action)
        except Stall:
            raise USBError(f"Pipe error: {device} stalled {what}", None, errno.EPIPE) from None
        except InterfaceBusy as error:
            raise USBError(f"Resource busy: {device}: {error}", None, errno.EBUSY) from None
        except LookupError as error:
            raise USBError(f"Entity not found: {device}: {error}", None, errno.ENOENT) from None


def _answered(ready: Callable[[], bytes | None]) -> Callable[[], tuple[bytes] | None]:
    """Wrap an answer, since an empty one would look like none to a wait."""

    def look() -> tuple[bytes] | None:
        data = ready()
        return None if data is None else (data,)

    return look


def _fields(names: list[str], layout: str, raw: bytes, extra: bytes = b"") -> SimpleNamespace:
    values: dict[str, Any] = dict(zip(names, struct.unpack_from(layout, raw), strict=True))
    return SimpleNamespace(**values, extra_descriptors=list(extra))


def _gone(device: AttachedDevice) -> NoReturn:
    raise USBError(f"No such device (it may have been disconnected): {device}", None, errno.ENODEV)
