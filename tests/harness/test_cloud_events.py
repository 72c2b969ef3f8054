"""Server-sent events."""

import concurrent.futures
import socket
import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cloud_events import EventParser, EventStream, ThreadChunks
from harness.errors import CloudUnreachable, NotReached

ONLINE = b'event: spark/status\ndata: {"data":"online","ttl":60,"published_at":"2026-01-05T09:00:01.000Z","coreid":"0123"}\n\n'
OTHER = b'event: temperature\ndata: {"data":"21.5","coreid":"0123"}\n\n'


class FakeClock:
    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time


class FakeChunks:
    def __init__(self, clock, *pieces):
        self.clock = clock
        self.pieces = list(pieces)
        self.closed = False

    def pull(self, seconds):
        if self.pieces:
            return self.pieces.pop(0)
        self.clock.time += seconds
        return None

    def close(self):
        self.closed = True


def stream(*pieces):
    clock = FakeClock()
    return EventStream(FakeChunks(clock, *pieces), clock, "/v1/devices/events")


def test_an_event_is_read_with_its_device_and_time():
    (event,) = EventParser().feed(b":ok\n\n" + ONLINE)
    assert (event.name, event.data, event.device_id) == ("spark/status", "online", "0123")
    assert event.published_at == "2026-01-05T09:00:01.000Z"


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_events_do_not_depend_on_how_the_bytes_are_cut(cuts):
    data = b":ok\n\n" + ONLINE + b"\n" + OTHER.replace(b"\n", b"\r\n")
    parser, events, at = EventParser(), [], 0
    for cut in cuts:
        events += parser.feed(data[at : at + cut])
        at += cut
    events += parser.feed(data[at:])
    assert [event.name for event in events] == ["spark/status", "temperature"]


@given(st.binary())
def test_no_bytes_upset_the_parser(data):
    list(EventParser().feed(data))


def test_events_before_the_one_awaited_are_passed_over_and_kept():
    events = stream(OTHER + ONLINE)
    assert events.wait_for("spark/status", timeout=5).data == "online"
    assert [event.name for event in events.seen] == ["temperature", "spark/status"]


def test_a_wait_goes_on_after_the_event_found_last():
    events = stream(ONLINE + ONLINE.replace(b"online", b"offline"))
    assert events.wait_for("spark/status", timeout=5).data == "online"
    assert events.wait_for("spark/status", timeout=5).data == "offline"


def test_a_wait_can_ask_for_more_than_the_name():
    events = stream(ONLINE + ONLINE.replace(b"online", b"offline"))
    assert events.wait_for("spark/status", timeout=5, where=lambda event: event.data == "offline").data == "offline"


def test_a_timeout_lists_what_came_instead():
    with pytest.raises(NotReached, match=r"waited for the event spark/status, but not within 5 s; seen: temperature '21.5' from 0123"):
        stream(OTHER).wait_for("spark/status", timeout=5)


def test_the_end_of_the_stream_is_an_error():
    with pytest.raises(CloudUnreachable, match="ended while waiting for the event spark/status"):
        stream(b"").wait_for("spark/status", timeout=5)


def test_leaving_the_context_closes_the_stream():
    events = stream()
    with events:
        pass
    assert events._chunks.closed


def test_a_stream_over_http_is_closed_at_once_while_nothing_comes():
    """Its thread waits for bytes that never come: it is woken, not waited for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with httpx.Client() as client, concurrent.futures.ThreadPoolExecutor(1) as pool:
            sent = pool.submit(lambda: client.send(client.build_request("GET", url), stream=True))
            wire, _ = server.accept()
            wire.recv(4096)
            wire.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n:ok\n\n")
            chunks = ThreadChunks(sent.result(timeout=10))
            assert chunks.pull(10) == b":ok\n\n"
            assert chunks.pull(0.2) is None
            begun = time.monotonic()
            chunks.close()
            assert time.monotonic() - begun < 4
            assert not chunks._thread.is_alive()
            wire.close()
