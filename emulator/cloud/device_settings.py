"""What a caller may change about a device, in one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from emulator.cloud.access import Principal
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import FirmwareUnknown, Invalid
from emulator.cloud.gate import Gate
from emulator.cloud.groups import Groups
from emulator.cloud.members import Members
from emulator.cloud.records import Device
from emulator.cloud.releases import Releases
from emulator.cloud.rollout import Rollout


class Keep(Enum):
    """The type of `KEEP`."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP
"""Stands for "leave it as it is", where None has a meaning of its own."""


class DeviceSettings:
    """Applies changes to devices: all of one request, or none."""

    def __init__(
        self,
        core: Core,
        gate: Gate,
        devices: Devices,
        members: Members,
        groups: Groups,
        releases: Releases,
        rollout: Rollout,
    ) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._members = members
        self._groups = groups
        self._releases = releases
        self._rollout = rollout
        self.force: Callable[[Device], None]
        """Called when somebody forces the updates of a device, or does so no more."""

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
        if not isinstance(firmware_updates_forced, Keep):
            self.force(device)
        return device

    def update_member(
        self,
        who: Principal,
        product: str | int,
        given: str,
        *,
        development: bool | Keep = KEEP,
        desired_firmware_version: int | Keep | None = KEEP,
        flash: bool = False,
        groups: Sequence[str] | Keep = KEEP,
    ) -> Device:
        """Change what a member is within its product. `groups` replaces all of them; missing ones are made.

        `flash` brings the locked version at once; without it, the device gets it at its next connection.

        Raises:
            DeviceNotInProduct, PermissionDenied, ScopeRefused: not for this caller.
            FirmwareUnknown: there is no such version to lock to.
            DeviceOffline, UpdateRefused: `flash` cannot be done; nothing is changed then.
            Invalid: a group cannot be named so, or `flash` without a version.
        """
        record = self._gate.product(who, product, "devices:update")
        device = self._members.member(record, given)
        refresh = device.development and development is False
        with self._core.change():
            if not isinstance(development, Keep):
                device = self._devices.alter(device, development=development)
            if not isinstance(groups, Keep):
                device = self._devices.alter(device, groups=self._groups.ensure(record, groups))
            if not isinstance(desired_firmware_version, Keep):
                if desired_firmware_version is not None and not self._releases.exists(record, desired_firmware_version):
                    raise FirmwareUnknown(desired_firmware_version)
                device = self._devices.alter(device, desired_firmware_version=desired_firmware_version)
            if flash:
                if device.desired_firmware_version is None:
                    raise Invalid("flash", flash, "needs a version to lock to")
                self._rollout.check_flash(device)
        if flash or refresh:
            self._rollout.refresh(device)
        elif not isinstance(groups, Keep):
            self._rollout.resume(device)
        return device
