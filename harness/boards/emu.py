"""Emulated boards: `emu:photon`, `emu:photon?mode=dfu&os=2.1.0&claimed=1`.

All emulated boards of a run share one Lab: one clock, one network, one cloud. Options set the starting state:

    mode     dfu, listening, online, safe, off; without it a board comes up as it does out of its box, in listening mode
    os       the Device OS version it has
    claimed  1: the account of the run owns it
    id       its device id, 24 hexadecimal digits; drawn from the seed without it
    firmware real: Particle's own binaries, fetched into the cache when they are not there; without it built ones stand for them
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.boards import Moniker, OpenOptions, Rig
from harness.cloud import Cloud
from harness.errors import BoardNotAvailable, HarnessError, Unavailable
from harness.modes import Mode
from harness.starting import Start

OPTIONS = frozenset({"mode", "os", "claimed", "id", "firmware"})


def open_boards(monikers: Sequence[Moniker], options: OpenOptions) -> Rig:
    """Make a Lab with these boards in it, each in its starting state.

    Raises:
        BoardNotAvailable: a moniker asks for what cannot be emulated.
    """
    from harness.lab import LabRig

    starts = [starting_state(moniker) for moniker in monikers]
    if options.cloud is not None:
        raise BoardNotAvailable(
            Unavailable.BAD_MONIKER, "emulated boards have a cloud of their own", remedy="Leave --cloud out, or use a board of another kind"
        )
    lab = LabRig(seed=options.seed, served=options.served)
    try:
        for moniker, start in zip(monikers, starts, strict=True):
            try:
                firmware = moniker.options.get("firmware", "built")
                lab.add_board(moniker.text, moniker.name, start, moniker.options.get("id"), firmware=firmware)
            except (ValueError, LookupError) as error:
                raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker}: {error}") from error
        lab.settle()
        if any(start.claimed for start in starts):
            _claim(lab.rig, starts)
    except BaseException:
        lab.rig.close()
        raise
    return lab.rig


def starting_state(moniker: Moniker) -> Start:
    """The state that a moniker's options ask for.

    Raises:
        BoardNotAvailable: an option is unknown, or its value makes no sense.
    """
    unknown = set(moniker.options) - OPTIONS
    if unknown:
        raise BoardNotAvailable(
            Unavailable.BAD_MONIKER, f"{moniker} has the option {min(unknown)!r}", remedy=f"There are: {', '.join(sorted(OPTIONS))}"
        )
    mode, claimed = moniker.options.get("mode"), moniker.options.get("claimed")
    if claimed not in (None, "0", "1"):
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker}: claimed={claimed}", remedy="Write claimed=1 or claimed=0")
    try:
        parsed = Mode.parse(mode) if mode is not None else None
    except ValueError as error:
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker}: {error}") from error
    return Start(parsed, claimed == "1" if claimed is not None else None, moniker.options.get("os"))


def _claim(rig: Rig, starts: Sequence[Start]) -> None:
    """Have the account of the run claim the boards that start so, then bring them back to their modes."""
    if rig.cloud is None:
        raise HarnessError("the emulated boards have no cloud to be claimed in")
    cloud = Cloud(rig.cloud)
    account = cloud.login(rig.cloud.username, rig.cloud.password)
    for board, start in zip(rig.boards, starts, strict=True):
        if start.claimed:
            board.account = account
            Start(start.mode, claimed=True).bring(board, rig.wifi)
            board.account = None
    cloud.close()
