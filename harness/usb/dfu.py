"""DFU mode from the host: writing, reading and leaving."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from harness.errors import ConversationFailed, ImageRefused, Refusal, hides
from harness.usb.board_usb import BoardUsb
from particle_protocol.dfu import AccessError, AddressError, DfuError, DfuSession, open_session
from particle_protocol.usb import HostSteps

__tracebackhide__ = hides

T = TypeVar("T")

Progress: TypeAlias = Callable[[str, int, int], None]

FLASH, SETTINGS = 0, 1
"""DFU alternates: the internal flash, and the DCT (Device OS 2.3.1, usbd_flash_if.h:41, usbd_dct_if.h:25)."""


def write_module(usb: BoardUsb, address: int, data: bytes, progress: Progress, *, written: int = 0) -> None:
    """Erase the sectors that hold the range, and write it.

    Args:
        usb: the board, in DFU mode.
        address: where the data go.
        data: what is written.
        progress: is called with what is done ("erasing", "writing"), how much of it, and how much there is.
        written: bytes of a write that was broken off before. They are read back, and whole sectors that hold what they should are kept.

    Raises:
        ImageRefused: the board's memory map does not allow it; nothing was erased.
        ConversationFailed: the board refused in the middle.
        BoardNotAvailable: it went away.
    """

    def steps() -> HostSteps[None]:
        session = yield from open_session()
        kept = (yield from _sound_sectors(session, address, data[:written])) if written else 0
        rest, total = data[kept:], len(data)
        yield from session.write(
            FLASH,
            address + kept,
            rest,
            erased=lambda done, sectors: progress("erasing", done, sectors),
            progress=lambda done, _: progress("writing", kept + done, total),
        )

    _run(usb, steps(), changes="a write over DFU")


def _sound_sectors(session: DfuSession, address: int, data: bytes) -> HostSteps[int]:
    """How many bytes from `address` on fill sectors that hold `data` already. A sector that was left half written does not count."""
    found = yield from session.read(FLASH, address, len(data))
    same = next((at for at, (left, right) in enumerate(zip(found, data, strict=True)) if left != right), len(data))
    sectors = session.alternates[FLASH].erasable_sectors(address, len(data) + 1)
    return max([0, *(start - address for start in sectors if start <= address + same)])


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


def read_memory(
    usb: BoardUsb, address: int, length: int, *, alternate: int = FLASH, progress: Callable[[int, int], None] | None = None
) -> bytes:
    """Read from the flash, or from the DCT, where addresses are offsets. `progress` is called with bytes read and their total.

    Raises:
        ImageRefused: the board's memory map does not allow it.
        ConversationFailed, BoardNotAvailable: see `write_module`.
    """

    def steps() -> HostSteps[bytes]:
        session = yield from open_session()
        return (yield from session.read(alternate, address, length, progress=progress))

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
