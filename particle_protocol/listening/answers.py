"""What a host reads out of the console's answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from particle_protocol.json_text import JsonError, parse_json
from particle_protocol.listening import texts

_ID: Final = re.compile(r"(?:Your (?:core|device) id is|Device ID:)\s+([0-9a-fA-F]{24})\b")
_PROPERTY: Final = re.compile(r"^([^:\r\n]+): (.*?)\r?$", re.MULTILINE)
_MAC: Final = re.compile(r"MAC address is\s+([0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})\b")
_VERSION: Final = re.compile(r"system firmware version: (\S+)")
_CLAIMED: Final = re.compile(r"Device claimed: (yes|no)\b")


class ConsoleAnswerError(ValueError):
    """The answer is not what the console says to this command; the message has what came instead."""

    def __init__(self, wanted: str, seen: str) -> None:
        self.wanted = wanted
        self.seen = seen
        super().__init__(f"waited for {wanted} from the serial console; seen: {seen!r}")


@dataclass(frozen=True, slots=True)
class ConsoleIdentity:
    """Who a board says it is. `properties` maps the labels it printed (`Serial Number`, `IMEI`, ...) to their values."""

    device_id: str
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def imei(self) -> str | None:
        """The modem's IMEI, where there is one."""
        return self.properties.get(texts.PROPERTY_LABELS["imei"])

    @property
    def iccid(self) -> str | None:
        """The SIM's ICCID, where there is one."""
        return self.properties.get(texts.PROPERTY_LABELS["iccid"])

    @property
    def serial_number(self) -> str | None:
        """The board's serial number, where it was given one."""
        return self.properties.get(texts.PROPERTY_LABELS["sn"])

    @property
    def mobile_secret(self) -> str | None:
        """The board's mobile secret, where it was given one."""
        return self.properties.get(texts.PROPERTY_LABELS["ms"])


def parse_identity(text: str) -> ConsoleIdentity:
    """Read the answer to `i`, short or long.

    Raises:
        ConsoleAnswerError: there is no device id in it.
    """
    found = _ID.search(text)
    if found is None:
        raise ConsoleAnswerError("a device id", text)
    properties = {label: value for label, value in _PROPERTY.findall(text) if label != "Device ID"}
    return ConsoleIdentity(found[1].lower(), properties)


def parse_mac_address(text: str) -> str:
    """Read the answer to `m`: six pairs of lower-case hex digits with colons.

    Raises:
        ConsoleAnswerError: there is none in it.
    """
    return _find(_MAC, text, "a MAC address").lower()


def parse_version(text: str) -> str:
    """Read the answer to `v`: the Device OS version.

    Raises:
        ConsoleAnswerError: there is none in it.
    """
    return _find(_VERSION, text, "a Device OS version")


def parse_claimed(text: str) -> bool:
    """Read the answer to `c`.

    Raises:
        ConsoleAnswerError: it is neither yes nor no.
    """
    return _find(_CLAIMED, text, "whether the board is claimed") == "yes"


def parse_object(text: str) -> dict[str, Any]:
    """Read the answer to `s` or `d`: one JSON object on a line.

    Raises:
        ConsoleAnswerError: there is none.
    """
    start = text.find("{")
    try:
        found = parse_json(text[start:]) if start >= 0 else None
    except JsonError:
        found = None
    if not isinstance(found, dict):
        raise ConsoleAnswerError("a JSON object", text)
    return found


def _find(pattern: re.Pattern[str], text: str, wanted: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise ConsoleAnswerError(wanted, text)
    return found[1]
