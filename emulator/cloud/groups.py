"""Device groups: parts of a product that may run different firmware."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from emulator.cloud.access import Principal
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import GroupExists, GroupUnknown, Invalid
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device, Product

_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_COLOR = re.compile(r"#?[0-9a-fA-F]{3,8}")
DEFAULT_COLOR = "#00AEEF"
"""Open in public sources: the color of a group that was given none."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of one product."""

    product_id: int
    name: str
    created_at: float
    description: str = ""
    color: str = DEFAULT_COLOR

    @property
    def key(self) -> str:
        """Product and name."""
        return f"{self.product_id}:{self.name}"


class Groups:
    """The groups of all products."""

    def __init__(self, core: Core, gate: Gate, devices: Devices) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._groups = core.state.table("groups", Group, lambda group: group.key)
        self._by_product = self._groups.index(lambda group: group.product_id)
        self.on_rename: list[Callable[[Product, str, str | None], None]] = []
        """What other rooms do when a group (old name) gets another name, or goes (None): called inside the transaction."""

    def list(self, who: Principal, given: str | int, *, prefix: str = "") -> Sequence[Group]:
        """The groups of a product whose names begin so, by name.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
        """
        product = self._gate.product(who, given, "groups:list")
        found = (group for group in self._groups.where(self._by_product, product.id) if group.name.startswith(prefix))
        return sorted(found, key=lambda group: group.name)

    def get(self, who: Principal, given: str | int, name: str) -> Group:
        """One group.

        Raises:
            GroupUnknown, PermissionDenied, ScopeRefused: as named.
        """
        return self.find(self._gate.product(who, given, "groups:get"), name)

    def create(self, who: Principal, given: str | int, name: str, *, description: str = "", color: str | None = None) -> Group:
        """Make a group.

        Raises:
            Invalid: the name or the color cannot be.
            GroupExists, PermissionDenied, ScopeRefused: as named.
        """
        product = self._gate.product(who, given, "groups:create")
        return self._create(product, name, description, color)

    def update(
        self,
        who: Principal,
        given: str | int,
        name: str,
        *,
        new_name: str | None = None,
        description: str | None = None,
        color: str | None = None,
    ) -> Group:
        """Change at least one thing; devices and releases follow a new name.

        Raises:
            Invalid: nothing to change, or it cannot be.
            GroupUnknown, GroupExists, PermissionDenied, ScopeRefused: as named.
        """
        product = self._gate.product(who, given, "groups:update")
        group = self.find(product, name)
        if new_name is None and description is None and color is None:
            raise Invalid("group", name, "give at least one of name, description and color")
        target = group.name if new_name is None else _checked_name(new_name)
        if target != group.name and f"{product.id}:{target}" in self._groups:
            raise GroupExists(target)
        changed = replace(
            group,
            name=target,
            description=group.description if description is None else description,
            color=group.color if color is None else _checked_color(color),
        )
        with self._core.change():
            if target != group.name:
                self._groups.remove(group.key)
                self._rename(product, group.name, target)
            return self._groups.put(changed)

    def delete(self, who: Principal, given: str | int, name: str) -> None:
        """End a group; its devices are just not in it any more.

        Raises:
            GroupUnknown, PermissionDenied, ScopeRefused: as named.
        """
        product = self._gate.product(who, given, "groups:remove")
        group = self.find(product, name)
        with self._core.change():
            self._groups.remove(group.key)
            self._rename(product, group.name, None)

    def of(self, product: Product) -> Sequence[Group]:
        """The groups of a product, whoever asks."""
        return self._groups.where(self._by_product, product.id)

    def find(self, product: Product, name: str) -> Group:
        """One group, whoever asks.

        Raises:
            GroupUnknown: as named.
        """
        group = self._groups.get(f"{product.id}:{name}")
        if group is None:
            raise GroupUnknown(name)
        return group

    def ensure(self, product: Product, names: Sequence[str]) -> tuple[str, ...]:
        """The groups of these names, made where they are missing; each once, in the given order.

        Raises:
            Invalid: a name cannot be.
        """
        wanted = tuple(dict.fromkeys(_checked_name(name) for name in names))
        with self._core.change():
            for name in wanted:
                if f"{product.id}:{name}" not in self._groups:
                    self._create(product, name, "", None)
        return wanted

    def devices(self, product: Product, name: str) -> Sequence[Device]:
        """The members of a product that are in a group."""
        return [device for device in self._devices.table.where(self._devices.by_product, product.id) if name in device.groups]

    def _create(self, product: Product, name: str, description: str, color: str | None) -> Group:
        name = _checked_name(name)
        if f"{product.id}:{name}" in self._groups:
            raise GroupExists(name)
        shade = DEFAULT_COLOR if color is None else _checked_color(color)
        with self._core.change():
            return self._groups.put(Group(product.id, name, self._core.now(), description, shade))

    def _rename(self, product: Product, name: str, target: str | None) -> None:
        for device in self.devices(product, name):
            groups = tuple(target if group == name else group for group in device.groups)
            self._devices.alter(device, groups=tuple(group for group in groups if group is not None))
        for follow in self.on_rename:
            follow(product, name, target)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Invalid("name", name, "a group's name has 1 to 64 of a-z, 0-9, _ and -")
    return name


def _checked_color(color: str) -> str:
    if not _COLOR.fullmatch(color):
        raise Invalid("color", color, "must be a color such as #00AEEF")
    return color
