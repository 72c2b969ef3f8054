"""Device vitals: what a device measures of itself, as it sends it in the metrics part of a description, and as the REST API shows it.

One table has both. Ids and names: Device OS 6.2.0, services/inc/diagnostics.h. Which of them a device sends depends on what it has; one
that it cannot tell now it sends as an error. Signal strength, signal quality and battery charge are fixed-point numbers (Device OS 6.2.0,
the network's and the battery's diagnostics). Where in the report a value stands follows the published examples of the REST API; of ids that
no example shows the place is chosen here (`docs/cloud.md`).
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

APPLICATION_IDS: Final = 0x8000
"""Ids from here on are the application's own."""
_ERROR: Final = 0x8000
_HEAD: Final = struct.Struct("<BHHH")
_PAIR: Final = struct.Struct("<Hi")
_METRICS: Final = (0, 4, 2, 4)
"""A marker of binary data, the part of the description, and how many bytes an id and a value have."""


class VitalsError(ValueError):
    """Bytes that are no vitals. The text says why."""


@dataclass(frozen=True, slots=True)
class VitalError:
    """A value that the device cannot tell: a (negative) system error instead."""

    code: int


Vitals: TypeAlias = Mapping[int, "int | VitalError"]
"""Values by id, as signed 32-bit numbers."""


def encode_vitals(vitals: Vitals) -> bytes:
    """The metrics part of a description (Device OS 6.2.0, system/src/system_info.cpp:244-296)."""
    out = bytearray(_HEAD.pack(*_METRICS))
    for number, value in vitals.items():
        if isinstance(value, VitalError):
            out += _PAIR.pack(number | _ERROR, value.code)
        else:
            out += _PAIR.pack(number, _signed(value))
    return bytes(out)


def decode_vitals(payload: bytes) -> dict[int, int | VitalError]:
    """The inverse of `encode_vitals`.

    The bit that marks an error is also that of the application's own ids: it means an error only where the rest is an id of the system's.

    Raises:
        VitalsError: another part of a description, numbers of another size, or an end inside a pair.
    """
    if len(payload) < _HEAD.size or _HEAD.unpack_from(payload) != _METRICS:
        raise VitalsError(f"no metrics with ids of 2 and values of 4 bytes: {payload[:16].hex()}")
    if (len(payload) - _HEAD.size) % _PAIR.size:
        raise VitalsError(f"metrics of {len(payload)} bytes end inside a value")
    found: dict[int, int | VitalError] = {}
    for number, value in _PAIR.iter_unpack(payload[_HEAD.size :]):
        known = number & ~_ERROR
        if number & _ERROR and known in VITALS:
            found[known] = VitalError(value)
        else:
            found[number] = value
    return found


def q8_8(value: float) -> int:
    """A number as unsigned or signed fixed point of 8 and 8 bits."""
    return round(value * 0x100)


def q16_16(value: float) -> int:
    """A number as signed fixed point of 16 and 16 bits."""
    return round(value * 0x10000)


Form: TypeAlias = Callable[[int], Any]
"""Makes what the report shows of a raw value."""


@dataclass(frozen=True, slots=True)
class Vital:
    """One id: its name, its path in the report, and how its value is shown; `units` stand beside it."""

    id: int
    name: str
    path: tuple[str, ...]
    form: Form = int
    units: Mapping[str, str] = field(default_factory=dict)


def _signed(value: int) -> int:
    return (value + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000


def _unsigned(value: int) -> int:
    return value & 0xFFFF_FFFF


def _short(value: float) -> float:
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _q8_8(value: int) -> float:
    return _short(value / 0x100)


def _q16_16(value: int) -> float:
    return _short(value / 0x10000)


def _address(value: int) -> str:
    return ".".join(str(byte) for byte in _unsigned(value).to_bytes(4))


def _word(*words: str) -> Form:
    """The word for a number; the number itself, where there is none."""

    def form(value: int) -> str | int:
        return words[value] if 0 <= value < len(words) else value

    return form


class NetworkStatus(enum.IntEnum):
    """Values of `net:stat` (6.2.0, system/src/system_network_diagnostics.h)."""

    TURNED_OFF = 0
    TURNING_ON = 1
    DISCONNECTED = 2
    CONNECTING = 3
    CONNECTED = 4
    DISCONNECTING = 5
    TURNING_OFF = 6


NO_TECHNOLOGY, WIFI, UMTS = 0, 1, 4
"""Values of `net:at`."""
_NETWORK_STATUS = _word(*(each.name.lower() for each in NetworkStatus))
_CLOUD_STATUS = _word("disconnected", "connecting", "connected", "disconnecting")
_NETWORK_REASON = _word("none", "error", "user", "network_off", "listening", "sleep", "reset", "unknown")
_CLOUD_REASON = _word("none", "error", "user", "network_disconnect", "listening", "system_reset", "sleep", "unknown", "server_moved")
_TECHNOLOGY = _word("unknown", "Wi-Fi", "GSM", "EDGE", "UMTS", "CDMA", "LTE", "IEEE 802.15.4", "LTE Cat-M1", "LTE NB-IoT")
_SOURCE = _word("unknown", "VIN", "USB host", "USB adapter", "USB OTG", "battery")
_BATTERY = _word("unknown", "not charging", "charging", "charged", "discharging", "fault", "disconnected")
_PERCENT = {"units": "%"}
_CONNECTION, _SIGNAL, _OTHER_SIGNAL = ("network", "connection"), ("network", "signal"), ("network", "alternate_signal")
_CELL = ("network", "cellular", "cell_global_identity")
_LINK = ("cloud", "connection")

_TABLE: Final = (
    Vital(40, "net:cell:cgi:mcc", (*_CELL, "mobile_country_code")),
    Vital(41, "net:cell:cgi:mnc", (*_CELL, "mobile_network_code"), str),
    Vital(42, "net:cell:cgi:lac", (*_CELL, "location_area_code")),
    Vital(43, "net:cell:cgi:ci", (*_CELL, "cell_id"), _unsigned),
    Vital(36, "net:at", (*_SIGNAL, "at"), _TECHNOLOGY),
    Vital(33, "net:sigstr", (*_SIGNAL, "strength"), _q8_8, _PERCENT),
    Vital(37, "net:sigstrv", (*_SIGNAL, "strengthv"), _q16_16, {"units": "dBm"}),
    Vital(34, "net:sigqual", (*_SIGNAL, "quality"), _q8_8, _PERCENT),
    Vital(35, "net:sigqualv", (*_SIGNAL, "qualityv"), _q16_16, {"units": "dB"}),
    Vital(19, "net:rssi", (*_SIGNAL, "rssi"), _q8_8, {"units": "dBm"}),
    Vital(49, "net:alt:at", (*_OTHER_SIGNAL, "at"), _TECHNOLOGY),
    Vital(46, "net:alt:sigstr", (*_OTHER_SIGNAL, "strength"), _q8_8, _PERCENT),
    Vital(45, "net:alt:sigstrv", (*_OTHER_SIGNAL, "strengthv"), _q16_16, {"units": "dBm"}),
    Vital(47, "net:alt:sigqual", (*_OTHER_SIGNAL, "quality"), _q8_8, _PERCENT),
    Vital(48, "net:alt:sigqualv", (*_OTHER_SIGNAL, "qualityv"), _q16_16, {"units": "dB"}),
    Vital(8, "net:stat", (*_CONNECTION, "status"), _NETWORK_STATUS),
    Vital(9, "net:err", (*_CONNECTION, "error")),
    Vital(12, "net:dconn", (*_CONNECTION, "disconnects")),
    Vital(27, "net:connatt", (*_CONNECTION, "attempts")),
    Vital(28, "net:dconnrsn", (*_CONNECTION, "disconnect_reason"), _NETWORK_REASON),
    Vital(15, "net:ip:addr", ("network", "ip", "address"), _address),
    Vital(16, "net:ip:gw", ("network", "ip", "gateway"), _address),
    Vital(17, "net:flags", ("network", "flags"), _unsigned),
    Vital(18, "net:cntry", ("network", "country"), _unsigned),
    Vital(10, "cloud:stat", (*_LINK, "status"), _CLOUD_STATUS),
    Vital(13, "cloud:err", (*_LINK, "error")),
    Vital(29, "cloud:connatt", (*_LINK, "attempts")),
    Vital(14, "cloud:dconn", (*_LINK, "disconnects")),
    Vital(30, "cloud:dconnrsn", (*_LINK, "disconnect_reason"), _CLOUD_REASON),
    Vital(44, "cloud:connif", (*_LINK, "interface")),
    Vital(23, "coap:transmit", ("cloud", "coap", "transmit"), _unsigned),
    Vital(21, "coap:retransmit", ("cloud", "coap", "retransmit"), _unsigned),
    Vital(22, "coap:unack", ("cloud", "coap", "unack"), _unsigned),
    Vital(31, "coap:roundtrip", ("cloud", "coap", "round_trip"), _unsigned),
    Vital(20, "pub:limit", ("cloud", "publish", "rate_limited"), _unsigned),
    Vital(3, "batt:soc", ("power", "battery", "charge"), _q8_8, _PERCENT),
    Vital(7, "batt:state", ("power", "battery", "state"), _BATTERY),
    Vital(24, "pwr:src", ("power", "source"), _SOURCE),
    Vital(6, "sys:uptime", ("system", "uptime"), _unsigned),
    Vital(26, "sys:uram", ("system", "memory", "used"), _unsigned),
    Vital(25, "sys:tram", ("system", "memory", "total"), _unsigned),
    Vital(2, "mem:free", ("system", "memory", "free"), _unsigned),
    Vital(1, "sys:reset", ("system", "last_reset")),
    Vital(4, "sys:loop", ("system", "loops"), _unsigned),
    Vital(5, "app:loop", ("system", "application_loops"), _unsigned),
    Vital(60, "sys:protected", ("system", "protected"), bool),
)
"""In the order of the report."""
VITALS: Final[Mapping[int, Vital]] = {each.id: each for each in _TABLE}


def by_name(vitals: Vitals) -> dict[str, Any]:
    """The values as a host on USB or the console is told them: raw, by the system's names; an error as `{"err": code}`."""
    return {VITALS[number].name: _shown(value, int) for number, value in vitals.items() if number in VITALS}


def report(vitals: Vitals) -> dict[str, Any]:
    """The `device` part of the REST API's report. What the table does not know is shown raw, by number, in `other`."""
    found: dict[str, Any] = {}
    for vital in _TABLE:
        if vital.id in vitals:
            value = vitals[vital.id]
            group = _group(found, vital.path[:-1])
            name = vital.path[-1]
            group[name] = _shown(value, vital.form)
            if not isinstance(value, VitalError):
                group.update({f"{name}_{what}": unit for what, unit in vital.units.items()})
    others = {str(number): _shown(vitals[number], int) for number in sorted(vitals) if number not in VITALS}
    return found | ({"other": others} if others else {})


def _shown(value: int | VitalError, form: Form) -> Any:
    return {"err": value.code} if isinstance(value, VitalError) else form(value)


def _group(found: dict[str, Any], path: Iterable[str]) -> dict[str, Any]:
    for name in path:
        found = found.setdefault(name, {})
    return found
