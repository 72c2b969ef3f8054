"""An open USB device node, `/dev/bus/usb/BBB/DDD`: what each ioctl on it does (Linux 6.1, drivers/usb/core/devio.c)."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections import deque
from collections.abc import Callable, Generator
from typing import Final, Protocol

from emulator.doors.umockdev.usbdevfs import (
    ACTUAL_AT,
    CAPABILITIES,
    CONNECT,
    CONTROL_LAYOUT,
    DISCONNECT,
    DISCONNECT_CLAIM_LAYOUT,
    EXCEPT_DRIVER,
    MOST_CONTROL,
    STATUS_AT,
    UNLESS_DRIVER,
    URB,
    Completion,
    Ioctl,
    UrbType,
    WaitingRead,
)
from emulator.doors.umockdev.wire import HEADER, UNHANDLED, Connection, Message, Steps, done, write_memory
from emulator.doors.usb_device import FULL_SPEED, AttachedDevice, Refused
from emulator.doors.usb_file import DeviceFile, Kernel
from particle_protocol.usb import Setup, Stall

_MOST_MEMORY: Final = 16 << 20
"""Bytes that a transfer may have (usbfs_memory_mb)."""

_LONGEST_STAGE: Final = 0xFFFF
"""Bytes in the data stage of a control transfer, which has 16 bits for them."""

_ENDPOINT_TYPES: Final[dict[int, frozenset[int]]] = {UrbType.BULK: frozenset({2, 3}), UrbType.INTERRUPT: frozenset({3})}
"""Kind of a transfer to the transfer types of the endpoints that it may go to (devio.c: proc_do_submiturb)."""


class NotingKernel(Kernel, Protocol):
    """The kernel around a node, which also keeps a log."""

    def note(self, text: str) -> None:
        """Write a line into the kernel's log."""


class Node(Protocol):
    """The node that a file was opened on."""

    @property
    def device(self) -> AttachedDevice:
        """The device behind it."""

    @property
    def host(self) -> NotingKernel:
        """The kernel around it."""

    @property
    def files(self) -> set[UsbFile]:
        """Every file that programs have open on it."""

    def bury(self) -> None:
        """Close the files of programs that are gone."""

    def refresh(self) -> None:
        """Show whether a program has a finished transfer to fetch."""


class UsbFile(DeviceFile):
    """One program's open file on the node: what it may do, and its transfers."""

    def __init__(
        self,
        node: Node,
        loop: asyncio.AbstractEventLoop,
        inside: Callable[[Callable[[], None]], None],
        link: socket.socket,
    ) -> None:
        super().__init__(node.host, node.device)
        self.node = node
        self.finished: deque[Completion] = deque()
        self._reads: list[WaitingRead] = []
        self._reaper = 0
        self._position = 0
        node.files.add(self)
        self.connection = Connection(loop, link, inside, self._serve, self._closed)

    def device_gone(self) -> None:
        """Every transfer that waits ends with ESHUTDOWN."""
        for read in self._reads:
            self._finish(Completion(read.urb, -errno.ESHUTDOWN))
        self._reads.clear()
        if self._reaper and not self.finished:
            self._reaper = 0
            self.connection.send(done(-1, errno.ENODEV))

    def try_reads(self) -> None:
        """Ask the endpoints again for the transfers that wait, oldest first."""
        dry: set[int] = set()
        for read in tuple(self._reads):
            if read.endpoint not in dry and read in self._reads and not self._try_read(read):
                dry.add(read.endpoint)

    def _try_read(self, read: WaitingRead) -> bool:
        """Whether the endpoint had an answer."""
        try:
            data = self.device.function.ep_in(read.endpoint, read.length)
        except Stall:
            completion = Completion(read.urb, -errno.EPIPE)
        else:
            if data is None:
                return False
            completion = _came(read.urb, data, read.buffer, read.length)
        self._end(read, completion)
        return True

    def _end(self, read: WaitingRead, completion: Completion) -> None:
        if read in self._reads:
            self._reads.remove(read)
            self._finish(completion)

    def _finish(self, completion: Completion) -> None:
        if self._reaper:
            argument, self._reaper = self._reaper, 0
            self._hand_over(completion, argument)
        else:
            self.finished.append(completion)
            self.node.refresh()

    def _closed(self) -> None:
        """The program closed the file, or died: what it held is given back."""
        self.node.files.discard(self)
        self._reads.clear()
        self.close()
        self.finished.clear()
        self.node.refresh()

    def bury(self) -> None:
        """See `DeviceFile.bury`."""
        self.node.bury()

    def lost(self, interface: int) -> None:
        """The transfers of an interface end when the file does not hold it any more (devio.c: destroy_async_on_interface)."""
        mine = {endpoint.address for setting in self.device.interface(interface) for endpoint in setting.endpoints}
        for read in tuple(self._reads):
            if read.endpoint in mine:
                self._end(read, Completion(read.urb, -errno.ENOENT))

    def _serve(self, connection: Connection) -> Steps:
        while True:
            kind, first, second = HEADER.unpack((yield HEADER.size))
            if kind == Message.IOCTL:
                try:
                    yield from self._ioctl(first & 0xFFFFFFFF, second)
                except Refused as refused:
                    connection.send(done(-1, refused.code))
                except Stall:
                    connection.send(done(-1, errno.EPIPE))
                except Exception as error:  # noqa: BLE001  # a board that breaks must not leave the program hanging
                    self.node.host.note(f"usb {self.device.path}: {error!r} in ioctl {first:#x}")
                    connection.send(done(-1, errno.EIO))
            elif kind == Message.READ:
                self._read_descriptors(first, second)
            else:
                connection.send(done(UNHANDLED))

    def _read_descriptors(self, address: int, length: int) -> None:
        """read() on a node gives the raw descriptors."""
        whole = self.device.descriptor.raw + b"".join(each.whole for each in self.device.configurations)
        piece = whole[self._position : self._position + length]
        self._position += len(piece)
        self.connection.send(write_memory(address, piece), done(len(piece)))

    def _ioctl(self, request: int, argument: int) -> Steps:
        if request in {Ioctl.REAPURBNDELAY, Ioctl.REAPURB}:
            self._reap(argument, waits=request == Ioctl.REAPURB)
            return
        if not self.device.present:
            raise Refused(errno.ENODEV)
        if request in _IMMEDIATE:
            _IMMEDIATE[request](self, argument)
        elif request in _HANDLERS:
            yield from _HANDLERS[request](self, argument)
        else:
            raise Refused(errno.ENOTTY)

    def _number(self, address: int) -> Generator[int, bytes, int]:
        """Fetch an unsigned int of the program's memory."""
        return int(struct.unpack("@I", (yield from self.connection.fetch(address, 4)))[0])

    def _submit(self, argument: int) -> Steps:
        kind, endpoint, _, _, buffer, length, _ = URB.unpack((yield from self.connection.fetch(argument, URB.size)))
        if length < 0:
            raise Refused(errno.EINVAL)
        if length > _MOST_MEMORY:
            raise Refused(errno.ENOMEM)
        if kind == UrbType.CONTROL:
            yield from self._submit_control(argument, buffer, length)
        elif kind in _ENDPOINT_TYPES:
            if self.use_endpoint(endpoint) not in _ENDPOINT_TYPES[kind]:
                raise Refused(errno.EINVAL)
            if endpoint & 0x80:
                self._reads.append(WaitingRead(argument, endpoint, buffer, length))
                self.try_reads()
            else:
                data = yield from self.connection.fetch(buffer, length)
                self._run(argument, lambda: self._send_out(endpoint, data), len(data))
        else:
            raise Refused(errno.EINVAL)
        self.connection.send(done(0))

    def _submit_control(self, urb: int, buffer: int, length: int) -> Steps:
        if length < 8:
            raise Refused(errno.EINVAL)
        whole = yield from self.connection.fetch(buffer, min(length, 8 + _LONGEST_STAGE))
        setup = Setup.decode(whole[:8])
        if setup.length > len(whole) - 8:
            raise Refused(errno.EINVAL)
        data = b"" if setup.is_in else whole[8 : 8 + setup.length]
        self.check_request(setup)
        self._run(urb, lambda: self.device.control(setup, data), len(data), buffer + 8, setup.length if setup.is_in else 0)

    def _send_out(self, endpoint: int, data: bytes) -> bytes:
        self.device.function.ep_out(endpoint, data)
        return b""

    def _run(self, urb: int, transfer: Callable[[], bytes], sent: int, buffer: int = 0, room: int = 0) -> None:
        """Carry out a transfer at once and queue how it ended."""
        try:
            data = transfer()
        except Stall:
            self._finish(Completion(urb, -errno.EPIPE))
        else:
            self._finish(_came(urb, data, buffer, room) if data else Completion(urb, 0, sent))

    def _reap(self, argument: int, *, waits: bool) -> None:
        if self.finished:
            completion = self.finished.popleft()
            self.node.refresh()
            self._hand_over(completion, argument)
        elif not self.device.present:
            raise Refused(errno.ENODEV)
        elif waits:
            self._reaper = argument
        else:
            raise Refused(errno.EAGAIN)

    def _hand_over(self, it: Completion, argument: int) -> None:
        """Write a finished transfer into the program's memory, and its address where the program looks for it."""
        parts = [write_memory(it.buffer, it.data)] if it.data else []
        rest = (
            write_memory(it.urb + STATUS_AT, struct.pack("@i", it.status))
            + write_memory(it.urb + ACTUAL_AT, struct.pack("@i", it.actual))
            + write_memory(argument, struct.pack("@P", it.urb))
            + done(0)
        )
        self.connection.send(*parts, rest)

    def _discard(self, argument: int) -> None:
        for read in self._reads:
            if read.urb == argument:
                self._end(read, Completion(argument, -errno.ENOENT))
                self.connection.send(done(0))
                return
        raise Refused(errno.EINVAL)

    def _control(self, argument: int) -> Steps:
        raw, _, address = CONTROL_LAYOUT.unpack((yield from self.connection.fetch(argument, CONTROL_LAYOUT.size)))
        setup = Setup.decode(raw)
        self.check_request(setup)
        if setup.length > MOST_CONTROL:
            raise Refused(errno.EINVAL)
        data = b"" if setup.is_in else (yield from self.connection.fetch(address, setup.length))
        answer = self.device.control(setup, data)
        if len(answer) > (setup.length if setup.is_in else 0):
            raise Refused(errno.EOVERFLOW)
        self.connection.send(*([write_memory(address, answer)] if answer else []), done(len(answer) or len(data)))

    def _claim_interface(self, argument: int) -> Steps:
        self.claim((yield from self._number(argument)))
        self.connection.send(done(0))

    def _release_interface(self, argument: int) -> Steps:
        self.release((yield from self._number(argument)))
        self.connection.send(done(0))

    def _set_interface(self, argument: int) -> Steps:
        interface, alternate = struct.unpack("@II", (yield from self.connection.fetch(argument, 8)))
        self.set_interface(interface, alternate)
        self.connection.send(done(0))

    def _set_configuration(self, argument: int) -> Steps:
        (value,) = struct.unpack("@i", (yield from self.connection.fetch(argument, 4)))
        self.set_configuration(value)
        self.connection.send(done(0))

    def _get_driver(self, argument: int) -> Steps:
        name = self.driver_of((yield from self._number(argument)))
        self.connection.send(write_memory(argument + 4, name.encode() + b"\0"), done(0))

    def _driver_ioctl(self, argument: int) -> Steps:
        interface, code, _ = struct.unpack("@iiP", (yield from self.connection.fetch(argument, 16)))
        if code == DISCONNECT:
            self.disconnect(interface)
            self.connection.send(done(0))
        elif code == CONNECT:
            self.connection.send(done(int(self.connect(interface))))
        else:
            raise Refused(errno.ENOTTY)

    def _disconnect_claim(self, argument: int) -> Steps:
        raw = yield from self.connection.fetch(argument, DISCONNECT_CLAIM_LAYOUT.size)
        interface, flags, name = DISCONNECT_CLAIM_LAYOUT.unpack(raw)
        if not self.device.interface(interface):
            raise Refused(errno.EINVAL)
        try:
            bound = self.driver_of(interface).encode()
        except Refused:
            self.claim(interface)
        else:
            same = bound == name.split(b"\0")[0]
            if (flags & UNLESS_DRIVER and not same) or (flags & EXCEPT_DRIVER and same):
                raise Refused(errno.EBUSY)
            self.disconnect(interface)
            self.claim(interface)
        self.connection.send(done(0))

    def _reset(self, argument: int) -> None:
        self.reset()
        self.connection.send(done(0))

    def _clear_halt(self, argument: int) -> Steps:
        self.clear_halt((yield from self._number(argument)))
        self.connection.send(done(0))

    def _reset_endpoint(self, argument: int) -> Steps:
        """The host's side of the endpoint only: the device hears nothing (devio.c: proc_resetep)."""
        self.use_endpoint((yield from self._number(argument)))
        self.connection.send(done(0))

    def _capabilities(self, argument: int) -> None:
        self.connection.send(write_memory(argument, struct.pack("@I", CAPABILITIES)), done(0))

    def _connect_info(self, argument: int) -> None:
        self.connection.send(write_memory(argument, struct.pack("@IBxxx", self.device.address, 0)), done(0))

    def _speed(self, argument: int) -> None:
        self.connection.send(done(FULL_SPEED))


def _came(urb: int, data: bytes, buffer: int, room: int) -> Completion:
    """A transfer that brought data; more than the program has room for is an overflow and leaves its memory alone."""
    return Completion(urb, 0, len(data), data, buffer) if len(data) <= room else Completion(urb, -errno.EOVERFLOW)


_HANDLERS: Final[dict[int, Callable[[UsbFile, int], Steps]]] = {
    Ioctl.SUBMITURB: UsbFile._submit,
    Ioctl.CONTROL: UsbFile._control,
    Ioctl.CLAIMINTERFACE: UsbFile._claim_interface,
    Ioctl.RELEASEINTERFACE: UsbFile._release_interface,
    Ioctl.SETINTERFACE: UsbFile._set_interface,
    Ioctl.SETCONFIGURATION: UsbFile._set_configuration,
    Ioctl.GETDRIVER: UsbFile._get_driver,
    Ioctl.IOCTL: UsbFile._driver_ioctl,
    Ioctl.DISCONNECT_CLAIM: UsbFile._disconnect_claim,
    Ioctl.RESETEP: UsbFile._reset_endpoint,
    Ioctl.CLEAR_HALT: UsbFile._clear_halt,
}
"""Requests that look into the program's memory."""

_IMMEDIATE: Final[dict[int, Callable[[UsbFile, int], None]]] = {
    Ioctl.DISCARDURB: UsbFile._discard,
    Ioctl.RESET: UsbFile._reset,
    Ioctl.GET_CAPABILITIES: UsbFile._capabilities,
    Ioctl.CONNECTINFO: UsbFile._connect_info,
    Ioctl.GET_SPEED: UsbFile._speed,
}
"""Requests that do not."""
