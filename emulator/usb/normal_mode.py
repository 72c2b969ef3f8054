"""A board in normal mode on USB: a serial port, and the vendor interface for control requests."""

from __future__ import annotations

from emulator.usb import descriptors
from emulator.usb.cdc_port import CdcPort
from emulator.usb.descriptors import normal_configuration, normal_device, normal_layout
from emulator.usb.standard import StandardRequests
from particle_protocol.control_requests.codes import RAW_REQUEST
from particle_protocol.control_requests.device import ControlRequestChannel, RawRequests
from particle_protocol.platforms import Platform
from particle_protocol.usb import Setup, Stall

_VENDOR_IN, _VENDOR_OUT = 0xC0, 0x40
_CLASS_INTERFACE = (0x21, 0xA1)


class NormalModeDevice:
    """One enumeration in normal mode (`UsbFunction`)."""

    def __init__(self, platform: Platform, device_id: str, channel: ControlRequestChannel, raw: RawRequests, port: CdcPort) -> None:
        layout = normal_layout(platform)
        product = platform.normal_product or platform.display_name
        strings = {
            descriptors.STRING_MANUFACTURER: descriptors.MANUFACTURER,
            descriptors.STRING_PRODUCT: product,
            descriptors.STRING_SERIAL: device_id,
            descriptors.STRING_CONFIGURATION: f"{product} Configuration",
            descriptors.STRING_INTERFACE: f"{product} Serial",
        }
        if layout.control_string:
            strings[layout.control_string] = f"{product} Control Interface"
        self._standard = StandardRequests(
            normal_device(platform), normal_configuration(platform), strings.get, (layout.control, descriptors.NORMAL_GUID)
        )
        self._channel = channel
        self._raw = raw
        self._port = port
        self._communication = layout.communication
        self._bulk_out, self._bulk_in, self._notification = layout.bulk_out, layout.bulk_in, layout.notification

    def control(self, setup: Setup, data: bytes) -> bytes:
        """See `UsbFunction.control`."""
        kind = setup.request_type
        if kind in (_VENDOR_IN, _VENDOR_OUT) and setup.request != descriptors.STRING_MICROSOFT:
            if setup.request == RAW_REQUEST:
                return self._raw.control(setup, data)
            return self._channel.control(setup, data)
        if kind in _CLASS_INTERFACE and setup.index & 0xFF == self._communication:
            return self._port.control(setup, data)
        return self._standard.control(setup)

    def ep_out(self, endpoint: int, data: bytes) -> None:
        """See `UsbFunction.ep_out`."""
        if endpoint != self._bulk_out:
            raise Stall(f"no OUT end point {endpoint:#04x}")
        self._port.on_receive(bytes(data))

    def ep_in(self, endpoint: int, length: int) -> bytes | None:
        """See `UsbFunction.ep_in`."""
        if endpoint == self._bulk_in:
            return self._port.take(length)
        if endpoint == self._notification:
            return None
        raise Stall(f"no IN end point {endpoint:#04x}")

    def bus_reset(self) -> None:
        """See `UsbFunction.bus_reset`."""
        self._standard.reset()
        self._channel.cancel_all()
