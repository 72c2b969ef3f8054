"""Boards on this computer's USB: `usb:0123456789abcdef01234567` by device id, `usb:1-4.2` by the port it is plugged into.

There is no "first board found": a moniker that fits none or several is refused with the list of what is attached. While a run uses a
board, another run on this computer is refused it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.board import Board
from harness.boards import Kind, Moniker, OpenOptions, Rig
from harness.capabilities import Extras
from harness.device_os import stock
from harness.errors import BoardNotAvailable, Unavailable, hides
from harness.host import Host, RealHost
from harness.modes import Capability
from harness.pool.lease import Lease, take
from harness.rack.lab_file import LabBoard, LabFile
from harness.releases import RealReleases
from harness.usb.entry import UsbEntry, is_particle_board

__tracebackhide__ = hides

_DEVICE_ID = re.compile(r"[0-9a-fA-F]{24}")
_PORT = re.compile(r"\d+-\d+(\.\d+)*")


def open_boards(monikers: Sequence[Moniker], options: OpenOptions, host: Host | None = None) -> Rig:
    """Find the named boards and, unless somebody else sees to that, lease them.

    Raises:
        HarnessError: what --device-os names is no Device OS module.
        BoardNotAvailable: a moniker is malformed, fits no board or several, or its board is in use or may not be opened.
    """
    host = host if host is not None else RealHost()
    own = stock(options.device_os).images
    attached = host.usb_entries(is_particle_board)
    leases: list[Lease] = []
    boards: list[Board] = []

    def close() -> None:
        for lease in leases:
            lease.release()

    try:
        for moniker in monikers:
            entry = _picked(moniker, attached, host, options.lab)
            assert entry.serial is not None
            assert entry.platform is not None
            if options.leases:
                leases.append(take(entry.serial))
            boards.append(
                Board(
                    host,
                    entry.platform,
                    entry.serial,
                    moniker=moniker.text,
                    port=entry.port,
                    allow_changes=options.allow_changes,
                    extras=Extras(releases=RealReleases(entry.platform, own)),
                )
            )
    except BaseException:
        close()
        raise
    return Rig(boards, cloud=options.cloud, wifi=options.wifi, close=close)


def _picked(moniker: Moniker, attached: Sequence[UsbEntry], host: Host, lab: LabFile | None) -> UsbEntry:
    """The board that a moniker names, in the port where the lab file says that it is.

    Raises:
        BoardNotAvailable: see `pick`; it is in another port; or the hub that it is to be on is missing.
    """
    named = None if lab is None else lab.board(moniker.text)
    port = moniker.name if named is None else named.port
    try:
        entry = pick(moniker, attached)
    except BoardNotAvailable as error:
        if error.reason is Unavailable.NOT_FOUND:
            hub = port.rpartition(".")[0] if port is not None else ""
            if hub and not host.usb_entries(lambda vid, pid: True, port=hub):
                error.seen += f", and no hub at {hub}"
                error.remedy = f"Check the hub's power and its cable (lsusb -t shows the hubs){_says(named)}"
        if named is not None:
            error.what = f"{named.place}: {error.what} ({named.moniker})"
        raise
    if named is not None and named.port not in (None, entry.port):
        what = f"{named.place}: {named.moniker} at USB port {named.port}"
        remedy = f"Plug it in there{_says(named)}"
        raise BoardNotAvailable(Unavailable.NOT_FOUND, what, seen=f"it is at {entry.port}", remedy=remedy)
    return entry


def _says(named: LabBoard | None) -> str:
    return "" if named is None else f", or mend hub and port of {named.name} in the lab file"


def pick(moniker: Moniker, attached: Sequence[UsbEntry]) -> UsbEntry:
    """The one attached board that a moniker names.

    Raises:
        BoardNotAvailable: it names none or several, or the board's serial number cannot be read.
    """
    wanted = moniker.name
    if _DEVICE_ID.fullmatch(wanted):
        found = [entry for entry in attached if entry.serial == wanted.lower()]
    elif _PORT.fullmatch(wanted):
        found = [entry for entry in attached if entry.port == wanted]
    else:
        what = f"{moniker} names no board" if not wanted else f"{wanted!r} is neither a device id of 24 hexadecimal digits nor a USB port"
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, what, seen=listing(attached), remedy="Write usb: and the device id")
    if not found:
        raise BoardNotAvailable(Unavailable.NOT_FOUND, str(moniker), seen=listing(attached), remedy="Check its power and its cable")
    if len(found) > 1:
        raise BoardNotAvailable(
            Unavailable.AMBIGUOUS, str(moniker), seen=listing(found), remedy="Name it by its port, or unplug the others"
        )
    if found[0].serial is None:
        reason = next((each for each in Unavailable if each.value == found[0].trouble), Unavailable.UNREADABLE)
        raise BoardNotAvailable(reason, str(moniker), seen=found[0].trouble)
    return found[0]


def listing(entries: Sequence[UsbEntry]) -> str:
    """The attached boards in one line, for messages."""
    if not entries:
        return "no Particle board on USB"
    return ", ".join(
        f"{entry.platform.display_name if entry.platform else '?'} {entry.serial or entry.trouble} at {entry.port}" for entry in entries
    )


NEVER = frozenset(
    {
        Capability.BUTTONS,
        Capability.LED,
        Capability.POWER,
        Capability.SIM_SLOT,
        Capability.SNAPSHOT,
        Capability.APPLICATION,
        Capability.AIR,
        Capability.POWER_CUTS,
        Capability.CLOUD_FAULTS,
    }
)
"""What no program can do to a board of which it has USB only."""

KIND = Kind(open_boards, {}, "A real board has none; use the marker start(...) to bring it to a state", shared=True, never=NEVER)
