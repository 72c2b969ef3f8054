"""The bootloader: what runs first after every reset.

It looks at the MODE button, applies a staged update, and either jumps to the system or shows itself as a DFU device. What a held button
means is that of Device OS 2.3.1, bootloader/src/main.c:309-372; for how long it is held is in the board's hardware table.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.board.board import Board, BootRequest, Firmware
from emulator.board.led_patterns import OFF
from emulator.board.led_theme import bootloader_theme
from emulator.board.status_led import LedSignal
from emulator.clock import Timer
from emulator.device_os.dfu_memory import dfu_alternates
from emulator.device_os.installed import Installed, bootloader_version, installed, installed_version, memory_of
from emulator.device_os.modules import ModuleTable
from emulator.device_os.staged import StagedUpdates
from emulator.device_os.startup import STARTUP_SAFE, startup_mode
from emulator.device_os.update_rules import unpacks
from emulator.usb.dfu_mode import DfuModeDevice
from firmware_images.fields import ModuleFunction
from particle_protocol.dct import FACTORY_RESET_ASKED, SystemFlag
from particle_protocol.dfu import LEAVE_DELAY, DfuDevice, Leave
from particle_protocol.messages.goodbye import ResetReason


class Bootloader:
    """One run of the bootloader. `jump` makes the system that is run when nothing speaks against it."""

    def __init__(self, board: Board, jump: Callable[[Board, Installed], Firmware]) -> None:
        self._board = board
        self._scope = board.scope
        self._jump = jump
        self._hold_times = board.hardware.buttons.bootloader
        self._held_since: float | None = None
        self._timers: list[Timer] = []

    def start(self) -> None:
        """Look at the button; without it, go on at once."""
        board = self._board
        startup_mode(board, clear_bits=STARTUP_SAFE)
        if board.buttons.mode and board.boot_request is BootRequest.NONE:
            self._hold()
            return
        request, board.boot_request = board.boot_request, BootRequest.NONE
        self._go_on(dfu=request is BootRequest.DFU, safe=request is BootRequest.SAFE_MODE)

    def mode_changed(self) -> None:
        """While the button decides: releasing it settles what happens."""
        if self._held_since is not None and not self._board.buttons.mode:
            self._released()

    def _hold(self) -> None:
        self._held_since = self._scope.now
        times = self._hold_times
        steps: list[tuple[float, LedSignal]] = [(times.safe_mode, LedSignal.HOLD_SAFE_MODE), (times.dfu, LedSignal.HOLD_DFU_MODE)]
        if self._factory_image():
            steps.append((times.factory_reset, LedSignal.HOLD_FACTORY_RESET))
        steps.append((times.reset_settings, LedSignal.HOLD_RESET_SETTINGS))
        self._timers = [self._scope.call_later(delay, self._show, signal) for delay, signal in steps]
        self._timers.append(self._scope.call_later(times.end, self._released))

    def _show(self, signal: LedSignal) -> None:
        board = self._board
        board.led.show(bootloader_theme(board.settings, board.hardware.led)[signal], self._scope.now)

    def _released(self) -> None:
        times, held = self._hold_times, self._scope.since(self._held_since or 0.0)
        self._held_since = None
        for timer in self._timers:
            timer.cancel()
        self._board.led.show(OFF, self._scope.now)
        if held > times.reset_settings:
            self._board.settings.put_flag(SystemFlag.NVMEM_RESET, 1)
            self._go_on(factory_reset=self._factory_image())
        elif held > times.factory_reset and self._factory_image():
            self._go_on(factory_reset=True)
        elif held >= times.dfu:
            self._go_on(dfu=True)
        else:
            self._go_on(safe=held >= times.safe_mode)

    def _go_on(self, *, dfu: bool = False, safe: bool = False, factory_reset: bool = False) -> None:
        board = self._board
        staged = self._staged()
        if not dfu and staged.pending:
            self._show(LedSignal.FIRMWARE_UPDATE)
            staged.apply(unpacks=unpacks(board.platform, bootloader_version(board)))
            board.reset_reason = ResetReason.UPDATE
        if factory_reset or (not dfu and board.settings.flag(SystemFlag.FACTORY_RESET) == FACTORY_RESET_ASKED):
            self._show(LedSignal.HOLD_FACTORY_RESET)
            staged.restore_factory_image()
            board.settings.put_flag(SystemFlag.FACTORY_RESET, 0xFFFF)
            board.reset_reason = ResetReason.FACTORY_RESET
        found = installed(board)
        if dfu or not _can_run(found.modules):
            self._enter_dfu()
            return
        if safe:
            startup_mode(board, set_bits=STARTUP_SAFE)
        board.run(self._jump(board, found))

    def _staged(self) -> StagedUpdates:
        return StagedUpdates(self._board, memory_of(self._board, installed_version(self._board)))

    def _factory_image(self) -> bool:
        return self._staged().factory_image() is not None

    def _enter_dfu(self) -> None:
        board = self._board
        self._show(LedSignal.DFU_MODE)
        device = DfuDevice(dfu_alternates(board), board.platform.mcu, on_leave=self._leave_dfu)
        board.attach(DfuModeDevice(board.platform, board.device_id, device, lambda: board.clock.now))

    def _leave_dfu(self, leave: Leave) -> None:
        """The host is done: boot anew, once it has had the answer."""
        request = BootRequest.SAFE_MODE if leave is Leave.SAFE_MODE else BootRequest.NONE
        self._scope.call_later(LEAVE_DELAY, self._board.reset, ResetReason.DFU_MODE, request)


def _can_run(modules: ModuleTable) -> bool:
    """Whether every system part is there and intact: without them there is nothing to jump to."""
    slots = [slot for slot in modules.memory.modules if slot.function == ModuleFunction.SYSTEM_PART]
    found = [modules.find(ModuleFunction.SYSTEM_PART, slot.index) for slot in slots]
    return all(module is not None and module.intact for module in found)
