"""Server-sent events of the cloud, kept from the moment the stream was opened and waited for with a timeout in the host's time.

The format is that of the HTML standard, 9.2 "Server-sent events"; the cloud sends `event` and `data` lines, and blank lines or comments
to keep the connection alive.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

import httpx

from harness.errors import Blame, CloudUnreachable, NotReached, hides
from harness.host import HostClock

__tracebackhide__ = hides


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `device_id` is "api" or "particle-internal" where no device published it."""

    name: str
    data: Any
    device_id: str
    published_at: str

    def __str__(self) -> str:
        return f"{self.name} {self.data!r} from {self.device_id}"


class Chunks(Protocol):
    """The bytes of an open response, one piece at a time."""

    def pull(self, seconds: float) -> bytes | None:
        """The next piece; None if none came within `seconds`; b"" at the end of the stream."""

    def close(self) -> None:
        """Close the response."""


class InProcessChunks:
    """The bytes of a response from an in-process transport, whose waiting lets the Lab's time pass."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._timeouts: dict[str, float | None] = response.request.extensions.setdefault("timeout", {})

    def pull(self, seconds: float) -> bytes | None:
        """See `Chunks.pull`. Each wait has its own timeout, which the transport reads from the request."""
        self._timeouts["read"] = seconds
        stream = self._response.stream
        assert isinstance(stream, httpx.SyncByteStream)
        try:
            return next(iter(stream), b"")
        except httpx.ReadTimeout:
            return None

    def close(self) -> None:
        """See `Chunks.close`."""
        self._response.close()


class ThreadChunks:
    """The bytes of a response over HTTP: a thread reads them, so that a wait can end without closing the connection."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, name="particle-hil-events", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError, OSError):
            for piece in self._response.iter_raw():
                self._pieces.put(piece)
        self._pieces.put(b"")

    def pull(self, seconds: float) -> bytes | None:
        """See `Chunks.pull`."""
        try:
            return self._pieces.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return None

    def close(self) -> None:
        """See `Chunks.close`. A thread that waits for bytes is woken by shutting the connection down, not by closing it."""
        stream = self._response.extensions.get("network_stream")
        wire = None if stream is None else stream.get_extra_info("socket")
        with contextlib.suppress(OSError):
            if wire is not None:
                wire.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=5)
        with contextlib.suppress(httpx.HTTPError, RuntimeError):
            self._response.close()


class EventStream:
    """An open event stream. Use it as a context manager, or `close()` it."""

    def __init__(self, chunks: Chunks, clock: HostClock, path: str) -> None:
        self.seen: list[Event] = []
        """Every event since the stream was opened."""
        self._chunks = chunks
        self._clock = clock
        self._path = path
        self._parser = EventParser()
        self._cursor = 0
        self._ended = False

    def wait_for(self, name: str, *, timeout: float, where: Callable[[Event], bool] = lambda event: True) -> Event:
        """The next event of that name that `where` accepts; events before the one found are passed over.

        Raises:
            NotReached: none within `timeout` seconds; the error lists what came instead.
            CloudUnreachable: the cloud ended the stream.
        """
        end = self._clock.now() + timeout
        start = self._cursor
        while True:
            while self._cursor < len(self.seen):
                event = self.seen[self._cursor]
                self._cursor += 1
                if event.name == name and where(event):
                    return event
            left = end - self._clock.now()
            if left <= 0 or (piece := self._chunks.pull(left)) is None:
                others = ", ".join(map(str, self.seen[start:])) or "no events"
                raise NotReached(f"the event {name}", timeout, seen=others, blame=Blame.CLOUD)
            if not piece:
                raise CloudUnreachable(f"the event stream {self._path} ended while waiting for the event {name}")
            self.seen.extend(self._parser.feed(piece))

    def poll(self, name: str) -> list[Event]:
        """The events of that name that came since the last one that was found; waits for none.

        Raises:
            CloudUnreachable: the cloud ended the stream.
        """
        while (piece := self._chunks.pull(0)) is not None:
            if not piece:
                raise CloudUnreachable(f"the event stream {self._path} ended")
            self.seen.extend(self._parser.feed(piece))
        found = [event for event in self.seen[self._cursor :] if event.name == name]
        self._cursor = len(self.seen)
        return found

    def heard(self, prefix: str = "") -> list[Event]:
        """Every event that has come so far whose name begins so; does not wait for more.

        Raises:
            CloudUnreachable: the cloud ended the stream.
        """
        while (piece := self._chunks.pull(0.0)) is not None:
            if not piece:
                raise CloudUnreachable(f"the event stream {self._path} ended")
            self.seen.extend(self._parser.feed(piece))
        return [event for event in self.seen if event.name.startswith(prefix)]

    def said(self, prefix: str = "") -> list[tuple[str, Any]]:
        """Names and data of the same."""
        return [(event.name, event.data) for event in self.heard(prefix)]

    def close(self) -> None:
        """End the stream."""
        self._chunks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventParser:
    """Takes the bytes of a stream, gives events."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that `data` completes. Bytes that are no such stream give none."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for raw in lines:
            line = raw.removesuffix(b"\r").decode("utf-8", "replace")
            if not line:
                if self._data:
                    yield _event(self._name, "\n".join(self._data))
                self._name, self._data = "", []
                continue
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if key == "event":
                self._name = value
            elif key == "data":
                self._data.append(value)


def _event(name: str, data: str) -> Event:
    try:
        body = json.loads(data)
    except ValueError:
        body = data
    if not isinstance(body, dict):
        return Event(name, body, "", "")
    return Event(name, body.get("data"), str(body.get("coreid", "")), str(body.get("published_at", "")))
