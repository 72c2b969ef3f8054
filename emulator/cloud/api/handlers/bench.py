"""Hands on the boards that are served: power, USB cable, buttons, SIM."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.errors import PERMISSION_DENIED
from emulator.cloud.api.faults import Refused
from emulator.cloud.bench import BUTTONS, NONE, Bench, BoardNotHere, BoardOnBench

Json = dict[str, Any]

PRESS = 0.1
"""Seconds that a button is down unless told."""


def list_boards(call: Call) -> Json:
    """All boards."""
    return {"boards": [_shown(board) for board in _bench(call).boards()]}


def get_board(call: Call) -> Json:
    """One board."""
    return _shown(_bench(call).look(call.path["board"]))


def change_board(call: Call) -> Json:
    """Do what the fields say; SIM and buttons before power, so that a board can be switched on with another SIM, or a button held down."""
    bench, board = _bench(call), call.path["board"]
    bench.look(board)
    for button in BUTTONS:
        if call.has(button):
            bench.hold(board, button, down=call.flag(button))
    if call.has("sim"):
        sim = call.text("sim").strip()
        if sim.lower() == NONE:
            bench.remove_sim(board)
        else:
            bench.insert_sim(board, sim.lower())
    if call.has("banned"):
        bench.ban(board, banned=call.flag("banned"))
    if call.has("plugged"):
        bench.plug(board, plugged=call.flag("plugged"))
    if call.has("power"):
        bench.switch(board, on=call.flag("power"))
    return _shown(bench.look(board))


async def press(call: Call) -> Json:
    """Press a button, and let it go."""
    cloud, bench, board, button = call.cloud, _bench(call), call.path["board"], call.text("button")
    seconds = call.get("seconds")
    bench.hold(board, button, down=True)
    done = cloud.core.reply()

    def let_go() -> None:
        """Also when nobody waits for the answer any more."""
        with suppress(BoardNotHere):  # it was taken away meanwhile
            bench.hold(board, button, down=False)
        done.resolve(None)

    cloud.clock.call_later(PRESS if seconds is None else seconds, let_go)
    await done
    return _shown(bench.look(board))


def _bench(call: Call) -> Bench:
    """The boards, for somebody who was let in by whoever runs this cloud. Anybody may sign up, and gets at no board by that.

    Raises:
        Refused: to others.
    """
    if not call.cloud.accounts.of(call.who).handed_out:
        raise Refused(PERMISSION_DENIED)
    return call.cloud.bench


def _shown(board: BoardOnBench) -> Json:
    return {
        "device_id": board.device_id,
        "name": board.name,
        "platform": board.platform,
        "port": board.port,
        "power": board.powered,
        "plugged": board.plugged,
        "held": list(board.held),
        "led": board.led,
        "sim": board.sim,
        "banned": board.banned,
    }
