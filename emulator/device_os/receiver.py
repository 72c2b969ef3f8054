"""Receiving an update while Device OS runs: into the OTA region, checked, and then to where its module's function belongs.

The same for updates over USB (control requests 250 to 253) and over the air. A bootloader is no exception here: it too waits for the next
boot. (Device OS 2.3.1, system/src/control/storage.cpp, hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp.)
"""

from __future__ import annotations

import hashlib

from emulator.board.board import Board
from emulator.board.flash import FlashError
from emulator.device_os.installers import installer_of
from emulator.device_os.modules import ModuleTable
from emulator.device_os.staged import StagedUpdates
from firmware_images.device_rules import BOOT_CHECKS, Check, ModuleError, Validity, validate
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
        """Make room for an update of `size` bytes; one that was running, or was interrupted, is forgotten.

        Raises:
            ValueError: there is no such room.
        """
        self.resume(size, 0)

    def resume(self, size: int, kept: int) -> int:
        """The same, where `kept` bytes lie there already: gives how many of them are left, for flash is erased by sectors.

        Raises:
            ValueError: there is no such room.
        """
        self.active = False
        if not kept:
            self._board.transfer.keep(None)
        kept = self._staged.prepare(size, kept)
        self.size, self.received, self.active = size, kept, True
        return kept

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
        installer = installer_of(module.prefix.function)
        if installer is None:
            return int(ModuleError.UNSUPPORTED)
        verdict = self._verdict(module)
        error = installer.fault(self._board, module) if verdict.error is None else verdict.error
        return 0 if error is None else int(error)

    def failed_checks(self) -> Check:
        """The checks that what was received does not pass; all of them when it is no module at all."""
        module = self._staged.module()
        if module is None:
            return BOOT_CHECKS
        verdict = self._verdict(module)
        return verdict.checked & ~verdict.passed

    def _verdict(self, module: Module) -> Validity:
        return validate(
            module,
            self._board.platform.id,
            self._modules.prefixes,
            checks=BOOT_CHECKS,
            user_optional=True,
            made_here=self._modules.made_here,
        )

    def finish(self) -> int:
        """Judge it, and install it when it is sound. Returns as `validate`."""
        self.active = False
        result = self.validate()
        module = self._staged.module()
        installer = None if module is None else installer_of(module.prefix.function)
        if result == 0 and module is not None and installer is not None:
            installer.install(self._board, self._modules, self._staged, module)
        return result

    def sha256(self) -> bytes:
        """The hash of what was received, as long as it was announced."""
        return hashlib.sha256(self._staged.read(self.size)).digest()
