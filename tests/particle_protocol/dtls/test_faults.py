"""Every message of the handshake lost, repeated, late, cut off, and broken in every bit, on its way to either end.

Nothing hangs, nothing raises but `DtlsError`, and what comes about is a session between the two that meant it, or none.
"""

import pytest

from particle_protocol.dtls import DtlsError, KeyProved, PrivateKey
from particle_protocol.dtls.records import HEADER_SIZE, pull_records, push_record

DEVICE_KEY = PrivateKey.from_number(0xDE71CE)
UNITS = [
    *(("client", name) for name in ("ClientHello", "ClientHello with cookie", "Certificate", "ClientKeyExchange", "CertificateVerify")),
    *(("client", name) for name in ("ChangeCipherSpec", "Finished")),
    *(("server", name) for name in ("HelloVerifyRequest", "ServerHello", "ServerKeyExchange", "CertificateRequest", "ServerHelloDone")),
    *(("server", name) for name in ("ChangeCipherSpec", "Finished")),
]
SIDES = [(side, [name for which, name in UNITS if which == side]) for side in ("client", "server")]
PLACES = {(side, name): names.index(name) for side, names in SIDES for name in names}


def units(datagram):
    """The records of a datagram, each in a datagram of its own."""
    return [push_record(record) for record in pull_records(datagram, 8)]


class Fault:
    """Does something to one record of the handshake, the first time that it is sent."""

    def __init__(self, unit, what):
        self.side, self.place, self.what = unit[0], PLACES[unit], what
        self.counts = {"client": 0, "server": 0}
        self.done = False

    def __call__(self, side, _number, datagram):
        arriving = []
        for unit in units(datagram):
            hit = side == self.side and self.counts[side] == self.place
            self.counts[side] += 1
            self.done |= hit
            arriving += self.what(unit) if hit else [unit]
        return arriving


class Late:
    """Holds one record back until the next has come, or, if none does, until the other end repeats itself."""

    def __init__(self, unit):
        self.side, self.place = unit[0], PLACES[unit]
        self.count, self.held = 0, []

    def __call__(self, side, _number, datagram):
        arriving = []
        for unit in units(datagram):
            if side != self.side:
                arriving.append(unit)
                continue
            self.count += 1
            if self.count == self.place + 1:
                self.held.append(unit)
            else:
                arriving += [unit, *self.held]
                self.held.clear()
        return arriving


def judge(pair, what):
    proved = [event.public_key for event in pair.server_events if isinstance(event, KeyProved)]
    assert proved in ([], [DEVICE_KEY.public]), what
    if pair.established:
        assert pair.say(b"to the cloud") == [b"to the cloud"], what
        assert pair.answer(b"to the device") == [b"to the device"], what
    else:
        assert pair.client.has_failed, f"{what}: the device waits for ever"
        assert isinstance(pair.client.error, DtlsError), what
        assert pair.listener.half_open == 0, f"{what}: the cloud waits for ever"


@pytest.mark.parametrize("unit", UNITS, ids=" ".join)
def test_a_message_that_is_lost_is_repeated(make_pair, version, unit):
    fault = Fault(unit, lambda _unit: [])
    pair = make_pair(version).run_with_time(fault)
    assert fault.done and pair.established
    judge(pair, unit)


@pytest.mark.parametrize("unit", UNITS, ids=" ".join)
def test_a_message_that_comes_twice_does_no_harm(make_pair, version, unit):
    fault = Fault(unit, lambda unit: [unit, unit])
    pair = make_pair(version).run_with_time(fault)
    assert fault.done and pair.established and pair.now == 0.0
    judge(pair, unit)


@pytest.mark.parametrize("unit", UNITS, ids=" ".join)
def test_a_message_that_is_late_is_waited_for(make_pair, version, unit):
    pair = make_pair(version).run_with_time(Late(unit))
    assert pair.established
    judge(pair, unit)


@pytest.mark.parametrize("unit", UNITS, ids=" ".join)
def test_a_message_that_is_cut_off_counts_as_lost(make_pair, unit):
    for kept in range(1, HEADER_SIZE + 20, 7):
        fault = Fault(unit, lambda unit, kept=kept: [unit[: min(kept, len(unit) - 1)]])
        pair = make_pair().run_with_time(fault)
        assert fault.done and pair.established
        judge(pair, (unit, kept))


def shorten(kept):
    """Cuts a record's fragment, and makes the lengths before it fit: only the message itself can show that something is missing."""

    def cut(unit):
        (record,) = pull_records(unit, 8)
        size = min(kept, max(len(record.fragment) - 1, 0))
        fragment = bytearray(record.fragment[:size])
        if record.type == 22 and record.epoch == 0 and size >= 12:
            fragment[1:4] = fragment[9:12] = (size - 12).to_bytes(3)
        return [push_record(type(record)(record.type, record.epoch, record.sequence, bytes(fragment), record.cid))]

    return cut


@pytest.mark.parametrize("unit", UNITS, ids=" ".join)
@pytest.mark.parametrize("kept", [0, 5, 12, 13, 30, 60])
def test_a_message_that_was_made_shorter_ends_in_a_session_or_in_an_error_with_a_name(make_pair, unit, kept):
    fault = Fault(unit, shorten(kept))
    pair = make_pair().run_with_time(fault)
    assert fault.done
    judge(pair, (unit, kept))


def flip(bit):
    def flipped(unit):
        changed = bytearray(unit)
        changed[bit // 8 % len(changed)] ^= 1 << bit % 8
        return [bytes(changed)]

    return flipped


def flip_each_bit(make_pair, version, unit, bits):
    for bit in bits:
        fault = Fault(unit, flip(bit))
        pair = make_pair(version).run_with_time(fault)
        assert fault.done
        judge(pair, (unit, bit))


@pytest.mark.parametrize("unit", UNITS, ids=" ".join)
def test_a_broken_bit_ends_in_a_session_or_in_an_error_with_a_name(make_pair, version, unit):
    sequence = range(17 * 8, 19 * 8)
    flip_each_bit(make_pair, version, unit, [*range(version[0], 100 * 8, 131), *sequence])


@pytest.mark.soak
@pytest.mark.parametrize("unit", UNITS, ids=" ".join)
def test_every_bit_of_the_handshake_broken(make_pair, version, unit):
    longest = {"Finished": 70, "ChangeCipherSpec": 14}.get(unit[1], 180)
    flip_each_bit(make_pair, version, unit, range(longest * 8))
