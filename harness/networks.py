"""A board's way to its network, from outside: what it needs of a run to connect, and how it is given that.

Before Device OS 4.0 a Gen 3 board listens until it is marked as set up, so that is part of joining.

Each kind of interface is one class. A board has the one of its platform unless its kind supplies another (`harness.capabilities.Extras`).
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from harness.capabilities import Network
from harness.errors import Blame, CapabilityMissing, CloudRefused, HarnessError, hides
from harness.modes import Capability, Mode, UsbState
from particle_protocol.platforms import Feature

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account, WifiNetwork

__tracebackhide__ = hides

SIM_TIMEOUT = 120.0
"""Seconds that a mobile network gets to activate a SIM: most take up to a minute (particle_protocol/skus.toml)."""


class Wifi:
    """Wi-Fi: credentials, which the board takes on its serial console in listening mode."""

    kind = "Wi-Fi"
    step = "give Wi-Fi credentials"
    in_listening = True

    def __init__(self, board: Board) -> None:
        self._board = board

    def lacks(self, wifi: WifiNetwork | None) -> CapabilityMissing | None:
        """See `Network.lacks`."""
        board = self._board
        if Capability.SERIAL not in board.capabilities:
            return CapabilityMissing(Capability.SERIAL, board=board.label, remedy="It takes Wi-Fi credentials in no other way")
        return (
            None if wifi is not None else CapabilityMissing(Capability.WIFI, board=board.label, remedy="Name one with --wifi SSID:PASSWORD")
        )

    def offer(self, wifi: WifiNetwork | None) -> str:
        """See `Network.offer`."""
        return "Its credentials would have been replaced" + ("" if wifi is None else f" by those of {wifi.ssid!r}")

    def join(self, wifi: WifiNetwork | None = None) -> str:
        """See `Network.join`."""
        missing = self.lacks(wifi)
        if missing is not None or wifi is None:
            raise missing or CapabilityMissing(Capability.WIFI, board=self._board.label)
        listen(self._board)
        self._board.setup_done()
        self._board.set_wifi(wifi.ssid, wifi.password, security=wifi.security)
        return f"the board took the credentials of {wifi.ssid!r}"


class Cellular:
    """Cellular: a SIM, which the mobile network lets in once an account has activated it. No board is asked for more than its number."""

    kind = "cellular"
    step = "activate its SIM"
    in_listening = True

    def __init__(self, board: Board) -> None:
        self._board = board

    def lacks(self, wifi: WifiNetwork | None) -> CapabilityMissing | None:
        """See `Network.lacks`. Wi-Fi is none of its business."""
        board = self._board
        if board.account is None:
            return CapabilityMissing(Capability.CLOUD, board=board.label, remedy="An account has to activate its SIM")
        return None

    def offer(self, wifi: WifiNetwork | None) -> str:
        """See `Network.offer`."""
        return "Its SIM would have been activated"

    def join(self, wifi: WifiNetwork | None = None) -> str | None:
        """See `Network.join`."""
        board, missing = self._board, self.lacks(wifi)
        if missing is not None or board.account is None:
            raise missing or CapabilityMissing(Capability.CLOUD, board=board.label)
        iccid = board.iccid()
        activated = self._activate(board.account, iccid)
        if board.mode() is Mode.LISTENING:
            board.setup_done()
            board.leave_listening()
        return f"SIM {iccid} is active" if activated else None

    def _activate(self, account: Account, iccid: str) -> bool:
        """Have the SIM be active; gives whether it was not. A product of the account's team has its SIMs activated by itself."""
        board, sim = self._board, account.sims.find(iccid)
        if sim is not None and sim.active:
            return False
        if sim is None or sim.product_id is None:
            board.must_allow_changes(f"activate its SIM {iccid}")
            board.journal.did(f"activated its SIM {iccid} for {account.username}")
            try:
                account.sims.activate(iccid)
            except CloudRefused as error:
                if error.status == HTTPStatus.CONFLICT and not account.sims.can_be_activated(iccid):
                    return False  # the mobile network lets it in, whoever has it
                remedy = "Give up that SIM in the account that has it, or use that account" if error.status == HTTPStatus.FORBIDDEN else ""
                raise HarnessError(
                    f"its SIM {iccid} cannot be activated", board=board.label, seen=error.text, blame=Blame.CLOUD, remedy=remedy
                ) from error
        board.until(
            lambda: account.sims.is_active(iccid),
            timeout=SIM_TIMEOUT,
            awaited=f"its SIM {iccid} to be active",
            seen=lambda: f"in the cloud it is {account.sims.status(iccid)}",
            remedy=""
            if sim is None or sim.product_id is None
            else f"Reactivate it in product {sim.product_id}, if the team has deactivated it",
        )
        return True


class FirstOf:
    """Several interfaces: the board joins with the first for which a run has all it needs."""

    step = "join a network"
    in_listening = True

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self.kind = " and ".join(each.kind for each in networks)

    def lacks(self, wifi: WifiNetwork | None) -> CapabilityMissing | None:
        """See `Network.lacks`."""
        return self._chosen(wifi).lacks(wifi)

    def offer(self, wifi: WifiNetwork | None) -> str:
        """See `Network.offer`."""
        return self._chosen(wifi).offer(wifi)

    def join(self, wifi: WifiNetwork | None = None) -> str | None:
        """See `Network.join`."""
        return self._chosen(wifi).join(wifi)

    def _chosen(self, wifi: WifiNetwork | None) -> Network:
        return next((each for each in self._networks if each.lacks(wifi) is None), self._networks[0])


def network_of(board: Board) -> Network | None:
    """The interfaces of a board's platform as one; None where it has none that is known here."""
    has = board.platform.has
    found: list[Network] = []
    if has(Feature.WIFI):
        found.append(Wifi(board))
    if has(Feature.CELLULAR):
        found.append(Cellular(board))
    return found[0] if len(found) == 1 else FirstOf(found) if found else None


def listen(board: Board) -> bool:
    """Bring a board into listening mode; gives whether that had to be done."""
    if Capability.USB in board.capabilities and board.usb.state() is UsbState.DFU:
        board.leave_dfu()
    if board.mode() is Mode.LISTENING:
        return False
    board.enter_listening()
    return True
