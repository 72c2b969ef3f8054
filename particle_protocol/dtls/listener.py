"""A cloud's DTLS port: which end a datagram is for, and who gets an end at all.

A datagram is known by its connection id, by the device id behind it (`moved`), or by where it comes from. A device that has not proved
with a cookie that it can be reached where it seems to be costs no memory. When an authentic datagram that is newer than all before comes
from another address, the device is there now.
"""

from __future__ import annotations

import enum
import secrets
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from particle_protocol.dtls.cookies import Cookies
from particle_protocol.dtls.dialects import SERVER, Dialect
from particle_protocol.dtls.end import EndSettings, State
from particle_protocol.dtls.errors import Alert, DecodeError, DtlsError
from particle_protocol.dtls.handshake import HandshakeMessage, HandshakeType, pull_fragments
from particle_protocol.dtls.hellos import (
    CID_SIZE,
    ClientHello,
    HelloVerifyRequest,
    pull_client_hello,
    push_hello_verify_request,
)
from particle_protocol.dtls.keys import SigningKey
from particle_protocol.dtls.moved import unmark
from particle_protocol.dtls.records import HEADER_SIZE, ContentType, Record, pull_records, push_record
from particle_protocol.dtls.server_end import ServerEnd

_Key = TypeVar("_Key", bound=Hashable)
SECRET_SIZE: Final = 32
MAX_HALF_OPEN: Final = 1000
"""How many handshakes may be under way; one more ends the oldest."""
KEPT_STRAYS: Final = 64
DEFAULT_SETTINGS = EndSettings()


class StrayReason(enum.Enum):
    """Why a datagram was for nobody."""

    KEEP_ALIVE = "a single byte that keeps a router awake"
    UNREADABLE = "no DTLS"
    UNKNOWN_CID = "of a session that this server does not have: the device has to begin anew"
    UNKNOWN_DEVICE = "of a device that has no session here: it has to begin anew"
    NO_HANDSHAKE = "of a handshake that has not begun, or is over"
    NOT_AUTHENTIC = "not made with the keys of the session that it is for, or received before"
    CROWDED_OUT = "of a handshake that ended because too many are under way"


@dataclass(frozen=True, slots=True)
class Stray:
    """A datagram that was passed over: from where, at what time, and why."""

    address: Hashable
    when: float
    reason: StrayReason

    def __str__(self) -> str:
        return f"a datagram from {self.address}: {self.reason.value}"


class Listener:
    """Takes the datagrams of all devices.

    The end that a datagram was for is returned. Act on its `events`, look at its `error`, and send what `pieces_to_send` gives to its
    `address`. After `KeyProved` call `accept` or `refuse` here, `name` once the device has said who it is, and `forget` in the end.
    """

    def __init__(
        self,
        key: SigningKey,
        *,
        dialect: Dialect = SERVER,
        settings: EndSettings = DEFAULT_SETTINGS,
        max_half_open: int = MAX_HALF_OPEN,
    ) -> None:
        self._key = key
        self._dialect = dialect
        self._settings = settings
        self._max_half_open = max_half_open
        self._cookies = Cookies(secrets.token_bytes(SECRET_SIZE))
        self._out: list[tuple[bytes, Hashable]] = []
        self._handshakes: dict[Hashable, ServerEnd] = {}
        self._by_address: dict[Hashable, ServerEnd] = {}
        self._by_cid: dict[bytes, ServerEnd] = {}
        self._by_device: dict[bytes, ServerEnd] = {}
        self._device_ids: dict[ServerEnd, bytes] = {}
        self.strays: deque[Stray] = deque(maxlen=KEPT_STRAYS)
        """The datagrams passed over last."""
        self.stray_counts: Counter[StrayReason] = Counter()

    @property
    def half_open(self) -> int:
        """How many handshakes are under way."""
        return len(self._handshakes)

    def receive_datagram(self, datagram: bytes, address: Hashable, now: float) -> ServerEnd | None:
        """Take a datagram; the end that it was for, None if it was for none. Nothing raises: a session that is over has an `error`."""
        unmarked, device_id = unmark(datagram)
        if len(unmarked) < HEADER_SIZE:
            self._stray(address, now, StrayReason.KEEP_ALIVE if len(unmarked) == 1 else StrayReason.UNREADABLE)
            return None
        if device_id:
            return self._offer(self._by_device.get(device_id), StrayReason.UNKNOWN_DEVICE, unmarked, address, now)
        if unmarked[0] in (ContentType.WITH_CID, ContentType.MOVED_WITH_CID):
            cid = unmarked[HEADER_SIZE - 2 : HEADER_SIZE - 2 + CID_SIZE]
            return self._offer(self._by_cid.get(cid), StrayReason.UNKNOWN_CID, unmarked, address, now)
        if unmarked[3:5] != b"\0\0":
            end = self._handshakes.get(address)
            if end is not None and self._give(end, unmarked, now):
                return self._settle(end, address)
            return self._offer(self._by_address.get(address), StrayReason.NO_HANDSHAKE, unmarked, address, now)
        if unmarked[0] == ContentType.HANDSHAKE and unmarked[HEADER_SIZE : HEADER_SIZE + 1] == bytes((HandshakeType.CLIENT_HELLO,)):
            return self._greet(unmarked, address, now)
        # A device that has not received the end of its handshake repeats what it sent last; that begins in the open.
        established = self._by_address.get(address)
        if established is not None and self._give(established, unmarked, now):
            return self._settle(established, address)
        return self._offer(self._handshakes.get(address), StrayReason.NO_HANDSHAKE, unmarked, address, now)

    def datagrams_to_send(self) -> list[tuple[bytes, Hashable]]:
        """What the port itself has to send, and where to: requests to come again with a cookie."""
        out, self._out = self._out, []
        return out

    def accept(self, end: ServerEnd, now: float) -> None:
        """Let a device in. Whoever was at its address before is no longer known by it.

        Raises:
            DtlsError: no device has proved a key.
        """
        end.accept(now)
        self._handshakes.pop(end.address, None)
        self._by_address[end.address] = end

    def refuse(self, end: ServerEnd, alert: Alert | None = None) -> None:
        """Do not let a device in; send what the end gives before it is forgotten.

        Raises:
            DtlsError: no device has proved a key.
        """
        end.refuse(alert)
        self.forget(end)

    def name(self, end: ServerEnd, device_id: bytes) -> None:
        """The device has said who it is: it is known by this id too, when it has moved. A later session of it takes its place."""
        self._device_ids[end] = device_id
        self._by_device[device_id] = end

    def forget(self, end: ServerEnd) -> None:
        """A session is over: nothing more is for it."""
        _remove(self._handshakes, end.address, end)
        _remove(self._by_address, end.address, end)
        _remove(self._by_cid, end.cid, end)
        _remove(self._by_device, self._device_ids.pop(end, b""), end)

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return min((due for due in (end.deadline() for end in self._handshakes.values()) if due is not None), default=None)

    def handle_timer(self, now: float) -> list[ServerEnd]:
        """Time has passed: the ends that have something to send, or are over."""
        due = [end for end in self._handshakes.values() if (deadline := end.deadline()) is not None and deadline <= now]
        for end in due:
            try:
                end.handle_timer(now)
            except DtlsError:
                self.forget(end)
        return due

    def __iter__(self) -> Iterator[ServerEnd]:
        """All sessions, and handshakes under way."""
        seen = {id(end): end for index in (self._handshakes, self._by_address, self._by_cid, self._by_device) for end in index.values()}
        return iter(seen.values())

    def _stray(self, address: Hashable, now: float, reason: StrayReason) -> None:
        """The datagram was for nobody."""
        self.stray_counts[reason] += 1
        self.strays.append(Stray(address, now, reason))

    def _offer(self, end: ServerEnd | None, otherwise: StrayReason, datagram: bytes, address: Hashable, now: float) -> ServerEnd | None:
        if end is None:
            self._stray(address, now, otherwise)
            return None
        if not self._give(end, datagram, now):
            self._stray(address, now, StrayReason.NOT_AUTHENTIC)
            return None
        return self._settle(end, address)

    @staticmethod
    def _give(end: ServerEnd, datagram: bytes, now: float) -> bool:
        """Whether there was anything in the datagram that the end took."""
        before = end.taken
        try:
            end.receive_data(datagram, now)
        except DtlsError:
            return True
        return end.taken > before

    def _settle(self, end: ServerEnd, address: Hashable) -> ServerEnd:
        """The end has taken a datagram from this address."""
        if end.error is not None:
            self.forget(end)
        elif end.state is State.ESTABLISHED and end.has_new and end.address != address:
            _remove(self._by_address, end.address, end)
            end.address = address
            self._by_address[address] = end
        return end

    def _greet(self, datagram: bytes, address: Hashable, now: float) -> ServerEnd | None:
        read = _read_hello(datagram)
        if read is None:
            self._stray(address, now, StrayReason.UNREADABLE)
            return None
        record, message, hello = read
        if not self._cookies.accepts(hello, address, now):
            request = HelloVerifyRequest(self._cookies.make(hello, address, now))
            answer = HandshakeMessage(HandshakeType.HELLO_VERIFY_REQUEST, message.sequence, push_hello_verify_request(request))
            self._out.append((push_record(Record(ContentType.HANDSHAKE, 0, record.sequence, answer.encode())), address))
            return None
        established = self._by_address.get(address)
        if established is not None and established.client_random == hello.random:
            self._stray(address, now, StrayReason.NO_HANDSHAKE)
            return None
        end = self._handshakes.get(address)
        if end is None or end.client_random != hello.random:
            end = self._begin(address, now)
        self._give(end, datagram, now)
        if end.cid:
            self._by_cid[end.cid] = end
        return self._settle(end, address)

    def _begin(self, address: Hashable, now: float) -> ServerEnd:
        """A handshake begins. One from the same address that is under way is no longer meant: a device does one at a time."""
        before = self._handshakes.get(address)
        if before is not None:
            self._drop(before)
        elif len(self._handshakes) >= self._max_half_open:
            oldest = next(iter(self._handshakes.values()))
            self._stray(oldest.address, now, StrayReason.CROWDED_OUT)
            self._drop(oldest)
        cid = self._settings.random_bytes(CID_SIZE)
        while cid in self._by_cid:
            cid = self._settings.random_bytes(CID_SIZE)
        end = ServerEnd(self._key, now, cid=cid, dialect=self._dialect, settings=self._settings)
        end.address = address
        self._handshakes[address] = end
        return end

    def _drop(self, end: ServerEnd) -> None:
        self.forget(end)
        end.fail()


def _read_hello(datagram: bytes) -> tuple[Record, HandshakeMessage, ClientHello] | None:
    """The ClientHello with which a datagram begins. One in pieces is not taken: putting them together would need memory."""
    for record in pull_records(datagram, CID_SIZE):
        try:
            for fragment in pull_fragments(record.fragment):
                if fragment.size != len(fragment.data):
                    return None
                return record, HandshakeMessage(fragment.type, fragment.sequence, fragment.data), pull_client_hello(fragment.data)
        except DecodeError:
            return None
    return None


def _remove(index: dict[_Key, ServerEnd], key: _Key, end: ServerEnd) -> None:
    """Take an end out of an index, unless another has its place by now."""
    if index.get(key) is end:
        del index[key]
