"""Updates over the air: the cloud sends a board modules, and what it has afterwards is what counts.

An update only counts if the board has reset since it was begun. One that fails because the connection of board and cloud was lost is asked
for again when the board is back, `TRIES` times in all. The cloud tells only that it fails (`spark/flash/status`), and not how far it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from harness.errors import (
    Blame,
    CapabilityMissing,
    CloudRefused,
    CloudUnreachable,
    HarnessError,
    NotInstalled,
    hides,
)
from harness.flashing.fitting import step_by_step
from harness.flashing.images import Image, read
from harness.flashing.installed import held_modules, not_installed
from harness.meanwhile import told_on_failure
from harness.modes import TIMEOUTS, Capability, DeviceMode, Mode, UsbState
from harness.witness import Boot, cloud_view

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account
    from harness.cloud_events import EventStream

__tracebackhide__ = hides

T = TypeVar("T")

UPDATE_TIMEOUT = 300.0
"""Seconds for an update over the air: a system part of 256 KiB takes about two minutes over a slow link."""

TRIES = 3
"""How often an update is asked for in all. Chosen: asked without end, a cloud would send the same module over a bad link for ever."""

RETRY = 2.0
"""Seconds between two questions to a cloud that cannot send now: the board is offline, or another update is under way."""

STATUS = "spark/flash/status"


class Arrival:
    """Whether an update that begins after this object was made has arrived: the board has reset, runs Device OS, and has the images.

    `whole`: and nothing that it has misses anything.
    """

    def __init__(self, board: Board, images: Sequence[Image], *, whole: bool = True) -> None:
        self.trouble = "it has not reset since the update was begun"
        """What is not as it should be."""
        self._board = board
        self._images = images
        self._whole = whole
        self._usb = board.usb.present() if Capability.USB in board.capabilities else None
        self._session = board.cloud_session()

    @property
    def on_usb(self) -> bool:
        """Whether the board itself tells what it has. Else there is its session only, and that is a new one after any loss, too."""
        return self._usb is not None

    def begin(self) -> None:
        """The update has begun."""
        cause = "an update over the air was begun"
        self._board.begin_epoch(cause, ends=self._usb, ends_session=self._session, boot=Boot.NORMAL)

    def look(self) -> bool:
        """Whether it has arrived by now."""
        return self._look_in_cloud() if self._usb is None else self._look_on_usb()

    def _look_on_usb(self) -> bool:
        entry = self._board.usb.entry()
        if entry is None or entry == self._usb or entry.state is not UsbState.NORMAL:
            return False
        try:
            self.trouble = not_installed(self._board, self._images)
            if self._whole and not self.trouble:
                self.trouble = self._board.requests.unmet_dependency()
        except HarnessError as error:
            self.trouble = error.what
        return not self.trouble

    def _look_in_cloud(self) -> bool:
        """Of a board on no USB only a new session with the cloud can be seen."""
        try:
            session = self._board.cloud_session()
        except (CloudRefused, CloudUnreachable) as error:
            self.trouble = error.what
            return False
        return session is not None and session != self._session

    def describe(self) -> str:
        """What is seen."""
        return f"{self._board.usb.describe()}; {self.trouble}" if self._usb is not None else self.trouble


@contextmanager
def updating(board: Board, sources: Sequence[bytes | str | Path] = (), *, timeout: float = UPDATE_TIMEOUT) -> Iterator[None]:
    """An update over the air that begins while the context lasts, whoever begins it; at its end, let time pass until it is done.

    That is when the board has reset, Device OS runs, and it reports the modules of `sources` (any, without them) and that nothing is
    missing.

    Raises:
        NotReached: not within `timeout` seconds; tells what is not as it should be.
        ImageRefused: one of `sources` does not fit the board.
    """
    images = read(board, sources)
    arrival = Arrival(board, images)
    yield
    arrival.begin()
    names = ", ".join(f"{image.key} version {image.version}" for image in images) or "its new firmware"
    with told_on_failure(board):
        board.until(arrival.look, timeout=timeout, awaited=f"{names} to be installed over the air", seen=arrival.describe)
    board.saw(f"updated over the air: {names}")


def update_over_the_air(board: Board, sources: Sequence[bytes | str | Path], *, timeout: float) -> list[Image]:
    """Have the cloud send modules to the board, one after the other in the order in which they depend on each other, and wait for each.

    Raises:
        ImageRefused: one of them must not be sent there; none was.
        CapabilityMissing: there is no account that could.
        ChangesNotAllowed: it is a real board.
        CloudRefused: the cloud does not send it.
        NotReached: the board is not online, or did not take it.
    """
    if board.account is None:
        raise _nobody(board)
    images = read(board, sources)
    board.must_allow_changes("update it over the air", Capability.CLOUD)
    images = step_by_step(images, held_modules(board) if len(images) > 1 else {})
    for number, image in enumerate(images, 1):
        send(board, image, last=number == len(images), timeout=timeout)
    return images


def send(board: Board, image: Image, *, last: bool = True, timeout: float = UPDATE_TIMEOUT) -> None:
    """Have the cloud send one module, and wait until the board has it; see `update_over_the_air`.

    Unless it is the `last`, the board may be in safe mode then for want of another.
    """
    account = board.account
    if account is None:
        raise _nobody(board)
    arrival: Arrival | None = None
    for left in range(TRIES - 1, -1, -1):
        bring_online(board, account)
        if arrival is not None and arrival.on_usb and arrival.look():
            break
        arrival = Arrival(board, [image], whole=last)
        with _Status(account, board.device_id) as status:
            _ask(board, account, image, arrival, status)
            arrival.begin()
            if _took(board, image, arrival, status, timeout):
                break
        board.saw("the cloud says that the update failed" + (": it is asked for again" if left else ""))
    else:
        raise NotInstalled(
            f"the cloud could not send it {image} in {TRIES} tries",
            board=board.label,
            seen=arrival.describe() if arrival is not None else "",
            remedy="Look at its connection (its LED, the cloud's events), or flash it by USB",
        )
    board.saw(f"updated over the air: {image.key} version {image.version}")


def _nobody(board: Board) -> CapabilityMissing:
    return CapabilityMissing(Capability.CLOUD, board=board.label, remedy="Flash it by USB, or name a cloud and an account there")


def bring_online(board: Board, account: Account) -> None:
    """Have a board run Device OS, and wait until the cloud sees it online, be it in safe mode.

    Raises:
        NotReached: it does not come online with what it knows.
    """
    if _patiently(board, lambda: account.find(board.device_id)) is None:
        raise NotInstalled(
            f"{account.username} may not have it updated over the air",
            board=board.label,
            seen="it is none of that account's devices in the cloud",
            remedy="Claim it, or flash it by USB",
        )
    if Capability.USB in board.capabilities and board.usb.state() is UsbState.DFU:
        board.leave_dfu()
    seen = "the cloud says nothing"

    def online() -> bool:
        nonlocal seen
        try:
            view = cloud_view(account, board.device_id)
        except (CloudRefused, CloudUnreachable) as error:
            seen = error.what
            return False
        seen = f"{account.username} may not see it in the cloud" if view is None else f"the cloud says {view}"
        if _listens(board):
            seen += ", and it listens"
        return view is not None and view.online

    if online():
        return
    board.journal.progress("waiting for it to be online", None)
    awaited, remedy = "the cloud to see it online", "Give it its network, and mark it as set up if it is cellular; or flash it by USB"
    with told_on_failure(board):
        for ends in (lambda: online() or _listens(board), online):
            board.until(ends, timeout=TIMEOUTS[Mode.ONLINE], awaited=awaited, seen=lambda: seen, remedy=remedy)
            if _listens(board):
                board.leave_listening()


def _listens(board: Board) -> bool:
    """Whether it says that it is in listening mode, in which it connects to nothing."""
    try:
        return Capability.USB in board.capabilities and board.requests.device_mode() is DeviceMode.LISTENING
    except HarnessError:  # it does not answer now
        return False


def _ask(board: Board, account: Account, image: Image, arrival: Arrival, status: _Status) -> None:
    """Ask the cloud to send it, and again for a while where it cannot now. What was begun without an answer is not asked for twice."""
    unanswered = False

    def ask() -> None:
        nonlocal unanswered
        if unanswered and (status.hears() or (arrival.on_usb and arrival.look())):
            return
        try:
            account.flash(board.device_id, image.data, image.name)
        except CloudUnreachable:
            unanswered = True
            raise
        except CloudRefused as error:
            if not (unanswered and error.status != HTTPStatus.NOT_FOUND):
                raise  # else what is under way is what was asked for before, without an answer

    board.journal.did(f"had the cloud send it {image}")
    _patiently(board, ask)


def _patiently(board: Board, ask: Callable[[], T]) -> T:
    """What the cloud answers; one that is not reachable, or cannot now, is asked again for a while."""
    clock = board.host.clock
    end = clock.now() + TIMEOUTS[Mode.ONLINE]
    while True:
        try:
            return ask()
        except (CloudRefused, CloudUnreachable) as error:
            if error.blame is Blame.REQUEST or clock.now() >= end:
                raise
            board.journal.progress(f"waiting for the cloud: {error.what}", None)
            clock.sleep(RETRY)


def _took(board: Board, image: Image, arrival: Arrival, status: _Status, timeout: float) -> bool:
    """Wait until the update has arrived, or the cloud says that it failed. Whether it has arrived."""
    began = board.host.clock.now()

    def look() -> str | None:
        board.journal.progress(f"the cloud sends {image.name}: {board.host.clock.now() - began:.0f} s so far", None)
        said = status.hears()
        if (arrival.on_usb or "success" in said) and arrival.look():
            return "arrived"
        return "failed" if "failed" in said else None

    awaited = f"{image.key} version {image.version} to be installed over the air"
    with told_on_failure(board):
        return board.until(look, timeout=timeout, awaited=awaited, seen=arrival.describe) == "arrived"


class _Status:
    """What the cloud says of an update to a device from now on. A stream of events that ends is opened anew."""

    def __init__(self, account: Account, device_id: str) -> None:
        self._account = account
        self._device_id = device_id
        self._events: EventStream | None = None
        self._heard: set[str] = set()

    def __enter__(self) -> Self:
        self._open()
        return self

    def _open(self) -> None:
        with contextlib.suppress(CloudUnreachable, CloudRefused):
            self._events = self._account.events(STATUS, device=self._device_id)

    def __exit__(self, *_: object) -> None:
        if self._events is not None:
            self._events.close()

    def hears(self) -> set[str]:
        """What it has said so far: started, success, failed."""
        if self._events is None:
            self._open()
        try:
            if self._events is not None:
                self._heard.update(str(event.data).strip() for event in self._events.poll(STATUS))
        except CloudUnreachable:
            if self._events is not None:
                self._events.close()
            self._events = None
        return self._heard
