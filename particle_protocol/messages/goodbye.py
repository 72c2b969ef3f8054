"""Goodbye: a device says why it disconnects."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from particle_protocol.coap import Code, Message, Option, Type, path_options
from particle_protocol.messages.errors import MessageError


class CloudReason(enum.IntEnum):
    """Why the cloud connection ends (Device OS 6.2.0, services/inc/system_defs.h:51-97)."""

    ERROR = 1
    USER = 2
    NETWORK_DISCONNECT = 3
    LISTENING = 4
    SYSTEM_RESET = 5
    SLEEP = 6
    UNKNOWN = 7
    SERVER_MOVED = 8


class NetworkReason(enum.IntEnum):
    """Why the network goes away (ibidem)."""

    ERROR = 1
    USER = 2
    NETWORK_OFF = 3
    LISTENING = 4
    SLEEP = 5
    RESET = 6
    UNKNOWN = 7


class ResetReason(enum.IntEnum):
    """Why a device resets, or did (ibidem)."""

    NONE = 0
    UNKNOWN = 10
    PIN_RESET = 20
    POWER_MANAGEMENT = 30
    POWER_DOWN = 40
    POWER_BROWNOUT = 50
    WATCHDOG = 60
    UPDATE = 70
    UPDATE_ERROR = 80
    UPDATE_TIMEOUT = 90
    FACTORY_RESET = 100
    SAFE_MODE = 110
    DFU_MODE = 120
    PANIC = 130
    USER = 140
    CONFIG_UPDATE = 150


_CLOUD, _RESET, _SLEEP, _NETWORK = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Goodbye:
    """A graceful end of a session. `sleep` is how long the device will sleep, in seconds.

    Payload: a set of flags and then the values present, each an unsigned varint (Device OS 6.2.0, communication/src/messages.cpp:345-388).
    """

    cloud: int | None = None
    reset: int | None = None
    sleep: int | None = None
    network: int | None = None
    confirmable: bool = False

    def encode(self, message_id: int) -> Message:
        """The message: NON with an empty No-Response option (TCP), or CON (UDP)."""
        present = [(bit, each) for bit, each in zip((_CLOUD, _RESET, _SLEEP, _NETWORK), self._values(), strict=True) if each is not None]
        payload = _push_varint(sum(bit for bit, _ in present)) + b"".join(_push_varint(each) for _, each in present)
        if self.confirmable:
            return Message(Type.CON, Code.POST, message_id, b"", path_options("x"), payload)
        return Message(Type.NON, Code.POST, message_id, b"", (*path_options("x"), (int(Option.NO_RESPONSE), b"")), payload)

    @classmethod
    def decode(cls, message: Message) -> Goodbye:
        """Read a Goodbye. Without a payload it gives no reason at all.

        Raises:
            MessageError: the payload ends early, or has unknown flags or something behind its end.
        """
        if message.code != Code.POST or message.path != "x":
            raise MessageError("Goodbye", message, "POST /x was expected")
        flags, at = _pull_varint(message, 0) if message.payload else (0, 0)
        if flags & ~0x0F:
            raise MessageError("Goodbye", message, f"unknown flags {flags:#x}")
        values: list[int | None] = []
        for bit in (_CLOUD, _RESET, _SLEEP, _NETWORK):
            value = None
            if flags & bit:
                value, at = _pull_varint(message, at)
            values.append(value)
        if at != len(message.payload):
            raise MessageError("Goodbye", message, f"{len(message.payload) - at} bytes behind its end")
        cloud, reset, sleep, network = values
        return cls(cloud, reset, sleep, network, message.type is Type.CON)

    def _values(self) -> tuple[int | None, ...]:
        return self.cloud, self.reset, self.sleep, self.network

    def __str__(self) -> str:
        names = (("cloud", CloudReason), ("reset", ResetReason), ("sleep", None), ("network", NetworkReason))
        reasons = []
        for (name, registry), value in zip(names, self._values(), strict=True):
            if value is not None:
                known = registry is not None and value in registry.__members__.values()
                reasons.append(f"{name} {registry(value).name if known and registry else value}")
        return f"Goodbye: {', '.join(reasons) or 'no reason'}"


def _push_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _pull_varint(message: Message, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message.payload) or shift > 28:
            raise MessageError("Goodbye", message, "a number in it does not end")
        byte = message.payload[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
