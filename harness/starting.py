"""Bringing a board of any kind to a defined state before a test: the marker `start(mode=, claimed=, os=)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import CapabilityMissing, HarnessError, NotReached, hides
from harness.follow_ups import claim_when_online
from harness.modes import Capability, Mode, UsbState
from harness.witness import Boot

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import WifiNetwork

__tracebackhide__ = hides


PATIENCE = 30.0
"""Seconds that a board gets to connect with the credentials it has, or to listen for others. Chosen: three times what a Photon takes."""

_PASSING = (Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD)


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
            ValueError: the marker has other arguments, or values that make no sense.
        """
        if mark is None:
            return cls()
        unknown = set(mark.kwargs) - {"mode", "claimed", "os"}
        if mark.args or unknown:
            raise ValueError(f"start() takes mode=, claimed= and os= only, not {', '.join([*map(repr, mark.args), *sorted(unknown)])}")
        mode, claimed, os = (mark.kwargs.get(name) for name in ("mode", "claimed", "os"))
        if claimed is not None and not isinstance(claimed, bool):
            raise ValueError(f"start(claimed={claimed!r}): it is True or False")
        if os is not None and not isinstance(os, str):
            raise ValueError(f"start(os={os!r}): it is a Device OS version as a text, such as '2.3.1'")
        return cls(None if mode is None else Mode(mode), claimed, os)

    def bring(self, board: Board, wifi: WifiNetwork | None) -> None:
        """Bring a board to this state by what any host could do.

        Raises:
            CapabilityMissing: that needs something this kind of board has not; what can be known beforehand is, and nothing was done then.
            NotReached: a step did not have its effect.
        """
        self._check(board)
        if self.os is not None:
            bring_os(board, self.os)
        if self.claimed is not None:
            bring_claim(board, wifi, claimed=self.claimed)
        if self.mode is not None:
            bring_mode(board, self.mode, wifi)

    def _check(self, board: Board) -> None:
        """Refuse what cannot be brought about or cannot be witnessed, before the board is touched."""
        if self.mode in _PASSING:
            raise HarnessError(
                f"a test cannot start in {self.mode}: it passes quickly", board=board.label, remedy="Start in listening mode"
            )
        if self.claimed is not None and board.account is None:
            raise CapabilityMissing(Capability.CLOUD, board=board.label)
        if self.mode is Mode.OFF:
            _ = board.power
        alone = Capability.USB not in board.capabilities
        if (self.mode is Mode.SAFE or alone) and self.mode is not None and not self.claimed:
            missing = board.cannot_witness(self.mode)
            if missing is not None:
                raise missing


def bring_os(board: Board, version: str) -> None:
    """Install a Device OS version unless the board runs it, and Tinker if the application there is needs another one.

    Such an application would keep the board in safe mode, and a cloud that heals it would bring the version it needs.
    """
    from harness.releases import application_file, release_files

    if Capability.USB in board.capabilities and board.usb.state() is UsbState.DFU:
        board.leave_dfu()
    if board.os_version() != version:
        board.update_device_os(release_files(board, version))
        if board.requests.unmet_dependency():
            board.flash(application_file(board))


def bring_claim(board: Board, wifi: WifiNetwork | None, *, claimed: bool) -> None:
    """Have the account claim the board, or give it up. One that only the cloud can see comes online by itself."""
    account = board.account
    if account is None:
        raise CapabilityMissing(Capability.CLOUD, board=board.label)
    mine = account.find(board.device_id)
    owned = mine is not None and mine.owner == account.username
    if claimed and not owned:
        if Capability.USB in board.capabilities or board.cannot_witness(Mode.ONLINE) is None:
            bring_mode(board, Mode.ONLINE, wifi)
        claim_when_online(board, account)
    elif owned and not claimed:
        account.unclaim(board.device_id)


def bring_mode(board: Board, mode: Mode, wifi: WifiNetwork | None) -> None:
    """Bring the board into a mode, whatever mode it is in."""
    if mode is Mode.OFF:
        board.power.off()
        board.wait_for(Mode.OFF)
        return
    if Capability.USB not in board.capabilities:
        bring_unplugged(board, mode, wifi)
        return
    state = board.usb.state()
    if state is UsbState.ABSENT:
        state = _wake(board)
    if mode is Mode.DFU:
        if state is not UsbState.DFU:
            board.enter_dfu()
        return
    if state is UsbState.DFU:
        board.leave_dfu()
    if mode is Mode.SAFE:
        board.enter_safe_mode()
        board.wait_for(Mode.SAFE)
    elif mode is Mode.ONLINE:
        connect(board, wifi)
    elif mode is Mode.LISTENING:
        end_safe_mode(board)
        if board.mode() is not Mode.LISTENING:
            board.enter_listening()
    else:
        if settle_out_of_safe_mode(board) is Mode.LISTENING:
            board.leave_listening()
        board.wait_for(mode)


def bring_unplugged(board: Board, mode: Mode, wifi: WifiNetwork | None) -> None:
    """Bring a board that is on no USB into a mode, with what it has: its buttons, its power, its network."""
    if Capability.POWER in board.capabilities:
        board.power.on()
    if mode is Mode.DFU:
        board.enter_dfu()
    elif mode is Mode.LISTENING:
        board.enter_listening()
    elif mode is Mode.SAFE:
        board.enter_safe_mode()
    elif Capability.SERIAL in board.capabilities and Capability.LED in board.capabilities and board.mode() is Mode.LISTENING:
        board.network.join(wifi)
    board.wait_for(mode)


def end_safe_mode(board: Board) -> None:
    """Reset a board that is or may be in safe mode. Without an LED that is any that somebody else started, unless it is seen online."""
    boot = board.epoch.boot
    if boot is Boot.UNKNOWN and Capability.LED not in board.capabilities:
        normal, _ = board.witnesses.look(Mode.ONLINE, board.epoch)
    else:
        normal = boot is not Boot.SAFE
    if not normal or board.mode() is Mode.SAFE:
        board.reset()


def settle_out_of_safe_mode(board: Board) -> Mode:
    """The mode in which a board ends up that is not in safe mode, unless what it is made of keeps it there."""
    end_safe_mode(board)
    mode = settled(board)
    if mode is Mode.SAFE:
        board.reset()
        mode = settled(board)
    return mode


def connect(board: Board, wifi: WifiNetwork | None) -> None:
    """Have the board connect to the cloud.

    It is reset if it is in safe mode, and joined to its network if it listens for credentials, or got nowhere with what it has.
    """
    mode, network = settle_out_of_safe_mode(board), board.network
    missing = network.lacks(wifi)
    if mode is Mode.LISTENING and missing is not None:
        raise missing
    if missing is None and (mode is Mode.LISTENING or (board.allow_changes and _lacks_network(board, mode))):
        network.join(wifi)
    try:
        board.wait_for(Mode.ONLINE)
    except NotReached as error:
        if missing is None and not board.allow_changes:
            error.remedy += f". {network.offer(wifi)}, but for a missing --allow-changes"
        raise


def _lacks_network(board: Board, mode: Mode) -> bool:
    """Whether a board that has settled may hold credentials that are no good; without an LED nobody can tell from a missing cloud."""
    if mode in (Mode.ONLINE, Mode.SAFE):
        return False
    return Capability.LED not in board.capabilities or mode is Mode.CONNECTING_NETWORK


def settled(board: Board) -> Mode:
    """The mode in which a running board ends up: one without credentials listens a moment after it came up.

    Gives the mode that it is in after `PATIENCE` if it is still on its way then. Without an LED, ONLINE stands for whatever the board
    itself calls connected.
    """

    def look() -> Mode | None:
        mode = board.mode()
        if mode in (Mode.LISTENING, Mode.SAFE, Mode.ONLINE, Mode.DFU):
            return mode
        if Capability.LED in board.capabilities:
            return None
        agreed, seen = board.witnesses.look(Mode.ONLINE, board.epoch)
        return Mode.ONLINE if agreed or (seen.missing is not None and seen.cloud_status is not None) else None

    try:
        return board.until(look, timeout=PATIENCE, awaited="listening mode, or a connection to the cloud", seen=lambda: str(board.mode()))
    except NotReached:
        return board.mode()


def _wake(board: Board) -> UsbState:
    """Give power to a board that shows nothing, where that can be done; gives what it shows then."""
    if Capability.POWER in board.capabilities:
        board.power.on()
    entry = board.usb.wait_for(lambda entry: entry, timeout=10, awaited="anything on USB", remedy="Check its power and its cable")
    return entry.state
