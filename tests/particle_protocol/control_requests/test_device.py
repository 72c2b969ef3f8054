"""The device's end, transfer by transfer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from particle_protocol.control_requests import (
    ControlRequestChannel,
    RawRequests,
    Request,
    RequestState,
    RequestType,
    Result,
    ServiceReply,
    Status,
)
from particle_protocol.usb import Setup, Stall


def init(channel, request_type=1, size=0, length=64):
    return channel.control(Setup(0xC0, 1, size, request_type, length), b"")


def check(channel, request_id, length=64):
    return channel.control(Setup(0xC0, 2, 0, request_id, length), b"")


def send(channel, request_id, data):
    return channel.control(Setup(0x40, 3, 0, request_id, len(data)), data)


def recv(channel, request_id, length):
    return channel.control(Setup(0xC0, 4, 0, request_id, length), b"")


def reset(channel, request_id):
    return channel.control(Setup(0xC0, 5, 0, request_id, 64), b"")


@pytest.fixture
def requests():
    return []


@pytest.fixture
def channel(requests):
    """A channel whose handler only collects."""
    return ControlRequestChannel(requests.append)


def test_a_request_that_is_answered_at_once_takes_three_transfers():
    # Bytes of particle-cli 3.49.2, `particle usb listen`, request 72.
    channel = ControlRequestChannel(lambda request: request.reply(0, b"\x08\x01"))
    assert init(channel, 72).hex() == "0300000000000100"
    assert check(channel, 1).hex() == "0d00000000000200000000000000"
    assert recv(channel, 1, 2).hex() == "0801"
    assert channel.active == ()


def test_a_refused_request_is_over_with_its_check():
    # Bytes of particle-cli 3.49.2, `particle usb network-interfaces` on a Photon: -120, not supported.
    channel = ControlRequestChannel(lambda request: request.reply(Result.NOT_SUPPORTED))
    init(channel, 400)
    assert check(channel, 1).hex() == "09000000000088ffffff"
    assert check(channel, 1) == ServiceReply(Status.NOT_FOUND).encode()


def test_reset_of_all_is_always_fine(channel):
    assert reset(channel, 0).hex() == "010000000000"


def test_a_late_reply_is_pending_until_it_comes(channel, requests):
    init(channel)
    assert check(channel, 1) == ServiceReply(Status.PENDING).encode()
    requests[0].reply(0)
    assert check(channel, 1) == ServiceReply(Status.OK, result=0).encode()


def test_a_small_payload_is_received_at_once_and_then_handled(channel, requests):
    assert init(channel, 10, 5) == ServiceReply(Status.OK, id=1).encode()
    assert check(channel, 1) == ServiceReply(Status.OK).encode()
    send(channel, 1, b"abc")
    assert not requests
    send(channel, 1, b"de")
    assert [(r.type, r.payload) for r in requests] == [(10, b"abcde")]
    with pytest.raises(Stall):
        send(channel, 1, b"f")


def test_a_large_payload_waits_for_its_buffer():
    granted = [None, None, True]
    requests = []
    channel = ControlRequestChannel(requests.append, allocate=lambda size: granted.pop(0))
    assert init(channel, 10, 65) == ServiceReply(Status.PENDING, id=1).encode()
    with pytest.raises(Stall):
        send(channel, 1, bytes(65))
    assert [check(channel, 1) for _ in range(3)] == [ServiceReply(s).encode() for s in (Status.PENDING, Status.PENDING, Status.OK)]
    send(channel, 1, bytes(65))
    assert requests[0].payload == bytes(65)


def test_a_payload_without_memory_ends_the_request():
    channel = ControlRequestChannel(lambda request: None, allocate=lambda size: False)
    init(channel, 10, 5000)
    assert check(channel, 1) == ServiceReply(Status.NO_MEMORY).encode()
    assert check(channel, 1) == ServiceReply(Status.NOT_FOUND).encode()


def test_a_payload_longer_than_announced_stalls(channel, requests):
    init(channel, 10, 4)
    with pytest.raises(Stall, match="announced with 4"):
        send(channel, 1, b"12345")
    send(channel, 1, b"1234")
    assert requests[0].payload == b"1234"


def test_the_fifth_request_is_told_busy(channel, requests):
    replies = [init(channel) for _ in range(5)]
    assert [ServiceReply.decode(r).id for r in replies] == [1, 2, 3, 4, None]
    assert replies[4] == ServiceReply(Status.BUSY).encode()
    requests[1].reply(0)
    check(channel, 2)
    assert ServiceReply.decode(init(channel)).id == 5


def test_ids_skip_zero_and_those_in_use(channel, requests):
    init(channel)
    for _ in range(0xFFFE):
        request_id = ServiceReply.decode(init(channel)).id
        reset(channel, request_id)
    assert request_id == 0xFFFF
    assert ServiceReply.decode(init(channel)).id == 2  # 0 means all, 1 is in use


def test_a_reply_is_received_in_chunks_of_the_hosts_choice(channel, requests):
    init(channel)
    requests[0].reply(0, bytes(range(10)))
    assert check(channel, 1) == check(channel, 1) == ServiceReply(Status.OK, size=10, result=0).encode()
    assert recv(channel, 1, 4) == bytes(range(4))
    for length in (0, 7):
        with pytest.raises(Stall):
            recv(channel, 1, length)
    assert recv(channel, 1, 6) == bytes(range(4, 10))
    with pytest.raises(Stall):
        recv(channel, 1, 1)


def test_what_follows_a_reply_waits_until_the_result_is_collected(channel, requests):
    done = []
    init(channel, RequestType.RESET)
    requests[0].reply(0, then=lambda: done.append("reset"))
    assert not done
    check(channel, 1)
    assert done == ["reset"]

    init(channel)
    requests[1].reply(0, b"ab", then=lambda: done.append("two"))
    check(channel, 2)
    recv(channel, 2, 1)
    assert done == ["reset"]
    recv(channel, 2, 1)
    assert done == ["reset", "two"]
    assert requests[1].state is RequestState.COLLECTED


def test_a_cancelled_request_never_acts(channel, requests):
    done = []
    for _ in range(3):
        init(channel)
    requests[0].reply(0, then=lambda: done.append("acted"))
    requests[1].on_cancel = lambda: done.append("told")
    assert reset(channel, 1) == reset(channel, 2) == ServiceReply(Status.OK).encode()
    assert reset(channel, 2) == ServiceReply(Status.NOT_FOUND).encode()
    requests[1].reply(0, b"too late")
    assert done == ["told"]
    assert [r.result for r in requests] == [Result.CANCELLED, Result.CANCELLED, None]
    channel.cancel_all()
    assert channel.active == ()
    assert requests[2].state is RequestState.CANCELLED


def test_a_request_is_answered_once(channel, requests):
    init(channel)
    requests[0].reply(0)
    with pytest.raises(RuntimeError, match="ECHO"):
        requests[0].reply(0)
    assert "ECHO (1) #1" in str(requests[0])


def test_service_requests_of_another_length_stall(channel):
    for request in (1, 2, 5):
        for length in (63, 65):
            with pytest.raises(Stall):
                channel.control(Setup(0xC0, request, 0, 0, length), b"")


@pytest.mark.parametrize(
    "setup",
    [Setup(0xC0, 0, 0, 0, 64), Setup(0xC0, 6, 0, 0, 64), Setup(0x40, 1, 0, 0, 0), Setup(0xC0, 3, 0, 0, 64), Setup(0x80, 1, 0, 0, 64)],
)
def test_what_is_no_service_request_stalls(channel, setup):
    with pytest.raises(Stall):
        channel.control(setup, b"")


def test_the_announcement_comes_before_the_payload():
    announced = []
    channel = ControlRequestChannel(lambda request: None, announced=announced.append)
    init(channel, RequestType.DFU_MODE, 9)
    assert announced == [50]


def test_what_a_handler_raises_passes_through():
    def handler(request: Request) -> None:
        raise ZeroDivisionError

    channel = ControlRequestChannel(handler)
    with pytest.raises(ZeroDivisionError):
        init(channel)


setups = st.builds(
    Setup,
    st.sampled_from([0xC0, 0x40, 0x80, 0xC1]),
    st.integers(0, 6) | st.integers(0, 255),
    st.integers(0, 130) | st.integers(0, 0xFFFF),
    st.integers(0, 6) | st.integers(0, 0xFFFF),
    st.sampled_from([0, 1, 2, 63, 64, 4096]),
)


@given(st.lists(st.tuples(setups, st.binary(max_size=70)), max_size=40), st.lists(st.integers(0, 3)))
@settings(max_examples=200)
def test_any_transfers_are_answered_or_stalled_and_four_requests_are_the_most(transfers, habits):
    held = []

    def handler(request: Request) -> None:
        if habits and habits.pop():
            request.reply(0, b"x" * (len(request.payload) % 9))
        else:
            held.append(request)

    channel = ControlRequestChannel(handler)
    for setup, data in transfers:
        try:
            answer = channel.control(setup, data[: setup.length] if not setup.is_in else b"")
        except Stall:
            continue
        assert len(answer) <= setup.length
        assert len(channel.active) <= 4
        if held and len(transfers) % 2:
            held.pop().reply(-100)
    channel.cancel_all()
    assert not channel.active


def raw(events, version="2.3.1"):
    return RawRequests(
        device_id="2d0032000f47343438323536",
        version=version,
        reset=lambda: events.append("reset"),
        cloud_disconnect=lambda: events.append("disconnect"),
    )


def test_raw_requests_answer_within_the_transfer():
    events = []
    device = raw(events)
    assert device.control(Setup(0xC0, 0x50, 0, 30, 64), b"").hex() == "322e332e31"  # particle-cli 3.49.2, at every open
    assert device.control(Setup(0xC0, 0x50, 0, 20, 24), b"") == b"2d0032000f47343438323536"
    assert device.control(Setup(0x40, 0x50, 0, 40, 0), b"") == b""
    assert device.control(Setup(0x40, 0x50, 0, 302, 1), b"\0") == b""
    assert events == ["reset", "disconnect"]


@pytest.mark.parametrize(
    "setup",
    [
        Setup(0xC0, 0x50, 0, 20, 23),
        Setup(0xC0, 0x50, 0, 30, 65),
        Setup(0xC0, 0x50, 0, 40, 64),
        Setup(0xC0, 0x51, 0, 30, 64),
        Setup(0x40, 0x50, 0, 30, 0),
        Setup(0x40, 0x50, 0, 40, 2),
    ],
)
def test_other_raw_requests_stall(setup):
    events = []
    with pytest.raises(Stall):
        raw(events).control(setup, bytes(setup.length) if not setup.is_in else b"")
    assert not events


def test_old_firmware_does_not_know_the_raw_version():
    with pytest.raises(Stall):
        raw([], version=None).control(Setup(0xC0, 0x50, 0, 30, 64), b"")
