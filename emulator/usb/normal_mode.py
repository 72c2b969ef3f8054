"""The USB device of a board whose firmware runs: a serial port, and an interface for control requests."""

from __future__ import annotations

from typing import Final

from emulator.usb import descriptors
from emulator.usb.cdc_port import CdcPort
from emulator.usb.profiles import UsbProfile, usb_profile
from emulator.usb.standard import StandardRequests
from particle_protocol import cdc
from particle_protocol.control_requests import ControlRequestChannel, RawRequests
from particle_protocol.control_requests.codes import RAW_REQUEST
from particle_protocol.platforms import Platform
from particle_protocol.usb import Setup, Stall

GUID: Final = "{20b6cfa4-6dc7-468a-a8db-faa7c23ddea5}"
"""By which Windows programs find the control interface (Device OS 6.2.0, hal/src/rtl872x/usbd_control.cpp)."""

_VENDOR: Final = 0x40
_CLASS: Final = 0x20
_KIND: Final = 0x60
_IN_VENDOR_DEVICE: Final = 0xC0
_IN_VENDOR_INTERFACE: Final = 0xC1
_LAST_SERVICE_REQUEST: Final = 0x0F
_BULK: Final = 2
_INTERRUPT: Final = 3
_PACKET: Final = 64


class NormalModeDevice:
    """A `UsbFunction`: the composite device of normal mode, listening mode and safe mode.

    Args:
        platform: which board; it decides identity, strings and descriptors.
        device_id: the serial number, 24 lower-case hex digits.
        channel: takes the control requests.
        raw: takes the raw ones.
        port: the serial port.
        product: another product string than the platform's, "Photon 2" instead of "P2", say.

    Raises:
        NotEmulated: the platform's USB device is not known.
    """

    def __init__(
        self,
        platform: Platform,
        device_id: str,
        channel: ControlRequestChannel,
        raw: RawRequests,
        port: CdcPort,
        *,
        product: str | None = None,
    ) -> None:
        profile = usb_profile(platform)
        product = product or platform.normal_product or platform.display_name
        self.platform = platform
        self.port = port
        self._channel = channel
        self._raw = raw
        self._serial = profile.serial
        self._serial_interfaces = (profile.serial_interface, profile.serial_interface + 1)
        self._control_interface = profile.control_interface
        name = (platform.dfu_product or product).removesuffix(" DFU Mode")
        strings = {
            1: "Particle",
            2: product,
            3: device_id.lower(),
            4: "VCP Config",
            5: "VCP Interface",
            profile.control_string: f"{name} Control Interface",
            profile.serial_string: f"{name} USB Serial",
        }
        strings.pop(0, None)
        self._standard = StandardRequests(
            device=descriptors.DeviceDescriptor(
                platform.vendor_id, platform.normal_product_id, profile.normal_release, (0xEF, 0x02, 0x01)
            ).encode(),
            configuration=_configuration(profile),
            string=strings.get,
            alternates=dict.fromkeys(range(3), 1),
            endpoints=frozenset({self._serial.data_in, self._serial.data_out, self._serial.notification}),
            on_configure=self._start_anew,
        )

    @property
    def configured(self) -> bool:
        """Whether the host has chosen the configuration."""
        return self._standard.configured

    def control(self, setup: Setup, data: bytes) -> bytes:
        """See `UsbFunction.control`."""
        kind = setup.request_type & _KIND
        if kind == _VENDOR:
            request = setup.request
            if request <= _LAST_SERVICE_REQUEST:
                return self._channel.control(setup, data)
            if request == RAW_REQUEST:
                return self._raw.control(setup, data)
            if request == descriptors.MS_OS_REQUEST:
                return self._microsoft(setup)
        elif kind == 0:
            return self._standard.control(setup)
        elif kind == _CLASS and setup.index in self._serial_interfaces:
            return self.port.control(setup, data)
        raise Stall(f"no request of this device: {setup}")

    def ep_out(self, endpoint: int, data: bytes) -> None:
        """See `UsbFunction.ep_out`."""
        if endpoint != self._serial.data_out or not self._usable(endpoint):
            raise Stall(f"no data goes to endpoint {endpoint:#04x} now")
        self.port.receive(data)

    def ep_in(self, endpoint: int, length: int) -> bytes | None:
        """See `UsbFunction.ep_in`. The notification endpoint never has anything: boards do not report their lines."""
        if endpoint in (self._serial.data_in, self._serial.notification) and self._usable(endpoint):
            return self.port.fetch(length) if endpoint == self._serial.data_in else None
        raise Stall(f"no data comes from endpoint {endpoint:#04x} now")

    def bus_reset(self) -> None:
        """See `UsbFunction.bus_reset`."""
        self._standard.reset()
        self._channel.cancel_all()

    def _usable(self, endpoint: int) -> bool:
        return self._standard.configured and endpoint not in self._standard.halted

    def _start_anew(self) -> None:
        self.port.reset()

    def _microsoft(self, setup: Setup) -> bytes:
        return microsoft_descriptor(setup, self._control_interface, GUID)


def microsoft_descriptor(setup: Setup, interface: int, guid: str) -> bytes:
    """Answer request 0xEE: the compatible ID, or the properties of an interface (ten zero bytes for any other one).

    Device OS 6.2.0, bootloader/src/nRF52840/usbd_dfu.cpp, handleMsftRequest. Windows puts the interface number in either byte of wValue.

    Raises:
        Stall: it is neither.
    """
    if setup.request_type == _IN_VENDOR_DEVICE and setup.index == 4:
        return descriptors.ms_compatible_id(interface)[: setup.length]
    if setup.request_type == _IN_VENDOR_INTERFACE and setup.index == 5:
        asked = setup.value >> 8 or setup.value & 0xFF
        return (descriptors.ms_properties(guid) if asked == interface else bytes(10))[: setup.length]
    raise Stall(f"no Microsoft OS descriptor: {setup}")


def _configuration(profile: UsbProfile) -> bytes:
    control = descriptors.interface(profile.control_interface, (0xFF, 0xFF, 0xFF), string=profile.control_string)
    serial = _serial_function(profile)
    body = control + serial if profile.control_first else serial + control
    return descriptors.configuration(body, interfaces=3, string=4, attributes=profile.attributes, max_power=profile.max_power)


def _serial_function(profile: UsbProfile) -> bytes:
    first, endpoints, name = profile.serial_interface, profile.serial, profile.serial_string
    function_class = (cdc.COMMUNICATION_CLASS, cdc.ABSTRACT_CONTROL_MODEL, cdc.AT_COMMANDS)
    data = [descriptors.endpoint(address, _BULK, _PACKET, endpoints.bulk_interval) for address in (endpoints.data_out, endpoints.data_in)]
    return b"".join((
        descriptors.association(first, 2, function_class, name),
        descriptors.interface(first, function_class, endpoints=1, string=name),
        cdc.functional_descriptors(first, first + 1, call_management=profile.call_management),
        descriptors.endpoint(endpoints.notification, _INTERRUPT, endpoints.notification_packet, endpoints.interval),
        descriptors.interface(first + 1, (cdc.DATA_CLASS, 0, 0), endpoints=2, string=name),
        *(reversed(data) if endpoints.in_first else data),
    ))  # fmt: skip
