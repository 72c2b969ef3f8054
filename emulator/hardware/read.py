"""From the tables' TOML to `Hardware`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from emulator.board.flash import FlashTiming, Sector
from emulator.board.led_patterns import COLOURS, LedStatus, Pattern
from emulator.board.status_led import UNTHEMED, LedSignal, LedTheme
from emulator.hardware.parts import (
    CELLULAR,
    DCT,
    EXTERNAL,
    INTERFACES,
    INTERNAL,
    DctPlan,
    FlashPart,
    Hardware,
    Server,
    StoreKind,
    Transport,
)
from emulator.hardware.row import Row
from particle_protocol.functions import ModuleFunction
from particle_protocol.platforms import MemoryMap, ModuleSlot, Platform, Region, UnknownPlatform, UnknownSlot, platform_by_name
from particle_protocol.skus import SimForm

STORES = tuple(each.value for each in StoreKind)
PATTERNS = tuple(each.value for each in Pattern if each not in (Pattern.TOGGLED, Pattern.STEPS))
SIMS = tuple(each.value for each in SimForm)
TRANSPORTS = tuple(each.value for each in Transport)


def read_boards(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Hardware]:
    """Every board of the tables, by the platform's name. `tables` is TOML content by file name.

    Raises:
        TableError: a row has a hole, a contradiction, or stands twice.
    """
    parts: dict[str, FlashPart] = {}
    themes: dict[str, LedTheme] = {}
    for file, table in tables.items():
        for name, data in table.get("flash", {}).items():
            parts[name] = _flash(Row(data, f"{file}: [flash.{name}]"))
        for name, data in table.get("led", {}).items():
            themes[name] = _theme(Row(data, f"{file}: [led.{name}]"))
    boards: dict[str, Hardware] = {}
    for file, table in tables.items():
        for data in table.get("board", ()):
            name = data.get("platform", "without a platform")
            row = Row(data, f"{file}: [[board]] {name}")
            if name in boards:
                raise row.fault("platform", "stands twice; remove one row")
            boards[name] = _board(row, parts, themes)
    return boards


def _flash(row: Row) -> FlashPart:
    start = row.take("start", int, "its first address")
    sectors: list[Sector] = []
    for count, size in _pairs(row, "sectors", "how many sectors of how many bytes there are, in order"):
        for _ in range(count):
            sectors.append(Sector(start, size))
            start += size
    timing = FlashTiming(row.take("erase", float, "seconds to erase a KiB"), row.take("program", float, "seconds to program a KiB"))
    row.done()
    return FlashPart(tuple(sectors), timing)


def _has_ncp(platform: Platform) -> bool:
    return any(slot.function is ModuleFunction.NCP for slot in platform.memory().modules)


def _theme(row: Row) -> LedTheme:
    theme: dict[LedSignal, LedStatus] = {}
    by_name = {name: colour for colour, name in COLOURS.items()}
    for signal in (each for each in LedSignal if each not in UNTHEMED):
        look = row.take_row(signal.value, "how the LED shows this signal")
        pattern = Pattern(_one_of(look, "pattern", PATTERNS))
        colour = 0 if pattern in (Pattern.RAINBOW, Pattern.OFF) else by_name[_one_of(look, "colour", tuple(by_name))]
        theme[signal] = LedStatus(colour, pattern, look.take_or("period", float, 0.0))
        look.done()
    row.done()
    return MappingProxyType(theme)


def _board(row: Row, parts: Mapping[str, FlashPart], themes: Mapping[str, LedTheme]) -> Hardware:
    name = row.take("platform", str, "which platform the board is of")
    try:
        platform = platform_by_name(name)
    except UnknownPlatform as error:
        raise row.fault("platform", str(error)) from error
    if platform.buttons is None:
        raise row.fault(
            "platform", f"is {name!r}, whose buttons no [[buttons]] row in platforms.toml tells of; add one for {platform.mcu.value}"
        )
    flashes = {each: _named(row, "flashes", part, parts) for each, part in row.take("flashes", dict, "its flashes by name").items()}
    if INTERNAL not in flashes:
        raise row.fault("flashes", f"has no {INTERNAL!r} one; it has {', '.join(flashes) or 'none'}")
    server = row.take_row("server", "the cloud it connects to when its DCT names none")
    made = Hardware(
        platform=platform,
        flashes=MappingProxyType(flashes),
        dct=_dct(row.take_row("dct", "how the DCT is kept"), platform, flashes),
        dfu=_dfu(row, platform, flashes),
        buttons=platform.buttons,
        ncp=row.take("ncp", int, "the version of the network processor's firmware") if _has_ncp(platform) else None,
        led=_named(row, "led", row.take_or("led", str, "particle"), themes),
        interfaces=(interfaces := _interfaces(row)),
        sim=SimForm(_one_of(row, "sim", SIMS)) if CELLULAR in interfaces else None,
        modem_firmware=row.take("modem_firmware", str, "the version its modem says it runs") if CELLULAR in interfaces else "",
        otp=row.take("otp", int, "bytes of one-time-programmable memory"),
        server=Server(
            Transport(_one_of(server, "transport", TRANSPORTS)), server.take("host", str, "a name"), server.take("port", int, "a port")
        ),
        wakes_by_time=row.take_or("wakes_by_time", bool, platform.generation <= 2),
        tells_max_binary=row.take_or("tells_max_binary", bool, True),
        clicks=row.take_or("clicks", bool, False),
        device_os=row.take("device_os", str, "the Device OS version it has unless told"),
    )
    server.done()
    row.done()
    _check_memory(row, platform.memory(made.device_os), flashes)
    return made


def _dct(row: Row, platform: Platform, flashes: Mapping[str, FlashPart]) -> DctPlan:
    kind = _one_of(row, "store", STORES)
    flash = row.take("flash", str, "the flash it is in")
    if flash not in flashes:
        raise row.fault("flash", f"is {flash!r}; the board has {', '.join(flashes)}")
    regions = tuple(row.take("regions", list, "where, as regions of the memory map"))
    for region in regions:
        try:
            platform.memory().region(region)
        except UnknownSlot as error:
            raise row.fault("regions", str(error)) from error
    wanted = 1 if kind == StoreKind.FILE.value else 2
    if len(regions) != wanted:
        raise row.fault("regions", f"names {len(regions)}; a {kind} store needs {wanted}")
    row.done()
    return DctPlan(StoreKind(kind), flash, regions)


def _dfu(row: Row, platform: Platform, flashes: Mapping[str, FlashPart]) -> tuple[str, ...]:
    memories = tuple(row.take("dfu", list, "what each DFU alternate gives access to"))
    if len(memories) != len(platform.dfu_alternates):
        raise row.fault("dfu", f"names {len(memories)} memories; the platform's table announces {len(platform.dfu_alternates)} alternates")
    for memory in memories:
        if memory != DCT and memory not in flashes:
            raise row.fault("dfu", f"names {memory!r}; there are {', '.join((DCT, *flashes))}")
    return memories


def _check_memory(row: Row, memory: MemoryMap, flashes: Mapping[str, FlashPart]) -> None:
    """Every slot and region of the platform's memory map has to lie within a flash of the board."""
    places: tuple[ModuleSlot | Region, ...] = (*memory.modules, *memory.regions)
    for place in places:
        part = flashes.get(EXTERNAL if place.external else INTERNAL)
        if part is None or place.start < part.sectors[0].start or place.end > part.sectors[-1].end:
            raise row.fault("flashes", f"hold nothing at {place.start:#x}-{place.end:#x}, where the memory map has {place}")


def _interfaces(row: Row) -> tuple[str, ...]:
    kinds = tuple(row.take("interfaces", list, "its kinds of network interfaces"))
    for kind in kinds:
        if kind not in INTERFACES:
            raise row.fault("interfaces", f"names {kind!r}; there are {', '.join(INTERFACES)}")
    return kinds


def _one_of(row: Row, field: str, choices: tuple[str, ...]) -> str:
    value = row.take(field, str, f"one of {', '.join(choices)}")
    if value not in choices:
        raise row.fault(field, f"is {value!r}; there are {', '.join(choices)}")
    return value


def _named(row: Row, field: str, name: object, tables: Mapping[str, Any]) -> Any:
    if name not in tables:
        raise row.fault(field, f"names {name!r}; there are {', '.join(tables)}")
    return tables[str(name)]


def _pairs(row: Row, field: str, meaning: str) -> Iterable[tuple[int, int]]:
    for pair in row.take(field, list, meaning):
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(number) is int and number > 0 for number in pair)):
            raise row.fault(field, f"has {pair!r}; it says {meaning}, as [[count, bytes], ...]")
        yield pair[0], pair[1]
