"""What a caller may change about a device, in one request."""

from __future__ import annotations

from enum import Enum
from typing import Final

from emulator.cloud.access import Principal
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.records import Device


class Keep(Enum):
    """The type of `KEEP`."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP
"""Stands for "leave it as it is", where None has a meaning of its own."""


class DeviceSettings:
    """Applies changes to devices: all of one request, or none."""

    def __init__(self, core: Core, devices: Devices) -> None:
        self._core = core
        self._devices = devices

    def update(
        self,
        who: Principal,
        given: str,
        *,
        product: str | int | None = None,
        name: str | Keep | None = KEEP,
        notes: str | Keep | None = KEEP,
        firmware_updates_forced: bool | Keep = KEEP,
    ) -> Device:
        """Change what is given.

        Raises:
            DeviceForbidden, DeviceNotInProduct, PermissionDenied, ScopeRefused: not for this caller.
            Invalid, NameTaken: a value cannot be.
        """
        device = self._devices.reach(who, given, "devices:update", product)
        with self._core.change():
            if not isinstance(name, Keep):
                device = self._devices.rename(device, name)
            if not isinstance(notes, Keep):
                device = self._devices.annotate(device, notes)
            if not isinstance(firmware_updates_forced, Keep):
                device = self._devices.alter(device, firmware_updates_forced=firmware_updates_forced)
        return device
