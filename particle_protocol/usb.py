"""USB control transfers as data, and host-side conversations as generators.

A host-side core never touches a USB library. It is a generator that *yields* what it wants done and is *sent* what came back:

* `Transfer` asks for one control transfer; the generator is sent the bytes read (IN) or `b""` (OUT). A stall is thrown into it as `Stall`.
* `Pause` asks for time to pass; the generator is sent `b""`.

Its return value is the result of the conversation. The same core therefore runs over pyusb, in process, or against its twin in a test.

Numbers are those of the USB 2.0 specification, chapter 9.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar


class Stall(Exception):
    """The device answered a control transfer with a STALL handshake: it does not know, or does not allow, the request."""


class RequestType(enum.IntFlag):
    """Bits of bmRequestType (USB 2.0, table 9-2)."""

    IN = 0x80
    CLASS = 0x20
    VENDOR = 0x40
    INTERFACE = 0x01
    ENDPOINT = 0x02


class StandardRequest(enum.IntEnum):
    """bRequest of the standard device requests (USB 2.0, table 9-4)."""

    GET_STATUS = 0
    CLEAR_FEATURE = 1
    SET_FEATURE = 3
    SET_ADDRESS = 5
    GET_DESCRIPTOR = 6
    SET_DESCRIPTOR = 7
    GET_CONFIGURATION = 8
    SET_CONFIGURATION = 9
    GET_INTERFACE = 10
    SET_INTERFACE = 11


class DescriptorType(enum.IntEnum):
    """Descriptor types (USB 2.0, table 9-5; DFU 1.1a, table 4.2; interface association: USB ECN)."""

    DEVICE = 1
    CONFIGURATION = 2
    STRING = 3
    INTERFACE = 4
    ENDPOINT = 5
    INTERFACE_ASSOCIATION = 11
    DFU_FUNCTIONAL = 0x21
    CS_INTERFACE = 0x24


@dataclass(frozen=True, slots=True)
class Setup:
    """The eight bytes of a SETUP packet. Multi-byte fields are little endian on the wire (USB 2.0, 9.3)."""

    request_type: int
    request: int
    value: int
    index: int
    length: int

    @property
    def is_in(self) -> bool:
        """Whether the data stage, if any, goes from the device to the host."""
        return bool(self.request_type & RequestType.IN)

    def encode(self) -> bytes:
        """The packet as its 8 bytes."""
        return struct.pack("<BBHHH", self.request_type, self.request, self.value, self.index, self.length)

    @classmethod
    def decode(cls, data: bytes) -> Setup:
        """Parse 8 bytes.

        Raises:
            ValueError: not exactly 8 bytes.
        """
        if len(data) != 8:
            raise ValueError(f"a SETUP packet has 8 bytes, not {len(data)}")
        return cls(*struct.unpack("<BBHHH", data))

    def __str__(self) -> str:
        way = "IN " if self.is_in else "OUT"
        return f"{way} {self.request_type:02x} {self.request:02x} value={self.value:04x} index={self.index:04x} length={self.length}"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One control transfer that a host-side core asks for. `data` is the data stage of an OUT transfer."""

    setup: Setup
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Pause:
    """Time that a host-side core wants to let pass, in seconds."""

    seconds: float


T = TypeVar("T")

HostSteps: TypeAlias = Generator[Transfer | Pause, bytes, T]
"""A host-side conversation; its return value is the result."""
