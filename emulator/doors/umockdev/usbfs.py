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
    DISCONNECT,
    STATUS_AT,
    URB,
    Completion,
    Ioctl,
    Refused,
    UrbType,
    WaitingRead,
)
from emulator.doors.umockdev.wire import HEADER, UNHANDLED, Connection, Message, Steps, done, write_memory
from emulator.doors.usb_device import FULL_SPEED, AttachedDevice, InterfaceBusy
from particle_protocol.usb import RequestType, Setup, Stall, StandardRequest

_MOST_MEMORY: Final = 16 << 20
"""Bytes that a transfer may have (usbfs_memory_mb)."""

_MOST_CONTROL: Final = 0xFFFF


class DriverSwitch(Protocol):
    """How a node hands interfaces to the kernel's drivers and takes them away, and where it notes what went wrong."""

    def bind_drivers(self, device: AttachedDevice) -> None:
        """Let the drivers take what is theirs."""

    def release_driver(self, device: AttachedDevice, interface: int) -> None:
        """Take an interface from its driver."""

    def note(self, text: str) -> None:
        """Write a line into the kernel's log."""


class Node(Protocol):
    """The node that a file was opened on."""

    @property
    def device(self) -> AttachedDevice:
        """The device behind it."""

    @property
    def host(self) -> DriverSwitch:
        """The kernel around it."""

    @property
    def files(self) -> set[UsbFile]:
        """Every file that programs have open on it."""

    def bury(self) -> None:
        """Close the files of programs that are gone."""

    def refresh(self) -> None:
        """Show whether a program has a finished transfer to fetch."""


class UsbFile:
    """One program's open file on the node: its claims and its transfers."""

    def __init__(
        self,
        node: Node,
        loop: asyncio.AbstractEventLoop,
        inside: Callable[[Callable[[], None]], None],
        link: socket.socket,
    ) -> None:
        self.node = node
        self.device = node.device
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
            completion = Completion(read.urb, 0, len(data), data, read.buffer)
        if read in self._reads:
            self._reads.remove(read)
            self._finish(completion)
        return True

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
        self.finished.clear()
        self._reads.clear()
        for interface, holder in list(self.device.claims.items()):
            if holder is self:
                self.device.release(interface, self)
        self.node.refresh()

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
        elif kind in {UrbType.BULK, UrbType.INTERRUPT}:
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
        whole = yield from self.connection.fetch(buffer, min(length, 8 + _MOST_CONTROL))
        setup = Setup.decode(whole[:8])
        if setup.length > len(whole) - 8:
            raise Refused(errno.EINVAL)
        data = b"" if setup.is_in else whole[8 : 8 + setup.length]
        self._check_recipient(setup)
        self._run(urb, lambda: self.device.control(setup, data), len(data), buffer + 8)

    def _send_out(self, endpoint: int, data: bytes) -> bytes:
        self.device.function.ep_out(endpoint, data)
        return b""

    def _run(self, urb: int, transfer: Callable[[], bytes], sent: int = 0, buffer: int = 0) -> None:
        """Carry out a transfer at once and queue how it ended."""
        try:
            data = transfer()
        except Stall:
            self._finish(Completion(urb, -errno.EPIPE))
        else:
            self._finish(Completion(urb, 0, len(data) or sent, data, buffer))

    def _check_recipient(self, setup: Setup) -> None:
        """A request to an interface needs a claim on it, and takes one when it is free (devio.c: check_ctrlrecip)."""
        to_interface = setup.request_type & 0x1F == RequestType.INTERFACE
        if to_interface and not setup.request_type & RequestType.VENDOR:
            self._claim(setup.index & 0xFF)

    def _claim(self, interface: int) -> None:
        if self.device.claims.get(interface, self) is not self:
            self.node.bury()
        try:
            self.device.claim(interface, self)
        except InterfaceBusy:
            raise Refused(errno.EBUSY) from None
        except LookupError:
            raise Refused(errno.ENOENT) from None

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
                self._reads.remove(read)
                self._finish(Completion(argument, -errno.ENOENT))
                self.connection.send(done(0))
                return
        raise Refused(errno.EINVAL)

    def _control(self, argument: int) -> Steps:
        raw = yield from self.connection.fetch(argument, 24)
        setup = Setup.decode(raw[:8])
        (address,) = struct.unpack_from("@P", raw, 16)
        data = b"" if setup.is_in else (yield from self.connection.fetch(address, setup.length))
        self._check_recipient(setup)
        answer = self.device.control(setup, data)
        self.connection.send(*([write_memory(address, answer)] if answer else []), done(len(answer) or len(data)))

    def _claim_interface(self, argument: int) -> Steps:
        self._claim((yield from self._number(argument)))
        self.connection.send(done(0))

    def _release_interface(self, argument: int) -> Steps:
        interface = yield from self._number(argument)
        try:
            self.device.release(interface, self)
        except LookupError:
            raise Refused(errno.EINVAL) from None
        self.connection.send(done(0))

    def _set_interface(self, argument: int) -> Steps:
        interface, alternate = struct.unpack("@II", (yield from self.connection.fetch(argument, 8)))
        self._claim(interface)
        self.device.set_alternate(interface, alternate)
        self.connection.send(done(0))

    def _set_configuration(self, argument: int) -> Steps:
        value = yield from self._number(argument)
        self.node.bury()
        if self.device.drivers or self.device.claims:
            raise Refused(errno.EBUSY)
        self.device.configure(0 if value > 0xFF else value)
        self.connection.send(done(0))

    def _get_driver(self, argument: int) -> Steps:
        interface = yield from self._number(argument)
        if interface in self.device.drivers:
            name = self.device.drivers[interface].name
        elif interface in self.device.claims:
            name = "usbfs"
        else:
            raise Refused(errno.ENODATA)
        self.connection.send(write_memory(argument + 4, name.encode() + b"\0"), done(0))

    def _driver_ioctl(self, argument: int) -> Steps:
        interface, code, _ = struct.unpack("@iiP", (yield from self.connection.fetch(argument, 16)))
        if code == DISCONNECT:
            if interface not in self.device.drivers:
                raise Refused(errno.ENODATA)
            self.node.host.release_driver(self.device, interface)
        elif code == CONNECT:
            if interface in self.device.drivers:
                raise Refused(errno.EBUSY)
            self.node.host.bind_drivers(self.device)
            self.connection.send(done(int(interface in self.device.drivers)))
            return
        else:
            raise Refused(errno.ENOTTY)
        self.connection.send(done(0))

    def _disconnect_claim(self, argument: int) -> Steps:
        interface = yield from self._number(argument)
        if interface in self.device.drivers:
            self.node.host.release_driver(self.device, interface)
        self._claim(interface)
        self.connection.send(done(0))

    def _reset(self, argument: int) -> None:
        self.device.reset()
        if not self.device.present:
            raise Refused(errno.ENODEV)
        self.connection.send(done(0))

    def _clear_halt(self, argument: int) -> Steps:
        endpoint = yield from self._number(argument)
        self.device.control(Setup(RequestType.ENDPOINT, StandardRequest.CLEAR_FEATURE, 0, endpoint, 0), b"")
        self.connection.send(done(0))

    def _capabilities(self, argument: int) -> None:
        self.connection.send(write_memory(argument, struct.pack("@I", CAPABILITIES)), done(0))

    def _connect_info(self, argument: int) -> None:
        self.connection.send(write_memory(argument, struct.pack("@IBxxx", self.device.address, 0)), done(0))

    def _speed(self, argument: int) -> None:
        self.connection.send(done(FULL_SPEED))


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
    Ioctl.RESETEP: UsbFile._clear_halt,
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
