"""The commands of SoftAP on the board: what each answers, byte for byte, and what it asks of the firmware.

A command is a generator. It yields the pieces that the firmware writes one by one (over HTTP each becomes a chunk of its own), and
`SCAN` where it waits for a scan; it is sent what was heard then, or None when no scan could be begun.

Source: Device OS 2.3.1, hal/src/photon/softap.cpp.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from particle_protocol.softap.credentials import Configuration, read_configuration
from particle_protocol.softap.flat_json import FlatJsonError, flat_pairs
from particle_protocol.softap.requests import SetupPage

PROTOCOL_VERSION: Final = 2
PUBLIC_KEY_SIZE: Final = 294
"""Bytes that `public-key` answers: the size of a server's key. A board's own is shorter, and zeros follow it."""
CLAIM_CODE_KEY: Final = "cc"
_SETTING_KEY, _SETTING_VALUE = 2, 63
"""Characters that `set` has room for; more are cut off."""


class Scan(enum.Enum):
    """What a command waits for."""

    SCAN = "a scan"


SCAN: Final = Scan.SCAN


@dataclass(frozen=True, slots=True)
class HeardNetwork:
    """A network that a scan found. `rssi` in dBm, `max_rate` in kbit/s, `security` as `security_mask` has it."""

    ssid: bytes
    rssi: int
    security: int
    channel: int
    max_rate: int


Heard: TypeAlias = Sequence[HeardNetwork] | None
Steps: TypeAlias = Generator[bytes | Scan, Heard, None]


class SoftApFirmware(Protocol):
    """What the commands ask of the firmware around them."""

    def device_id(self) -> str:
        """24 hexadecimal digits."""

    def is_claimed(self) -> bool:
        """Whether the board was ever claimed."""

    def public_key(self) -> bytes | None:
        """The board's public key, DER; None when it has none that can be read."""

    def decrypt(self, data: bytes) -> bytes | int:
        """What 128 bytes say that were encrypted for the board; the negative number of the error when they say nothing."""

    def set_claim_code(self, code: bytes) -> int:
        """Store a claim code of 1 to 63 bytes; 0, or an error."""

    def needs_scan(self, wanted: Configuration) -> bool:
        """Whether a scan has to tell how a network is protected before these credentials can be judged."""

    def save_credentials(self, wanted: Configuration, heard: Heard) -> int:
        """Judge them by what the scan found (None: there was none), and store them; 0, or an error."""

    def select_antenna(self, *, external: bool) -> None:
        """Use that antenna from now on."""

    def page(self, path: str, body: bytes) -> SetupPage | None:
        """What the application answers to that path; None where it has no pages, so that the system answers."""

    def leave(self) -> None:
        """Set-up is over: listening mode is to end once the answer is out."""


def has_body(name: str) -> bool:
    """Whether a command reads what comes with it."""
    return name in _WITH_BODY


def run(name: str, body: bytes, firmware: SoftApFirmware) -> Steps | None:
    """The command of that name; None when there is none, or nothing to answer."""
    if name in _ANTENNAS:
        firmware.select_antenna(external=_ANTENNAS[name])
        return None
    command = _COMMANDS.get(name)
    return None if command is None else command(body, firmware)


def _version(body: bytes, firmware: SoftApFirmware) -> Steps:
    yield b'{"v":%d}' % PROTOCOL_VERSION


def _device_id(body: bytes, firmware: SoftApFirmware) -> Steps:
    yield b"{"
    yield from _text(b"id", firmware.device_id().upper().encode())
    yield b","
    yield from _text(b"c", b"1" if firmware.is_claimed() else b"0")
    yield b"}"


def _scan_ap(body: bytes, firmware: SoftApFirmware) -> Steps:
    heard = yield SCAN
    yield b'{"scans":['
    first = True
    for network in heard or ():
        if not network.ssid:
            continue
        if not first:
            yield b","
        first = False
        yield b"{"
        yield from _text(b"ssid", network.ssid[:32].partition(b"\0")[0])
        numbers = {b"rssi": network.rssi, b"sec": network.security, b"ch": network.channel, b"mdr": network.max_rate}
        for key, value in numbers.items():
            yield b","
            yield from _number(key, value)
        yield b"}"
    yield b"]}"


def _configure_ap(body: bytes, firmware: SoftApFirmware) -> Steps:
    try:
        wanted = read_configuration(body, firmware.decrypt)
    except FlatJsonError:
        return
    result = wanted.fault
    if not result:
        heard = (yield SCAN) if firmware.needs_scan(wanted) else None
        result = firmware.save_credentials(wanted, heard)
    yield from _result(result)


def _connect_ap(body: bytes, firmware: SoftApFirmware) -> Steps:
    firmware.leave()
    yield from _result(0)


def _public_key(body: bytes, firmware: SoftApFirmware) -> Steps:
    key = firmware.public_key()
    yield b"{"
    if key is not None:
        yield b'"b":"'
        for digit in key.ljust(PUBLIC_KEY_SIZE, b"\0")[:PUBLIC_KEY_SIZE].hex().upper():
            yield digit.encode()
        yield b'"'
        yield b","
    yield from _number(b"r", 1 if key is None else 0)
    yield b"}"


def _set(body: bytes, firmware: SoftApFirmware) -> Steps:
    try:
        given = dict(flat_pairs(body, {"k": bytes, "v": bytes}))
    except FlatJsonError:
        return
    key, value = (part if isinstance(part := given.get(name), bytes) else b"" for name in ("k", "v"))
    result = -1
    if key[:_SETTING_KEY] == CLAIM_CODE_KEY.encode() and value:
        result = firmware.set_claim_code(value[:_SETTING_VALUE])
    yield from _result(result)


def _result(number: int) -> Iterator[bytes]:
    yield b"{"
    yield from _number(b"r", number)
    yield b"}"


def _text(key: bytes, value: bytes) -> Iterator[bytes]:
    """A key and a string, which is not escaped."""
    yield from _quoted(key)
    yield b":"
    yield from _quoted(value)


def _number(key: bytes, value: int) -> Iterator[bytes]:
    yield from _quoted(key)
    yield b":"
    yield b"%d" % value


def _quoted(text: bytes) -> Iterator[bytes]:
    yield b'"'
    if text:
        yield text
    yield b'"'


_COMMANDS: Final[dict[str, Callable[[bytes, SoftApFirmware], Steps]]] = {
    "version": _version,
    "device-id": _device_id,
    "scan-ap": _scan_ap,
    "configure-ap": _configure_ap,
    "connect-ap": _connect_ap,
    "public-key": _public_key,
    "set": _set,
}
_ANTENNAS: Final = {"ant-internal": False, "ant-external": True}
"""What switches the antenna and answers nothing, on port 5609 only (softap.cpp:1477-1483)."""
_WITH_BODY: Final = frozenset({"configure-ap", "set"})
