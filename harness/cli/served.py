"""`particle-hil served`: hands on the boards of a running `particle-hil serve`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import click

from harness.cli.options import json_option
from harness.cli.output import say, say_json
from harness.cli.verbs import LazyGroup
from harness.cloud import Cloud
from harness.errors import Blame, HarnessError
from harness.terminal import visible

Json: TypeAlias = dict[str, Any]

_VERBS = {
    "list": "harness.cli.served:list_boards",
    "off": "harness.cli.served:off",
    "on": "harness.cli.served:on",
    "unplug": "harness.cli.served:unplug",
    "plug": "harness.cli.served:plug",
    "press": "harness.cli.served:press",
    "hold": "harness.cli.served:hold",
    "release": "harness.cli.served:release",
    "sim": "harness.cli.served:sim",
    "ban": "harness.cli.served:ban",
    "unban": "harness.cli.served:unban",
}
_SUMMARIES = {
    "list": "List the boards that are served, with their LEDs.",
    "off": "Take a board's power away.",
    "on": "Give it power again.",
    "unplug": "Pull its USB cable out; it keeps its power.",
    "plug": "Put the cable in again.",
    "press": "Press a button, and let it go.",
    "hold": "Push a button down, and keep it there.",
    "release": "Let it go.",
    "sim": "Put another SIM into a cellular board, or take it out.",
    "ban": "Have the mobile network ban a board's modem by its IMEI.",
    "unban": "Have the mobile network let it in again.",
}
BUTTONS = click.Choice(["mode", "reset"])


@click.group(
    name="served",
    cls=LazyGroup,
    verbs=_VERBS,
    summaries=_SUMMARIES,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example, into DFU mode: particle-hil served hold lamp mode; particle-hil served press lamp reset; sleep 4; "
    "particle-hil served release lamp mode",
)
def served() -> None:
    """Lay hands on the boards of a running `particle-hil serve`.

    A board is named as it is listed: by its name or moniker, its device id, or its USB port. The server is found by itself if it is yours
    and the only one; --api names it otherwise.
    """


api_option = click.option("--api", metavar="URL", help="The REST API of the server, where several run, or it is somebody else's.")


def _board_verb(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and the options of what is done to one board."""
    return click.argument("board")(api_option(json_option(command)))


@click.command(name="list", epilog="Example: particle-hil served list --json")
@api_option
@json_option
def list_boards(api: str | None, as_json: bool) -> None:
    """List the boards that are served, with their LEDs."""
    with _cloud(api) as ask:
        found = ask("GET", "/emulator/boards")["boards"]
    if as_json:
        say_json({"boards": found}, indent=2)
        return
    for board in found:
        say(_line(board))
    if not found:
        say("No board is served; give `particle-hil serve` a --board or a --lab")


def _line(board: Json) -> str:
    facts = [] if board["power"] else ["off"]
    facts += [] if board["plugged"] else ["unplugged"]
    facts += [f"{name.upper()} held down" for name in board["held"]]
    facts += [f"SIM {board['sim']}"] if board["sim"] else []
    facts += ["modem banned"] if board["banned"] else []
    shown = ", ".join([*facts, f"LED {board['led']}"])
    return visible(f"{board['name']}  {board['device_id']}  at USB port {board['port']}: {shown}")


@click.command(epilog="Example: particle-hil served off lamp-1")
@_board_verb
def off(board: str, api: str | None, as_json: bool) -> None:
    """Take the power of a BOARD away, in whatever it is doing."""
    _change(board, api, as_json, power=False)


@click.command(epilog="Example: particle-hil served on lamp-1")
@_board_verb
def on(board: str, api: str | None, as_json: bool) -> None:
    """Give a BOARD power again."""
    _change(board, api, as_json, power=True)


@click.command(epilog="Example: particle-hil served unplug lamp-1")
@_board_verb
def unplug(board: str, api: str | None, as_json: bool) -> None:
    """Pull the USB cable of a BOARD out; it keeps its power, as from a battery."""
    _change(board, api, as_json, plugged=False)


@click.command(epilog="Example: particle-hil served plug lamp-1")
@_board_verb
def plug(board: str, api: str | None, as_json: bool) -> None:
    """Put the USB cable of a BOARD in again."""
    _change(board, api, as_json, plugged=True)


@click.command(epilog="Example, into listening mode: particle-hil served press lamp-1 mode --seconds 4")
@click.argument("board")
@click.argument("button", type=BUTTONS)
@click.option("--seconds", type=click.FloatRange(0, 30), default=0.1, show_default=True, help="How long it is down.")
@api_option
@json_option
def press(board: str, button: str, seconds: float, api: str | None, as_json: bool) -> None:
    """Press a button of a BOARD, and let it go."""
    with _cloud(api) as ask:
        found = _find(ask, board)
        _tell(ask("POST", f"/emulator/boards/{found['device_id']}/press", {"button": button, "seconds": seconds}), as_json)


@click.command(epilog="Example: particle-hil served hold lamp-1 mode")
@click.argument("board")
@click.argument("button", type=BUTTONS)
@api_option
@json_option
def hold(board: str, button: str, api: str | None, as_json: bool) -> None:
    """Push a button of a BOARD down, and keep it there."""
    _change(board, api, as_json, **{button: True})


@click.command(epilog="Example: particle-hil served release lamp-1 mode")
@click.argument("board")
@click.argument("button", type=BUTTONS)
@api_option
@json_option
def release(board: str, button: str, api: str | None, as_json: bool) -> None:
    """Let a button of a BOARD go."""
    _change(board, api, as_json, **{button: False})


@click.command(epilog="Example, a card that nobody has activated: particle-hil served sim meter-1 spare")
@click.argument("board")
@click.argument("number", metavar="ICCID|spare|none")
@api_option
@json_option
def sim(board: str, number: str, api: str | None, as_json: bool) -> None:
    """Put another SIM into the slot of a cellular BOARD: the one of a number, a spare one of nobody's, or none.

    An Electron uses it at once. A Gen 3 board has one of its own besides, and uses this one when it is asked to (control request 552).
    """
    _change(board, api, as_json, sim=number)


@click.command(epilog="Example: particle-hil served ban meter-1")
@_board_verb
def ban(board: str, api: str | None, as_json: bool) -> None:
    """Have the mobile network ban the modem of a BOARD by its IMEI, whatever SIM is in it."""
    _change(board, api, as_json, banned=True)


@click.command(epilog="Example: particle-hil served unban meter-1")
@_board_verb
def unban(board: str, api: str | None, as_json: bool) -> None:
    """Have the mobile network let the modem of a BOARD in again."""
    _change(board, api, as_json, banned=False)


def _change(board: str, api: str | None, as_json: bool, **change: bool | str) -> None:
    with _cloud(api) as ask:
        found = _find(ask, board)
        _tell(ask("PUT", f"/emulator/boards/{found['device_id']}", change), as_json)


def _tell(board: Json, as_json: bool) -> None:
    if as_json:
        say_json(board)
    else:
        say(_line(board))


def _find(ask: Callable[..., Json], wanted: str) -> Json:
    """The board of a name, device id or port."""
    there: list[Json] = ask("GET", "/emulator/boards")["boards"]
    found = [each for each in there if wanted.lower() == each["device_id"] or wanted in (each["name"], each["port"])]
    if len(found) == 1:
        return found[0]
    seen = ", ".join(f"{each['name']} ({each['device_id']} at {each['port']})" for each in found or there) or "no board at all"
    what, remedy = ("several boards are", "Name it by its port") if found else ("no served board is", "Name one that is")
    raise HarnessError(f"{what} {wanted!r}", seen=seen, remedy=remedy, blame=Blame.REQUEST)


@contextmanager
def _cloud(api: str | None) -> Iterator[Callable[..., Json]]:
    """Gives what asks the server: method, path, and a body."""
    from harness.cli.served_control import chosen

    server = chosen(api)
    cloud = Cloud(server.target)
    try:
        yield lambda method, path, body=None: cloud.request(method, path, token=server.token, json=body)
    finally:
        cloud.close()
