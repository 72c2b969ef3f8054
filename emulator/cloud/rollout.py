"""Bringing devices to the firmware they should run.

After its Hello and description, a device that is in safe mode is healed; else, if it runs another version than its product wants (an
equality test: up or down alike), the right one is sent; else it is sent the assets that its application lacks.

Between two Hellos only what must not wait is sent: intelligent releases, locks with `flash`, and what follows from a change of the device's
own standing (added, approved, no longer a development device).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from emulator.cloud.assets import AssetDelivery
from emulator.cloud.connections import Connections, Link
from emulator.cloud.devices import Devices
from emulator.cloud.errors import DeviceOffline, UpdateRefused
from emulator.cloud.healing import Healing
from emulator.cloud.quarantine import Quarantine, product_version
from emulator.cloud.records import Device
from emulator.cloud.releases import Firmware, Releases
from emulator.cloud.sessions import DeviceSession
from emulator.cloud.updates import Updates

UPDATES_PENDING = "particle/device/updates/pending"
logger = logging.getLogger(__name__)


class Rollout:
    """Decides when a device is updated."""

    def __init__(
        self,
        devices: Devices,
        connections: Connections,
        quarantine: Quarantine,
        releases: Releases,
        updates: Updates,
        healing: Healing,
        assets: AssetDelivery,
    ) -> None:
        self._devices = devices
        self._connections = connections
        self._quarantine = quarantine
        self._releases = releases
        self._updates = updates
        self._healing = healing
        self._assets = assets
        self.offer: Callable[[DeviceSession, str, str | None], None]
        """Sends a device an event, once it listens to it; the room of arrivals does."""
        releases.on_intelligent_release = self.release_now

    def note(self, device: Device) -> None:
        """After Hello and description, and when a device becomes a member: remember that a member runs a version.

        Of a wildcard that takes the Device OS, which Hello does not tell before 3.0.
        """
        if device.system_version is None and device.firmware_product_id == device.platform_id:
            return
        version = product_version(device)
        if device.product_id is not None and version is not None:
            self._releases.seen_running(device.product_id, version)

    def settle(self, device: Device) -> None:
        """After the description: heal the device, or bring it its product's firmware."""
        self.note(device)
        if self._healing.heal(device):
            return
        link = self._connections.link(device.id)
        if link is not None and not _open_to_updates(device, link):
            link.held_back = True
        self.refresh(device)
        self._bring_assets(device)

    def refresh(self, device: Device) -> None:
        """Send the version the device should run, if it is connected, runs another one, and may be updated."""
        firmware = self._due_or_pending(device)
        if firmware is not None:
            self._send(device, firmware)

    def resume(self, device: Device) -> None:
        """The device allows updates again, or is in other groups: what is released intelligently has waited for that.

        So has everything, where the device describes itself before it says that it allows updates, or hears that they are forced.
        """
        link = self._connections.link(device.id)
        if link is not None and link.held_back and _open_to_updates(device, link):
            link.held_back = False
            self.refresh(device)
            self._bring_assets(device)
            return
        firmware = self._due_or_pending(device)
        if firmware is not None and firmware.intelligent and device.desired_firmware_version is None:
            self._send(device, firmware)

    def release_now(self, released: Firmware, groups: Sequence[str]) -> None:
        """An intelligent release to groups, or (none) to all: the connected members that wait for it get it, those for another do not."""
        chosen = frozenset(groups)
        for device in self._devices.table.where(self._devices.by_product, released.product_id):
            if device.desired_firmware_version is not None or (chosen and chosen.isdisjoint(device.groups)):
                continue
            firmware = self._due_or_pending(device)
            if firmware is not None and firmware.version == released.version:
                self._send(device, firmware)

    def check_flash(self, device: Device) -> None:
        """Refuse lock-and-flash for a device that cannot take it now.

        Raises:
            DeviceOffline: not connected.
            UpdateRefused: quarantined, marked for development, being updated, with updates disabled, or not to have the version: it is a
                stand-in.
        """
        link = self._connections.link(device.id)
        if link is None:
            raise DeviceOffline(device.id)
        if device.development or self._quarantine.held(device):
            raise UpdateRefused(device.id, "it is marked for development" if device.development else "it is not an approved member")
        if self._updates.running(device.id):
            raise UpdateRefused(device.id, "another update is under way")
        if not _open_to_updates(device, link):
            raise UpdateRefused(device.id, "updates are disabled on it, and not forced")
        target = self._releases.target(device)
        if target is not None:
            self._updates.check(device, self._releases.image(target))

    def due(self, device: Device) -> Firmware | None:
        """The version to send to a device now; None: none.

        A device that reports the very binary of that version has it, even where Hello could not say so (a wildcard before Device OS 1.5):
        else it would be sent again at every connection, for ever.
        """
        link = self._connections.link(device.id)
        return None if link is None or not _open_to_updates(device, link) else self._wanted(device, link)

    def _wanted(self, device: Device, link: Link) -> Firmware | None:
        """The version that a connected device would be sent if it takes updates."""
        if link.system is None or self._updates.running(device.id) or self._quarantine.held(device):
            return None
        target = self._releases.target(device)
        return None if target is None or target.version == product_version(device) or target.sha256 == device.app_hash else target

    def _due_or_pending(self, device: Device) -> Firmware | None:
        """The version to send now; a device that has said that updates are disabled, and will stay so, is told that there is one."""
        link = self._connections.link(device.id)
        if link is None or _open_to_updates(device, link):
            return self.due(device)
        known = link.told_updates and not device.firmware_updates_forced
        if known and not link.told_pending and self._wanted(device, link) is not None:
            link.told_pending = True
            self.offer(link.session, UPDATES_PENDING, "true")
        return None

    def _bring_assets(self, device: Device) -> None:
        """Send what the application lacks, if it is the one that the device shall run, and it may be updated."""
        link = self._connections.link(device.id)
        if link is not None and _open_to_updates(device, link) and not self._quarantine.held(device):
            self._assets.bring(device)

    def _send(self, device: Device, firmware: Firmware) -> None:
        """Send a version, but a stand-in only to a board that is made for such."""
        try:
            self._updates.start(device, self._releases.image(firmware))
        except UpdateRefused as error:
            logger.warning("version %s of product %s was not sent: %s", firmware.version, firmware.product_id, error)


def _open_to_updates(device: Device, link: Link) -> bool:
    """Whether a device takes updates: they are enabled, or forced, and it knows."""
    return device.firmware_updates_enabled or (device.firmware_updates_forced and link.forced)
