"""DFU mode from the host: writing, reading and leaving."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from harness.errors import ConversationFailed, ImageRefused, Refusal, hides
from harness.usb.board_usb import BoardUsb
from particle_protocol.dfu import AccessError, AddressError, DfuError, open_session
from particle_protocol.usb import HostSteps

__tracebackhide__ = hides

T = TypeVar("T")

FLASH, SETTINGS = 0, 1
"""DFU alternates: the internal flash, and the DCT (Device OS 2.3.1, usbd_flash_if.h:41, usbd_dct_if.h:25)."""


def write_module(usb: BoardUsb, address: int, data: bytes, progress: Callable[[int, int], None]) -> None:
    """Erase the sectors that hold the range, and write it. `progress` is called with bytes written and their total.

    Raises:
        ImageRefused: the board's memory map does not allow it; nothing was erased.
        ConversationFailed: the board refused in the middle.
        BoardNotAvailable: it went away.
    """

    def steps() -> HostSteps[None]:
        session = yield from open_session()
        yield from session.write(FLASH, address, data, progress=progress)

    _run(usb, steps(), changes="a write over DFU")


def write_settings(usb: BoardUsb, offset: int, data: bytes) -> None:
    """Write into the DCT, which is rewritten as a whole by the board itself: nothing has to be erased.

    Raises:
        ImageRefused: the DCT is not so long, or the board does not let it be written.
        ConversationFailed, BoardNotAvailable: see `write_module`.
    """

    def steps() -> HostSteps[None]:
        session = yield from open_session()
        yield from session.write(SETTINGS, offset, data, erase=False)

    _run(usb, steps(), changes="a write to the DCT over DFU")


def read_memory(usb: BoardUsb, address: int, length: int, *, alternate: int = FLASH) -> bytes:
    """Read from the flash, or from the DCT, where addresses are offsets.

    Raises:
        ImageRefused: the board's memory map does not allow it.
        ConversationFailed, BoardNotAvailable: see `write_module`.
    """

    def steps() -> HostSteps[bytes]:
        session = yield from open_session()
        return (yield from session.read(alternate, address, length))

    return _run(usb, steps(), changes="")


def leave(usb: BoardUsb) -> None:
    """Have the board leave DFU mode; it is gone from the bus soon after.

    Raises:
        ConversationFailed, BoardNotAvailable: see `write_module`.
    """

    def steps() -> HostSteps[None]:
        session = yield from open_session()
        yield from session.leave()

    _run(usb, steps(), changes="leaving DFU mode")


def _run(usb: BoardUsb, steps: HostSteps[T], *, changes: str) -> T:
    try:
        return usb.run(steps, changes=changes)
    except (AddressError, AccessError) as error:
        raise ImageRefused(Refusal.OUT_OF_RANGE, str(error), board=usb.label) from error
    except DfuError as error:
        raise ConversationFailed(
            str(error), board=usb.label, seen=usb.describe(), remedy="Reset the board into DFU mode with its buttons and try again"
        ) from error
