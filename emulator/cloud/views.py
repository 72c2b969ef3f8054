"""A device as a caller sees it: its facts, what is true while it is connected, and what follows from both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.cloud.connections import Connections, Presence
from emulator.cloud.quarantine import Quarantine
from emulator.cloud.records import Device, Owner
from emulator.cloud.releases import Releases
from particle_protocol.os_versions import os_version_name
from particle_protocol.platforms import Feature, UnknownPlatform, platform_by_id


@dataclass(frozen=True, slots=True)
class DeviceView:
    """Everything the API tells of a device."""

    device: Device
    presence: Presence
    owner: str | None
    """The username of whoever claimed it."""
    product_id: int
    """The product; for a developer device, its platform."""
    quarantined: bool
    denied: bool
    targeted_firmware_release_version: int | None
    system_firmware_version: str | None
    cellular: bool
    status: str


class Views:
    """Makes views."""

    def __init__(self, connections: Connections, quarantine: Quarantine, releases: Releases, owner_name: Callable[[Owner], str]) -> None:
        self._connections = connections
        self._quarantine = quarantine
        self._releases = releases
        self._owner_name = owner_name

    def of(self, device: Device, product_id: int | None = None) -> DeviceView:
        """A device, seen from a product (its quarantine included), or from its owner's list."""
        listed = None if product_id is None else self._quarantine.entry(product_id, device.id)
        shown = device.product_id if listed is None else listed.product_id
        target = self._releases.target(device) if listed is None else None
        return DeviceView(
            device=device,
            presence=self._connections.presence(device.id, device.last_handshake_at),
            owner=None if device.owner is None else self._owner_name(device.owner),
            product_id=device.platform_id if shown is None else shown,
            quarantined=listed is not None and not listed.denied,
            denied=listed is not None and listed.denied,
            targeted_firmware_release_version=None if target is None else target.version,
            system_firmware_version=system_release(device.system_version),
            cellular=is_cellular(device.platform_id),
            status="safe_mode" if device.safe_mode else "normal",
        )


def system_release(system_version: int | None) -> str | None:
    """The Device OS version of a system module's version; of one that is not known, the number itself."""
    if system_version is None:
        return None
    return os_version_name(system_version) or str(system_version)


def is_cellular(platform_id: int) -> bool:
    """Whether devices of a platform have a modem."""
    try:
        return platform_by_id(platform_id).has(Feature.CELLULAR)
    except UnknownPlatform:
        return False
