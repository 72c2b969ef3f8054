"""Records: reading what anybody may send, the window of those received, and what the keys protect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.dtls.ciphers import Cipher
from particle_protocol.dtls.key_schedule import WriteKeys
from particle_protocol.dtls.records import ContentType, Record, pull_records, push_record
from particle_protocol.dtls.replay_window import WIDTH, ReplayWindow

CID = bytes.fromhex("312d7f85a338d3e8")
KEYS = WriteKeys(bytes(range(16)), b"salt")

plain_records = st.builds(
    Record,
    st.sampled_from([20, 21, 22, 23]),
    st.integers(0, 3),
    st.integers(0, (1 << 48) - 1),
    st.binary(max_size=60),
)
cid_records = st.builds(Record, st.just(25), st.just(1), st.integers(0, (1 << 48) - 1), st.binary(max_size=60), st.just(CID))


@given(st.lists(plain_records | cid_records, max_size=5))
def test_records_are_read_as_they_were_written(records):
    assert list(pull_records(b"".join(map(push_record, records)), 8)) == records


@given(st.binary(max_size=200), st.integers(0, 9))
def test_whatever_comes_is_read_without_a_fault(datagram, cid_size):
    for record in pull_records(datagram, cid_size):
        assert len(record.fragment) <= len(datagram)


@given(st.lists(plain_records | cid_records, min_size=1, max_size=3), st.data())
def test_what_is_cut_off_is_not_read(records, data):
    datagram = b"".join(map(push_record, records))
    kept = data.draw(st.integers(0, len(datagram) - 1))
    assert list(pull_records(datagram[:kept], 8)) == records[: len(list(pull_records(datagram[:kept], 8)))]
    assert len(list(pull_records(datagram[:kept], 8))) < len(records)


@pytest.mark.parametrize("version", ["0303", "feff", "fefc", "0000"])
def test_records_of_other_versions_end_the_reading(version):
    other = push_record(Record(22, 1, 5, b"abc", version=bytes.fromhex(version)))
    assert list(pull_records(other + push_record(Record(22, 1, 6, b"def")), 8)) == []


def test_a_stock_hello_may_come_in_a_record_of_dtls_1_0():
    record = Record(22, 0, 0, b"hello", version=b"\xfe\xff")
    assert list(pull_records(push_record(record), 8)) == [record]


def test_unknown_types_are_passed_over():
    known = Record(21, 0, 1, b"\2\x33")
    assert list(pull_records(push_record(Record(99, 0, 0, b"what")) + push_record(known), 8)) == [known]


@given(st.lists(st.integers(0, 200), max_size=80))
def test_the_window_knows_what_was_received(sequences):
    window, received = ReplayWindow(), set()
    for sequence in sequences:
        newest = max(received, default=-1)
        assert window.is_newest(sequence) is (sequence > newest)
        assert window.has_received(sequence) is (sequence in received or sequence <= newest - WIDTH)
        if not window.has_received(sequence):
            window.note(sequence)
            received.add(sequence)
        assert window.bits < 1 << WIDTH


@given(st.binary(max_size=80), st.sampled_from([b"", CID]), st.sampled_from([21, 22, 23]), st.integers(0, (1 << 48) - 1))
def test_what_is_sealed_is_opened(content, cid, kind, sequence):
    record = Cipher(KEYS, cid).seal(kind, 1, sequence, content)
    assert Cipher(KEYS, cid).open(record) == (kind, content)
    assert (record.type, record.cid) == ((ContentType.WITH_CID, CID) if cid else (kind, b""))
    assert len(record.fragment) + len(record.cid) - len(content) <= Cipher(KEYS, cid).overhead


@pytest.mark.parametrize("cid", [b"", CID])
def test_a_record_changed_in_any_bit_is_not_opened(cid):
    whole = push_record(Cipher(KEYS, cid).seal(23, 1, 7, b"forty-two"))
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        for record in pull_records(bytes(changed), len(cid)):
            assert Cipher(KEYS, cid).open(record) is None, f"bit {bit}"


def test_what_was_sealed_for_another_connection_is_not_opened():
    record = Cipher(KEYS, CID).seal(23, 1, 7, b"mine")
    assert Cipher(KEYS, CID[::-1]).open(record) is None
    assert Cipher(KEYS).open(record) is None
    assert Cipher(KEYS, CID).open(Cipher(KEYS).seal(23, 1, 7, b"mine")) is None


@pytest.mark.parametrize("content", [b"", bytes(16), bytes(32)])
def test_padding_without_a_type_before_it_is_not_opened(content):
    # Made by hand: no sealing end leaves the type out.
    cipher = Cipher(KEYS, CID)
    number = (1 << 48 | 7).to_bytes(8)
    sealed = cipher._aead.encrypt(KEYS.iv + number, content, cipher._authenticated(number, 25, len(content)))
    assert cipher.open(Record(25, 1, 7, number + sealed, CID)) is None
