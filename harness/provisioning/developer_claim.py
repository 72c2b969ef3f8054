"""The developer claim: a board out of its box becomes a device of one's own account.

identify -> (Device OS) -> (application) -> (listening mode -> network) -> connect -> claim -> (name) -> setup done.
Steps in brackets happen when they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.follow_ups import claim_when_online
from harness.hiding import hides
from harness.modes import Capability, Mode, UsbState
from harness.networks import listen
from harness.provisioning.flow import Flow, Step
from harness.releases import release_files

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account, WifiNetwork

__tracebackhide__ = hides


class DeveloperClaim(Flow):
    """Bring `board` into `account`.

    Args:
        board: any board that enumerates.
        account: who is to own it.
        wifi: the network it joins; None for a board that has its credentials, or needs none.
        os: the Device OS version to install first, or None to leave it.
        images: modules to write first, such as an application.
        name: the name to give it, or None.
    """

    name = "developer claim"

    def __init__(
        self,
        board: Board,
        account: Account,
        wifi: WifiNetwork | None = None,
        *,
        os: str | None = None,
        images: Sequence[bytes | str | Path] = (),
        name: str | None = None,
    ) -> None:
        super().__init__(board)
        self.account = account
        self.wifi = wifi
        self.os = os
        self.images = images
        self.device_name = name

    def steps(self) -> Sequence[Step]:
        """See `Flow.steps`."""
        wanted = [
            Step("identify", self.identify),
            Step("update Device OS", self.update) if self.os is not None else None,
            Step("flash", self.flash) if self.images else None,
            *self.joining(),
            Step("connect to the cloud", self.connect),
            Step("claim", self.claim),
            Step("rename", self.rename) if self.device_name is not None else None,
            Step("mark as set up", self.mark_set_up),
        ]
        return [step for step in wanted if step is not None]

    def identify(self) -> str:
        """Make sure that it is the board that is meant, and that it answers."""
        return str(self.board.identify())

    def update(self) -> str | None:
        """Install the Device OS version, unless the board runs it."""
        assert self.os is not None
        if self.board.usb.state() is UsbState.NORMAL and self.board.os_version() == self.os:
            return None
        self.board.update_device_os(release_files(self.board, self.os))
        return f"Device OS {self.board.os_version()}"

    def flash(self) -> str:
        """Write the images."""
        self.board.flash(*self.images)
        return ", ".join(map(str, self.board.requests.modules()))

    def joining(self) -> Sequence[Step]:
        """The steps that give the board what it needs to connect: none if it has that, or has no network of its own to join."""
        if Capability.NETWORK not in self.board.capabilities or self.board.network.lacks(self.wifi) is not None:
            return ()
        network = self.board.network
        join = Step(network.step, lambda: network.join(self.wifi))
        return (Step("enter listening mode", self.listen), join) if network.in_listening else (join,)

    def listen(self) -> str | None:
        """Bring the board into listening mode, unless it is."""
        return str(Mode.LISTENING) if listen(self.board) else None

    def connect(self) -> str | None:
        """Let the board connect. Without an LED to see, only the cloud can tell, at the claim."""
        if Capability.USB in self.board.capabilities and self.board.usb.state() is UsbState.DFU:
            self.board.leave_dfu()
        for mode in (Mode.ONLINE, Mode.RUNNING):
            if self.board.cannot_witness(mode) is None:
                return str(self.board.wait_for(mode))
        return None

    def claim(self) -> str:
        """Claim the board, which must be online for that; the cloud may learn of it a moment after the board."""
        claim_when_online(self.board, self.account)
        return f"owned by {self.account.device(self.board.device_id).owner}"

    def rename(self) -> str:
        """Give it its name."""
        assert self.device_name is not None
        self.board.must_allow_changes("rename it")
        self.account.rename(self.board.device_id, self.device_name)
        return f"called {self.account.device(self.board.device_id).name!r}"

    def mark_set_up(self) -> str | None:
        """Mark it as set up, where boards have such a mark."""
        if self.board.platform.generation != 3:
            return None
        self.board.setup_done()
        return "marked as set up"
