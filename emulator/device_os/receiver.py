"""Receiving an update while Device OS runs: into the OTA region, checked, and then to where its module's function belongs.

The same for updates over USB (control requests 250 to 253) and over the air. A bootloader is no exception here: it too waits for the next
boot. (Device OS 2.3.1, system/src/control/storage.cpp, hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp.)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from emulator.board.board import Board
from emulator.board.flash import FlashError
from emulator.device_os.assets import Assets
from emulator.device_os.installers import Target, installer_of
from emulator.device_os.modules import ModuleTable
from emulator.device_os.staged import NoModule, OutOfRegion, StagedModule, StagedUpdates
from emulator.device_os.update_rules import UpdateRules
from firmware_images.combined import MAX_ON_DEVICE
from firmware_images.device_rules import BOOT_CHECKS, UPDATE_CHECKS, Check, ModuleError, Validity, validate
from firmware_images.module import Module
from particle_protocol.control_requests.codes import Result
from particle_protocol.platforms import OsVersion


@dataclass(frozen=True, slots=True)
class _Judged:
    """The modules to install, or what is wrong."""

    error: ModuleError | None
    modules: tuple[StagedModule, ...] = ()


class CannotBegin(ValueError):
    """There is no room for an update, modules of its kind are not taken, or another one is under way: `result` says which."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.text)
        self.result = result


class UpdateReceiver:
    """One update at a time, piece by piece: it is over USB or over the air, and whoever began first goes on.

    (Device OS 6.2.0, system/src/firmware_update.cpp: a second one is refused. Earlier versions are taken to do the same.)
    """

    def __init__(self, board: Board, modules: ModuleTable, version: OsVersion, assets: Assets | None) -> None:
        self._board = board
        self.rules = UpdateRules.of(board.platform, version)
        self._modules = modules
        self._staged = StagedUpdates(board, modules.memory)
        self._target = Target(board, modules, self.rules, self._staged, assets)
        self.size = 0
        self.received = 0
        self.active = False

    @property
    def capacity(self) -> int:
        """The largest update that can be received, in bytes."""
        return self._staged.region.size

    def begin(self, size: int) -> None:
        """Make room for an update of `size` bytes; one that was interrupted is forgotten.

        Raises:
            CannotBegin: see there.
        """
        self.resume(size, 0)

    def resume(self, size: int, kept: int, module_function: int | None = None) -> int:
        """The same, where `kept` bytes lie there already: gives how many of them are left, for flash is erased by sectors.

        `module_function` is of the module that will come, if that was told. An update that reaches over the assets costs all of them.

        Raises:
            CannotBegin: see there.
        """
        result = Result.INVALID_STATE if self.active else self._prepare(size, module_function)
        if result is not Result.OK:
            raise CannotBegin(result)
        if not kept:
            self._board.transfer.keep(None)
        kept = self._staged.prepare(size, kept)
        self.size, self.received, self.active = size, kept, True
        return kept

    def _prepare(self, size: int, module_function: int | None) -> Result:
        if module_function is not None and installer_of(module_function) is None:
            return Result.OTA_UNSUPPORTED_MODULE
        if not 0 < size <= self.capacity:
            return Result.TOO_LARGE
        assets = self._target.assets
        return Result.OK if assets is None else assets.prepare(size, module_function)

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
        return int(self._judged().error or 0)

    def finish(self) -> int:
        """Judge it, and install it when it is sound: 0, or the error code of the first module that cannot be."""
        self.active = False
        judged = self._judged()
        if judged.error is not None:
            return int(judged.error)
        for staged in judged.modules:
            installer = installer_of(staged.module.prefix.function)
            error = ModuleError.UNSUPPORTED if installer is None else installer.install(self._target, staged)
            if error is not None:
                return int(error)
        return 0

    def _judged(self) -> _Judged:
        """The modules that were received and count, and what is wrong with the first that is no good.

        All that are announced have to be there and to belong somewhere; of more than `MAX_ON_DEVICE` the rest is left (Device OS 6.2.0,
        hal/src/nRF52840/ota_flash_hal.cpp, fetchModules and validateModules).
        """
        try:
            found = list(self._staged.modules() if self.rules.packed else [self._staged.only_module()])
        except NoModule:
            return _Judged(ModuleError.NOT_FOUND)
        except OutOfRegion:
            return _Judged(ModuleError.INVALID_SIZE)
        if not all(self.rules.has_place(staged.module) for staged in found):
            return _Judged(ModuleError.NOT_FOUND)
        del found[MAX_ON_DEVICE:]
        errors = (self._fault(staged.module) for staged in found)
        error = next((error for error in errors if error is not None), None)
        return _Judged(error, tuple(found) if error is None else ())

    def _fault(self, module: Module) -> ModuleError | None:
        installer = installer_of(module.prefix.function)
        if installer is None:
            return ModuleError.UNSUPPORTED
        return self._verdict(module).error or self.rules.fault(module) or installer.fault(self._target, module)

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
            checks=UPDATE_CHECKS,
            user_optional=True,
            made_here=self._modules.made_here,
        )

    def sha256(self, size: int) -> bytes:
        """The hash of the first `size` bytes of the OTA region."""
        return hashlib.sha256(self._staged.read(size)).digest()
