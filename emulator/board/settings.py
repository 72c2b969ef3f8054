"""The DCT (device configuration table): what a board remembers about itself, kept in flash so that a power cut cannot lose it.

On the Photon it lives in the two 16 KiB sectors at 0x08004000 and 0x08008000, one of which is current. A change writes a whole new
copy into the other sector and marks it complete last, so that at every moment at least one complete copy exists. The fields of the
*application section* have fixed offsets (`particle_protocol.dct`); DFU alternate 1 addresses them by those offsets.

The layout in front of the application section is the vendor's secret and no program can see it; ours is a 64-byte header and the stored
Wi-Fi networks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.board.flash import Flash
from particle_protocol.dct import DctField, SystemFlag

_HEADER = struct.Struct("<4sII")
_MAGIC = b"DCTc"
_INCOMPLETE = 0xFFFFFFFF
_NETWORKS_AT = 0x40
_NETWORK = struct.Struct("<B32sBB64sB")
MAX_NETWORKS = 5
_APPLICATION_AT = 0x1000


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """A Wi-Fi network that the board knows. `security` and `cipher` are numbered as in the serial console."""

    ssid: str
    security: int
    password: str = ""
    cipher: int = 0


class Settings:
    """The DCT of one board, in its flash."""

    __slots__ = ("_copies", "_current", "_flash", "_size")

    def __init__(self, flash: Flash, copies: tuple[int, int] = (0x08004000, 0x08008000)) -> None:
        self._flash = flash
        self._copies = copies
        self._size = flash.sector_at(copies[0]).size
        self._current = self._find()

    def reload(self) -> None:
        """Look again which copy is current: as a boot does, and after the flash was restored."""
        self._current = self._find()

    def read(self, offset: int, length: int) -> bytes:
        """Read from the application section, 0xFF where nothing was ever written and behind its end."""
        if self._current is None:
            return b"\xff" * length
        there = max(0, min(length, self._size - _APPLICATION_AT - offset))
        return self._flash.read(self._current + _APPLICATION_AT + offset, there).ljust(length, b"\xff")

    def get(self, field: DctField) -> bytes:
        """The bytes of a field."""
        return self.read(field.offset, field.size)

    def flag(self, flag: SystemFlag) -> int:
        """The value of a system flag; all ones where it was never set."""
        return int.from_bytes(self.read(flag.offset, flag.size), "little")

    def put_flag(self, flag: SystemFlag, value: int) -> None:
        """Change a system flag."""
        self.write(flag.offset, value.to_bytes(flag.size, "little"))

    def write(self, offset: int, data: bytes) -> None:
        """Change bytes of the application section. Writing what is there already costs no flash.

        Raises:
            ValueError: outside of the section.
            PowerCut: the power went away; either all of the change is there or none of it.
        """
        if offset < 0 or _APPLICATION_AT + offset + len(data) > self._size:
            raise ValueError(f"the DCT has {self._size - _APPLICATION_AT} bytes; {offset} + {len(data)} is outside")
        if self.read(offset, len(data)) != data:
            self._rewrite(_APPLICATION_AT + offset, data)

    def put(self, field: DctField, data: bytes) -> None:
        """Change a field; what `data` leaves of it is filled with 0xFF.

        Raises:
            ValueError: `data` is longer than the field.
        """
        if len(data) > field.size:
            raise ValueError(f"{field.name} has {field.size} bytes, not {len(data)}")
        self.write(field.offset, data.ljust(field.size, b"\xff"))

    @property
    def networks(self) -> tuple[StoredNetwork, ...]:
        """The stored Wi-Fi networks, newest first."""
        if self._current is None:
            return ()
        stored = self._flash.read(self._current + _NETWORKS_AT, MAX_NETWORKS * _NETWORK.size)
        found = []
        for ssid_length, ssid, security, key_length, key, cipher in _NETWORK.iter_unpack(stored):
            if ssid_length <= 32:
                texts = (raw.decode("utf-8", "surrogateescape") for raw in (ssid[:ssid_length], key[:key_length]))
                found.append(StoredNetwork(next(texts), security, next(texts), cipher))
        return tuple(found)

    def add_network(self, network: StoredNetwork) -> None:
        """Remember a network as the newest; the same SSID is replaced, the oldest of six is forgotten."""
        self._put_networks((network, *(each for each in self.networks if each.ssid != network.ssid)))

    def clear_networks(self) -> None:
        """Forget every network."""
        self._put_networks(())

    def commission(self, fields: dict[DctField, bytes], networks: Iterable[StoredNetwork] = ()) -> None:
        """Write a new DCT in one go, as the factory does: these fields and networks, and nothing else."""
        content = bytearray(b"\xff" * (self._size - _HEADER.size))
        for field, data in fields.items():
            if len(data) > field.size:
                raise ValueError(f"{field.name} has {field.size} bytes, not {len(data)}")
            start = _APPLICATION_AT - _HEADER.size + field.offset
            content[start : start + len(data)] = data
        packed = _pack(tuple(networks))
        content[_NETWORKS_AT - _HEADER.size : _NETWORKS_AT - _HEADER.size + len(packed)] = packed
        self._store(bytes(content))

    def wipe(self, keep: tuple[DctField, ...] = ()) -> None:
        """Back to the state of a new board, but for the fields in `keep`."""
        content = bytearray(b"\xff" * (self._size - _HEADER.size))
        for field in keep:
            start = _APPLICATION_AT - _HEADER.size + field.offset
            content[start : start + field.size] = self.get(field)
        self._store(bytes(content))

    def _put_networks(self, networks: tuple[StoredNetwork, ...]) -> None:
        self._rewrite(_NETWORKS_AT, _pack(networks))

    def _find(self) -> int | None:
        best: tuple[int, int] | None = None
        for start in self._copies:
            magic, sequence, incomplete = _HEADER.unpack(self._flash.read(start, _HEADER.size))
            if magic == _MAGIC and incomplete == 0 and (best is None or sequence > best[0]):
                best = (sequence, start)
        return None if best is None else best[1]

    def _rewrite(self, offset: int, data: bytes) -> None:
        if self._current is None:
            content = bytearray(b"\xff" * (self._size - _HEADER.size))
        else:
            content = bytearray(self._flash.read(self._current + _HEADER.size, self._size - _HEADER.size))
        start = offset - _HEADER.size
        content[start : start + len(data)] = data
        self._store(bytes(content))

    def _store(self, content: bytes) -> None:
        """Write a new copy: erase, content, header, and the mark that it is complete."""
        sequence = 0
        target = self._copies[0]
        if self._current is not None:
            sequence = _HEADER.unpack(self._flash.read(self._current, _HEADER.size))[1] + 1
            target = self._copies[1] if self._current == self._copies[0] else self._copies[0]
        self._flash.erase(target)
        self._flash.program(target + _HEADER.size, content)
        self._flash.program(target, _HEADER.pack(_MAGIC, sequence, _INCOMPLETE))
        self._flash.program(target + 8, bytes(4))
        self._current = target


def _pack(networks: tuple[StoredNetwork, ...]) -> bytes:
    packed = b""
    for network in networks[:MAX_NETWORKS]:
        ssid, key = (text.encode("utf-8", "surrogateescape") for text in (network.ssid, network.password))
        packed += _NETWORK.pack(len(ssid), ssid, network.security, len(key), key, network.cipher)
    return packed.ljust(MAX_NETWORKS * _NETWORK.size, b"\xff")
