"""What `serve` tells of each board: as plain data, and as lines for a person."""

from __future__ import annotations

from typing import Any

from harness.board import Board
from harness.boards import ServiceFacts


def served_board(board: Board, service: ServiceFacts | None) -> dict[str, Any]:
    """A board, and where set-up programs find the network that it opens in listening mode (`softap`; None where it opens none)."""
    setup = None if service is None else service.setup.get(board.device_id)
    softap = None if setup is None else {"tcp": "{}:{}".format(*setup.tcp), "http": "http://{}:{}".format(*setup.http)}
    return {"moniker": board.moniker, "device_id": board.device_id, "port": board.port, "softap": softap}


def board_lines(told: dict[str, Any]) -> list[tuple[str, str]]:
    """The same as names and values."""
    lines = [("board", f"{told['moniker']}  {told['device_id']}  at USB port {told['port']}")]
    if told["softap"] is not None:
        lines.append(("set up by SoftAP", "at {tcp} (TCP) and {http}, while it listens".format(**told["softap"])))
    return lines
