"""SIM activation: a cellular board that blinks green gets its SIM activated, in one of the ways there are, and is online by itself.

read the SIM's number -> look for the network -> activate -> wait for the mobile network -> connect.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.errors import Blame, HarnessError
from harness.hiding import hides
from harness.modes import TIMEOUTS, CloudStatus, Mode, UsbState
from harness.networks import SIM_TIMEOUT
from harness.provisioning.flow import Flow, Step

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account
    from harness.kit import Product
    from harness.sims import Sims

__tracebackhide__ = hides


class SimWay(enum.Enum):
    """The ways to get a SIM activated."""

    ICCID = "by its number"
    """For an account; the only way for a plastic SIM outside of products."""
    SERIAL_NUMBER = "by the serial number of its board"
    """For an account; built-in SIMs only."""
    IMPORT = "by importing it into a product"
    MEMBERSHIP = "by adding its board to a product"
    """Built-in SIMs only."""

    def __str__(self) -> str:
        return self.value

    @property
    def into_product(self) -> bool:
        """Whether a product has the SIM then."""
        return self in (SimWay.IMPORT, SimWay.MEMBERSHIP)


class SimActivation(Flow):
    """Have the SIM in `board` activated, and see the board come online.

    Args:
        board: a cellular board.
        account: who is to have the SIM, or is in the team of `product`.
        by: the way.
        product: what the SIM is to be in, for the ways that lead into one.
        timeout: seconds that the mobile network gets. Minutes and days are usual for some SIMs, above all when they were active before.

    Raises:
        ValueError: the way needs a product and there is none, or the other way round.
    """

    name = "SIM activation"

    def __init__(
        self,
        board: Board,
        account: Account,
        by: SimWay = SimWay.ICCID,
        *,
        product: Product | None = None,
        timeout: float = SIM_TIMEOUT,
    ) -> None:
        super().__init__(board)
        if by.into_product is (product is None):
            raise ValueError(f"activating a SIM {by.value} {'needs' if product is None else 'has no use for'} a product")
        self.account = account
        self.by = by
        self.product = product
        self.timeout = timeout
        self.iccid = ""

    def steps(self) -> Sequence[Step]:
        """See `Flow.steps`."""
        return (
            Step("read the number of its SIM", self.read),
            Step("look for the mobile network", self.look),
            Step(f"activate its SIM {self.by.value}", self.activate),
            Step("wait for the mobile network", self.wait),
            Step("connect to the cloud", self.connect),
        )

    @property
    def sims(self) -> Sims:
        """Among whose SIMs it is in the end."""
        return self.account.sims if self.product is None else self.product.sims

    def read(self) -> str:
        """Read the number of the SIM, in listening mode."""
        self.iccid = self.board.iccid()
        return f"SIM {self.iccid}"

    def look(self) -> str | None:
        """Let the board look for a network; with an inactive SIM it blinks green from now on."""
        if self.board.usb.state() is UsbState.DFU:
            self.board.leave_dfu()
        self.board.setup_done()
        if self.board.mode() is Mode.LISTENING:
            self.board.leave_listening()
        if self.sims.is_active(self.iccid) or self.board.cannot_witness(Mode.CONNECTING_NETWORK) is not None:
            return None
        return str(self.board.wait_for(Mode.CONNECTING_NETWORK))

    def activate(self) -> str | None:
        """Ask for it, unless the SIM is active where it is to be."""
        if self.sims.is_active(self.iccid):
            return None
        self.board.must_allow_changes(f"activate its SIM {self.iccid}")
        self.board.journal.did(f"asked for its SIM {self.iccid} to be activated, {self.by.value}")
        if self.by is SimWay.ICCID:
            self.account.sims.activate(self.iccid)
        elif self.by is SimWay.SERIAL_NUMBER:
            self.account.sims.activate(self.board.requests.serial_number())
        elif self.product is not None and self.by is SimWay.IMPORT:
            self.product.import_sims(self.iccid)
        elif self.product is not None:
            self.product.add_devices(self.board.device_id)
        sim = self.sims.find(self.iccid)
        if sim is None:
            raise HarnessError(
                f"its SIM {self.iccid} did not come along into {self.product}",
                board=self.board.label,
                blame=Blame.CLOUD,
                remedy="A plastic SIM has to be imported by its own number (SimWay.IMPORT), and a stranger's has to be released by them",
            )
        return f"SIM {self.iccid} is {sim.status}"

    def wait(self) -> str:
        """Let time pass until the mobile network lets the SIM in."""
        self.board.until(
            lambda: self.sims.is_active(self.iccid),
            timeout=self.timeout,
            awaited=f"its SIM {self.iccid} to be active",
            seen=lambda: f"in the cloud it is {self.sims.status(self.iccid)}",
            remedy="Some SIMs take days, above all those that were active before: give it a longer timeout",
        )
        return f"SIM {self.iccid} is active"

    def connect(self) -> str:
        """Let the board come online by itself. Where nobody can tell its mode (no LED, no owner to ask the cloud), it says so itself."""
        board = self.board
        if board.cannot_witness(Mode.ONLINE) is None:
            return str(board.wait_for(Mode.ONLINE))
        board.until(
            lambda: board.requests.cloud_status() is CloudStatus.CONNECTED,
            timeout=TIMEOUTS[Mode.ONLINE],
            awaited="it to be connected to the cloud",
            seen=lambda: f"its cloud connection is {board.requests.cloud_status().name.lower()} (control request 300)",
        )
        return "connected to the cloud, as it says itself"
