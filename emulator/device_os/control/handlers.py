"""What the groups of control requests share: handlers, refusals, and a reset after the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from emulator.board.board import BootRequest
from particle_protocol.control_requests.codes import Result
from particle_protocol.control_requests.device import Request
from particle_protocol.messages.goodbye import ResetReason

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

Handler: TypeAlias = Callable[[Request], None]


NO_SUCH_FEATURE = -1
"""What the Photon's HAL answers to setting a feature that the chip has not, which no table of results knows
(Device OS 2.3.1, hal/src/stm32f2xx/core_hal_stm32f2xx.c, HAL_Feature_Set)."""


class Refused(Exception):
    """A handler ends its request with a result other than OK."""

    def __init__(self, result: int) -> None:
        self.result = result
        super().__init__(result)


def reset_afterwards(system: DeviceOs, request: Request, reason: ResetReason, boot: BootRequest = BootRequest.NONE) -> None:
    """Answer a request with OK, and reset once the host has collected the answer."""
    request.reply(Result.OK, then=lambda: system.reset_later(reason, boot))
