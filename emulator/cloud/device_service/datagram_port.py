"""The cloud's UDP port: boards that speak DTLS.

A session of DTLS outlives a session of the cloud's: a device that has said goodbye, or was silent for long, is offline, and goes on later
with the keys that it has, from wherever it is then. It does not introduce itself again, so its line remembers what it said.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from typing import Protocol

from emulator.clock import Timer
from emulator.cloud.device_log import Refusal
from emulator.cloud.device_service.datagram_line import DatagramLine
from emulator.cloud.device_service.service import DeviceService
from emulator.cloud.device_service.session import Session
from emulator.network import Address, Network
from particle_protocol.cloud_profiles import Transport
from particle_protocol.dtls import EndSettings, Listener, ServerEnd, StrayReason
from particle_protocol.dtls.end import State
from particle_protocol.dtls.keys import SigningKey
from particle_protocol.protocol_errors import ProtocolErrorCode

STRAYS_NOTED_EVERY = 1.0
"""In how many seconds one datagram at most is noted that is of no session: anybody can send such."""
_NOTED = (StrayReason.UNKNOWN_CID, StrayReason.UNKNOWN_DEVICE, StrayReason.CROWDED_OUT)


class Wire(Protocol):
    """What datagrams come and go through: `emulator.network.DatagramPort`, or anything like it."""

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram."""


class DatagramPort:
    """Takes datagrams of boards. `server_key` is the key whose public half they hold."""

    transport = Transport.UDP

    def __init__(self, service: DeviceService, server_key: SigningKey) -> None:
        self.service = service
        self.public_der = server_key.public_der
        settings = service.settings
        self.listener = Listener(
            server_key,
            settings=EndSettings(
                max_message=settings.max_message, handshake_timeout=settings.dtls_handshake_timeout, random_bytes=service.rng.randbytes
            ),
            max_half_open=settings.max_half_open,
        )
        self._wires: list[Wire] = []
        self._lines: dict[ServerEnd, DatagramLine] = {}
        self._unnamed: dict[DatagramLine, None] = {}
        """The lines whose devices have not said Hello, oldest first."""
        self._resting: dict[DatagramLine, None] = {}
        """The lines whose devices are not there, those that left first in front."""
        self._by_device: dict[str, DatagramLine] = {}
        self._timer: Timer | None = None
        self._stray_noted = -STRAYS_NOTED_EVERY
        service.ports.append(self)

    def listen(self, network: Network, host: str, number: int) -> None:
        """See `Port`."""
        wire = network.listen_datagrams(host, number)
        number = self.attach(wire)
        wire.on_datagram = lambda data, sender: self.receive(number, data, sender)

    def attach(self, wire: Wire) -> int:
        """Datagrams come through this, too; gives the number to call `receive` with."""
        self._wires.append(wire)
        return len(self._wires) - 1

    def receive(self, wire: int, data: bytes, sender: Address) -> None:
        """A datagram has come through a wire."""
        now = self.service.clock.now
        end = self.listener.receive_datagram(data, (wire, sender), now)
        for answer, to in self.listener.datagrams_to_send():
            self.send((answer,), to)
        if end is not None:
            self._serve(end)
            self._arm(end.deadline())
        self._note_stray(now)

    def send(self, datagrams: Iterable[bytes], to: Hashable) -> None:
        """Send datagrams to an address as the listener knows it."""
        assert isinstance(to, tuple)
        number, address = to
        for each in datagrams:
            self._wires[number].send(each, address)

    @property
    def lines(self) -> Collection[DatagramLine]:
        """See `Port`."""
        return self._lines.values()

    def sessions(self) -> Iterator[Session]:
        """See `Port`."""
        return (line.session for line in self._lines.values() if line.session is not None and not line.session.closed)

    def close(self, reason: str) -> None:
        """See `Port`."""
        for line in tuple(self._lines.values()):
            line.close(reason)
        for end in tuple(self.listener):
            self.listener.forget(end)
        if self._timer is not None:
            self._timer.cancel()

    def named(self, line: DatagramLine, device_id: str) -> None:
        """A device has said which one it is. One line that it left behind is of no use any more."""
        self._unnamed.pop(line, None)
        before = self._by_device.get(device_id)
        self._by_device[device_id] = line
        self.listener.name(line.end, bytes.fromhex(device_id))
        if before is not None and before is not line and before in self._resting:
            before.forget()

    def rests(self, line: DatagramLine) -> None:
        """The device of a line is not there for now. So many may come back, and no more: the one that left first is forgotten."""
        self._resting.pop(line, None)
        self._resting[line] = None
        if len(self._resting) > self.service.settings.max_resting:
            next(iter(self._resting)).forget()

    def returns(self, line: DatagramLine) -> None:
        """The device of a line is there again."""
        self._resting.pop(line, None)

    def forget(self, line: DatagramLine) -> None:
        """A line is over."""
        self._lines.pop(line.end, None)
        self._unnamed.pop(line, None)
        self._resting.pop(line, None)
        if line.device_id is not None and self._by_device.get(line.device_id) is line:
            del self._by_device[line.device_id]
        self.listener.forget(line.end)

    def _serve(self, end: ServerEnd) -> None:
        """Act on what an end has received."""
        line = self._lines.get(end)
        if line is None and end.state is State.EXPECT_VERDICT:
            line = self._begin(end)
        if line is not None:
            line.moved(address_text(end.address))
            line.turn(end.error)
            return
        self.send(end.pieces_to_send(), end.address)
        if end.error is not None:
            self._refused(end.address, end.error.code, end.error.why)

    def _begin(self, end: ServerEnd) -> DatagramLine:
        """A device has proved a key. Of those that say no Hello then, so many may be there, and no more."""
        line = self._lines[end] = DatagramLine(self, end, address_text(end.address))
        if len(self._unnamed) >= self.service.settings.max_half_open:
            oldest = next(iter(self._unnamed))
            oldest.fail(ProtocolErrorCode.MESSAGE_TIMEOUT, "Hello did not come, and too many others wait")
        self._unnamed[line] = None
        return line

    def _refused(self, address: Hashable, code: ProtocolErrorCode, why: str) -> None:
        self.service.log.refused(Refusal(address_text(address), None, self.service.clock.now, code, why))

    def _note_stray(self, now: float) -> None:
        """Say why a device is not heard whose session is none of this cloud's; it learns so only by silence."""
        if now - self._stray_noted < STRAYS_NOTED_EVERY or not self.listener.strays:
            return
        stray = self.listener.strays[-1]
        if stray.when == now and stray.reason in _NOTED:
            self._stray_noted = now
            self._refused(stray.address, ProtocolErrorCode.DISCARD_SESSION, f"a datagram {stray.reason.value}")

    def _arm(self, due: float | None) -> None:
        """Have a timer when a handshake has to be repeated or given up."""
        if due is None or (self._timer is not None and not self._timer.cancelled and self._timer.when <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.service.clock.call_at(due, self._overdue)

    def _overdue(self) -> None:
        for end in self.listener.handle_timer(self.service.clock.now):
            self._serve(end)
        self._arm(self.listener.deadline())


def address_text(address: Hashable) -> str:
    """An address as the listener knows it, for people."""
    assert isinstance(address, tuple)
    host, port = address[1][:2]
    return f"{host}:{port}"
