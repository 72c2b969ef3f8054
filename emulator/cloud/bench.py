"""The boards within reach of a hand: whoever runs the lab lets callers of the API switch them, unplug them and press their buttons.

The real cloud has nothing of the kind. Whoever has an account in this one may do it, as whoever is in a lab may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from emulator.cloud.errors import NotFound

BUTTONS = ("mode", "reset")
SPARE, NONE = "spare", "none"
"""A SIM that is at hand and nobody's, in place of a number; and none at all."""


class BoardNotHere(NotFound):
    """No board of this name, device id or port is on the bench."""

    thing = "board"


@dataclass(frozen=True, slots=True)
class BoardOnBench:
    """What a look at a board tells."""

    device_id: str
    name: str
    platform: str
    port: str
    powered: bool
    plugged: bool
    """Whether its USB cable is in."""
    held: tuple[str, ...]
    """The buttons that are down."""
    led: str
    sim: str | None
    """The number of the SIM that it uses."""
    banned: bool
    """Whether the mobile network has banned its modem."""


class Bench(Protocol):
    """Boards, by name, device id or USB port."""

    def boards(self) -> Sequence[BoardOnBench]:
        """All of them, in the order of their ports."""

    def look(self, board: str) -> BoardOnBench:
        """One of them.

        Raises:
            BoardNotHere: as said; so do all others.
        """

    def switch(self, board: str, *, on: bool) -> None:
        """Give a board power, or take it away."""

    def plug(self, board: str, *, plugged: bool) -> None:
        """Put a board's USB cable in, or pull it out. That is not what it has its power from."""

    def hold(self, board: str, button: str, *, down: bool) -> None:
        """Push a button down and keep it there, or let it go."""

    def insert_sim(self, board: str, iccid: str) -> None:
        """Put a SIM into a board's slot, in place of what is there: that of a number, or `SPARE`.

        Raises:
            Invalid: the board has no slot, the number is none, or that SIM is in another board.
        """

    def remove_sim(self, board: str) -> None:
        """Take the SIM out of a board's slot.

        Raises:
            Invalid: the board has no slot.
        """

    def ban(self, board: str, *, banned: bool) -> None:
        """Have the mobile network ban a board's modem by its IMEI, or let it in again.

        Raises:
            Invalid: the board has no modem.
        """


class EmptyBench:
    """No board at all."""

    def boards(self) -> Sequence[BoardOnBench]:
        """See `Bench.boards`."""
        return ()

    def look(self, board: str) -> BoardOnBench:
        """See `Bench.look`."""
        raise BoardNotHere(board)

    def switch(self, board: str, *, on: bool) -> None:
        """See `Bench.switch`."""
        self.look(board)

    def plug(self, board: str, *, plugged: bool) -> None:
        """See `Bench.plug`."""
        self.look(board)

    def hold(self, board: str, button: str, *, down: bool) -> None:
        """See `Bench.hold`."""
        self.look(board)

    def insert_sim(self, board: str, iccid: str) -> None:
        """See `Bench.insert_sim`."""
        self.look(board)

    def remove_sim(self, board: str) -> None:
        """See `Bench.remove_sim`."""
        self.look(board)

    def ban(self, board: str, *, banned: bool) -> None:
        """See `Bench.ban`."""
        self.look(board)
