"""How a board talks to its cloud: as its platform does, unless a byte in the DCT forces TCP where UDP is usual."""

from __future__ import annotations

from typing import Final

from emulator.board.board import Board
from emulator.hardware import Transport
from particle_protocol.dct import DctField

FORCE_TCP: Final = b"\x00"
"""In `DctField.CLOUD_TRANSPORT` (Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/inc/dct.h)."""


def cloud_transport(board: Board) -> Transport:
    """The transport that the next connection takes."""
    usual = board.hardware.server.transport
    return Transport.TCP if board.settings.get(DctField.CLOUD_TRANSPORT) == FORCE_TCP else usual
