"""The host's end of DFU, as generators (see `particle_protocol.usb`).

`open_session` reads what the device is; the `DfuSession` it returns reads, erases, writes and leaves. The course is that of particle-usb
(4.2.0, src/dfu.js), with three liberties that every bootloader allows: the address is set once per range, not once per block; a device that
is found in the middle of something is brought to idle by ABORT or CLRSTATUS, whichever its state calls for; and memory that cannot be
written is refused before anything is sent.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from particle_protocol.dfu.codes import (
    FIRST_BLOCK,
    PROTECTION_STRING,
    TRANSFER_SIZE,
    DfuRequest,
    DfuseCommand,
    DfuState,
    DfuStatus,
)
from particle_protocol.dfu.errors import AccessError, AddressError, DfuProtectedError, DfuProtocolError, DfuStatusError, DfuTimeout
from particle_protocol.dfu.memory_map import DfuseMap, Segment
from particle_protocol.usb import DescriptorType, HostSteps, Pause, Setup, Stall, StandardRequest, Transfer

Progress = Callable[[int, int], None]
"""Called with the bytes done and their total."""

BUSY_TIMEOUT: Final = 60.0
"""Seconds that one operation may take: more than the mass erase of any part used."""

_OUT: Final = 0x21
_IN: Final = 0xA1
_STATUS_LENGTH: Final = 6
_LANGUAGE: Final = 0x0409
_ATTEMPTS: Final = 4
"""Requests that may be needed to get to idle: any state is left by one, an error on the way by another."""

_pointer = struct.Struct("<BI").pack


@dataclass(frozen=True, slots=True)
class DfuReport:
    """What GETSTATUS answers. `poll_time` is in seconds."""

    status: int
    poll_time: float
    state: DfuState
    string: int

    @classmethod
    def decode(cls, data: bytes) -> DfuReport:
        """Parse the six bytes.

        Raises:
            DfuProtocolError: there are fewer, or the state is none.
        """
        if len(data) < _STATUS_LENGTH:
            raise DfuProtocolError(f"the answer to GETSTATUS has {len(data)} bytes instead of {_STATUS_LENGTH}")
        try:
            state = DfuState(data[4])
        except ValueError:
            raise DfuProtocolError(f"the device says it is in DFU state {data[4]}, which does not exist") from None
        return cls(data[0], int.from_bytes(data[1:4], "little") / 1000, state, data[5])


def get_status(interface: int = 0) -> HostSteps[DfuReport]:
    """Ask for status and state.

    Raises:
        DfuProtocolError: the device stalled; it may be about to reset.
    """
    try:
        return DfuReport.decode((yield Transfer(Setup(_IN, DfuRequest.GETSTATUS, 0, interface, _STATUS_LENGTH))))
    except Stall as stall:
        raise DfuProtocolError("the device refused to tell its DFU status") from stall


def open_session() -> HostSteps[DfuSession]:
    """Read the configuration and the memory maps of a device in DFU mode.

    Raises:
        DfuProtocolError: it has no DFU interface, or its descriptors make no sense.
        DfuMapError: a memory map cannot be read.
    """
    try:
        head = yield from _get_descriptor(DescriptorType.CONFIGURATION, 0, 4)
        configuration = yield from _get_descriptor(DescriptorType.CONFIGURATION, 0, int.from_bytes(head[2:4], "little"))
    except Stall as stall:
        raise DfuProtocolError("the device does not tell its configuration") from stall
    interface, strings, transfer_size = _dfu_interface(configuration)
    alternates: list[DfuseMap] = []
    for index in strings:
        text = yield from get_string(index)
        if text is None:
            raise DfuProtocolError(f"the device does not tell the memory map of alternate {len(alternates)}")
        alternates.append(DfuseMap.parse(text))
    return DfuSession(alternates, interface=interface, transfer_size=transfer_size)


def get_string(index: int) -> HostSteps[str | None]:
    """A string descriptor; None where the device has none."""
    try:
        raw = yield from _get_descriptor(DescriptorType.STRING, index, 255, _LANGUAGE)
    except Stall:
        return None
    return bytes(raw[2 : raw[0]]).decode("utf-16-le", "replace") if len(raw) >= 2 else None


class DfuSession:
    """One device in DFU mode, as its host knows it.

    Attributes:
        alternates: the memory maps, by alternate setting.
        alternate: the alternate that is selected; None before the first.
    """

    def __init__(self, alternates: Sequence[DfuseMap], *, interface: int = 0, transfer_size: int = TRANSFER_SIZE) -> None:
        self.alternates = tuple(alternates)
        self.alternate: int | None = None
        self._interface = interface
        self._transfer_size = transfer_size

    def make_idle(self) -> HostSteps[None]:
        """Bring the device to IDLE from whatever state it is found in.

        Raises:
            DfuProtocolError: it does not get there.
            DfuTimeout: it is busy for too long.
        """
        attempts = 0
        while True:
            try:
                report = yield from self._wait_while_busy("getting ready")
            except DfuProtocolError:
                if attempts == _ATTEMPTS:
                    raise
                attempts += 1  # a leftover of what was asked before; the next question is answered
                continue
            if report.state is DfuState.IDLE:
                return
            if attempts == _ATTEMPTS:
                raise DfuProtocolError(f"the device cannot be brought to idle; it stays in DFU state {report.state.name}")
            attempts += 1
            remedy = DfuRequest.CLRSTATUS if report.state is DfuState.ERROR else DfuRequest.ABORT
            with contextlib.suppress(Stall):  # some bootloaders go to ERROR then, which the next turn clears
                yield Transfer(Setup(_OUT, remedy, 0, self._interface, 0))

    def select(self, alternate: int) -> HostSteps[None]:
        """Choose an alternate setting.

        Raises:
            DfuProtocolError: there is no such alternate, or the device refuses it.
        """
        if not 0 <= alternate < len(self.alternates):
            names = ", ".join(f"{i} ({each.name})" for i, each in enumerate(self.alternates))
            raise DfuProtocolError(f"there is no alternate {alternate}; the device has {names}")
        try:
            yield Transfer(Setup(0x01, StandardRequest.SET_INTERFACE, alternate, self._interface, 0))
        except Stall as stall:
            raise DfuProtocolError(f"the device refused alternate {alternate}") from stall
        self.alternate = alternate

    def read(self, alternate: int, address: int, length: int, *, progress: Progress | None = None) -> HostSteps[bytes]:
        """Read `length` bytes from `address` on.

        Raises:
            AddressError, AccessError: the memory map does not allow it; nothing was sent.
            DfuStatusError, DfuProtocolError: the device refused.
        """
        self._check(alternate, address, length, "read", lambda segment: segment.readable)
        if not length:
            return b""
        yield from self._begin(alternate, address)
        yield from self.make_idle()
        parts: list[bytes] = []
        for block, done in enumerate(range(0, length, self._transfer_size), FIRST_BLOCK):
            wanted = min(self._transfer_size, length - done)
            try:
                part = yield Transfer(Setup(_IN, DfuRequest.UPLOAD, block, self._interface, wanted))
            except Stall as stall:
                raise (yield from self._failure(f"reading at {address + done:#010x}")) from stall
            if len(part) != wanted:
                raise (yield from self._failure(f"reading at {address + done:#010x}: got {len(part)} of {wanted} bytes"))
            parts.append(bytes(part))
            if progress is not None:
                progress(done + wanted, length)
        yield from self.make_idle()
        return b"".join(parts)

    def erase(self, alternate: int, address: int, length: int, *, progress: Progress | None = None) -> HostSteps[None]:
        """Erase every sector that holds a byte of the range; sectors that cannot be erased are passed over.

        Raises:
            AddressError: the range lies outside of the memory map; nothing was sent.
            DfuStatusError, DfuProtocolError: the device refused.
        """
        sectors = self._check(alternate, address, length, "erase", lambda segment: True)
        yield from self._select_idle(alternate)
        for done, sector in enumerate(sectors, 1):
            yield from self._command(_pointer(DfuseCommand.ERASE, sector), f"erasing the sector at {sector:#010x}")
            if progress is not None:
                progress(done, len(sectors))

    def write(
        self,
        alternate: int,
        address: int,
        data: bytes,
        *,
        erase: bool = True,
        erased: Progress | None = None,
        progress: Progress | None = None,
    ) -> HostSteps[None]:
        """Write `data` at `address`, after erasing its sectors unless told otherwise.

        `erased` is called with sectors that are done and their number, `progress` with bytes.

        Raises:
            AddressError, AccessError: the memory map does not allow it; nothing was sent.
            DfuStatusError, DfuProtocolError: the device refused.
        """
        self._check(alternate, address, len(data), "write", lambda segment: segment.writable)
        if not data:
            return
        if erase:
            yield from self.erase(alternate, address, len(data), progress=erased)
        yield from self._begin(alternate, address)
        for block, done in enumerate(range(0, len(data), self._transfer_size), FIRST_BLOCK):
            chunk = data[done : done + self._transfer_size]
            yield from self._download(block, chunk, f"writing at {address + done:#010x}")
            if progress is not None:
                progress(done + len(chunk), len(data))

    def leave(self) -> HostSteps[None]:
        """Make the board leave DFU mode and start its firmware. Soon after, it is gone from the bus.

        Raises:
            DfuProtocolError: the device refused.
        """
        yield from self.make_idle()
        yield from self._request_out(FIRST_BLOCK, b"", "leaving DFU mode")
        yield from self._expect_leaving()

    def enter_safe_mode(self) -> HostSteps[None]:
        """Make the board restart in safe mode.

        Raises:
            AccessError: the bootloader does not know how; that of Device OS 6.1.1 does.
        """
        if DfuseCommand.ENTER_SAFE_MODE not in (yield from self.commands()):
            raise AccessError("this bootloader cannot start safe mode; bootloaders since Device OS 6.1.1 on Gen 3 and later can")
        yield from self._request_out(0, bytes((DfuseCommand.ENTER_SAFE_MODE,)), "entering safe mode")
        yield from self._expect_leaving()

    def commands(self) -> HostSteps[bytes]:
        """The DfuSe commands that the bootloader knows, one byte each."""
        yield from self.make_idle()
        try:
            commands = yield Transfer(Setup(_IN, DfuRequest.UPLOAD, 0, self._interface, 1024))
        except Stall as stall:
            raise (yield from self._failure("asking for the DfuSe commands")) from stall
        yield from self.make_idle()
        return bytes(commands)

    def protection(self) -> HostSteps[str | None]:
        """Device Protection: "open", "protected" or "service"; None where neither a string nor the memory maps tell."""
        text = yield from get_string(PROTECTION_STRING)
        if text is not None and text.startswith("sm="):
            return {"o": "open", "p": "protected", "s": "service"}.get(text[3:4])
        return "protected" if self.alternates and self.alternates[0].protected else None

    def _check(self, alternate: int, address: int, length: int, verb: str, allowed: Callable[[Segment], bool]) -> list[int]:
        """Hold a range against the memory map; returns the sectors in it that can be erased."""
        if not 0 <= alternate < len(self.alternates):
            raise AddressError(f"there is no alternate {alternate}; the device has {len(self.alternates)}")
        memory = self.alternates[alternate]
        span = memory.span(address, length)
        where = f"{address:#010x}-{address + length:#010x} in {memory.name}"
        if length and not span:
            raise AddressError(f"cannot {verb} {where}: it lies outside of the memory map")
        if not all(allowed(segment) for segment in span):
            kind = DfuProtectedError if memory.protected else AccessError
            why = "the device is protected" if memory.protected else "the memory map does not allow it"
            raise kind(f"cannot {verb} {where}: {why}")
        return list(memory.erasable_sectors(address, length))

    def _select_idle(self, alternate: int) -> HostSteps[None]:
        yield from self.make_idle()
        if self.alternate != alternate:
            yield from self.select(alternate)

    def _begin(self, alternate: int, address: int) -> HostSteps[None]:
        yield from self._select_idle(alternate)
        yield from self._command(_pointer(DfuseCommand.SET_ADDRESS, address), f"setting the address to {address:#010x}")

    def _command(self, command: bytes, doing: str) -> HostSteps[None]:
        yield from self._download(0, command, doing)

    def _download(self, block: int, data: bytes, doing: str) -> HostSteps[None]:
        yield from self._request_out(block, data, doing)
        report = yield from self._wait_while_busy(doing)
        if report.state is not DfuState.DNLOAD_IDLE:
            raise (yield from self._failure(doing, report))

    def _request_out(self, block: int, data: bytes, doing: str) -> HostSteps[None]:
        try:
            yield Transfer(Setup(_OUT, DfuRequest.DNLOAD, block, self._interface, len(data)), data)
        except Stall as stall:
            raise (yield from self._failure(doing)) from stall

    def _wait_while_busy(self, doing: str) -> HostSteps[DfuReport]:
        """GETSTATUS, and again after the time the device asks for, until it is neither busy nor about to be."""
        waited = 0.0
        asked = 0
        while True:
            report = yield from get_status(self._interface)
            if report.state not in (DfuState.DNBUSY, DfuState.DNLOAD_SYNC):
                return report
            asked += 1
            pause = report.poll_time or (0.0 if asked < 3 else 0.005)
            waited += pause
            if waited > BUSY_TIMEOUT:
                raise DfuTimeout(f"{doing}: the device has been busy for {BUSY_TIMEOUT:g} s")
            if pause:
                yield Pause(pause)

    def _expect_leaving(self) -> HostSteps[None]:
        report = yield from self._wait_while_busy("leaving DFU mode")
        if report.state not in (DfuState.MANIFEST, DfuState.DNLOAD_IDLE, DfuState.MANIFEST_WAIT_RESET):
            raise (yield from self._failure("leaving DFU mode", report))

    def _failure(self, doing: str, report: DfuReport | None = None) -> HostSteps[Exception]:
        """Ask what went wrong, bring the device back to idle if it lets itself; returns the error to raise."""
        report = report or (yield from get_status(self._interface))
        error: Exception
        if report.state is DfuState.ERROR or report.status != DfuStatus.OK:
            detail = (yield from get_string(report.string)) if report.string else None
            error = DfuStatusError(doing, report.status, detail)
        else:
            error = DfuProtocolError(f"{doing}: the device refused in DFU state {report.state.name}")
        with contextlib.suppress(DfuProtocolError, DfuTimeout):  # what went wrong first is what counts
            yield from self.make_idle()
        return error


def _get_descriptor(kind: DescriptorType, index: int, length: int, language: int = 0) -> HostSteps[bytes]:
    return (yield Transfer(Setup(0x80, StandardRequest.GET_DESCRIPTOR, kind << 8 | index, language, length)))


def _dfu_interface(configuration: bytes) -> tuple[int, list[int], int]:
    """Number, iInterface of each alternate, and transfer size of the DFU interface of a configuration."""
    number: int | None = None
    strings: list[int] = []
    transfer_size = TRANSFER_SIZE
    at = 0
    while at + 2 <= len(configuration):
        size, kind = configuration[at], configuration[at + 1]
        if size < 2 or at + size > len(configuration):
            raise DfuProtocolError("the device's configuration descriptor makes no sense")
        part = configuration[at : at + size]
        if kind == DescriptorType.INTERFACE and size >= 9 and part[5:8] == b"\xfe\x01\x02":
            number = part[2]
            strings.append(part[8])
        elif kind == DescriptorType.DFU_FUNCTIONAL and size >= 7:
            transfer_size = int.from_bytes(part[5:7], "little") or TRANSFER_SIZE
        at += size
    if number is None:
        raise DfuProtocolError("the device has no interface in DFU mode")
    return number, strings, min(transfer_size, TRANSFER_SIZE)
