"""Plans, limits, and what counts in them.

The free plan of a user counts: every device claimed to the user that is in no product, and every member of every product on the free
plan that the user owns. Claiming, SIMs and being online change nothing about the second number. In a paid product, only its members count.
"""

from __future__ import annotations

from emulator.cloud.accounts import Accounts
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import DeviceLimitReached
from emulator.cloud.records import Device, Owner, OwnerKind, Plan, Product
from emulator.cloud.registry import Registry


class Limits:
    """Counts devices, and refuses what would be too many."""

    def __init__(self, core: Core, accounts: Accounts, registry: Registry, devices: Devices) -> None:
        self._core = core
        self._accounts = accounts
        self._registry = registry
        self._devices = devices

    def free_devices(self, user_id: str) -> int:
        """The devices in a user's free plan."""
        devices = self._devices
        members = sum(
            devices.by_product.count(product.id) for product in self._registry.sandbox_products(user_id) if product.plan is Plan.FREE
        )
        return devices.in_sandbox.count(Owner(OwnerKind.USER, user_id)) + members

    def room(self, user_id: str) -> int | None:
        """How many more devices the free plan of a user takes; None: any number."""
        limit = self._core.settings.device_limit
        return None if limit is None else max(0, limit - self.free_devices(user_id))

    def takes(self, product: Product, device: Device) -> bool:
        """Whether a product takes a device as one more member: its plan has room, or counts the device already."""
        if product.plan is not Plan.FREE:
            return True
        counted = device.product_id is None and device.owner == Owner(OwnerKind.USER, product.owner_id)
        return counted or self.room(product.owner_id) != 0

    def check_room(self, product: Product) -> None:
        """Refuse one more member of a product whose plan is full.

        Raises:
            DeviceLimitReached: as said.
        """
        if product.plan is Plan.FREE:
            self.check(product.owner_id, more=1)

    def check(self, user_id: str, *, more: int = 0) -> None:
        """Refuse what makes the free plan of a user hold more than it may: as it is now, or with so many devices more.

        Raises:
            DeviceLimitReached: too many.
        """
        limit = self._core.settings.device_limit
        if limit is not None and self.free_devices(user_id) + more > limit:
            user = self._accounts.by_id(user_id)
            raise DeviceLimitReached(user_id if user is None else user.username, limit)
