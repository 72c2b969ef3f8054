"""Emulated boards: `emu:photon`, `emu:photon?mode=dfu&os=2.1.0&claimed=1`.

All emulated boards of a run share one Lab: one clock, one network, one cloud. `OPTIONS` set the starting state.

Boards in safe mode are healed by the cloud with what `--device-os` names (`harness.device_os`): unless told, with the releases that the
emulator builds, and boards with real firmware with those in the cache.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from harness import waits
from harness.board import Board
from harness.boards import Kind, Moniker, OpenOptions, Rig
from harness.boards.emu_reload import Follower
from harness.boards.emulated import NO_FIRMWARE, EmulatedBoard
from harness.cloud import Cloud
from harness.device_os import stock
from harness.device_server import DeviceServer
from harness.errors import Blame, BoardNotAvailable, CloudRefused, HarnessError, InTheWay, Unavailable, hides
from harness.modes import Mode
from harness.rack.lab_errors import LabFileWrong
from harness.starting import Start
from particle_protocol.identifiers import make_device_id
from particle_protocol.platforms import platform_by_name

if TYPE_CHECKING:
    from harness.lab import LabRig
    from harness.rack.lab_file import LabFile

__tracebackhide__ = hides

OPTIONS = {
    "mode": "dfu, listening, online, safe, off; without it a board comes up as it does out of its box: in listening mode, or, where it has "
    "a modem and Device OS 4.0 or later (an Electron: a SIM), looking for its network",
    "os": "the Device OS version it has",
    "claimed": "1: the account of the run owns it",
    "id": "its device id, 24 hexadecimal digits; drawn from the seed without it, so that everybody's first board has the same one. "
    "With `server` it is drawn from seed, user and computer: two users' boards meet in that cloud",
    "protocol": "tcp: how an Electron talks to its cloud, which is udp unless told; other boards have no choice",
    "server": "HOST:PORT of the cloud it connects to, if that is not the run's own; only in real time",
    "server_key": "a file with that cloud's public key, PEM or DER",
    "sim": "none, 4ff or mff2: the SIM in a cellular board; unless told, the one that such boards come with, not yet activated",
    "sim_state": "inactive, active, deactivated, data-limit, unpaid: how the operator has that SIM at first; inactive without it",
    "iccid": "the number of that SIM; drawn from the seed without it",
    "sku": "what the board was sold as, as in BRN404X: it decides the SIM's form and how that is activated",
    "bootloader": "the version of its bootloader, where that is another than its release's, which is how boards get stuck in the field",
    "softdevice": "the version of its radio stack, likewise; Gen 3",
    "ncp": "the version of its network processor's firmware, likewise",
    "ethernet": "1: an Ethernet FeatherWing is plugged onto it, and a cable into that; Gen 3",
    "application": "module:Class of the application that it runs, a class of one's own derived from particle_hil.Application",
    "firmware": "real: Particle's own binaries, fetched into the cache when they are not there; none: no Device OS at all, so that its "
    "bootloader keeps it in DFU mode; without it built ones stand for the real ones",
}


def open_boards(monikers: Sequence[Moniker], options: OpenOptions) -> Rig:
    """Make a Lab with these boards in it, each in its starting state.

    Raises:
        BoardNotAvailable: a moniker asks for what cannot be emulated.
    """
    from harness.lab import LabRig

    starts = [starting_state(moniker) for moniker in monikers]
    if options.cloud is not None and not options.cloud_is_default:
        raise BoardNotAvailable(
            Unavailable.BAD_MONIKER, "emulated boards have a cloud of their own", remedy="Leave --cloud out, or use a board of another kind"
        )
    if not options.served and any("server" in moniker.options for moniker in monikers):
        raise BoardNotAvailable(
            Unavailable.BAD_MONIKER,
            "a board in virtual time reaches no server outside",
            remedy="Use server= with `particle-hil serve` or --served",
        )
    healing = stock(options.device_os) if options.device_os else None
    lab = LabRig(
        seed=options.seed,
        served=options.served,
        serving=options.serving,
        stock=healing,
        webhooks=options.webhooks,
        file=options.lab,
        applications=options.applications,
    )
    try:
        problems = [] if options.lab is None else lab.furnish(options.lab)
        for place, (moniker, start) in enumerate(zip(monikers, starts, strict=True)):
            waits.tell(f"making boards: {moniker}", place / len(monikers))
            add_board(lab, moniker, start, options, place)
        problems += [] if options.lab is None else lab.furnish_boards()
        if problems:
            raise LabFileWrong(problems)
        lab.settle()
        bring_claimed(lab.rig, list(zip(lab.rig.boards, starts, strict=True)))
        maker = _Maker(lab, options)
        lab.rig.add = maker.one_more
        if options.lab is not None:
            lab.rig.reload = Follower(lab, maker, options.lab).reload
    except BaseException:
        lab.rig.close()
        raise
    return lab.rig


def add_board(
    lab: LabRig, moniker: Moniker, start: Start, options: OpenOptions, place: int, file: LabFile | None = None, device_id: str | None = None
) -> Board:
    """Make the board that a moniker describes.

    Args:
        lab: where.
        moniker: the board's.
        start: the state that it starts in.
        options: of the run.
        place: where it comes among the boards of the run.
        file: the lab file that names it; that of the run unless given.
        device_id: its device id, if the moniker does not say it.

    Raises:
        BoardNotAvailable: it cannot be emulated so.
    """
    chosen, file = moniker.options, options.lab if file is None else file
    named = None if file is None else file.board(moniker.text)
    try:
        foreign = foreign_server(chosen.get("server"), chosen.get("server_key"))
        drawn = id_abroad(moniker, options.seed, place) if foreign is not None else device_id
        made = EmulatedBoard(
            platform=moniker.name,
            device_id=chosen.get("id", drawn),
            firmware=chosen.get("firmware", "built"),
            server=foreign,
            sim=chosen.get("sim"),
            iccid=chosen.get("iccid"),
            sim_state=chosen.get("sim_state"),
            sku=chosen.get("sku"),
            bootloader=chosen.get("bootloader"),
            softdevice=chosen.get("softdevice"),
            ncp=chosen.get("ncp"),
            ethernet=chosen.get("ethernet"),
            protocol=chosen.get("protocol"),
            application=chosen.get("application"),
            port=None if named is None else named.port,
        )
        return lab.add_board(moniker.text, made, start)
    except (ValueError, LookupError) as error:
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker}: {error}") from error


class _Maker:
    """Makes boards after the run has begun."""

    def __init__(self, lab: LabRig, options: OpenOptions) -> None:
        self._lab = lab
        self._options = options

    def add(self, moniker: Moniker, file: LabFile, device_id: str | None) -> Board:
        """See `Maker.add`."""
        place = len(self._lab.rig.boards)
        return add_board(self._lab, moniker, starting_state(moniker), self._options, place, file, device_id)

    def one_more(self, moniker: Moniker) -> Board:
        """Make one more board, and bring it to the state in which it starts."""
        KIND.check(moniker)
        board = add_board(self._lab, moniker, starting_state(moniker), self._options, len(self._lab.rig.boards))
        self.settle(board, moniker)
        return board

    def settle(self, board: Board, moniker: Moniker) -> None:
        """See `Maker.settle`."""
        self._lab.settle([board])
        bring_claimed(self._lab.rig, [(board, starting_state(moniker))])


def id_abroad(moniker: Moniker, seed: int, place: int) -> str:
    """The device id of a board in somebody else's cloud, where other users' boards of the same seed are too.

    Raises:
        UnknownPlatform: there is no such platform.
    """
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # nobody gave this user a name
        user = str(os.getuid()) if hasattr(os, "getuid") else ""
    return make_device_id(Random(f"{seed} {place} {user}@{platform.node()}"), platform_by_name(moniker.name or "photon"))


def starting_state(moniker: Moniker) -> Start:
    """The state that a moniker's options ask for.

    Raises:
        BoardNotAvailable: the value of an option makes no sense.
    """
    mode, claimed = moniker.options.get("mode"), moniker.options.get("claimed")
    if claimed not in (None, "0", "1"):
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker}: claimed={claimed}", remedy="Write claimed=1 or claimed=0")
    try:
        _check_together(moniker)
        parsed = Mode(mode) if mode is not None else None
        if moniker.options.get("firmware") == NO_FIRMWARE:
            _check_stays_in_dfu(parsed, claimed)
            parsed = parsed or Mode.DFU
    except ValueError as error:
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker}: {error}") from error
    return Start(parsed, claimed == "1" if claimed is not None else None, moniker.options.get("os"))


def _check_stays_in_dfu(mode: Mode | None, claimed: str | None) -> None:
    """Refuse what a board without Device OS cannot start in.

    Raises:
        ValueError: it cannot.
    """
    if mode not in (None, Mode.DFU, Mode.OFF) or claimed == "1":
        raise ValueError(f"firmware={NO_FIRMWARE} leaves it in DFU mode: leave out mode={mode.name.lower() if mode else ''} and claimed=1")


def _check_together(moniker: Moniker) -> None:
    """Refuse options that contradict each other."""
    if "server" in moniker.options and moniker.options.get("claimed") == "1":
        raise BoardNotAvailable(
            Unavailable.BAD_MONIKER,
            f"{moniker}: claimed=1 is about the run's own cloud, and server= takes the board to another",
            remedy="Leave claimed=1 out, and claim the board there",
        )


def foreign_server(address: str | None, key_file: str | None) -> DeviceServer | None:
    """The cloud that `server=` and `server_key=` name; None when they name none.

    Raises:
        ValueError: one is missing, the address is none, or the file holds no public key of a server.
    """
    if address is None and key_file is None:
        return None
    if address is None or key_file is None:
        raise ValueError("server=HOST:PORT and server_key=FILE go together: a board connects only to a server whose key it holds")
    return DeviceServer.from_text(address, key_file)


def bring_claimed(rig: Rig, boards: Sequence[tuple[Board, Start]]) -> None:
    """Have the account of the run claim the boards that start so, then bring them back to their modes."""
    if not any(start.claimed for _, start in boards):
        return
    if rig.cloud is None:
        raise HarnessError("the emulated boards have no cloud to be claimed in")
    with contextlib.closing(Cloud(rig.cloud)) as cloud:
        account = cloud.own_account()
        for place, (board, start) in enumerate(boards):
            if not start.claimed:
                continue
            waits.tell(f"claiming boards: {board.moniker}", place / len(boards))
            board.account = account
            try:
                Start(start.mode, claimed=True).bring(board, rig.wifi)
            except InTheWay as error:
                if not isinstance(error.__cause__, CloudRefused):
                    raise
                raise HarnessError(
                    f"{board.moniker}: {error.what}",
                    board=board.label,
                    seen=error.seen,
                    blame=Blame.REQUEST,
                    remedy="Leave claimed=1 out, or give another --state",
                ) from error
            board.account = None


KIND = Kind(open_boards, OPTIONS)
