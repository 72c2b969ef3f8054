"""Taking a board to another cloud for a while: `board.point_at(server)`.

What a board keeps of its cloud (key, address and port, and its own key where that is to be another one) is written into its DCT: over DFU,
which every board has, or by control requests, which Device OS answers on Gen 2 only (210 to 223; later generations do not know them). What
stood there before is put back afterwards.

It is put back whatever happens. If the test fails, in the same way; if this process ends before, by the next run that opens the board: a
file keeps what stood there and what was written, and is there before the first byte is. A board whose bytes are neither was changed by
somebody else since; it is left as it is.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.device_server import DeviceServer
from harness.errors import Blame, CapabilityMissing, HarnessError
from harness.hiding import hides
from harness.modes import Capability, UsbState, no_such
from harness.usb.dfu import SETTINGS, read_memory, write_settings
from particle_protocol import dtls, lightssl
from particle_protocol.cloud_profiles import Transport
from particle_protocol.control_requests import calls
from particle_protocol.dct import DctField
from particle_protocol.platforms import Feature

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account

__tracebackhide__ = hides

DEVICE_KEYS = {Transport.TCP: (DctField.DEVICE_PRIVATE_KEY, 612), Transport.UDP: (DctField.ALT_DEVICE_PRIVATE_KEY, 192)}
"""Where a board keeps its own private key, by transport, and how many bytes host tools take for it (particle-cli 3.49.2, keys-specs.js)."""

SERVER_KEYS = {Transport.TCP: DctField.SERVER_PUBLIC_KEY, Transport.UDP: DctField.ALT_SERVER_PUBLIC_KEY}
"""Where it keeps its server's key."""

KEY_TYPES = {
    DctField.DEVICE_PRIVATE_KEY: 1,
    DctField.SERVER_PUBLIC_KEY: 3,
    DctField.ALT_DEVICE_PRIVATE_KEY: 4,
    DctField.ALT_SERVER_PUBLIC_KEY: 6,
}
"""What control requests 210 and 211 call them (device-os-protobuf, control/config.proto)."""

FORCE_TCP, FREE = b"\x00", b"\xff"
"""In `DctField.CLOUD_TRANSPORT` of a board that has UDP and is to use TCP (Device OS 2.3.1, SPARK_Firmware_Driver/inc/dct.h)."""


class Over(enum.StrEnum):
    """How the DCT is read and written."""

    DFU = "dfu"
    REQUEST = "request"
    """Control requests 210 and 211: Gen 2, while Device OS runs."""

    @classmethod
    def _missing_(cls, value: object) -> Over:
        raise no_such("way to the DCT:", value, cls)


@dataclass(frozen=True, slots=True)
class Change:
    """Bytes of the DCT, from `offset` on: what stood there, and what was written."""

    offset: int
    old: bytes
    new: bytes

    def __post_init__(self) -> None:
        if len(self.old) != len(self.new):
            raise ValueError(f"{len(self.new)} bytes instead of {len(self.old)} at offset {self.offset}")


@contextmanager
def pointed_at(
    board: Board, server: DeviceServer, account: Account | None, *, new_key: bool = False, over: Over | str = Over.DFU
) -> Iterator[None]:
    """See `Board.point_at`."""
    way = Over(over)
    transport = _check(board, server, way)
    wanted = {server.offset: server.record()}
    if _has_both(board):
        wanted[DctField.CLOUD_TRANSPORT.offset] = FORCE_TCP if transport is Transport.TCP else FREE
    public_key = b""
    if new_key:
        field, size = DEVICE_KEYS[transport]
        private, public_key = _made_key(transport)
        wanted[field.offset] = private.ljust(size, b"\xff")
    words = (f"point it at the cloud at {server}", f"pointed it at the cloud at {server}")
    with _rewritten(board, wanted, way, str(server), words) as written:
        if new_key and account is not None:
            account.register_key(board.device_id, public_key, board.platform.id)
        watching, board.account = board.account, account
        try:
            written()
            yield
        finally:
            board.account = watching


@contextmanager
def with_wrong_server_key(board: Board) -> Iterator[None]:
    """Have a board hold another key than its cloud's, over whichever transport it connects, while the context lasts.

    Raises:
        CapabilityMissing: it is on no USB.
        ChangesNotAllowed: it is a real board.
    """
    if Capability.USB not in board.capabilities:
        raise CapabilityMissing(Capability.USB, board=board.label, remedy="What it keeps of its cloud is written over USB")
    platform = board.platform
    has = {each: platform.has(Feature(each.value)) for each in Transport}
    has[Transport.TCP] = has[Transport.TCP] or _has_both(board)
    wanted = {SERVER_KEYS[each].offset: _strangers_key(each) for each in Transport if has[each]}
    words = ("give it a wrong server key", "gave it the key of another server than its cloud's")
    with _rewritten(board, wanted, Over.DFU, "nobody's cloud", words) as written:
        written()
        yield


@contextmanager
def _rewritten(board: Board, wanted: Mapping[int, bytes], way: Over, to: str, words: tuple[str, str]) -> Iterator[Callable[[], None]]:
    """Have other bytes in the DCT, by offset, while the context lasts. What it gives has Device OS run with them: call it first.

    `to` is where the board belongs then; `words` say what is to be done, and what was.
    """
    change, done = words
    put_back_left(board)
    board.must_allow_changes(change, Capability.USB)
    _get_ready(board, way)
    changes = [Change(offset, _read(board, way, offset, len(new)), new) for offset, new in wanted.items()]
    kept = _keep(board, to, changes)
    try:
        board.journal.did(f"{done}, over {_words(way)}")
        _write(board, way, [(each.offset, each.new) for each in changes])
        yield lambda: _restart(board, way)
    finally:
        _bring_back(board, way, changes, kept)


def put_back_left(board: Board) -> bool:
    """Put back what an earlier process left in a board, if it did; gives whether there was anything left.

    Raises:
        HarnessError: it cannot be put back now; the file is kept.
    """
    path = file_of(board.device_id)
    if not board.lasting or Capability.USB not in board.capabilities or not path.exists():
        return False
    changes = _read_file(path)
    board.journal.did(f"put back what an earlier run left in it ({path})")
    _bring_back(board, Over.DFU, changes, path)
    return True


def file_of(device_id: str) -> Path:
    """The file that keeps what a board is to get back."""
    own = os.environ.get("PARTICLE_HIL_STATE")
    folder = Path(own) if own else Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "particle-hil"
    return folder / f"pointed-{device_id}.json"


def _check(board: Board, server: DeviceServer, way: Over) -> Transport:
    """Refuse what this board cannot do before anything is done; gives how it is going to reach the cloud."""
    if Capability.USB not in board.capabilities:
        raise CapabilityMissing(Capability.USB, board=board.label, remedy="What it keeps of its cloud is written over USB")
    platform = board.platform
    try:
        transport = server.transport
        server.record()
    except ValueError as error:
        raise HarnessError(f"it cannot be pointed at {server.address.host}: {error}", board=board.label, blame=Blame.REQUEST) from None
    takes = [each for each in Transport if platform.has(Feature(each.value)) or (each is Transport.TCP and _has_both(board))]
    if transport not in takes:
        words = " or ".join(each.value.upper() for each in takes) or "nothing that is known here"
        what = f"a {platform.display_name} reaches its cloud over {words}, so not the one at {server}"
        raise HarnessError(what, board=board.label, blame=Blame.REQUEST)
    if way is Over.REQUEST and (platform.generation != 2 or transport is Transport.UDP):
        what = f"a {platform.display_name} lets no control request change its {transport.value.upper()} server; those of Gen 2 do, over TCP"
        raise HarnessError(what, board=board.label, blame=Blame.REQUEST, remedy="Leave over= out, for DFU")
    return transport


def _has_both(board: Board) -> bool:
    """Whether it has UDP and can be told to use TCP."""
    return board.platform.generation == 2 and board.platform.has(Feature.UDP)


@functools.cache
def _strangers_key(transport: Transport) -> bytes:
    """The public key of a server that nobody knows, as a board keeps it."""
    if transport is Transport.UDP:
        return dtls.PrivateKey.generate().public_der
    return lightssl.ServerKey.generate().public.der


def _made_key(transport: Transport) -> tuple[bytes, bytes]:
    """A new private key as a board keeps it, and its public half."""
    key = lightssl.DeviceKey.generate() if transport is Transport.TCP else dtls.PrivateKey.generate()
    return key.der, key.public_der


def _words(way: Over) -> str:
    return "DFU" if way is Over.DFU else "control request 210"


def _get_ready(board: Board, way: Over) -> None:
    """Bring the board into the mode in which its DCT can be got at."""
    state = board.usb.state()
    if way is Over.DFU:
        if state is not UsbState.DFU:
            board.enter_dfu()
    elif state is UsbState.DFU:
        board.leave_dfu()


def _restart(board: Board, way: Over) -> None:
    """Have Device OS run anew, which then connects to the cloud that the DCT names."""
    if way is Over.DFU:
        board.leave_dfu()
    else:
        board.reset()


def _bring_back(board: Board, way: Over, changes: Sequence[Change], kept: Path | None) -> None:
    try:
        _get_ready(board, way)
        _put_back(board, way, changes)
        _restart(board, way)
    except HarnessError as error:
        if kept is not None and kept.exists():
            error.remedy += f". It may still be pointed at another cloud: the next run that opens it puts back what is kept in {kept}"
        raise
    _forget(kept)


def _put_back(board: Board, way: Over, changes: Sequence[Change]) -> None:
    """Write the old bytes where the new ones stand; and see that they are there."""
    now = {each.offset: _read(board, way, each.offset, len(each.new)) for each in changes}
    ours = [each for each in changes if now[each.offset] != each.old]
    if any(now[each.offset] != each.new for each in ours) and not _partly(ours, now):
        board.saw("its keys or its server were changed by somebody else meanwhile; they stay as they are")
        return
    if not ours:
        return
    board.journal.did(f"put back its own cloud, over {_words(way)}")
    _write(board, way, [(each.offset, each.old) for each in ours])
    for each in ours:
        if _read(board, way, each.offset, len(each.old)) != each.old:
            raise HarnessError("its DCT does not hold what was put back", board=board.label, seen=f"other bytes at offset {each.offset}")


def _partly(ours: Sequence[Change], now: dict[int, bytes]) -> bool:
    """Whether a write of ours was broken off: every byte is the old one or the new one."""
    return all(byte in pair for each in ours for byte, *pair in zip(now[each.offset], each.old, each.new, strict=True))


def _read(board: Board, way: Over, offset: int, length: int) -> bytes:
    if way is Over.DFU:
        return read_memory(board.usb, offset, length, alternate=SETTINGS)
    if offset == DctField.CLOUD_TRANSPORT.offset:
        tcp = board.requests.ask("control request 223", calls.uses_tcp(), changes=False)
        return FORCE_TCP if tcp else FREE
    data = board.requests.ask("control request 211", calls.get_security_key(_key_type(offset)), changes=False)
    if len(data) < length:
        what = f"control request 211 tells {len(data)} bytes from offset {offset} of the DCT on, and putting it back takes {length}"
        raise HarnessError(what, board=board.label, remedy="Leave over= out, for DFU")
    return data[:length]


def _write(board: Board, way: Over, pieces: Sequence[tuple[int, bytes]]) -> None:
    for offset, data in pieces:
        if way is Over.DFU:
            write_settings(board.usb, offset, data)
        elif offset == DctField.CLOUD_TRANSPORT.offset:
            board.requests.ask("control request 222", calls.use_tcp(data == FORCE_TCP))
        else:
            board.requests.ask("control request 210", calls.set_security_key(_key_type(offset), data))


def _key_type(offset: int) -> int:
    return next(number for field, number in KEY_TYPES.items() if field.offset == offset)


def _keep(board: Board, to: str, changes: Sequence[Change]) -> Path | None:
    """Write down what stands in a board, so that whoever comes next can put it back. None: the board ends with this process."""
    if not board.lasting:
        return None
    path = file_of(board.device_id)
    content = {
        "device_id": board.device_id,
        "pointed_at": to,
        "changes": [{"offset": each.offset, "old": each.old.hex(), "new": each.new.hex()} for each in changes],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.", delete=False) as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except OSError as error:
        raise HarnessError(
            f"what stands in the board cannot be kept, so nothing was changed: {path}: {error.strerror}",
            board=board.label,
            blame=Blame.RACK,
            remedy="Name another folder in PARTICLE_HIL_STATE",
        ) from error
    return path


def _forget(kept: Path | None) -> None:
    if kept is not None:
        with contextlib.suppress(FileNotFoundError):
            kept.unlink()


def _read_file(path: Path) -> list[Change]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return [Change(int(each["offset"]), bytes.fromhex(each["old"]), bytes.fromhex(each["new"])) for each in content["changes"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HarnessError(
            f"{path}, which keeps what is to be put back into a board, cannot be read: {error}",
            blame=Blame.RACK,
            remedy="Put the board's own key and server back by hand (particle keys server), and remove that file",
        ) from error
