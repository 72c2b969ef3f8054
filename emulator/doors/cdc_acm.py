"""The kernel's driver for CDC ACM devices: what makes a serial port of two USB interfaces.

Requests and layouts: USB CDC PSTN 1.2, section 6. Behaviour: Linux 6.1, drivers/usb/class/cdc-acm.c.
Everything here runs inside the Lab.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from emulator.clock import Signal
from emulator.doors.usb_device import AttachedDevice
from particle_protocol.cdc import ABSTRACT_CONTROL_MODEL, COMMUNICATION_CLASS, DATA_CLASS, CdcRequest, ControlLine, LineCoding
from particle_protocol.usb import RequestType, Setup, Stall

_BULK: Final = 2

BUFFER_SIZE: Final = 4096
"""Received bytes that a port keeps before it stops asking the device for more (Linux, drivers/tty/n_tty.c: N_TTY_BUF_SIZE)."""


class LineState(enum.IntFlag):
    """SERIAL_STATE bits that a device reports (PSTN 1.2, table 31)."""

    CARRIER = 0x01
    DATA_SET_READY = 0x02
    RING = 0x08


@dataclass(frozen=True, slots=True)
class AcmPlace:
    """Where in a device the serial function is: interface numbers, endpoint addresses, packet size of the OUT endpoint."""

    communication: int
    data: int
    data_in: int
    data_out: int
    notification: int | None
    packet_in: int
    packet_out: int


def find_acm(device: AttachedDevice) -> Iterator[AcmPlace]:
    """The serial functions of a device whose interfaces are free: a communication interface, and the data interface after it."""
    configuration = device.configuration
    settings = [each[0] for each in configuration.interfaces] if configuration is not None else []
    for first, second in pairwise(settings):
        if (first.interface_class, first.subclass, second.interface_class) != (COMMUNICATION_CLASS, ABSTRACT_CONTROL_MODEL, DATA_CLASS):
            continue
        bulk = [each for each in second.endpoints if each.attributes & 3 == _BULK]
        ins = [each for each in bulk if each.address & 0x80]
        outs = [each for each in bulk if not each.address & 0x80]
        numbers = {first.number, second.number}
        if ins and outs and not numbers & (device.drivers.keys() | device.claims.keys()):
            notification = first.endpoints[0].address if first.endpoints else None
            yield AcmPlace(
                first.number, second.number, ins[0].address, outs[0].address, notification, ins[0].max_packet, outs[0].max_packet
            )


class AcmPort:
    """One serial port: `/dev/ttyACM<number>` on Linux.

    `changed` fires when bytes came, a line changed, or the device is gone. Bytes are only fetched from the device while the port is open.
    """

    name = "cdc_acm"

    def __init__(
        self, device: AttachedDevice, place: AcmPlace, number: int, on_free: Callable[[AcmPort], object], note: Callable[[str], object]
    ) -> None:
        self.device = device
        self.place = place
        self.number = number
        self.interfaces: tuple[int, ...] = (place.communication, place.data)
        self.present = True
        self.changed = Signal()
        self.lock: int | None = None
        """The id of the open file that holds the port's lock (flock), which only those heed who ask for it themselves."""
        self.control_lines = 0
        self.line_state = LineState(0)
        self.settings = LineCoding()
        self._received = bytearray()
        self._openers = 0
        self._on_free = on_free
        self._note = note
        self._hung_up = False
        self._request(CdcRequest.SET_LINE_CODING, 0, self.settings.encode())

    @property
    def tty(self) -> str:
        """The name Linux gives the port, without `/dev/`."""
        return f"ttyACM{self.number}"

    @property
    def waiting(self) -> int:
        """How many received bytes can be read at once."""
        return len(self._received)

    @property
    def is_open(self) -> bool:
        """Whether a program has the port open."""
        return self._openers > 0

    def open(self) -> None:
        """A program opens the port: both control lines go up, and the device is read from now on."""
        self._openers += 1
        if self._openers == 1:
            self.set_control_lines(dtr=True, rts=True)
            self.readable()

    def close(self) -> None:
        """A program closes the port; with the last one the control lines go down and what was not read is lost."""
        self._openers -= 1
        if self._openers:
            return
        self._received.clear()
        if self.present:
            self.set_control_lines(dtr=False, rts=False)
        else:
            self._on_free(self)

    def configure(self, settings: LineCoding) -> None:
        """Tell the device about a new line coding; the same one again is not sent.

        A rate of 0 hangs up: DTR goes down, the device keeps its rate; the next rate raises DTR again (acm_tty_set_termios).
        """
        hung_up, self._hung_up = self._hung_up, settings.baud == 0
        if self._hung_up:
            settings = replace(settings, baud=self.settings.baud)
        if self._hung_up or hung_up:
            self.set_control_lines(dtr=not self._hung_up, rts=bool(self.control_lines & ControlLine.RTS))
        if settings != self.settings:
            self.settings = settings
            self._request(CdcRequest.SET_LINE_CODING, 0, settings.encode())

    def set_control_lines(self, *, dtr: bool, rts: bool) -> None:
        """Set DTR (bit 0) and RTS (bit 1); no change is not sent."""
        lines = dtr * ControlLine.DTR | rts * ControlLine.RTS
        if lines != self.control_lines:
            self.control_lines = lines
            self._request(CdcRequest.SET_CONTROL_LINE_STATE, lines)

    def send_break(self, *, on: bool) -> None:
        """Start or end a break."""
        self._request(CdcRequest.SEND_BREAK, 0xFFFF if on else 0)

    def write(self, data: bytes) -> None:
        """Send bytes, in transfers of at most 20 packets. Who writes does not learn that the device halted the endpoint: the log does."""
        size = self.place.packet_out * 20
        for at in range(0, len(data), size):
            if not self.present:
                return
            try:
                self.device.function.ep_out(self.place.data_out, data[at : at + size])
            except Stall:
                self._note(f"{self.tty}: {self.device} halted its OUT endpoint: {len(data) - at} bytes are lost")
                return

    def read(self, size: int) -> bytes:
        """Take up to `size` received bytes."""
        data = bytes(self._received[:size])
        del self._received[:size]
        if data:
            self._fetch()
        return data

    def discard_input(self) -> None:
        """Throw away what was received."""
        self._received.clear()
        self._fetch()

    def readable(self) -> None:
        """See `BoundDriver.readable`."""
        if self._fetch():
            self.changed.fire()

    def unbind(self) -> None:
        """See `BoundDriver.unbind`. The number stays taken while a program holds the port open."""
        self.present = False
        if not self.is_open:
            self._on_free(self)
        self.changed.fire()

    def _fetch(self) -> bool:
        """Read the device's endpoints until they have nothing, or the buffer is full. Whether anything came."""
        if not (self.is_open and self.present):
            return False
        came = self._fetch_notifications()
        function, endpoint, size = self.device.function, self.place.data_in, self.place.packet_in * 2
        try:
            while len(self._received) < BUFFER_SIZE and (data := function.ep_in(endpoint, size)) is not None:
                self._received += data
                came = True
        except Stall:
            return came
        return came

    def _fetch_notifications(self) -> bool:
        if self.place.notification is None:
            return False
        came = False
        try:
            while (note := self.device.function.ep_in(self.place.notification, 16)) is not None:
                if len(note) >= 10 and note[:2] == b"\xa1\x20":
                    self.line_state = LineState(note[8] & 0x0B)
                    came = True
        except Stall:
            return came
        return came

    def _request(self, request: CdcRequest, value: int, data: bytes = b"") -> None:
        """A class request to the communication interface. Devices may refuse any of them; the driver carries on, as Linux does."""
        if self.present:
            try:
                self.device.control(
                    Setup(RequestType.CLASS | RequestType.INTERFACE, request, value, self.place.communication, len(data)), data
                )
            except Stall:
                return
