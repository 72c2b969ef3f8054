"""Receiving an update while Device OS runs: into the OTA region, checked, entered for the bootloader.

The same for updates over USB (control requests 250 to 253) and over the air. A bootloader is no exception here: it too waits for the next
boot. (Device OS 2.3.1, system/src/control/storage.cpp, hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp.)
"""

from __future__ import annotations

from emulator.board.board import Board
from emulator.board.flash import FlashError
from emulator.device_os.modules import ModuleTable
from emulator.device_os.staged import StagedUpdates
from firmware_images.device_rules import BOOT_CHECKS, ModuleError, validate
from firmware_images.module import Module


class UpdateReceiver:
    """One update at a time, piece by piece."""

    def __init__(self, board: Board, modules: ModuleTable) -> None:
        self._board = board
        self._modules = modules
        self._staged = StagedUpdates(board, modules.memory)
        self.size = 0
        self.received = 0
        self.active = False

    @property
    def capacity(self) -> int:
        """The largest update that can be received, in bytes."""
        return self._staged.region.size

    def begin(self, size: int) -> None:
        """Make room for an update of `size` bytes; one that was running is forgotten.

        Raises:
            ValueError: there is no such room.
        """
        self.active = False
        self._staged.prepare(size)
        self.size, self.received, self.active = size, 0, True

    def write(self, offset: int, data: bytes) -> None:
        """Store a piece of the update.

        Raises:
            FlashError: outside of what was announced.
        """
        if not self.active or offset + len(data) > self.size:
            raise FlashError(f"{len(data)} bytes at {offset} of an update of {self.size}")
        self._staged.write(offset, data)
        self.received = max(self.received, offset + len(data))

    def cancel(self) -> None:
        """Forget the update."""
        self.active = False

    def module(self) -> Module | None:
        """The module that was received, or None when it is none."""
        return self._staged.module()

    def validate(self) -> int:
        """Judge what was received: 0, or the error code that the device reports."""
        module = self._staged.module()
        if module is None:
            return int(ModuleError.NOT_FOUND)
        verdict = validate(
            module,
            self._board.platform.id,
            self._modules.prefixes,
            checks=BOOT_CHECKS,
            user_optional=True,
            made_here=self._modules.made_here,
        )
        return 0 if verdict.error is None else int(verdict.error)

    def finish(self) -> int:
        """Judge it, and enter it for the next boot when it is sound. Returns as `validate`."""
        self.active = False
        result = self.validate()
        module = self._staged.module()
        if result == 0 and module is not None:
            self._staged.enter(self._modules.memory.slot(module.prefix.function, module.prefix.index), module)
        return result
