"""Memories and devices to test DFU with."""

from __future__ import annotations

import pytest

from particle_protocol.dfu import DfuDevice, DfuFault, DfuseMap
from particle_protocol.platforms import platform_by_name
from particle_protocol.usb import Stall


class Memory:
    """Flash by sectors: erased is 0xFF, programming clears bits. A DCT is simply overwritten."""

    def __init__(self, name: str, *, seconds: float = 0.0) -> None:
        self.name = name
        self.erase_time = seconds
        self.program_time = seconds / 2
        self.map = DfuseMap.parse(name)
        self.sectors: dict[int, bytearray] = {}
        self.operations: list[str] = []
        self.broken = False

    @property
    def firmware(self) -> int:
        """An address that firmware may be written to."""
        return next(s.start for s in reversed(self.map.segments) if s.letter == "g")

    def _pieces(self, address: int, length: int):
        """The range, sector by sector: the sector's bytes, and the part of the range in it."""
        end = address + length
        while address < end:
            segment = self.map.segment_at(address)
            start = segment.sector_start(address)
            sector = self.sectors.setdefault(start, bytearray(b"\xff" * segment.sector_size))
            upto = min(end, start + segment.sector_size)
            yield sector, slice(address - start, upto - start)
            address = upto

    def read(self, address: int, length: int) -> bytes:
        self._maybe_fail()
        return b"".join(bytes(sector[part]) for sector, part in self._pieces(address, length))

    def erase(self, address: int) -> None:
        self._maybe_fail()
        self.operations.append(f"erase {address:#x}")
        self.sectors.pop(address, None)

    def program(self, address: int, data: bytes) -> None:
        self._maybe_fail()
        self.operations.append(f"program {address:#x} {len(data)}")
        flash = not self.name.startswith("@DCT")
        for sector, part in self._pieces(address, len(data)):
            piece, data = data[: part.stop - part.start], data[part.stop - part.start :]
            sector[part] = bytes(a & b for a, b in zip(sector[part], piece, strict=True)) if flash else piece

    def _maybe_fail(self) -> None:
        if self.broken:
            raise DfuFault("worn out")


class Board:
    """A DFU device with its memories, a clock that pauses move, and what it told its owner."""

    def __init__(self, platform: str = "photon", *, seconds: float = 0.0, **options) -> None:
        self.platform = platform_by_name(platform)
        self.memories = [Memory(name, seconds=seconds) for name in self.platform.dfu_alternates]
        self.events: list[object] = []
        self.now = 0.0
        self.device = DfuDevice(
            self.memories,
            self.platform.mcu,
            on_leave=self.events.append,
            on_detach=lambda: self.events.append("detach"),
            on_clear_override=lambda: self.events.append("override ended"),
            **options,
        )

    def control(self, setup, data=b"") -> bytes:
        """As a USB device would: DFU requests, SET_INTERFACE, descriptors and strings."""
        if setup.request_type in (0x21, 0xA1):
            return self.device.control(setup, data, self.now)
        if setup.request_type == 0x01:
            self.device.alternate = setup.value
            return b""
        kind, index = setup.value >> 8, setup.value & 0xFF
        first = self.device.rules.interface_string
        if kind == 2:
            alternates = b"".join(bytes((9, 4, 0, i, 0, 0xFE, 1, 2, first + i)) for i in range(len(self.memories)))
            total = 18 + len(alternates)
            whole = bytes((9, 2, total, 0, 1, 1, 4, 0xC0, 0x32)) + alternates + bytes.fromhex("09210bff0000101a01")
            return whole[: setup.length]
        text = self.memories[index - first].name if first <= index < first + len(self.memories) else self.device.string(index)
        if text is None:
            raise Stall
        raw = text.encode("utf-16-le")
        return (bytes((len(raw) + 2, 3)) + raw)[: setup.length]

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="session")
def board():
    return Board


@pytest.fixture(scope="session")
def memory():
    return Memory
