"""Updates over the air: one at a time per device, each told by `spark/flash/status` events (started, then success or failed)."""

from __future__ import annotations

from collections.abc import Callable

from emulator.cloud.connections import Connections
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import CloudError, DeviceOffline, UpdateRefused
from emulator.cloud.events import Events
from emulator.cloud.images import only_stands_in
from emulator.cloud.records import Device
from emulator.cloud.relay import relay, settled
from emulator.drivers import Reply

STATUS = "spark/flash/status"
"""Its data are `started`, `success` or `failed`, each with a blank behind it: that is how the cloud sends them."""


class Updates:
    """The updates that are under way."""

    def __init__(self, core: Core, devices: Devices, connections: Connections, events: Events) -> None:
        self._core = core
        self._devices = devices
        self._connections = connections
        self._events = events
        self._running: dict[str, Reply[None]] = {}
        self.takes_stand_ins: Callable[[str], bool] = lambda device_id: False
        """Whether a device, by its id, may be sent what only stands for a real module: the Lab's own boards that were made with such."""

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices that are being updated, by id."""
        return tuple(self._running)

    @property
    def under_way(self) -> int:
        """How many there are."""
        return len(self._running)

    def running(self, device_id: str) -> bool:
        """Whether a device is being updated."""
        return device_id in self._running

    def by_hand(self, device: Device, image: bytes) -> Reply[None]:
        """Start an update that somebody asked for; the reply settles when it has begun.

        Raises:
            UpdateRefused: another one is under way, or the module is a stand-in and the device is not made for such.
        """
        if self.running(device.id):
            raise UpdateRefused(device.id, "another update is under way")
        self.start(device, image)
        return settled(self._core, None)

    def check(self, device: Device, image: bytes) -> None:
        """Refuse a stand-in for a device that is not made for such.

        Raises:
            UpdateRefused: as said.
        """
        if only_stands_in(image) and not self.takes_stand_ins(device.id):
            raise UpdateRefused(device.id, "the module is a stand-in, for emulated boards only")

    def start(self, device: Device, image: bytes) -> Reply[None]:
        """Send a module to a connected device; the reply settles when the device has judged it.

        Raises:
            DeviceOffline: not connected.
            UpdateRefused: the module only stands for a real one, and the device is not made for such.
        """
        self.check(device, image)
        link = self._connections.link(device.id)
        if link is None:
            raise DeviceOffline(device.id)
        self._tell(device.id, "started")
        timeout = self._core.settings.update_timeout
        reply = relay(self._core, device.id, "the update", link.session.flash(image), lambda _: None, timeout=timeout)
        self._running[device.id] = reply

        def settle() -> None:
            if self._running.get(device.id) is reply:
                del self._running[device.id]
            try:
                reply.result()
            except CloudError:
                self._tell(device.id, "failed")
            else:
                self._tell(device.id, "success")

        if reply.done:
            settle()
        else:
            reply.settled.subscribe(settle)
        return reply

    def clear(self) -> None:
        """Forget all updates without a word to anybody (the lab went back in time)."""
        self._running.clear()

    def forget(self, device_id: str) -> None:
        """The device's connection ended: an update that was under way has failed, if it is not over yet."""
        reply = self._running.get(device_id)
        if reply is not None:
            reply.fail(DeviceOffline(device_id))

    def _tell(self, device_id: str, status: str) -> None:
        device = self._devices.table.get(device_id)
        if device is not None:
            self._events.from_device(device, STATUS, f"{status} ")
