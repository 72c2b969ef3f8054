"""`particle-hil run`: an unmodified program, with emulated boards on its USB bus."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import click

from harness.boards import OpenOptions, Rig, every, moniker_of, open_boards
from harness.cli.lab_watch import left_out, served_words
from harness.cli.options import device_os_option, lab_option, maybe_board_option, webhook_option
from harness.cli.output import say
from harness.cli.waiting import shown_waits
from harness.cloud import Cloud
from harness.errors import BoardNotAvailable, HarnessError, Unavailable
from harness.kit.faults import StandingFaults
from harness.rack.lab_building import read_lab

GRACE = 5.0
"""Seconds that a program has to end after it was told to."""

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""What a shell gives for such programs."""


@click.command(
    short_help="Run a program with emulated boards on its USB bus.",
    epilog="Example: particle-hil run --board 'emu:photon?mode=dfu' -- dfu-util -l",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@lab_option
@maybe_board_option
@click.option("--seed", type=int, default=0, show_default=True, help="Where everything random in the run comes from.")
@device_os_option
@webhook_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    lab_path: Path | None,
    boards: tuple[str, ...],
    seed: int,
    device_os: tuple[str, ...],
    webhooks: tuple[str, ...],
    command: tuple[str, ...],
) -> int:
    """Run COMMAND with emulated boards on its USB bus; its exit status is this command's.

    The boards live in real time while it runs. The program needs no change: it sees them where it looks for real ones, in /sys and /dev.
    In its environment are the address of their cloud, PARTICLE_HIL_CLOUD, and who may log in there, PARTICLE_HIL_USER and
    PARTICLE_HIL_PASSWORD; with PARTICLE_HIL_TOKEN it is logged in already. PARTICLE_HIL_WIFI is the network around the boards.

    With --lab the boards are the emulated ones of a lab file, or those of them that --board names, with its networks and its cloud around
    them.
    """
    lab = None if lab_path is None else read_lab(lab_path)
    monikers = served_words(boards, lab)
    if not monikers:
        what = "Name a board with --board, or a lab file with --lab" if lab is None else f"{lab_path} has no emulated boards; name one"
        raise click.UsageError(what)
    for moniker in (moniker_of(text, lab) for text in every(monikers)):
        if moniker.kind != "emu":
            remedy = "A real board needs no help: run the program as it is"
            raise BoardNotAvailable(Unavailable.UNKNOWN_KIND, f"{moniker} is no emulated board", remedy=remedy)
    for line in left_out(boards, lab, "not on the program's bus"):
        say(f"particle-hil: {line}", err=True)
    with shown_waits():
        (rig,) = open_boards(monikers, OpenOptions(served=True, seed=seed, device_os=device_os, webhooks=webhooks, lab=lab))
    with contextlib.ExitStack() as stack:
        stack.callback(rig.close)
        if rig.door is None:
            raise HarnessError("the boards were opened without a USB bus that other programs can see")
        environment = stack.enter_context(rig.door()) | cloud_environment(rig)
        if lab is not None:
            stack.enter_context(contextlib.closing(StandingFaults(seed))).follow(lab, rig)
        return run_program(command, environment)


def cloud_environment(rig: Rig) -> dict[str, str]:
    """What tells a program where the boards' cloud is, and lets it in."""
    target = rig.cloud
    if target is None:
        return {}
    cloud = Cloud(target)
    account = cloud.own_account()
    cloud.close()
    known = {"CLOUD": target.url, "USER": target.username, "PASSWORD": target.password, "TOKEN": account.token if account else ""}
    if rig.wifi is not None:
        known["WIFI"] = f"{rig.wifi.ssid}:{rig.wifi.password}"
    return {f"PARTICLE_HIL_{name}": value for name, value in known.items()}


def run_program(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run a program to its end, whatever ends this one; gives its exit status, 128 and the signal's number if a signal ended it."""
    try:
        process = subprocess.Popen(command, env=os.environ | environment)  # noqa: S603  # running the user's own command is the purpose
    except FileNotFoundError:
        say(f"particle-hil: there is no program {command[0]!r}", err=True)
        return NOT_FOUND
    except OSError as error:
        say(f"particle-hil: {command[0]!r} cannot be run: {error.strerror}", err=True)
        return NOT_EXECUTABLE

    def pass_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    # The terminal sends Ctrl-C to the program as well; it decides what to do, and we wait for it.
    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        end(process)
    return status if status >= 0 else 128 - status


def end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that a program has ended: it must not outlive the door that shows it the boards."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
