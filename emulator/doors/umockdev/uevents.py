"""The messages by which udev tells programs that a device came or went (systemd 252, src/libsystemd/sd-device/device-monitor.c).

A program's netlink socket becomes a unix socket at `event<fd>` in the testbed directory; to send is to connect to each and write.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PREFIX: Final = b"libudev\0"
_MAGIC: Final = 0xFEEDCAFE
_HEADER_SIZE: Final = 40
_RETRY_SECONDS: Final = 0.01
_PATIENCE: Final = 500
"""How often a message is tried again for a program that does not read; then it is dropped, as netlink does."""


def murmur_hash(text: bytes) -> int:
    """MurmurHash2, 32 bits, seed 0: how a message says what it is about, for the receiver's filter."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    value = len(text)
    whole = len(text) & ~3
    for (word,) in struct.iter_unpack("<I", text[:whole]):
        mixed = word * multiplier & mask
        mixed ^= mixed >> 24
        value = (value * multiplier & mask) ^ (mixed * multiplier & mask)
    tail = text[whole:]
    if tail:
        value = (value ^ int.from_bytes(tail, "little")) * multiplier & mask
    value = (value ^ value >> 13) * multiplier & mask
    return value ^ value >> 15


def encode_uevent(subsystem: str, devtype: str | None, properties: Iterable[tuple[str, str]]) -> bytes:
    """One message of udev's monitor."""
    body = b"".join(f"{key}={value}".encode() + b"\0" for key, value in properties)
    head = struct.pack("@III", _HEADER_SIZE, _HEADER_SIZE, len(body))
    subsystem_hash = murmur_hash(subsystem.encode())
    devtype_hash = murmur_hash(devtype.encode()) if devtype else 0
    return _PREFIX + struct.pack(">I", _MAGIC) + head + struct.pack(">IIII", subsystem_hash, devtype_hash, 0, 0) + body


class UeventSender:
    """Sends messages to every program that listens now. A program that is slow gets them in order, a little later."""

    def __init__(self, loop: asyncio.AbstractEventLoop, root: Path) -> None:
        self._loop = loop
        self._root = root
        self._sequence = 0
        self._late: dict[str, deque[bytes]] = {}
        self._retry: asyncio.TimerHandle | None = None
        self._tries = 0

    def send(self, action: str, devpath: str, subsystem: str, devtype: str | None, properties: Iterable[tuple[str, str]]) -> None:
        """Tell that `action` (add, remove) happened to the device at `devpath`, a path under /sys."""
        self._sequence += 1
        first = [("ACTION", action), ("DEVPATH", devpath), ("SUBSYSTEM", subsystem), ("SEQNUM", str(self._sequence))]
        message = encode_uevent(subsystem, devtype, [*first, *properties])
        for name in sorted(os.listdir(self._root)):
            if name.startswith("event") and name[5:].isdigit():
                self._late.setdefault(name, deque()).append(message)
        self._tries = 0
        self._flush()

    def close(self) -> None:
        """Send no more."""
        if self._retry is not None:
            self._retry.cancel()
        self._late.clear()

    def _flush(self) -> None:
        for name in list(self._late):
            if self._flush_one(name):
                del self._late[name]
        self._tries += 1
        if self._tries > _PATIENCE:
            self._late.clear()
        if self._retry is not None:
            self._retry.cancel()
        self._retry = self._loop.call_later(_RETRY_SECONDS, self._flush) if self._late else None

    def _flush_one(self, name: str) -> bool:
        """Whether nothing is left for this program."""
        path = self._root / name
        waiting = self._late[name]
        with socket.socket(socket.AF_UNIX, socket.SOCK_RAW) as link:
            link.setblocking(False)
            try:
                link.connect(str(path))
                while waiting:
                    link.send(waiting[0])
                    waiting.popleft()
            except BlockingIOError:
                return False
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                return True
        return True
