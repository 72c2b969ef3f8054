"""The files that come with applications, and bringing devices those that they lack.

A bundle is an application with its assets; whoever uploads or flashes one leaves the assets here. A device that describes itself names what
its application asks for, by name and digest, and what it has; of the rest it is sent what is here, one module a connection, in the order
in which it asks. Where nobody knows how the real cloud does it, that is a choice (docs/cloud.md, "Assets").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from emulator.cloud.connections import Connections, Link
from emulator.cloud.core import Core
from emulator.cloud.errors import CloudError, DeviceRefused
from emulator.cloud.events import Events
from emulator.cloud.images import opened
from emulator.cloud.records import Device
from emulator.cloud.updates import Updates
from emulator.drivers import Reply
from firmware_images.assets import dependency_on
from firmware_images.bundle import asset_module
from particle_protocol.describe import DescribedAsset


@dataclass(frozen=True, slots=True)
class AssetFile:
    """A file, by the digest of its content (64 hex digits)."""

    digest: str
    data: bytes


class AssetShelf:
    """All files that ever came."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._files = core.state.table("assets", AssetFile, lambda file: file.digest)

    def keep(self, upload: bytes) -> None:
        """Put the assets of a bundle here; of anything else there are none.

        Raises:
            BadImage: a bundle that is damaged, or whose parts do not belong together.
        """
        files = {dependency_on(name, content).digest.hex(): content for name, content in opened(upload).assets.items()}
        new = {digest: content for digest, content in files.items() if digest not in self._files}
        if new:
            with self._core.change():
                for digest, content in new.items():
                    self._files.put(AssetFile(digest, content))

    def module(self, asset: DescribedAsset) -> bytes | None:
        """The module that a device is sent; None when the file is not here. Boards that ask for the same share it."""
        file = self._files.get(asset.sha256.hex())
        return None if file is None else _module(asset.name, file.data)


@lru_cache(maxsize=64)
def _module(name: str, content: bytes) -> bytes:
    return asset_module(name, content)


class AssetDelivery:
    """Sends devices the assets that they lack."""

    def __init__(self, connections: Connections, events: Events, updates: Updates, shelf: AssetShelf) -> None:
        self._connections = connections
        self._events = events
        self._updates = updates
        self._shelf = shelf
        self._sent: dict[str, Counter[DescribedAsset]] = {}
        """How often a device was sent what it lacks still: one that it cannot store does not keep the others from it for ever."""

    def bring(self, device: Device) -> None:
        """Send a connected device an asset that it lacks and is here: the first of those that it was sent least often."""
        link = self._connections.link(device.id)
        if link is None or link.system is None or self._updates.running(device.id):
            return
        missing = link.system.missing_assets
        if not missing:
            self._sent.pop(device.id, None)
            return
        self._events.from_device(device, "spark/status/safe-mode", "{" + link.system.encode(assets=True) + "}")
        sent = self._sent.setdefault(device.id, Counter())
        self._send(device, link, sorted(missing, key=lambda asset: sent[asset]))

    def forget(self) -> None:
        """Nothing was ever sent (the lab went back in time)."""
        self._sent.clear()

    def lacks(self, device: Device) -> list[DescribedAsset]:
        """What a connected device lacks and is not here."""
        link = self._connections.link(device.id)
        if link is None or link.system is None:
            return []
        return [asset for asset in link.system.missing_assets if self._shelf.module(asset) is None]

    def _send(self, device: Device, link: Link, missing: Sequence[DescribedAsset]) -> None:
        here = [asset for asset in missing if self._shelf.module(asset) is not None]
        if not here:
            return
        module = self._shelf.module(here[0])
        assert module is not None
        self._sent.setdefault(device.id, Counter())[here[0]] += 1
        reply, rest = self._updates.start(device, module), here[1:]
        if reply.done:
            self._go_on(device, link, reply, rest)
        else:
            reply.settled.subscribe(lambda: self._go_on(device, link, reply, rest))

    def _go_on(self, device: Device, link: Link, reply: Reply[None], rest: Sequence[DescribedAsset]) -> None:
        """One that was refused, as too large for the device's storage, does not keep the others from it."""
        try:
            reply.result()
        except DeviceRefused:
            if self._connections.link(device.id) is link:
                self._send(device, link, rest)
        except CloudError:
            pass  # the device is gone, or silent: it is sent what it lacks when it is back
