"""CDC ACM, the USB class of serial ports: requests, line coding, descriptors (USB CDC 1.2; PSTN 1.2, sections 5.3 and 6)."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import Final

from particle_protocol.usb import DescriptorType

COMMUNICATION_CLASS: Final = 0x02
ABSTRACT_CONTROL_MODEL: Final = 0x02
AT_COMMANDS: Final = 0x01
DATA_CLASS: Final = 0x0A

_LINE_CODING = struct.Struct("<IBBB")


class CdcRequest(enum.IntEnum):
    """bRequest of the class requests to the communication interface (PSTN 1.2, table 13)."""

    SET_LINE_CODING = 0x20
    GET_LINE_CODING = 0x21
    SET_CONTROL_LINE_STATE = 0x22
    SEND_BREAK = 0x23


class ControlLine(enum.IntFlag):
    """wValue of SET_CONTROL_LINE_STATE (PSTN 1.2, table 18)."""

    DTR = 0x01
    RTS = 0x02


@dataclass(frozen=True, slots=True)
class LineCoding:
    """Speed and frame of a serial port, as SET_LINE_CODING carries them.

    `stop_bits`: 0 for 1, 1 for 1.5, 2 for 2. `parity`: 0 none, 1 odd, 2 even, 3 mark, 4 space.
    """

    baud: int = 9600
    stop_bits: int = 0
    parity: int = 0
    data_bits: int = 8

    def encode(self) -> bytes:
        """The seven bytes."""
        return _LINE_CODING.pack(self.baud, self.stop_bits, self.parity, self.data_bits)

    @classmethod
    def decode(cls, data: bytes) -> LineCoding:
        """Parse a line coding; what follows the seven bytes is passed over.

        Raises:
            ValueError: there are fewer than seven bytes.
        """
        if len(data) < _LINE_CODING.size:
            raise ValueError(f"a line coding has {_LINE_CODING.size} bytes, not {len(data)}")
        return cls(*_LINE_CODING.unpack_from(data))

    def __str__(self) -> str:
        stop = ("1", "1.5", "2")[self.stop_bits] if self.stop_bits < 3 else "?"
        parity = "NOEMS"[self.parity] if self.parity < 5 else "?"
        return f"{self.baud} baud {self.data_bits}{parity}{stop}"


def functional_descriptors(communication: int, data: int, *, call_management: int = 0) -> bytes:
    """The class-specific descriptors of a communication interface: header 1.10, call management, ACM, union.

    `communication` and `data` are the interface numbers. The ACM capabilities 0x02 stand for line coding and control lines.
    """
    kind = DescriptorType.CS_INTERFACE
    return bytes((
        *(5, kind, 0x00, 0x10, 0x01),
        *(5, kind, 0x01, call_management, data),
        *(4, kind, 0x02, 0x02),
        *(5, kind, 0x06, communication, data),
    ))  # fmt: skip
