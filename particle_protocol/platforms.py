"""Every Particle platform as data: what it is called, how USB sees it, where its modules live.

The data is `platforms.toml`, next to this file, with its sources; it is read once, when the first platform is asked for. Start with
`platform_by_name("photon")`, `platform_by_id(6)` or `platform_by_usb(0x2B04, 0xD006)`.
"""

from __future__ import annotations

import enum
import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from particle_protocol.buttons import ButtonTimes as ButtonTimes
from particle_protocol.buttons import read_buttons
from particle_protocol.functions import ModuleFunction as ModuleFunction

PARTICLE_VENDOR_ID = 0x2B04
"""USB vendor id of every board but the Core (npm @particle/device-constants 4.2.1)."""

_NORMAL_PRODUCT_ID = 0xC000
_DFU_PRODUCT_ID = 0xD000

OsVersion: TypeAlias = tuple[int, int, int]
"""A Device OS version as (major, minor, patch); pre-release marks carry no weight in a memory map."""


class McuFamily(enum.Enum):
    """The microcontroller a board is built on. It decides the bootloader, hence the DFU state machine and the USB descriptors."""

    STM32F1 = "stm32f1"
    STM32F2 = "stm32f2"
    NRF52840 = "nrf52840"
    RTL872X = "rtl872x"
    QCM6490 = "qcm6490"
    GCC = "gcc"
    """None: a program on the computer that runs it."""


class Feature(enum.Enum):
    """What a platform can do, as host tools see it (npm @particle/device-constants 4.2.1, `features`)."""

    WIFI = "wifi"
    WIFI_SCAN = "wifi_scan"
    """Has a Wi-Fi radio that only looks around, to find out where the board is. Of our own: the package does not name it."""
    CELLULAR = "cellular"
    TCP = "tcp"
    """Talks to the cloud over TCP with the board's RSA key."""
    UDP = "udp"
    """Talks to the cloud over DTLS with the board's P-256 key."""
    BLE = "ble"
    MESH = "mesh"
    GNSS = "gnss"
    SOM = "som"
    DEVICE_PROTECTION = "device_protection"


class UnknownPlatform(LookupError):
    """No platform has this name, id or USB identity. The message lists what there is."""


class UnknownSlot(LookupError):
    """The platform has no place for such a module, or no region of that name."""


@dataclass(frozen=True, slots=True)
class ModuleKey:
    """Which module: its function and its index, as in "system part 2"."""

    function: ModuleFunction
    index: int

    def __str__(self) -> str:
        return f"{self.function.name.lower().replace('_', ' ')} {self.index}"


@dataclass(frozen=True, slots=True)
class ModuleSlot:
    """Where a module lives. `start` and `size` are bytes, in the flash that is meant by `external`."""

    function: ModuleFunction
    index: int
    start: int
    size: int
    prefix_offset: int = 0
    """Where in the module's file its 24-byte prefix stands."""
    fixed_end: bool = False
    """The module ends at `end` and grows downwards, so its start address is the file's to say."""
    external: bool = False

    @property
    def key(self) -> ModuleKey:
        """Function and index."""
        return ModuleKey(self.function, self.index)

    @property
    def end(self) -> int:
        """First address after the slot."""
        return self.start + self.size

    def __str__(self) -> str:
        return f"{self.key} {self.start:#010x}-{self.end:#010x}"


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the flash that is no module's own: OTA scratch, factory image, EEPROM, DCT copies, file system. Sizes in bytes."""

    name: str
    start: int
    size: int
    external: bool = False

    @property
    def end(self) -> int:
        """First address after the region."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class MemoryMap:
    """The memory of a platform under one Device OS version."""

    modules: tuple[ModuleSlot, ...]
    regions: tuple[Region, ...]

    def slot(self, function: ModuleFunction, index: int) -> ModuleSlot:
        """The slot of a module.

        Raises:
            UnknownSlot: there is none; the message lists those there are.
        """
        for slot in self.modules:
            if slot.function == function and slot.index == index:
                return slot
        there = ", ".join(str(slot.key) for slot in self.modules) or "no modules"
        raise UnknownSlot(f"no slot for {ModuleKey(function, index)}; the memory map has {there}")

    def region(self, name: str) -> Region:
        """The region of that name.

        Raises:
            UnknownSlot: there is none; the message lists those there are.
        """
        for region in self.regions:
            if region.name == name:
                return region
        raise UnknownSlot(f"no region {name!r}; the memory map has {', '.join(r.name for r in self.regions) or 'none'}")

    def slot_at(self, address: int) -> ModuleSlot | None:
        """The first slot in internal flash that holds `address`, or None."""
        return next((slot for slot in self.modules if not slot.external and slot.start <= address < slot.end), None)


@dataclass(frozen=True, slots=True)
class _Dated:
    """An entry of the memory tables with the Device OS versions it holds for."""

    since: OsVersion | None
    until: OsVersion | None
    what: ModuleSlot | Region

    def holds(self, version: OsVersion | None) -> bool:
        if version is None:
            return self.until is None
        return (self.since is None or version >= self.since) and (self.until is None or version < self.until)


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform. Two are equal when they have the same id, for there is one object per platform."""

    id: int
    name: str
    """The short name of tools and monikers: "photon"."""
    aliases: tuple[str, ...]
    """What else people call it: "photon2" for "p2"."""
    display_name: str
    generation: int
    """1 to 4 as host tools count; -1 for Tachyon and virtual devices, which belong to none."""
    mcu: McuFamily
    features: frozenset[Feature]
    public: bool
    control_requests: bool
    """Whether the board answers vendor control requests (all but Tachyon and virtual devices)."""
    out_requests_need_data: bool
    """Whether a host must send one zero byte with an OUT vendor request that has no data."""
    vendor_id: int
    """0: it is never on USB."""
    normal_product_id: int
    dfu_product_id: int | None
    normal_product: str | None
    """iProduct in normal mode; None where nobody has told."""
    dfu_product: str | None
    dfu_alternates: tuple[str, ...]
    """The memory map each DFU alternate announces, in DfuSe notation, from alternate 0 on."""
    buttons: ButtonTimes | None
    """How long MODE is held for what; None where nobody has told."""
    update_order: tuple[ModuleKey, ...]
    """Modules in the order in which they are installed, so that none waits for a later one."""
    _memory: tuple[_Dated, ...]

    @property
    def has_wifi_radio(self) -> bool:
        """Whether it has a Wi-Fi radio, to connect by or to look around with; the radio has a MAC address."""
        return bool({Feature.WIFI, Feature.WIFI_SCAN} & self.features)

    def has(self, feature: Feature) -> bool:
        """Whether the platform has `feature`."""
        return feature in self.features

    @property
    def has_softap(self) -> bool:
        """Whether the board opens a Wi-Fi network of its own in listening mode, for set-up programs: Photon and P1 (SoftAP)."""
        return self.generation == 2 and Feature.WIFI in self.features

    def memory(self, os_version: str | OsVersion | None = None) -> MemoryMap:
        """The memory map under a Device OS version ("2.3.1" or (2, 3, 1)); the newest one unless told.

        Raises:
            ValueError: the version cannot be read.
        """
        return _memory_map(self, parse_os_version(os_version) if isinstance(os_version, str) else os_version)

    def memories(self) -> tuple[MemoryMap, ...]:
        """The memory maps of all Device OS versions, the newest first."""
        return _memory_maps(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Platform) and other.id == self.id

    def __hash__(self) -> int:
        return hash((Platform, self.id))

    def __str__(self) -> str:
        return f"{self.display_name} (platform {self.id})"


@functools.lru_cache(maxsize=256)
def parse_os_version(text: str) -> OsVersion:
    """Read "6.2.0", "v2.0.0-rc.1" or "3.0" as (major, minor, patch).

    Raises:
        ValueError: it is no such version.
    """
    numbers = text.strip().removeprefix("v").split("-", 1)[0].split(".")
    if not 1 <= len(numbers) <= 3 or not all(n.isascii() and n.isdigit() for n in numbers):
        raise ValueError(f"{text!r} is no Device OS version; expected something like 2.3.1")
    major, minor, patch = [int(n) for n in numbers] + [0] * (3 - len(numbers))
    return major, minor, patch


def platforms() -> tuple[Platform, ...]:
    """All platforms, by ascending id."""
    return _tables().all


def platform_by_id(platform_id: int) -> Platform:
    """The platform with that id, as in a module's prefix or the cloud's `platform_id`.

    Raises:
        UnknownPlatform: there is none.
    """
    found = _tables().by_id.get(platform_id)
    if found is None:
        raise UnknownPlatform(f"no platform has id {platform_id}; known are {', '.join(f'{p.id} {p.name}' for p in platforms())}")
    return found


def platform_by_name(name: str) -> Platform:
    """The platform with that short name or alias, in any case: "photon", "p2", "b5som", "photon2".

    Raises:
        UnknownPlatform: there is none.
    """
    found = _tables().by_name.get(name.lower())
    if found is None:
        raise UnknownPlatform(f"no platform is called {name!r}; known are {', '.join(p.name for p in platforms())}")
    return found


def platform_by_usb(vendor_id: int, product_id: int) -> tuple[Platform, bool]:
    """The platform with that USB identity, and whether that identity means DFU mode.

    Raises:
        UnknownPlatform: no board has it.
    """
    found = _tables().by_usb.get((vendor_id, product_id))
    if found is None:
        raise UnknownPlatform(f"USB device {vendor_id:04x}:{product_id:04x} is no Particle board that is known here")
    return found


@dataclass(frozen=True, slots=True)
class _Tables:
    all: tuple[Platform, ...]
    by_id: Mapping[int, Platform]
    by_name: Mapping[str, Platform]
    by_usb: Mapping[tuple[int, int], tuple[Platform, bool]]


@functools.cache
def _tables() -> _Tables:
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    found = tuple(sorted((_read_platform(entry, data) for entry in data["platform"]), key=lambda p: p.id))
    on_usb = [p for p in found if p.vendor_id]
    by_usb = {(p.vendor_id, p.normal_product_id): (p, False) for p in on_usb}
    by_usb |= {(p.vendor_id, p.dfu_product_id): (p, True) for p in on_usb if p.dfu_product_id is not None}
    return _Tables(
        all=found,
        by_id=MappingProxyType({p.id: p for p in found}),
        by_name=MappingProxyType({name: p for p in found for name in (p.name, *p.aliases)}),
        by_usb=MappingProxyType(by_usb),
    )


@functools.cache
def _memory_map(platform: Platform, version: OsVersion | None) -> MemoryMap:
    held = [dated.what for dated in platform._memory if dated.holds(version)]
    return MemoryMap(
        modules=tuple(entry for entry in held if isinstance(entry, ModuleSlot)),
        regions=tuple(entry for entry in held if isinstance(entry, Region)),
    )


@functools.cache
def _memory_maps(platform: Platform) -> tuple[MemoryMap, ...]:
    """A map begins wherever an entry begins or ends."""
    changes = {version for dated in platform._memory for version in (dated.since, dated.until) if version is not None}
    return tuple(_memory_map(platform, version) for version in (*sorted(changes, reverse=True), (0, 0, 0)))


def _read_platform(entry: Mapping[str, Any], data: Mapping[str, Any]) -> Platform:
    platform_id: int = entry["id"]
    normal_id, *dfu_id = entry.get("usb_product_ids", (_NORMAL_PRODUCT_ID | platform_id, _DFU_PRODUCT_ID | platform_id))
    normal_product, dfu_product = entry.get("usb_product", (None, None))
    memory = tuple(_read_memory(entry["memory"], data["memory"]))
    order = next(table["update_order"] for table in _memory_tables(entry["memory"], data["memory"]) if "update_order" in table)
    return Platform(
        id=platform_id,
        name=entry["name"],
        aliases=tuple(entry.get("aliases", ())),
        display_name=entry["display_name"],
        generation=entry["generation"],
        mcu=McuFamily(entry["mcu"]),
        features=frozenset(Feature(name) for name in entry["features"]),
        public=entry.get("public", True),
        control_requests=entry.get("control_requests", True),
        out_requests_need_data=entry.get("out_requests_need_data", False),
        vendor_id=entry.get("usb_vendor_id", PARTICLE_VENDOR_ID),
        normal_product_id=normal_id,
        dfu_product_id=dfu_id[0] if dfu_id else None,
        normal_product=normal_product,
        dfu_product=dfu_product,
        dfu_alternates=tuple(data["dfu_alternate"][name] for name in entry.get("dfu_alternates", ())),
        buttons=read_buttons(data["buttons"], entry["mcu"]),
        update_order=_existing(tuple(_read_key(text) for text in order), memory),
        _memory=memory,
    )


def _memory_tables(name: str, tables: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The table of that name, then those it extends."""
    while True:
        yield tables[name]
        if "extends" not in tables[name]:
            return
        name = tables[name]["extends"]


def _read_memory(name: str, tables: Mapping[str, Any]) -> Iterator[_Dated]:
    for table in _memory_tables(name, tables):
        for entry in table.get("modules", ()):
            slot = ModuleSlot(
                function=ModuleFunction[entry["function"].upper()],
                index=entry["index"],
                start=entry["start"],
                size=entry["size"],
                prefix_offset=entry.get("prefix", 0),
                fixed_end=entry.get("fixed_end", False),
                external=entry.get("external", False),
            )
            yield _dated(entry, slot)
        for entry in table.get("regions", ()):
            yield _dated(entry, Region(entry["name"], entry["start"], entry["size"], entry.get("external", False)))


def _dated(entry: Mapping[str, Any], what: ModuleSlot | Region) -> _Dated:
    since, until = entry.get("from"), entry.get("until")
    return _Dated(parse_os_version(since) if since else None, parse_os_version(until) if until else None, what)


def _read_key(text: str) -> ModuleKey:
    function, index = text.split()
    return ModuleKey(ModuleFunction[function.upper()], int(index))


def _existing(order: tuple[ModuleKey, ...], memory: tuple[_Dated, ...]) -> tuple[ModuleKey, ...]:
    """`order` without the modules that this platform has no slot for (an NCP, say)."""
    keys = {entry.what.key for entry in memory if isinstance(entry.what, ModuleSlot)}
    return tuple(key for key in order if key in keys)
