"""Writes docs/boards.md: which boards can be emulated, of what, with which Device OS, and what a test can do with them.

Run it after a change of the tables.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from emulator.hardware import emulated_platforms, hardware_of
from harness.board import Board
from harness.boards import open_boards
from harness.boards.emu import OPTIONS
from harness.host import RealHost
from harness.modes import Capability
from particle_protocol.os_versions import known_releases
from particle_protocol.platforms import Feature, platforms

TARGET = Path(__file__).with_name("boards.md")
TRANSPORTS = {"tcp": "TCP", "udp": "DTLS over UDP"}
STORES = {"wiced": "two copies", "dcd": "two sealed pages", "file": "a file"}


def main() -> int:
    """Write the page, or with `--check` say whether it is what would be written."""
    text = "\n".join([*page(), ""])
    if "--check" in sys.argv[1:]:
        return int(TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def page() -> Iterator[str]:
    """The lines of the page."""
    yield "# Boards that can be emulated"
    yield ""
    yield "Made of the tables in `emulator/hardware/` and `particle_protocol/` by `docs/make_boards.py`. `emu:NAME` is such"
    yield "a board as it comes out of its box; the [options](#options) make another of it. The shared suite,"
    yield "`particle-hil check`, passes on each of them, on the oldest release and on the newest."
    yield ""
    yield "| moniker | board | generation | network | cloud | Device OS | unless told | DCT kept in | DFU alternates |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name in sorted(emulated_platforms(), key=lambda each: (hardware_of(each).platform.generation, each)):
        board = hardware_of(name)
        releases = known_releases(board.platform)
        span = f"{releases[0].version} to {releases[-1].version}, {len(releases)} releases"
        network = " and ".join("Wi-Fi" if kind == "wifi" else kind for kind in board.interfaces)
        network += ", looks around by Wi-Fi" if board.platform.has(Feature.WIFI_SCAN) else ""
        sim = f", SIM {board.sim.value}" if board.sim is not None else ""
        cloud = TRANSPORTS[board.server.transport.value]
        row = (f"`emu:{name}`", board.platform.display_name, board.platform.generation, network + sim, cloud, span, board.device_os)
        yield "| " + " | ".join(map(str, (*row, STORES[board.dct.store.value], ", ".join(board.dfu)))) + " |"
    yield ""
    others = [platform.display_name for platform in platforms() if platform.name not in emulated_platforms()]
    yield f"Known, but not emulated: {', '.join(others)}. Their firmware files are read, checked and built all the same."
    yield ""
    yield "Bluetooth is not emulated: Gen 3 boards get network and claim code over USB or their serial port here, not by the"
    yield "phone app, which finds them by the serial number on the label and is let in by the mobile secret behind it. Label,"
    yield "board and cloud have both all the same."
    yield ""
    yield from what_each_can_do()
    yield ""
    yield "## Options"
    yield ""
    yield "Options follow a question mark, as in `emu:electron?sku=E404KIT&sim_state=active`, and one that makes no sense for its"
    yield "board is refused."
    yield ""
    yield "| option | its value |"
    yield "|---|---|"
    for option, meaning in OPTIONS.items():
        yield f"| `{option}` | {meaning} |"


OF_THE_RUN = (Capability.CLOUD, Capability.WIFI, Capability.CHANGES, Capability.MAILS)
"""What a test needs of the run, whatever board it is."""


def what_each_can_do() -> Iterator[str]:
    """The table of capabilities: boards that have the same ones in one row."""
    shown = [capability for capability in Capability if capability not in OF_THE_RUN]
    rows: dict[frozenset[Capability], list[str]] = {}
    for moniker, has in capabilities():
        rows.setdefault(has & frozenset(shown), []).append(f"`{moniker}`")
    yield "## What a test can do with each"
    yield ""
    yield 'What a test says it needs, as in `needs(capability="led")`, and which boards have it, emulated and real. Control requests,'
    yield "DFU and the serial console are the same on either. Permission to change a real board (`--allow-changes`), a Wi-Fi network to"
    yield "join, an account and its mails (`changes`, `wifi`, `cloud`, `mails`) are of the run, not of the board. A"
    yield "[virtual device](virtual-devices.md) has no USB."
    yield ""
    yield "| | " + " | ".join(f"`{capability.name.lower()}`" for capability in shown) + " |"
    yield "|---|" + "---|" * len(shown)
    for has, monikers in rows.items():
        yield f"| {', '.join(monikers)} | " + " | ".join("yes" if capability in has else "" for capability in shown) + " |"
    yield ""
    for capability in shown:
        yield f"- `{capability.name.lower()}`: {capability.value}"


def capabilities() -> Iterator[tuple[str, frozenset[Capability]]]:
    """What each board has that can be emulated, and a real one of its platform on USB."""
    real: list[tuple[str, frozenset[Capability]]] = []
    for name in sorted(emulated_platforms(), key=lambda each: (hardware_of(each).platform.generation, each)):
        (rig,) = open_boards([f"emu:{name}?mode=off"])
        (board,) = rig.boards
        yield f"emu:{name}", board.capabilities | ({Capability.SNAPSHOT} if rig.snapshot is not None else set())
        on_usb = Board(RealHost(), board.platform, board.device_id, moniker="usb:", port="1-1", allow_changes=False)
        real.append((f"usb: {board.platform.display_name}", on_usb.capabilities))
        rig.close()
    yield from real


if __name__ == "__main__":
    sys.exit(main())
