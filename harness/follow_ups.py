"""Waits for what follows when a board has connected: that it is claimed, that its claim code was used, that an update is done.

None of them takes for new what was so before: whether a claim code was used is seen by what it changed, and an update only counts if the
board has reset since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.errors import Blame, CapabilityMissing, CloudRefused, CloudUnreachable, HarnessError, NotReached, hides
from harness.flashing import Image, check, in_order, not_installed
from harness.meanwhile import told_on_failure
from harness.modes import Capability, UsbState
from harness.witness import Boot

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account, CloudDevice

__tracebackhide__ = hides

T = TypeVar("T")

CLAIM_TIMEOUT = 60.0
"""Seconds: a board connects by itself, and says its claim code right after."""

CLAIM_RETRY = 2.0
"""Seconds between two tries."""

UPDATE_TIMEOUT = 300.0
"""Seconds for an update over the air: a system part of 256 KiB takes about two minutes over a slow link."""


@dataclass(frozen=True, slots=True)
class CodeGiven:
    """What was so when a claim code was given. None: nobody could tell."""

    bit: bool | None
    """What the board said of itself (control request 201)."""
    owned: bool | None
    """Whether the account owned it already."""


def code_given(board: Board) -> CodeGiven:
    """Look at what a claim code will change, before it is given."""
    return CodeGiven(_claim_bit(board), None if board.account is None else _owned(board) is not None)


def wait_for_claim(board: Board, *, timeout: float) -> CloudDevice:
    """Let time pass until the account owns the board.

    Raises:
        NotReached: not within `timeout` seconds.
        CapabilityMissing: there is no account to ask.
    """
    if board.account is None:
        raise CapabilityMissing(Capability.CLOUD, board=board.label, remedy="Use the fixture `account`, or set board.account")
    found = _until(board, lambda: _owned(board), timeout, "the account to own it", lambda: _owner(board))
    board.saw(f"owned by {found.owner}")
    return found


def wait_for_code_used(board: Board, *, timeout: float) -> None:
    """Let time pass until the claim code that the board was given has been used: until board and cloud show what it changes.

    Raises:
        NotReached: not within `timeout` seconds.
        HarnessError: it was given none, or one that changes nothing that could be seen.
    """
    given = board.code_given
    if given is None:
        raise HarnessError("it was given no claim code", board=board.label, blame=Blame.REQUEST, remedy="Use set_claim_code(code)")
    if given.bit is not False and given.owned is not False:
        raise HarnessError(
            "nobody can tell whether its claim code has been used",
            board=board.label,
            seen="before it was given, the board called itself claimed, and "
            + ("was the account's own" if given.owned else "no account watched it"),
            blame=Blame.REQUEST,
            remedy="Unclaim it before it gets the code, and let the account that made the code watch it",
        )

    def used() -> bool:
        return (given.bit is not False or _claim_bit(board) is True) and (given.owned is not False or _owned(board) is not None)

    def seen() -> str:
        bit = {True: "it says that it is claimed", False: "it says that it is not claimed", None: "it does not tell"}[_claim_bit(board)]
        return bit if given.owned is None else f"{bit}, {_owner(board)}"

    _until(board, used, timeout, "its claim code to be used", seen)
    board.saw("its claim code was used")


def claim_when_online(board: Board, account: Account) -> None:
    """Have an account claim a board, which must be online for that; the cloud may learn of it a moment after the board.

    Raises:
        NotReached: the cloud did not see it online within `CLAIM_TIMEOUT`.
        CloudRefused: it is somebody else's.
        ChangesNotAllowed: it is a real board.
    """
    board.must_allow_changes("claim it")
    board.journal.did(f"claimed it for {account.username}")
    clock = board.host.clock
    end = clock.now() + CLAIM_TIMEOUT
    while True:
        try:
            account.claim(board.device_id)
        except CloudRefused as error:
            if error.status != HTTPStatus.NOT_FOUND or "online" not in error.text:
                raise
            if clock.now() >= end:
                raise NotReached(
                    "the cloud to see the board online", CLAIM_TIMEOUT, seen=f"the cloud says: {error.text}", board=board.label
                ) from error
            clock.sleep(CLAIM_RETRY)
            continue
        return


@contextmanager
def updating(board: Board, sources: Sequence[bytes | str | Path] = (), *, timeout: float = UPDATE_TIMEOUT) -> Iterator[None]:
    """An update over the air that begins while the context lasts, whoever begins it; at its end, let time pass until it is done.

    That is when the board has reset, Device OS runs, and it reports the modules of `sources` (any, without them) and that nothing is
    missing.

    Raises:
        NotReached: not within `timeout` seconds; tells what is not as it should be.
        ImageRefused: one of `sources` does not fit the board.
    """
    images = in_order(board, [check(board, source) for source in sources])
    before = board.usb.present()
    yield
    board.begin_epoch("an update over the air was begun", ends=before, boot=Boot.NORMAL)
    trouble = "it has not reset since the update was begun"

    def done() -> bool:
        nonlocal trouble
        entry = board.usb.entry()
        if entry is None or entry == before or entry.state is not UsbState.NORMAL:
            return False
        try:
            trouble = not_installed(board, images) or board.requests.unmet_dependency()
        except HarnessError as error:
            trouble = error.what
        return not trouble

    names = ", ".join(f"{image.key} version {image.version}" for image in images) or "its new firmware"
    _until(board, done, timeout, f"{names} to be installed over the air", lambda: f"{board.usb.describe()}; {trouble}")
    board.saw(f"updated over the air: {names}")


def update_over_the_air(board: Board, sources: Sequence[bytes | str | Path], *, timeout: float) -> None:
    """Have the cloud send modules to the board, one after the other in the order in which they depend on each other, and wait for each.

    Raises:
        ImageRefused: one of them must not be sent there; none was.
        CapabilityMissing: there is no account that could.
        ChangesNotAllowed: it is a real board.
        CloudRefused: the cloud does not send it.
        NotReached: the board did not take it.
    """
    if board.account is None:
        raise CapabilityMissing(Capability.CLOUD, board=board.label)
    images: list[Image] = in_order(board, [check(board, source) for source in sources])
    board.must_allow_changes("update it over the air", Capability.USB)
    for image in images:
        with updating(board, [image.data], timeout=timeout):
            board.journal.did(f"had the cloud send it {image}")
            board.account.flash(board.device_id, image.data)


def _until(board: Board, look: Callable[[], T | None], timeout: float, awaited: str, seen: Callable[[], str]) -> T:
    with told_on_failure(board):
        return board.until(look, timeout=timeout, awaited=awaited, seen=seen)


def _claim_bit(board: Board) -> bool | None:
    """What the board says of itself; None when it does not tell."""
    try:
        return board.requests.is_claimed()
    except HarnessError:
        return None


def _owned(board: Board) -> CloudDevice | None:
    """The board as the account's own, or None."""
    account = board.account
    try:
        found = None if account is None else account.find(board.device_id)
    except (CloudRefused, CloudUnreachable):
        return None
    return found if found is not None and account is not None and found.owner == account.username else None


def _owner(board: Board) -> str:
    found = None if board.account is None else board.account.find(board.device_id)
    return "the account may not see it in the cloud" if found is None else f"in the cloud it belongs to {found.owner or 'nobody'}"
