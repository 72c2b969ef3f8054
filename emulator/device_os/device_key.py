"""The board's own RSA key: kept in the DCT, and made when there is none."""

from __future__ import annotations

from emulator.board.board import Board
from particle_protocol.dct import DctField
from particle_protocol.lightssl import DeviceKey


def device_key(board: Board) -> DeviceKey:
    """The key for the cloud over TCP, which set-up programs encrypt secrets with.

    Raises:
        KeyFault: what is there cannot be read.
    """
    private = board.settings.get(DctField.DEVICE_PRIVATE_KEY)
    if private[0] == 0xFF:
        private = DeviceKey.generate().der
        board.settings.write(DctField.DEVICE_PRIVATE_KEY.offset, private)
    return DeviceKey.from_der(private)


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
