"""The board's own keys: kept in the DCT, and made when there is none."""

from __future__ import annotations

from collections.abc import Callable

from emulator.board.board import Board
from particle_protocol.dct import DctField
from particle_protocol.lightssl import DeviceKey


def device_key(board: Board) -> DeviceKey:
    """The key for the cloud over TCP, which set-up programs encrypt secrets with.

    Raises:
        KeyFault: what is there cannot be read.
    """
    return DeviceKey.from_der(stored_key(board, DctField.DEVICE_PRIVATE_KEY, lambda: DeviceKey.generate().der))


def stored_key(board: Board, field: DctField, make: Callable[[], bytes]) -> bytes:
    """The bytes of a private key's field; where it is erased, a key is made first."""
    if not has_key(board, field):
        board.settings.write(field.offset, make())
    return board.settings.get(field)


def has_key(board: Board, field: DctField) -> bool:
    """Whether a private key's field holds anything."""
    return board.settings.get(field)[0] != 0xFF


def device_public_key(board: Board) -> bytes:
    """The public half as the DCT keeps it, zeros behind it. It is worked out anew each time, and written where the DCT has another.

    Device OS 2.3.1, communication/src/handshake.cpp:235-258, hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp:579-617.

    Raises:
        KeyFault: the private key cannot be read.
    """
    field = DctField.DEVICE_PUBLIC_KEY
    public = device_key(board).public_der.ljust(field.size, b"\0")
    board.settings.put(field, public)
    return public
