"""Sessions that outlive the device's sleep, reset, and change of network."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.dtls import (
    ApplicationState,
    ClientEnd,
    DeviceIdentity,
    DtlsError,
    Established,
    PrivateKey,
    SavedSession,
    device_dialect,
    keys_checksum,
)
from particle_protocol.dtls.key_schedule import SessionSecrets
from particle_protocol.dtls.resumption import MAX_USES

SERVER_KEY, DEVICE_KEY = PrivateKey.from_number(0x5E17), PrivateKey.from_number(0xDE71CE)
DEVICE_ID = bytes.fromhex("0123456789abcdef01234567")
IDENTITY = DeviceIdentity(DEVICE_ID, DEVICE_KEY, SERVER_KEY.public)

u16, u32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
states = st.builds(ApplicationState, u32, u32, u32, u32, u32, u32, u16, u16, u16)
sessions = st.builds(
    SavedSession,
    st.builds(SessionSecrets, *(st.binary(min_size=size, max_size=size) for size in (48, 32, 32))),
    u32,
    st.integers(0, (1 << 48) - 1),
    st.integers(0, (1 << 48) - 1),
    st.integers(0, (1 << 64) - 1),
    st.just(b"") | st.binary(min_size=8, max_size=8).filter(any),
    u16,
    st.integers(0, 255),
    states,
)


@given(sessions)
def test_a_session_is_read_from_memory_as_it_was_kept(saved):
    assert SavedSession.decode(saved.encode()) == saved
    assert SavedSession.decode(saved.encode() + b"whatever lies behind") == saved


@given(st.binary(max_size=400))
def test_memory_without_a_session_has_none(data):
    assert SavedSession.decode(data) is None or data[:2] == len(SavedSession.decode(data).encode()).to_bytes(2, "little")


@pytest.mark.parametrize("data", [b"", b"\xff" * 300, bytes(300)])
def test_erased_memory_has_no_session(data):
    assert SavedSession.decode(data) is None


def resume(pair, saved):
    """The device comes back from somewhere else with what it has kept."""
    pair.client = ClientEnd(IDENTITY, pair.dialect, pair.now, saved=saved)
    pair.client_events.clear()
    pair.address = ("192.0.2.77", 4711)


def test_a_session_goes_on_from_another_address(make_pair, version):
    pair = make_pair(version).run()
    pair.listener.name(pair.server, DEVICE_ID)
    pair.say(b"one")
    pair.answer(b"two")
    checksum = keys_checksum(SERVER_KEY.public_der, DEVICE_KEY.der)
    saved = SavedSession.decode(pair.client.save(23, checksum).encode())
    assert saved.fault(checksum) == ""
    resume(pair, saved)
    assert pair.client.is_open and pair.client.first_message_id == 23 and pair.client.pieces_to_send() == []
    assert pair.say(b"three") == [b"three"]
    assert pair.server.address == pair.address
    assert pair.answer(b"four") == [b"four"]
    assert pair.client_events == [Established(SERVER_KEY.public, pair.server.cid, resumed=True), *pair.client_events[1:]]


def test_what_was_received_before_is_not_received_again(make_pair):
    pair = make_pair().run()
    pair.server.send(b"once")
    (datagram,) = pair.server.pieces_to_send()
    pair.to_client(datagram)
    resume(pair, pair.client.save(2, 0))
    pair.to_client(datagram)
    assert [type(event) for event in pair.client_events] == [Established]


def test_a_session_kept_too_early_is_not_believed(make_pair):
    """A device that lost its last save would use numbers again: the server passes those over."""
    pair = make_pair().run()
    saved = pair.client.save(2, 0)
    pair.say(b"one")
    resume(pair, saved)
    assert pair.say(b"again, under the same number") == []
    assert pair.say(b"under the next") == [b"under the next"]


def test_a_session_of_other_keys_is_not_resumed(make_pair):
    saved = make_pair().run().client.save(2, keys_checksum(SERVER_KEY.public_der, DEVICE_KEY.der))
    other = keys_checksum(DEVICE_KEY.public_der, DEVICE_KEY.der)
    assert "key is another one" in saved.fault(other)


@pytest.mark.parametrize("cid", [b"", bytes(range(8))])
def test_a_session_of_firmware_that_keeps_another_kind_is_not_resumed(make_pair, cid):
    """Without a connection id up to 3.0, with one from 3.1 on."""
    saved = replace(make_pair().run().client.save(2, 5), cid=cid)
    faults = [saved.fault(5, device_dialect(version)) for version in ((3, 0, 0), (3, 1, 0))]
    assert ["another kind" in fault for fault in faults] == [bool(cid), not cid]


def test_a_session_in_which_nothing_comes_back_is_given_up(make_pair):
    saved = make_pair().run().client.save(2, 5)
    for _ in range(MAX_USES):
        assert saved.fault(5) == ""
        saved = saved.used()
    assert saved.fault(5) == "the session was tried 3 times, and nothing was received"
    assert replace(saved, uses=0).fault(5) == ""


def test_only_a_session_can_be_kept():
    end = ClientEnd(IDENTITY, device_dialect((6, 2, 0)), 0.0)
    with pytest.raises(DtlsError, match="no session to keep: this end waits for ServerHello"):
        end.save(1, 0)
