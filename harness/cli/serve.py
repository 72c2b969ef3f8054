"""`particle-hil serve`: emulated boards and their cloud, for other programs, until it is told to stop."""

from __future__ import annotations

import base64
import contextlib
import shlex
import signal
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from harness.boards import OpenOptions, Rig, Serving, every, moniker_of
from harness.boards.emu import KIND
from harness.cli.incidents import IncidentLines
from harness.cli.lab_watch import LabWatch, left_out, served_words
from harness.cli.options import application_option, device_os_option, json_option, lab_option, webhook_option
from harness.cli.output import say, say_json
from harness.cli.paths import STATE_FILE
from harness.cli.served_boards import board_lines, served_board
from harness.cli.served_control import KIND as KIND_OF_FOLDER
from harness.cli.served_control import announced
from harness.cli.waiting import shown_waits
from harness.device_os import handed_out
from harness.errors import BoardNotAvailable, HarnessError, Unavailable
from harness.kit.faults import StandingFaults
from harness.rack.lab_building import read_lab
from harness.rack.lab_file import LabFile
from particle_protocol.cloud_profiles import PORT_NUMBERS, Transport


@click.command(epilog="Example: particle-hil serve --board 'emu:photon?mode=online&claimed=1' --state cloud.db")
@click.option("--board", "boards", multiple=True, metavar="MONIKER", help="An emulated board to serve: emu:photon?mode=online&claimed=1.")
@click.option(
    "--http-port", type=click.IntRange(0, 65535), default=0, show_default=True, help="The port of the REST API; 0 is any free one."
)
@click.option(
    "--device-port",
    type=click.IntRange(0, 65535),
    default=PORT_NUMBERS[Transport.TCP],
    show_default=True,
    help="The TCP port that boards connect to.",
)
@click.option(
    "--device-udp-port",
    type=click.IntRange(0, 65535),
    help=f"The UDP port that boards send to.  [default: {PORT_NUMBERS[Transport.UDP]}; any free one with --device-port 0]",
)
@click.option("--state", type=STATE_FILE, help="The file that keeps the cloud's state. Without it nothing is kept.")
@click.option("--password", envvar="PARTICLE_HIL_PASSWORD", help="The password of the user that is there; drawn by chance without it.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Another host name that the REST API is asked by, such as host.docker.internal.",
)
@click.option(
    "--cors", "origins", multiple=True, metavar="ORIGIN", help="Web pages that may use the REST API: http://localhost:3000; * for all."
)
@webhook_option
@click.option("--rate-limits", is_flag=True, help="Refuse who asks the REST API too often (429), as the real cloud does.")
@click.option("--seed", type=int, default=0, show_default=True, help="Where everything random in the run comes from, but for secrets.")
@lab_option
@application_option
@device_os_option
@json_option
def serve(
    boards: tuple[str, ...],
    http_port: int,
    device_port: int,
    device_udp_port: int | None,
    state: Path | None,
    password: str | None,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    webhooks: tuple[str, ...],
    rate_limits: bool,
    seed: int,
    lab_path: Path | None,
    applications: tuple[str, ...],
    device_os: tuple[str, ...],
    as_json: bool,
) -> int:
    """Serve a cloud, and emulated boards with it, until Ctrl-C.

    Tells the address of the REST API and who can log in there, where boards connect and the server key they need, how to point
    particle-cli and particle-api-js at it, what to put before a command so that it sees the boards on USB, and for a Photon or P1 where
    set-up programs find the network that it opens in listening mode (SoftAP). Everything listens on loopback; web pages and other host
    names are refused by the REST API unless --cors and --allow-host let them in. The password is another one at each start unless
    --password fixes it. Devices that the cloud turns away, and why, are told on stderr, or with --json one object a line.

    With --lab the emulated boards of a lab file are served, with its networks and its cloud; when the file changes, so does what is served.
    """
    from harness.lab import OwnFolder

    lab = None if lab_path is None else read_lab(lab_path)
    monikers = [moniker_of(text, lab) for text in served_words(tuple(every(boards)), lab)]
    for moniker in monikers:
        if moniker.kind != "emu":
            raise BoardNotAvailable(Unavailable.UNKNOWN_KIND, f"{moniker}: only emulated boards can be served")
    with _told_to_stop() as stop, contextlib.ExitStack() as stack:
        serving = Serving(
            http_port=http_port,
            device_port=device_port,
            device_udp_port=_udp_port(device_port, device_udp_port),
            state=None if state is None else str(state),
            rate_limits=rate_limits,
            password=password,
            hosts=hosts,
            origins=origins,
        )
        options = OpenOptions(
            served=True, seed=seed, serving=serving, device_os=device_os, webhooks=webhooks, lab=lab, applications=applications
        )
        with shown_waits():
            rig = KIND.open(monikers, options)
            stack.callback(rig.close)
            stop.opened = True
        folder = stack.enter_context(OwnFolder(KIND_OF_FOLDER))
        if rig.cloud is not None:
            stack.enter_context(announced(folder.path, rig.cloud))
        faults = stack.enter_context(contextlib.closing(StandingFaults(seed)))
        if lab is not None:
            faults.follow(lab, rig)
        told = {**describe(rig, _open_door(stack, rig), folder.path, lab), "device_os": handed_out(device_os), "faults": faults.told}
        if as_json:
            say_json(told)
        else:
            say(*_text(told))
        for line in left_out(boards, lab):
            say(f"particle-hil: {line}", err=True)
        lines, watch = IncidentLines(), None if lab is None else LabWatch(lab, rig, faults)
        while not stop.asked.wait(timeout=1):
            incidents = lines.say(rig.service.incidents() if rig.service is not None else (), time.monotonic())
            for line, data in (*incidents, *(() if watch is None else watch.poll())):
                if as_json:
                    say_json(data)
                else:
                    say(*line.split("\n"), err=True)
    return 0


def _open_door(stack: contextlib.ExitStack, rig: Rig) -> dict[str, str]:
    """The environment that shows the boards; empty, with a word on stderr, where this computer cannot."""
    if rig.door is None or not (rig.boards or rig.reload):
        return {}
    try:
        return stack.enter_context(rig.door())
    except HarnessError as error:
        say(f"particle-hil: other programs will not see the boards on USB: {error}", err=True)
        return {}


def describe(rig: Rig, environment: dict[str, str], folder: Path, lab: LabFile | None = None) -> dict[str, Any]:
    """What is served, as plain data. The server's public keys are written into `folder`, as DER and as PEM.

    A password that the lab file has from elsewhere is not shown: it may be a real one.
    """
    if rig.cloud is None or rig.service is None:
        raise HarnessError("the boards were opened without a cloud that other programs can reach")
    account = None if lab is None else lab.account(None)
    secret = None if account is None else account.password
    hidden = secret is not None and rig.cloud.password == secret.reveal()
    service = rig.service
    return {
        "api": rig.cloud.url,
        "username": rig.cloud.username,
        "password": None if hidden else rig.cloud.password or None,
        "password_in": str(secret) if hidden else None,
        "device_service": _address(service.device_address),
        **_key_files(folder, "server_key", service.server_public_key),
        "device_service_udp": _address(service.device_udp_address),
        **_key_files(folder, "server_key_udp", service.udp_server_public_key),
        "environment": environment,
        "boards": [served_board(board, rig.service) for board in rig.boards],
    }


def _login(told: dict[str, Any]) -> str:
    if told["password"]:
        return f"{told['username']} with the password {told['password']!r}"
    if told["password_in"]:
        return f"{told['username']} with the password in {told['password_in']}"
    return f"{told['username']} with the password (and second factor) that it was given since"


def _udp_port(device_port: int, wanted: int | None) -> int:
    """The UDP port: who wants any free one for TCP wants no certain one for UDP."""
    if wanted is not None:
        return wanted
    return PORT_NUMBERS[Transport.UDP] if device_port else 0


def _address(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


def _key_files(folder: Path, name: str, key: bytes) -> dict[str, str]:
    """Write a public key into a folder, as DER and as PEM; give both paths."""
    der, pem = folder / f"{name}.der", folder / f"{name}.pem"
    der.write_bytes(key)
    body = "\n".join(textwrap.wrap(base64.b64encode(key).decode(), 64))
    pem.write_text(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    return {name: str(der), f"{name}_pem": str(pem)}


def _text(told: dict[str, Any]) -> list[str]:
    """The same for a person."""
    lines = [
        ("REST API", told["api"]),
        ("log in as", _login(told)),
        ("boards go to", f"{told['device_service']} (TCP), with the server key in {told['server_key']}"),
        ("", f"{told['device_service_udp']} (UDP), with the server key in {told['server_key_udp']}"),
        ("particle-cli", f"particle profile particle-hil && particle profile set apiUrl {told['api']} && particle login"),
        ("particle-api-js", f"new Particle({{ baseUrl: '{told['api']}' }})"),
        ("Device OS", told["device_os"]),
    ]
    if told["faults"]:
        lines.append(("faults", told["faults"]))
    for board in told["boards"]:
        lines += board_lines(board)
    if told["environment"]:
        prefix = " ".join(f"{name}={shlex.quote(value)}" for name, value in told["environment"].items())
        lines.append(("on USB for", f"{prefix} COMMAND"))
    lines.append(("to stop", "Ctrl-C"))
    return [f"{key:16} {value}" for key, value in lines]


_STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class _Stop:
    """What Ctrl-C, SIGTERM and the end of the terminal do: interrupt the opening, which can take a while; later ask for the end."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.opened = False

    def __call__(self, number: int, frame: object) -> None:
        self.asked.set()
        if not self.opened:
            raise KeyboardInterrupt


@contextlib.contextmanager
def _told_to_stop() -> Iterator[_Stop]:
    """Listen to signals from before anything is opened, so that everything is closed again."""
    stop = _Stop()
    before = {number: signal.signal(number, stop) for number in _STOPS}
    try:
        yield stop
    finally:
        stop.opened = True
        for number, handler in before.items():
            signal.signal(number, handler)
