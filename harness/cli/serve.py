"""`particle-hil serve`: emulated boards and their cloud, for other programs, until it is told to stop."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import threading
from collections.abc import Iterator
from typing import Any

import click

from harness.boards import OpenOptions, Rig, open_boards
from harness.cli.options import board_option, json_option
from harness.errors import BoardNotAvailable, HarnessError, Unavailable


@click.command(epilog="Example: particle-hil serve --board 'emu:photon?mode=online&claimed=1'")
@board_option
@click.option("--seed", type=int, default=0, show_default=True, help="Where everything random in the run comes from.")
@json_option
def serve(boards: tuple[str, ...], seed: int, as_json: bool) -> int:
    """Serve emulated boards and their cloud until Ctrl-C.

    Tells the address of the REST API, who can log in there, and what to put before a command so that it sees the boards on USB.
    """
    with _told_to_stop() as ended, contextlib.ExitStack() as stack:
        rigs = open_boards(boards, OpenOptions(served=True, seed=seed))
        for rig in rigs:
            stack.callback(rig.close)
        if len(rigs) != 1 or rigs[0].door is None or rigs[0].cloud is None:
            raise BoardNotAvailable(Unavailable.UNKNOWN_KIND, "only emulated boards can be served")
        rig = rigs[0]
        told = describe(rig, _open_door(stack, rig))
        click.echo(json.dumps(told) if as_json else "\n".join(f"{key:12} {value}" for key, value in _lines(told)))
        while not ended.wait(timeout=1):
            continue
    return 0


def _open_door(stack: contextlib.ExitStack, rig: Rig) -> dict[str, str]:
    """The environment that shows the boards; empty, with a word on stderr, where this computer cannot."""
    assert rig.door is not None
    try:
        return stack.enter_context(rig.door())
    except HarnessError as error:
        click.echo(f"particle-hil: other programs will not see the boards on USB: {error}", err=True)
        return {}


def describe(rig: Rig, environment: dict[str, str]) -> dict[str, Any]:
    """What is served, as plain data."""
    assert rig.cloud is not None
    return {
        "api": rig.cloud.url,
        "username": rig.cloud.username,
        "password": rig.cloud.password,
        "environment": environment,
        "boards": [{"moniker": board.moniker, "device_id": board.device_id, "port": board.usb.port} for board in rig.boards],
    }


def _lines(told: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [("REST API", told["api"]), ("log in as", f"{told['username']} with the password {told['password']!r}")]
    lines += [("board", f"{board['moniker']}  {board['device_id']}  at USB port {board['port']}") for board in told["boards"]]
    if told["environment"]:
        prefix = " ".join(f"{name}={shlex.quote(value)}" for name, value in told["environment"].items())
        lines.append(("on USB for", f"{prefix} COMMAND"))
    return lines


@contextlib.contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, from before anything is opened, so that everything is closed again."""
    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
