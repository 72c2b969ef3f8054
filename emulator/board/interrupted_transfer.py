"""What a board remembers of an update over the air, so that an interrupted one can be gone on with.

Boards that take updates of version 3 keep it in a file. Its format is theirs alone; this one is chosen.
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass

from emulator.board.dct_store import DctStore

_LAYOUT = struct.Struct("<II32s32s")
TRANSFER_SIZE = _LAYOUT.size
_NOTHING = b"\xff" * TRANSFER_SIZE


@dataclass(frozen=True, slots=True)
class InterruptedTransfer:
    """A file of which the first `received` bytes lie in the OTA region, or did. Sizes in bytes.

    `sha256` is that of the whole file, `partial_sha256` that of what was received: by it is known whether it is still there.
    """

    size: int
    received: int
    sha256: bytes
    partial_sha256: bytes


class TransferMemory:
    """Where that is kept; a board without a file system remembers nothing."""

    __slots__ = ("_store",)

    def __init__(self, store: DctStore | None) -> None:
        self._store = store

    def load(self) -> InterruptedTransfer | None:
        """What was interrupted; None when nothing was."""
        stored = _NOTHING if self._store is None else self._store.read(0, TRANSFER_SIZE)
        return None if stored == _NOTHING else InterruptedTransfer(*_LAYOUT.unpack(stored))

    def keep(self, transfer: InterruptedTransfer | None) -> None:
        """Remember a transfer, or (None) that there is none."""
        if self._store is not None and transfer != self.load():
            self._store.update({0: _NOTHING if transfer is None else _LAYOUT.pack(*astuple(transfer))})
