"""The boards in a computer's USB ports, as a hand reaches them: see `emulator.cloud.bench.Bench`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from emulator.board.board import Board
from emulator.cloud import Cloud
from emulator.cloud.bench import NONE, SPARE, BoardNotHere, BoardOnBench
from emulator.cloud.errors import Invalid
from emulator.doors.usb_host import UsbHost
from emulator.sim_trays import SimTrays


class HostBench:
    """The boards of one host. Inside the Lab.

    Args:
        host: its USB side.
        boards: gives the boards by port, those whose cable is out included.
        name_of: gives what a board of this device id is called.
        trays: the SIM slots of the boards.
        cloud: knows the mobile network.
    """

    def __init__(
        self, host: UsbHost, boards: Callable[[], Mapping[str, Board]], name_of: Callable[[str], str], trays: SimTrays, cloud: Cloud
    ) -> None:
        self._host = host
        self._trays = trays
        self._cloud = cloud
        self._boards = boards
        self._name_of = name_of

    def boards(self) -> Sequence[BoardOnBench]:
        """See `Bench.boards`."""
        return [self._seen(port, board) for port, board in self._boards().items()]

    def look(self, board: str) -> BoardOnBench:
        """See `Bench.look`."""
        return self._seen(*self._find(board))

    def switch(self, board: str, *, on: bool) -> None:
        """See `Bench.switch`."""
        _, found = self._find(board)
        if on:
            found.power_on()
        else:
            found.power_off()

    def plug(self, board: str, *, plugged: bool) -> None:
        """See `Bench.plug`. Plugging in what is plugged in does nothing."""
        port, found = self._find(board)
        if plugged == self._plugged(port):
            return
        if plugged:
            self._host.plug_in(port, found.plug)
        else:
            self._host.unplug(port)

    def hold(self, board: str, button: str, *, down: bool) -> None:
        """See `Bench.hold`."""
        buttons = self._find(board)[1].buttons
        if button == "mode":
            (buttons.press_mode if down else buttons.release_mode)()
        else:
            (buttons.press_reset if down else buttons.release_reset)()

    def insert_sim(self, board: str, iccid: str) -> None:
        """See `Bench.insert_sim`."""
        _, found = self._find(board)
        try:
            self._trays.insert(found, None if iccid == SPARE else iccid)
        except ValueError as error:
            raise Invalid("sim", iccid, f"cannot be put in: {error}") from error

    def remove_sim(self, board: str) -> None:
        """See `Bench.remove_sim`."""
        _, found = self._find(board)
        try:
            self._trays.remove(found)
        except ValueError as error:
            raise Invalid("sim", NONE, f"cannot be taken out: {error}") from error

    def ban(self, board: str, *, banned: bool) -> None:
        """See `Bench.ban`."""
        _, found = self._find(board)
        if not found.identity.imei:
            raise Invalid("banned", banned, f"makes no sense: board {found.device_id} has no modem")
        self._cloud.factory.ban_imei(found.identity.imei, banned=banned)

    def _find(self, wanted: str) -> tuple[str, Board]:
        for port, board in self._boards().items():
            if wanted == port or wanted.lower() == board.device_id or wanted == self._name_of(board.device_id):
                return port, board
        raise BoardNotHere(wanted)

    def _plugged(self, port: str) -> bool:
        return port in map(str, self._host.ports)

    def _seen(self, port: str, board: Board) -> BoardOnBench:
        return BoardOnBench(
            device_id=board.device_id,
            name=self._name_of(board.device_id),
            platform=board.platform.name,
            port=port,
            powered=board.powered,
            plugged=self._plugged(port),
            held=tuple(name for name, down in (("mode", board.buttons.mode), ("reset", board.buttons.reset)) if down),
            led=board.led.describe(),
            sim=board.sim,
            banned=bool(board.identity.imei) and self._cloud.sims.ban(board.identity.imei) is not None,
        )
