"""The directory of serial numbers: what set-up programs ask first."""

from __future__ import annotations

from emulator.cloud.access import Principal
from emulator.cloud.devices import Devices
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device


class Serials:
    """Finds devices by their serial numbers."""

    def __init__(self, gate: Gate, devices: Devices) -> None:
        self._gate = gate
        self._devices = devices

    def find(self, who: Principal, serial_number: str) -> Device:
        """The device of a serial number, in any case; whoever holds the label may know, if signed in as a developer.

        Raises:
            SerialUnknown: no device has it.
            PermissionDenied, ScopeRefused: not a developer.
        """
        self._gate.developer_only(who, "devices:get")
        return self._devices.by_serial_number(serial_number)
