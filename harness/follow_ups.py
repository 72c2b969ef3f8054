"""Waits for what follows when a board has connected: that it is claimed, that its claim code was used.

None of them takes for new what was so before: whether a claim code was used is seen by what it changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from harness.errors import Blame, CapabilityMissing, CloudRefused, CloudUnreachable, HarnessError, NotReached, hides
from harness.meanwhile import told_on_failure
from harness.modes import Capability

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account, CloudDevice

__tracebackhide__ = hides

T = TypeVar("T")

CLAIM_TIMEOUT = 60.0
"""Seconds: a board connects by itself, and says its claim code right after."""

CLAIM_RETRY = 2.0
"""Seconds between two tries."""


@dataclass(frozen=True, slots=True)
class CodeGiven:
    """What was so when a claim code was given. None: nobody could tell."""

    bit: bool | None
    """What the board said of itself (control request 201)."""
    owned: bool | None
    """Whether the account owned it already."""
    owner: str | None = None
    """Who owned it, as far as the account could see that: in a product of its team a code may be a customer's."""


def code_given(board: Board) -> CodeGiven:
    """Look at what a claim code will change, before it is given."""
    owned = None if board.account is None else _owned(board) is not None
    return CodeGiven(_claim_bit(board), owned, _owner_seen(board))


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
            remedy="Unclaim it before it gets the code, and let an account watch it that will own it, or has it in a product",
        )

    before = (None, given.owner)

    def used() -> bool:
        return (given.bit is not False or _claim_bit(board) is True) and (given.owned is not False or _owner_seen(board) not in before)

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


def _until(board: Board, look: Callable[[], T | None], timeout: float, awaited: str, seen: Callable[[], str]) -> T:
    with told_on_failure(board):
        return board.until(look, timeout=timeout, awaited=awaited, seen=seen)


def _claim_bit(board: Board) -> bool | None:
    """What the board says of itself; None when it does not tell."""
    try:
        return board.requests.is_claimed()
    except HarnessError:
        return None


def _found(board: Board) -> CloudDevice | None:
    """The board as its account sees it in the cloud, or None."""
    try:
        return None if board.account is None else board.account.find(board.device_id)
    except (CloudRefused, CloudUnreachable):
        return None


def _owned(board: Board) -> CloudDevice | None:
    """The board as the account's own, or None."""
    found, account = _found(board), board.account
    return found if found is not None and account is not None and found.owner == account.username else None


def _owner_seen(board: Board) -> str | None:
    """Who owns it, as far as its account can see that."""
    found = _found(board)
    return None if found is None else found.owner


def _owner(board: Board) -> str:
    found = None if board.account is None else board.account.find(board.device_id)
    return "the account may not see it in the cloud" if found is None else f"in the cloud it belongs to {found.owner or 'nobody'}"
