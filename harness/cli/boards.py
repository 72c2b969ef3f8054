"""`particle-hil boards`: what is attached to this computer, and which kinds of boards there are."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.options import json_option
from harness.cli.output import say, say_json
from harness.host import Host, RealHost
from harness.terminal import visible
from harness.usb.entry import UsbEntry, is_particle_board


@click.command(epilog="Example: particle-hil boards --json")
@json_option
def boards(as_json: bool) -> None:
    """List the boards on this computer's USB.

    No board is asked for more than its serial number, and a board that cannot be opened is listed with the reason.
    """
    found = survey(RealHost())
    if as_json:
        say_json({"boards": found, "kinds": _kinds()}, indent=2)
        return
    _print(found)


def survey(host: Host) -> list[dict[str, Any]]:
    """The boards attached to a host, as plain data."""
    ports = {port.serial: port.name for port in host.serial_entries() if port.serial}
    return [_row(entry, ports) for entry in host.usb_entries(is_particle_board)]


def _row(entry: UsbEntry, ports: dict[str, str]) -> dict[str, Any]:
    platform = entry.platform
    return {
        "moniker": f"usb:{entry.serial or entry.port}",
        "device_id": entry.serial,
        "platform": platform.display_name if platform is not None else None,
        "usb": str(entry.state),
        "usb_id": f"{entry.vid:04x}:{entry.pid:04x}",
        "port": entry.port,
        "serial_port": ports.get(entry.serial) if entry.serial else None,
        "trouble": entry.trouble or None,
    }


def _kinds() -> list[str]:
    from harness.boards import kinds

    return kinds()


def _print(found: list[dict[str, Any]]) -> None:
    if not found:
        say("No Particle board is attached. An emulated one needs none: --board emu:photon")
        return
    rows = [("moniker", "platform", "USB", "port", "serial port")]
    rows += [
        (row["moniker"], row["platform"] or "?", row["trouble"] or row["usb"], row["port"], row["serial_port"] or "-") for row in found
    ]
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
