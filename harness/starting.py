"""Bringing a board of any kind to a defined state before a test: the marker `start(mode=, claimed=, os=)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import CapabilityMissing, HarnessError
from harness.host import wait_until
from harness.modes import TIMEOUTS, Capability, Mode, UsbState

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import WifiNetwork


@dataclass(frozen=True, slots=True)
class Start:
    """A state to start from. None: whatever it is."""

    mode: Mode | None = None
    claimed: bool | None = None
    os: str | None = None

    @classmethod
    def of(cls, mark: Any) -> Start:
        """The state that a pytest marker asks for; None gives the empty one.

        Raises:
            ValueError: the marker has other arguments, or names no mode.
        """
        if mark is None:
            return cls()
        unknown = set(mark.kwargs) - {"mode", "claimed", "os"}
        if mark.args or unknown:
            raise ValueError(f"start() takes mode=, claimed= and os= only, not {', '.join([*map(repr, mark.args), *sorted(unknown)])}")
        mode = mark.kwargs.get("mode")
        return cls(Mode.parse(mode) if isinstance(mode, str) else mode, mark.kwargs.get("claimed"), mark.kwargs.get("os"))

    def bring(self, board: Board, wifi: WifiNetwork | None) -> None:
        """Bring a board to this state by what any host could do.

        Raises:
            CapabilityMissing: that needs something this kind of board has not.
            NotReached: a step did not have its effect.
        """
        if self.os is not None:
            bring_os(board, self.os)
        if self.claimed is not None:
            bring_claim(board, wifi, claimed=self.claimed)
        if self.mode is not None:
            bring_mode(board, self.mode, wifi)


def bring_os(board: Board, version: str) -> None:
    """Install a Device OS version unless the board runs it, and Tinker if the application there is needs another one.

    Such an application would keep the board in safe mode, and a cloud that heals it would bring the version it needs.
    """
    from harness.releases import application_file, release_files

    if board.usb.state() is UsbState.DFU:
        board.leave_dfu()
    if board.os_version() != version:
        board.update_device_os(release_files(board, version))
        if board.requests.unmet_dependency():
            board.flash(application_file(board))


def bring_claim(board: Board, wifi: WifiNetwork | None, *, claimed: bool) -> None:
    """Have the account claim the board, or give it up."""
    account = board.account
    if account is None:
        raise CapabilityMissing(Capability.CLOUD, board=board.usb.label)
    mine = account.find(board.device_id)
    owned = mine is not None and mine.owner == account.username
    if claimed and not owned:
        bring_mode(board, Mode.ONLINE, wifi)
        account.claim(board.device_id)
    elif owned and not claimed:
        account.unclaim(board.device_id)


def bring_mode(board: Board, mode: Mode, wifi: WifiNetwork | None) -> None:
    """Bring the board into a mode, whatever mode it is in."""
    state = board.usb.state()
    if mode is Mode.OFF:
        board.power.off()
        board.wait_for(Mode.OFF)
        return
    if state is UsbState.ABSENT:
        state = _wake(board)
    if mode is Mode.DFU:
        if state is not UsbState.DFU:
            board.enter_dfu()
        return
    if state is UsbState.DFU:
        board.leave_dfu()
    if mode is Mode.LISTENING:
        if board.mode() is not Mode.LISTENING:
            board.enter_listening()
    elif mode is Mode.SAFE:
        board.enter_safe_mode()
        board.wait_for(Mode.SAFE)
    elif mode is Mode.ONLINE:
        connect(board, wifi)
    elif mode in (Mode.RUNNING, Mode.OFFLINE):
        if board.mode() is Mode.LISTENING:
            board.leave_listening()
        board.wait_for(mode)
    else:
        raise HarnessError(f"a test cannot start in {mode}: it passes quickly", board=board.usb.label, remedy="Start in listening mode")


def connect(board: Board, wifi: WifiNetwork | None) -> None:
    """Have the board connect to the cloud, giving it Wi-Fi credentials if it listens for them, and a reset if it is in safe mode."""
    mode = settled(board)
    if mode is Mode.SAFE:
        board.reset()
        mode = settled(board)
    if mode is Mode.LISTENING:
        if wifi is None:
            raise CapabilityMissing(Capability.WIFI, board=board.usb.label, remedy="Name one with --wifi SSID:PASSWORD")
        board.set_wifi(wifi.ssid, wifi.password, security=wifi.security)
    board.wait_for(Mode.ONLINE)


def settled(board: Board) -> Mode:
    """The mode in which a running board ends up: one without credentials listens a moment after it came up."""

    def look() -> Mode | None:
        mode = board.mode()
        passing = (Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD, Mode.OFFLINE, Mode.OFF)
        return None if mode in passing and Capability.LED in board.capabilities else mode

    return wait_until(
        board.host,
        look,
        timeout=TIMEOUTS[Mode.ONLINE],
        awaited="listening mode, or a connection to the cloud",
        seen=lambda: str(board.mode()),
        board=board.usb.label,
        port=board.usb.port or None,
    )


def _wake(board: Board) -> UsbState:
    """Give power to a board that shows nothing, where that can be done; gives what it shows then."""
    if Capability.POWER in board.capabilities:
        board.power.on()
    entry = board.usb.wait_for(lambda entry: entry, timeout=10, awaited="anything on USB", remedy="Check its power and its cable")
    return entry.state
