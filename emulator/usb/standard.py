"""The requests of USB 2.0, chapter 9, that every device answers alike."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from emulator.usb import descriptors
from particle_protocol.usb import DescriptorType, RequestType, Setup, Stall, StandardRequest

_ENDPOINT_HALT: Final = 0
_DEVICE: Final = 0
_INTERFACE: Final = int(RequestType.INTERFACE)
_ENDPOINT: Final = int(RequestType.ENDPOINT)
_SELF_POWERED: Final = 0x40


class StandardRequests:
    """Descriptors, configuration, alternate settings and endpoint halts of one device.

    Args:
        device: the device descriptor.
        configuration: the one configuration, its value being 1, with everything that belongs to it.
        string: gives the text of a string, or its whole descriptor, or None where there is none; 0 and 0xEE are answered here.
        alternates: how many alternate settings each interface has.
        endpoints: addresses of the endpoints other than 0.
        on_configure: called whenever a configuration is set (also the same one again) or taken away.
        on_alternate: called with interface and alternate setting.
    """

    def __init__(
        self,
        *,
        device: bytes,
        configuration: bytes,
        string: Callable[[int], str | bytes | None],
        alternates: Mapping[int, int],
        endpoints: frozenset[int] = frozenset(),
        on_configure: Callable[[], None],
        on_alternate: Callable[[int, int], None] | None = None,
    ) -> None:
        self.configured = False
        self.halted: set[int] = set()
        """Addresses of the endpoints that the host has halted."""
        self._device = device
        self._configuration = configuration
        self._string = string
        self._count = alternates
        self._alternates = dict.fromkeys(alternates, 0)
        self._endpoints = endpoints
        self._on_configure = on_configure
        self._on_alternate = on_alternate
        self._in: dict[int, Callable[[Setup], bytes]] = {
            StandardRequest.GET_DESCRIPTOR: self._get_descriptor,
            StandardRequest.GET_STATUS: self._get_status,
            StandardRequest.GET_CONFIGURATION: lambda setup: bytes((self.configured,)),
            StandardRequest.GET_INTERFACE: lambda setup: bytes((self._alternates[self._interface(setup)],)),
        }
        self._out: dict[int, Callable[[Setup], None]] = {
            StandardRequest.SET_ADDRESS: lambda setup: None,
            StandardRequest.SET_CONFIGURATION: self._set_configuration,
            StandardRequest.SET_INTERFACE: self._set_interface,
            StandardRequest.SET_FEATURE: self._set_feature,
            StandardRequest.CLEAR_FEATURE: self._clear_feature,
        }

    def control(self, setup: Setup) -> bytes:
        """Answer a standard request; at most `setup.length` bytes.

        Raises:
            Stall: the device does not know it. So it is with the device qualifier: a full-speed device has none.
        """
        if setup.is_in:
            answer = self._in.get(setup.request)
            if answer is not None:
                return answer(setup)[: setup.length]
        else:
            act = self._out.get(setup.request)
            if act is not None:
                act(setup)
                return b""
        raise Stall(f"no standard request: {setup}")

    def reset(self) -> None:
        """Back to the unconfigured state."""
        self.configured = False
        self._forget()

    def _forget(self) -> None:
        self.halted.clear()
        for interface in self._alternates:
            self._alternates[interface] = 0
        self._on_configure()

    def _get_descriptor(self, setup: Setup) -> bytes:
        kind, index = setup.value >> 8, setup.value & 0xFF
        if kind == DescriptorType.STRING:
            return self._get_string(index)
        if index == 0 and kind == DescriptorType.DEVICE:
            return self._device
        if index == 0 and kind == DescriptorType.CONFIGURATION:
            return self._configuration
        raise Stall(f"no descriptor {kind} {index}")

    def _get_string(self, index: int) -> bytes:
        if index == 0:
            return descriptors.languages()
        if index == descriptors.MS_OS_STRING:
            return descriptors.ms_os_string()
        text = self._string(index)
        if text is None:
            raise Stall(f"no string {index}")
        return descriptors.string(text) if isinstance(text, str) else text

    def _get_status(self, setup: Setup) -> bytes:
        recipient = setup.request_type & 0x1F
        if recipient == _DEVICE:
            return struct.pack("<H", bool(self._configuration[7] & _SELF_POWERED))
        if recipient == _INTERFACE:
            self._interface(setup)
            return b"\0\0"
        return struct.pack("<H", self._endpoint(setup) in self.halted)

    def _set_configuration(self, setup: Setup) -> None:
        if setup.value not in (0, 1):
            raise Stall(f"no configuration {setup.value}")
        self.configured = setup.value == 1
        self._forget()

    def _set_interface(self, setup: Setup) -> None:
        interface = self._interface(setup)
        if setup.value >= self._count[interface]:
            raise Stall(f"interface {interface} has no alternate setting {setup.value}")
        self._alternates[interface] = setup.value
        if self._on_alternate is not None:
            self._on_alternate(interface, setup.value)

    def _set_feature(self, setup: Setup) -> None:
        self.halted.add(self._halting(setup))

    def _clear_feature(self, setup: Setup) -> None:
        self.halted.discard(self._halting(setup))

    def _halting(self, setup: Setup) -> int:
        if setup.request_type & 0x1F != _ENDPOINT or setup.value != _ENDPOINT_HALT:
            raise Stall(f"no feature {setup.value}")
        return self._endpoint(setup)

    def _interface(self, setup: Setup) -> int:
        if setup.index not in self._alternates:
            raise Stall(f"no interface {setup.index}")
        return setup.index

    def _endpoint(self, setup: Setup) -> int:
        if setup.index & 0x7F and setup.index not in self._endpoints:
            raise Stall(f"no endpoint {setup.index:#04x}")
        return setup.index
