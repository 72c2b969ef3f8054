"""Standard requests, as every board answers them on end point 0 (USB 2.0, 9.4)."""

from __future__ import annotations

from collections.abc import Callable

from emulator.usb import descriptors
from particle_protocol.usb import DescriptorType, Setup, Stall, StandardRequest

_TO_HOST, _TO_DEVICE = 0x80, 0x00
_MICROSOFT_IN = (0xC0, 0xC1)
_COMPATIBLE_ID, _PROPERTIES = 4, 5


class StandardRequests:
    """The standard requests of one enumeration: descriptors, strings, configuration, alternate settings.

    Args:
        device: the device descriptor.
        configuration: the configuration descriptor with all that belongs to it.
        string: the text of a string descriptor by index, None where there is none.
        microsoft: the interface for which Windows is to use WinUSB, and its GUID.
    """

    __slots__ = ("_configuration", "_device", "_interfaces", "_microsoft", "_string", "alternates", "configured", "on_interface")

    def __init__(
        self,
        device: bytes,
        configuration: bytes,
        string: Callable[[int], str | None],
        microsoft: tuple[int, str],
    ) -> None:
        self._device = device
        self._configuration = configuration
        self._string = string
        self._microsoft = microsoft
        self._interfaces = _alternate_settings(configuration)
        self.configured = 0
        self.alternates: dict[int, int] = {}
        self.on_interface: Callable[[int, int], None] | None = None
        """Told when the host chose an alternate setting: interface and setting."""

    def reset(self) -> None:
        """Back to the unconfigured state."""
        self.configured = 0
        self.alternates.clear()

    def control(self, setup: Setup) -> bytes:
        """Carry out one standard request, or one for Microsoft OS descriptors.

        Raises:
            Stall: it is none, or asks for what there is not.
        """
        if setup.request_type in _MICROSOFT_IN and setup.request == descriptors.STRING_MICROSOFT:
            return self._microsoft_descriptor(setup)[: setup.length]
        kind, to_host = setup.request_type & 0x7F, setup.is_in
        if kind == 0 and setup.request == StandardRequest.GET_DESCRIPTOR and to_host:
            return self._descriptor(setup)[: setup.length]
        if to_host:
            return self._get(setup)[: setup.length]
        self._set(setup)
        return b""

    def _descriptor(self, setup: Setup) -> bytes:
        kind, index = setup.value >> 8, setup.value & 0xFF
        if kind == DescriptorType.DEVICE:
            return self._device
        if kind == DescriptorType.CONFIGURATION and index == 0:
            return self._configuration
        if kind == DescriptorType.STRING:
            if index == 0:
                return descriptors.languages()
            if index == descriptors.STRING_MICROSOFT:
                return descriptors.microsoft_string()
            text = self._string(index)
            if text is not None:
                return descriptors.string_descriptor(text)
        raise Stall(f"no such descriptor: {setup}")

    def _get(self, setup: Setup) -> bytes:
        recipient = setup.request_type
        if setup.request == StandardRequest.GET_STATUS and recipient in (0x80, 0x81, 0x82):
            self_powered = bool(self._configuration[7] & 0x40)
            return bytes((int(self_powered and recipient == _TO_HOST), 0))
        if recipient == _TO_HOST and setup.request == StandardRequest.GET_CONFIGURATION:
            return bytes((self.configured,))
        if recipient == 0x81 and setup.request == StandardRequest.GET_INTERFACE and setup.index in self._interfaces:
            return bytes((self.alternates.get(setup.index, 0),))
        raise Stall(f"no such request: {setup}")

    def _set(self, setup: Setup) -> None:
        recipient = setup.request_type
        if recipient == _TO_DEVICE and setup.request == StandardRequest.SET_CONFIGURATION and setup.value in (0, 1):
            self.configured = setup.value
            self.alternates.clear()
            if self.on_interface is not None:
                for interface in self._interfaces:
                    self.on_interface(interface, 0)
        elif recipient == 0x01 and setup.request == StandardRequest.SET_INTERFACE and setup.value in self._interfaces.get(setup.index, ()):
            self.alternates[setup.index] = setup.value
            if self.on_interface is not None:
                self.on_interface(setup.index, setup.value)
        elif (recipient == _TO_DEVICE and setup.request == StandardRequest.SET_ADDRESS) or (
            recipient == 0x02 and setup.request in (StandardRequest.CLEAR_FEATURE, StandardRequest.SET_FEATURE)
        ):
            pass
        else:
            raise Stall(f"no such request: {setup}")

    def _microsoft_descriptor(self, setup: Setup) -> bytes:
        interface, guid = self._microsoft
        if setup.index == _COMPATIBLE_ID:
            return descriptors.microsoft_compatible_id(interface)
        if setup.index == _PROPERTIES:
            return descriptors.microsoft_properties(guid) if setup.value & 0xFF == interface else descriptors.NO_MICROSOFT_DESCRIPTOR
        raise Stall(f"no such Microsoft OS descriptor: {setup}")


def _alternate_settings(configuration: bytes) -> dict[int, tuple[int, ...]]:
    """Interface numbers with their alternate settings, read off a configuration descriptor."""
    found: dict[int, tuple[int, ...]] = {}
    at = 0
    while at < len(configuration):
        if configuration[at + 1] == DescriptorType.INTERFACE:
            number = configuration[at + 2]
            found[number] = (*found.get(number, ()), configuration[at + 3])
        at += configuration[at]
    return found
