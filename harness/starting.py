"""Bringing a board of any kind to a defined state before a test: the marker `start(mode=, claimed=, os=)`."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from harness.errors import Blame, CapabilityMissing, ChangesNotAllowed, CloudRefused, HarnessError, InTheWay, NotReached
from harness.flashing.installed import installed_version
from harness.follow_ups import claim_when_online
from harness.hiding import hides
from harness.modes import Capability, Mode, UsbState
from harness.witness import Boot

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account, WifiNetwork

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
            ChangesNotAllowed: that would change a real board; it was not touched.
            InTheWay: somebody else has claimed it, or what it is made of keeps it in safe mode.
            NotReached: a step did not have its effect.
        """
        self._check(board)
        if self.claimed and board.account is not None:
            claim_at_once(board, board.account)
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
        self._check_changes(board)
        alone = Capability.USB not in board.capabilities
        if (self.mode is Mode.SAFE or alone) and self.mode is not None and not self.claimed:
            missing = board.cannot_witness(self.mode)
            if missing is not None:
                raise missing

    def _check_changes(self, board: Board) -> None:
        """Refuse what would change a real board, where that can be known before it is touched."""
        if board.allow_changes:
            return
        if self.claimed and not _owns(board):
            raise ChangesNotAllowed("claim it", board=board.label)
        if self.os is not None and _is_there(board) and installed_version(board) != self.os:
            raise ChangesNotAllowed("update its Device OS", board=board.label)


def _is_there(board: Board) -> bool:
    return Capability.USB in board.capabilities and board.usb.state() is not UsbState.ABSENT


def _owns(board: Board) -> bool:
    mine = None if board.account is None else board.account.find(board.device_id)
    return mine is not None and board.account is not None and mine.owner == board.account.username


def claim_at_once(board: Board, account: Account) -> None:
    """Have the account claim a board that happens to be online or is a product's; so nothing is done to one that belongs to another.

    Raises:
        InTheWay: another account owns it.
    """
    if _owns(board):
        return
    try:
        account.claim(board.device_id)
    except CloudRefused as error:
        if error.status == HTTPStatus.FORBIDDEN:
            raise InTheWay(
                f"{account.username} cannot claim it",
                board=board.label,
                seen=f"the cloud says: {error.text.rstrip('.')}",
                blame=Blame.CLOUD,
                remedy="Give it up in the account that owns it, or use that account",
            ) from error
    else:
        board.journal.did(f"claimed it for {account.username}")


def bring_os(board: Board, version: str) -> None:
    """Install a Device OS version unless the board runs it, and Tinker if the application there is needs another one.

    Such an application would keep the board in safe mode, and a cloud that heals it would bring the version it needs.
    """
    from harness.releases import application_file, release_files

    if Capability.USB in board.capabilities:
        _awake(board)
        if board.usb.state() is UsbState.DFU:
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
    owned = _owns(board)
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
    state = _awake(board)
    if mode is Mode.DFU:
        if state is not UsbState.DFU:
            board.enter_dfu()
        return
    if state is UsbState.DFU:
        board.leave_dfu()
    if mode is Mode.SAFE:
        bring_safe_mode(board, wifi)
    elif mode is Mode.ONLINE:
        connect(board, wifi)
    elif mode is Mode.LISTENING:
        end_safe_mode(board)
        if _after_update(board) is not Mode.LISTENING:
            board.enter_listening()
    else:
        run_normally(board, wifi)
        board.wait_for(mode)


def bring_safe_mode(board: Board, wifi: WifiNetwork | None) -> None:
    """Bring a running board into safe mode, in which it connects, too: so it has to know a network."""
    _end_unknown_boot(board)
    if settled(board) not in (Mode.SAFE, Mode.ONLINE):
        connect(board, wifi)
    board.enter_safe_mode()
    board.wait_for(Mode.SAFE)


def run_normally(board: Board, wifi: WifiNetwork | None) -> None:
    """Have a running board run its application. One that knows no network is given the run's, else it would soon listen again."""
    mode = settle_out_of_safe_mode(board)
    if mode is Mode.SAFE:
        get_out_of_safe_mode(board)
    elif mode is Mode.LISTENING and board.allow_changes and board.network.lacks(wifi) is None:
        board.network.join(wifi)
    elif mode is Mode.LISTENING:
        board.leave_listening()


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
    """Reset a board that is or may be in safe mode."""
    _end_unknown_boot(board)
    if board.epoch.boot is Boot.SAFE or board.mode() is Mode.SAFE:
        board.reset()


def _after_update(board: Board) -> Mode:
    """The mode of a board, once an update is over that its LED tells of: at its end the board restarts, whatever mode it is in by then."""
    mode = board.mode()
    return settled(board) if mode is Mode.RUNNING and Capability.LED in board.capabilities else mode


def _end_unknown_boot(board: Board) -> None:
    """Reset a board without an LED that somebody else started, or somebody disturbed.

    It may be in safe mode, and an update over the air may be under way that would end whatever it is brought into. Nobody can tell.
    """
    if board.epoch.boot is Boot.UNKNOWN and Capability.LED not in board.capabilities:
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
    if mode is Mode.SAFE:
        get_out_of_safe_mode(board)
        return
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


def get_out_of_safe_mode(board: Board) -> None:
    """Wait for the cloud to heal a board that what it is made of keeps in safe mode; else give it an application that fits its Device OS.

    Raises:
        InTheWay: changes are not allowed, or that does not help.
    """
    try:
        board.wait_for(Mode.ONLINE)
    except NotReached as error:
        seen = board.requests.unmet_dependency() or error.seen
        if board.allow_changes:
            from harness.releases import application_file

            board.flash(application_file(board))
            if settled(board) is not Mode.SAFE:
                board.wait_for(Mode.ONLINE)
                return
        raise InTheWay(
            "what it is made of keeps it in safe mode", board=board.label, seen=f"not met: what {seen} needs", remedy=error.remedy
        ) from error


def _lacks_network(board: Board, mode: Mode) -> bool:
    """Whether a board that has settled may hold credentials that are no good; without an LED nobody can tell from a missing cloud."""
    if mode in (Mode.ONLINE, Mode.SAFE):
        return False
    return Capability.LED not in board.capabilities or mode is Mode.CONNECTING_NETWORK


def settled(board: Board, patience: float = PATIENCE) -> Mode:
    """The mode in which a running board ends up: one without credentials listens a moment after it came up.

    Gives the mode that it is in after `patience` seconds if it is still on its way then. Without an LED, ONLINE stands for whatever the
    board itself calls connected.
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
        return board.until(look, timeout=patience, awaited="listening mode, or a connection to the cloud", seen=lambda: str(board.mode()))
    except NotReached:
        return board.mode()


def _awake(board: Board) -> UsbState:
    """Give power to a board that shows nothing, where that can be done; gives what it shows."""
    state = board.usb.state()
    if state is not UsbState.ABSENT:
        return state
    if Capability.POWER in board.capabilities:
        board.power.on()
    entry = board.usb.wait_for(lambda entry: entry, timeout=10, awaited="anything on USB", remedy="Check its power and its cable")
    return entry.state
