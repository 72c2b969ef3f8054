"""Options that several verbs share, and what they mean for opening boards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from harness.cli.paths import LAB_FILE

F = TypeVar("F", bound=Callable[..., Any])

_WHICH = "Which board: emu:photon, emu:photon?mode=dfu&os=2.1.0, usb:DEVICE-ID{more}. Give it again for more. Without it those of "
_ENVIRONMENT = "PARTICLE_HIL_BOARD in the environment, with blanks between them{more}."


def _board_option(*, required: bool, which: str = "", else_: str = "") -> Callable[[F], F]:
    return click.option(
        "--board",
        "boards",
        multiple=True,
        required=required,
        envvar="PARTICLE_HIL_BOARD",
        metavar="MONIKER",
        help=_WHICH.format(more=which) + _ENVIRONMENT.format(more=else_),
    )


board_option = _board_option(required=True)
maybe_board_option = _board_option(required=False, which=", or a name in the lab file", else_=", else all boards of the lab file")
named_board_option = _board_option(required=False, which=", or a name in the lab file")

lab_option = click.option(
    "--lab",
    "lab_path",
    type=LAB_FILE,
    envvar="PARTICLE_HIL_LAB",
    metavar="FILE",
    help="A lab file: boards by name, and the networks and the cloud around emulated ones (`particle-hil lab --help`).",
)

application_option = click.option(
    "--application",
    "applications",
    multiple=True,
    metavar="MODULE:CLASS",
    help="A Python class that emulated boards run as their application; modules are looked for in the current folder. Give it again for "
    "more: boards that name none run the first one, and all can be flashed by the names of their classes.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")

device_os_option = click.option(
    "--device-os",
    multiple=True,
    metavar="SOURCE",
    help="What the emulated cloud heals boards in safe mode with, and hands out over REST: a file or folder of Device OS modules; cache, "
    "which `image fetch` fills; built, stand-ins for emulated boards only; none. Without it boards are healed with stand-ins, and nothing "
    "is handed out. Give it again for more.",
)

webhook_option = click.option(
    "--allow-webhook",
    "webhooks",
    multiple=True,
    metavar="DESTINATION",
    help="Where webhooks of a served cloud may go besides public addresses: HOST, HOST:PORT, a network such as 10.0.0.0/8, or * for "
    "everywhere. Give it again for more.",
)

cloud_option = click.option(
    "--cloud",
    metavar="URL",
    help="The cloud of real boards, else PARTICLE_HIL_CLOUD. Its account: PARTICLE_HIL_TOKEN.",
)

changes_option = click.option("--allow-changes", is_flag=True, help="Let real boards be flashed, claimed and rewritten.")

served_option = click.option("--served", is_flag=True, help="Let emulated boards live in real time, behind sockets.")

seed_option = click.option("--seed", type=int, default=0, show_default=True, help="Where everything random in an emulated run comes from.")

_OPENING = (
    cloud_option,
    changes_option,
    click.option("--wifi", metavar="SSID[:PASSWORD]", help="The Wi-Fi network that real boards may join, else PARTICLE_HIL_WIFI."),
    served_option,
    seed_option,
    device_os_option,
)


def opening_options(command: F) -> F:
    """Add the options that say how boards are opened."""
    for option in reversed(_OPENING):
        command = option(command)
    return command
