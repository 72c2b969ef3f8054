"""An update over the air of version 3 on its way into flash (`particle_protocol.ota.UpdateStore`).

What has come of a file is kept when its transfer ends before its time, over a reset and without power too: when the cloud begins with a
file of the same size and hash, it is gone on with (Device OS 6.2.0, communication/src/firmware_update.cpp, system/src/firmware_update.cpp).
"""

from __future__ import annotations

from typing import Final

from emulator.board.flash import FlashError
from emulator.board.interrupted_transfer import InterruptedTransfer, TransferMemory
from emulator.device_os.receiver import CannotBegin, UpdateReceiver
from particle_protocol.control_requests.codes import Result
from particle_protocol.ota import UpdateFault

KEPT_EVERY: Final = 65_536
"""After so many bytes it is noted how far a transfer has come. Chosen: so seldom that the note's place in flash lasts."""


class UpdateStore:
    """Where files go that come over the air."""

    def __init__(self, receiver: UpdateReceiver, memory: TransferMemory) -> None:
        self._receiver = receiver
        self._memory = memory
        self._sha256: bytes | None = None
        self._offset = 0
        self._whole = 0
        """How many bytes have come without a gap."""
        self._beyond: dict[int, int] = {}
        """Pieces behind a gap: where each begins and ends."""

    @property
    def capacity(self) -> int:
        """See `ota.UpdateStore`."""
        return self._receiver.capacity

    def begin(self, size: int, sha256: bytes | None, *, discard: bool, module_function: int | None) -> int:
        """See `ota.UpdateStore`."""
        kept = 0 if discard or sha256 is None else self._kept(size, sha256)
        try:
            self._offset = self._whole = self._receiver.resume(size, kept, module_function)
        except CannotBegin as error:
            raise UpdateFault(error.result) from None
        self._sha256 = sha256
        self._beyond.clear()
        return self._offset

    def _kept(self, size: int, sha256: bytes) -> int:
        """How much of a file lies in the OTA region from before: what is no longer as it was received counts for nothing."""
        before = self._memory.load()
        if before is None or (before.size, before.sha256) != (size, sha256) or not before.received <= size <= self.capacity:
            return 0
        return before.received if self._receiver.sha256(before.received) == before.partial_sha256 else 0

    def write(self, offset: int, data: bytes) -> None:
        """See `ota.UpdateStore`."""
        try:
            self._receiver.write(offset, data)
        except FlashError as error:
            raise UpdateFault(Result.FLASH_IO, str(error)) from None
        noted = self._whole // KEPT_EVERY
        self._beyond[offset] = offset + len(data)
        while self._whole in self._beyond:
            self._whole = self._beyond.pop(self._whole)
        if self._whole // KEPT_EVERY > noted:
            self._keep()

    def validate(self) -> None:
        """See `ota.UpdateStore`."""
        if self._sha256 is not None and self._receiver.sha256(self._receiver.size) != self._sha256:
            raise UpdateFault(Result.OTA_RESUMED_UPDATE_FAILED if self._offset else Result.OTA_INTEGRITY_CHECK_FAILED)
        result = self._receiver.validate()
        if result:
            raise UpdateFault(result)

    def suspend(self, *, discard: bool) -> None:
        """See `ota.UpdateStore`."""
        self._receiver.cancel()
        if discard:
            self._memory.keep(None)
        else:
            self._keep()

    def apply(self) -> int:
        """Install what was received. Returns as `UpdateReceiver.finish`."""
        self._memory.keep(None)
        return self._receiver.finish()

    def _keep(self) -> None:
        if self._sha256 is not None and self._whole:
            partial = self._receiver.sha256(self._whole)
            self._memory.keep(InterruptedTransfer(self._receiver.size, self._whole, self._sha256, partial))
