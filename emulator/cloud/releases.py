"""Product firmware: versions that were uploaded, and to whom they are released.

A version is 1 to 65535 (`firmware_images.product.VERSIONS` says when 65535 is one), and stands inside the binary as well
(PRODUCT_VERSION); both must be the same. A version can be released once a
device of the product has run it. Product default and each group have one version at a time. Which version a device should run: none, if
it is marked for development; the one it is locked to; else the highest of those of its groups; else the product default; else none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from emulator.cloud.access import Principal
from emulator.cloud.assets import AssetShelf
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import (
    BadImage,
    FirmwareExists,
    FirmwareNeverRun,
    FirmwareReleased,
    FirmwareUnknown,
    Invalid,
    VersionMismatch,
    WrongPlatform,
)
from emulator.cloud.gate import Gate
from emulator.cloud.groups import Groups
from emulator.cloud.images import application_of, read_image
from emulator.cloud.quarantine import product_version
from emulator.cloud.records import Device, Product
from firmware_images.fields import ModuleFunction

HIGHEST_VERSION = 0xFFFF


@dataclass(frozen=True, slots=True)
class Firmware:
    """One version of a product's firmware."""

    id: str
    product_id: int
    version: int
    title: str
    description: str
    file_name: str
    size: int
    sha256: str
    uploaded_on: float
    uploaded_by: str
    updated_at: float
    mandatory: bool = False
    product_default: bool = False
    groups: tuple[str, ...] = ()
    """The groups whose version this is."""
    intelligent: bool = False
    released: bool = False
    """Whether it ever was."""
    has_run: bool = False
    """Whether a device of the product runs it, or ever did since it was uploaded."""

    @property
    def key(self) -> str:
        """Product and version."""
        return f"{self.product_id}:{self.version}"


@dataclass(frozen=True, slots=True)
class Binary:
    """The bytes of one version, kept apart so that changing a title does not write them again."""

    key: str
    data: bytes


class Releases:
    """The firmware of all products."""

    def __init__(self, core: Core, gate: Gate, devices: Devices, groups: Groups, assets: AssetShelf) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._groups = groups
        self._assets = assets
        self._firmware = core.state.table("firmware", Firmware, lambda firmware: firmware.key)
        self._binaries = core.state.table("binaries", Binary, lambda binary: binary.key)
        self._by_product = self._firmware.index(lambda firmware: firmware.product_id)
        self.on_intelligent_release: Callable[[Firmware, Sequence[str]], None]
        """Called after a release that shall not wait for the devices' next connection: the version, and the groups (none: to all)."""
        groups.on_rename.append(self._group_renamed)

    def list(self, who: Principal, given: str | int) -> Sequence[Firmware]:
        """All versions, the highest first.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
        """
        return self.all(self._gate.product(who, given, "firmware:list"))

    def get(self, who: Principal, given: str | int, version: int) -> Firmware:
        """One version.

        Raises:
            FirmwareUnknown, PermissionDenied, ScopeRefused: as named.
        """
        return self.find(self._gate.product(who, given, "firmware:get"), version)

    def binary(self, who: Principal, given: str | int, version: int) -> bytes:
        """The bytes of one version.

        Raises:
            FirmwareUnknown, PermissionDenied, ScopeRefused: as named.
        """
        return self._binaries[self.find(self._gate.product(who, given, "firmware.binary:get"), version).key].data

    def upload(
        self,
        who: Principal,
        given: str | int,
        version: int,
        image: bytes,
        *,
        title: str = "",
        description: str = "",
        file_name: str = "firmware.bin",
        mandatory: bool = False,
    ) -> Firmware:
        """Take in a version: a module, or a bundle of one with its assets.

        Raises:
            Invalid: the version is not 1 to 65535.
            FirmwareExists: it was uploaded before.
            BadImage: not firmware for this product; WrongPlatform, VersionMismatch say how.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        product = self._gate.product(who, given, "firmware:create")
        if not 1 <= version <= HIGHEST_VERSION:
            raise Invalid("version", version, f"must be 1 to {HIGHEST_VERSION}")
        if f"{product.id}:{version}" in self._firmware:
            raise FirmwareExists(version)
        sha256 = _judge(product, version, application_of(image))
        now = self._core.now()
        with self._core.change():
            self._binaries.put(Binary(f"{product.id}:{version}", image))
            self._assets.keep(image)
            return self._firmware.put(
                Firmware(
                    id=self._core.names.object_id(),
                    product_id=product.id,
                    version=version,
                    title=title or f"v{version}",
                    description=description,
                    file_name=file_name,
                    size=len(image),
                    sha256=sha256,
                    uploaded_on=now,
                    uploaded_by=who.username,
                    updated_at=now,
                    mandatory=mandatory,
                    has_run=version in self.devices_on(product),
                ),
            )

    def update(
        self,
        who: Principal,
        given: str | int,
        version: int,
        *,
        title: str | None = None,
        description: str | None = None,
        mandatory: bool | None = None,
    ) -> Firmware:
        """Change what is said about a version; None keeps.

        Raises:
            FirmwareUnknown, PermissionDenied, ScopeRefused: as named.
        """
        firmware = self.find(self._gate.product(who, given, "firmware:update"), version)
        return self._put(
            firmware,
            title=firmware.title if title is None else title,
            description=firmware.description if description is None else description,
            mandatory=firmware.mandatory if mandatory is None else mandatory,
        )

    def release(
        self,
        who: Principal,
        given: str | int,
        version: int,
        *,
        product_default: bool = False,
        groups: Sequence[str] = (),
        intelligent: bool = False,
    ) -> Firmware:
        """Release a version to the whole product, or to groups: to the next Hello of each device, or (intelligent) at once.

        Raises:
            Invalid: neither product default nor groups, or both.
            GroupUnknown, FirmwareUnknown: as named.
            FirmwareNeverRun: no device of the product has run it yet.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        product = self._gate.product(who, given, "firmware:release")
        if product_default == bool(groups):
            raise Invalid("groups", list(groups), "release either as product default or to groups")
        firmware = self.find(product, version)
        chosen = tuple(self._groups.find(product, name).name for name in groups)
        if not firmware.has_run:
            raise FirmwareNeverRun(version)
        with self._core.change():
            for each in _after_release(self.all(product), version, chosen, product_default=product_default):
                if each.version == version:
                    firmware = self._put(each, released=True, intelligent=intelligent)
                elif each != self.find(product, each.version):
                    self._put(each)
        if intelligent:
            self.on_intelligent_release(firmware, chosen)
        return firmware

    def delete(self, who: Principal, given: str | int, version: int) -> None:
        """Take a version away.

        Raises:
            FirmwareReleased: it was released once.
            FirmwareUnknown, PermissionDenied, ScopeRefused: as named.
        """
        firmware = self.find(self._gate.product(who, given, "firmware:remove"), version)
        if firmware.released:
            raise FirmwareReleased(version)
        with self._core.change():
            self._firmware.remove(firmware.key)
            self._binaries.remove(firmware.key)

    def all(self, product: Product) -> Sequence[Firmware]:
        """All versions of a product, the highest first, whoever asks."""
        return sorted(self._firmware.where(self._by_product, product.id), key=lambda firmware: -firmware.version)

    def find(self, product: Product, version: int) -> Firmware:
        """One version of a product, whoever asks.

        Raises:
            FirmwareUnknown: as named.
        """
        firmware = self._firmware.get(f"{product.id}:{version}")
        if firmware is None:
            raise FirmwareUnknown(version)
        return firmware

    def exists(self, product: Product, version: int) -> bool:
        """Whether a version was uploaded to a product."""
        return f"{product.id}:{version}" in self._firmware

    def image(self, firmware: Firmware) -> bytes:
        """What a device gets of a version: of a bundle, the application."""
        return application_of(self._binaries[firmware.key].data)

    def target(self, device: Device) -> Firmware | None:
        """The version a member should run (see above); None: whatever it likes."""
        if device.product_id is None or device.development:
            return None
        if device.desired_firmware_version is not None:
            return self._firmware.get(f"{device.product_id}:{device.desired_firmware_version}")
        return _released_to(device, self._firmware.where(self._by_product, device.product_id))

    def devices_on(self, product: Product) -> dict[int, int]:
        """How many members run each version."""
        counts: dict[int, int] = {}
        for device in self._devices.table.where(self._devices.by_product, product.id):
            version = product_version(device)
            if version is not None:
                counts[version] = counts.get(version, 0) + 1
        return counts

    def seen_running(self, product_id: int, version: int) -> None:
        """A member runs a version: from now on it may be released."""
        firmware = self._firmware.get(f"{product_id}:{version}")
        if firmware is not None and not firmware.has_run:
            with self._core.change():
                self._firmware.put(replace(firmware, has_run=True))

    def impact(
        self,
        who: Principal,
        given: str | int,
        version: int,
        *,
        groups: Sequence[str] = (),
        product_default: bool = False,
    ) -> int:
        """How many members would be sent a version if it were released so.

        Raises:
            FirmwareUnknown, PermissionDenied, ScopeRefused: as named.
        """
        product = self._gate.product(who, given, "groups.impact:get")
        self.find(product, version)
        after = _after_release(self.all(product), version, groups, product_default=product_default)
        members = self._devices.table.where(self._devices.by_product, product.id)
        concerned = (each for each in members if not each.development and each.desired_firmware_version is None)
        targets = (_released_to(device, after) for device in concerned if product_version(device) != version)
        return sum(target is not None and target.version == version for target in targets)

    def _put(self, firmware: Firmware, **changes: object) -> Firmware:
        with self._core.change():
            return self._firmware.put(
                replace(firmware, updated_at=self._core.now(), **changes),  # type: ignore[arg-type]  # names are checked by replace
            )

    def _group_renamed(self, product: Product, name: str, target: str | None) -> None:
        for firmware in self.all(product):
            if name in firmware.groups:
                groups = (target if group == name else group for group in firmware.groups)
                self._put(firmware, groups=tuple(group for group in groups if group is not None))


def _after_release(all_versions: Iterable[Firmware], version: int, groups: Sequence[str], *, product_default: bool) -> Sequence[Firmware]:
    """All versions as they are once one of them is the product default, or that of some groups: there is one for each."""
    after = []
    for each in all_versions:
        kept = tuple(name for name in each.groups if name not in groups)
        if each.version == version:
            after.append(replace(each, groups=(*kept, *groups), product_default=product_default or each.product_default))
        else:
            after.append(replace(each, groups=kept, product_default=each.product_default and not product_default))
    return after


def _released_to(device: Device, all_versions: Iterable[Firmware]) -> Firmware | None:
    """The highest version released to one of a device's groups, else the product default."""
    mine = [each for each in all_versions if not set(device.groups).isdisjoint(each.groups)]
    defaults = [each for each in all_versions if each.product_default]
    return max(mine or defaults, key=lambda each: each.version, default=None)


def _judge(product: Product, version: int, image: bytes) -> str:
    """The digest of an application that can be this version of this product."""
    facts = read_image(image)
    if facts.platform_id != product.platform_id:
        raise WrongPlatform(facts.platform_id, product.platform_id)
    if facts.function not in (ModuleFunction.USER_PART, ModuleFunction.MONOLITHIC):
        raise BadImage(f"product firmware is an application, this is a {facts.function}")
    if facts.product_version != version:
        raise VersionMismatch(version, facts.product_version)
    if facts.product_id not in (None, product.id, product.platform_id):
        raise BadImage(f"built for product {facts.product_id}, uploaded to product {product.id}")
    return facts.sha256
