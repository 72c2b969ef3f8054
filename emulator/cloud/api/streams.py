"""Event streams (server-sent events): each event encoded once, and handed to a transport in one piece per turn.

A stream begins with `:ok`, then brings `event:` and `data:` lines; an empty line every few seconds keeps it alive (particle-api-js 12.0.2,
src/EventStream.ts, gives up after 15 s of silence). What a reader does not fetch is kept up to `MAX_WAITING` bytes; then that reader is
dropped, and only that one.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.clock import Clock, Signal, Timer
from emulator.cloud.api.messages import to_json
from emulator.cloud.basics import iso
from emulator.cloud.events import Event

KEEP_ALIVE = 9.0
"""Seconds of silence before an empty line is sent."""
MAX_WAITING = 1024 * 1024
"""Bytes that may wait for one reader."""

OPENING = b":ok\n\n"
ALIVE = b"\n"

Encode = Callable[[Event], bytes]


def _encode(name: str, fields: dict[str, object]) -> bytes:
    line = name.replace("\r", " ").replace("\n", " ")
    return b"event: " + line.encode("utf-8", "replace") + b"\ndata: " + to_json(fields) + b"\n\n"


def _plain_fields(event: Event) -> dict[str, object]:
    return {"data": event.data, "ttl": event.ttl, "published_at": iso(event.published_at), "coreid": event.coreid}


class EventEncoder:
    """Turns events into bytes, the same event only once however many read it.

    An event reaches all its readers in one go, so remembering the last one is enough. Streams of a product tell more than others.
    """

    def __init__(self) -> None:
        self._plain: tuple[Event | None, bytes] = (None, b"")
        self._product: tuple[Event | None, bytes] = (None, b"")

    def plain(self, event: Event) -> bytes:
        """As in the streams of a user and of a device."""
        last, data = self._plain
        if last is not event:
            data = _encode(event.name, _plain_fields(event))
            self._plain = (event, data)
        return data

    def product(self, event: Event) -> bytes:
        """As in the streams of a product."""
        last, data = self._product
        if last is not event:
            more = {
                "userid": None if event.owner is None else event.owner.id,
                "version": event.version,
                "public": event.public,
                "productID": event.product_id,
            }
            data = _encode(event.name, _plain_fields(event) | more)
            self._product = (event, data)
        return data


class EventFeed:
    """One reader's stream: what waits for it, and the timer that keeps it alive.

    With that timer it is also asked whether the reader `may` hear still; if not, the stream ends, as it does when `broken` fires.
    """

    def __init__(
        self,
        clock: Clock,
        encode: Encode,
        subscribe: Callable[[Callable[[Event], None]], Callable[[], None]],
        may: Callable[[], bool] = lambda: True,
        broken: Signal | None = None,
    ) -> None:
        self._clock = clock
        self._encode = encode
        self._may = may
        self._waiting: list[bytes] = [OPENING]
        self._size = 0
        self._wake: Callable[[], None] | None = None
        self._timer: Timer | None = None
        self.on_close: Callable[[], None] = lambda: None
        self.closed = False
        self.dropped = False
        """True when the reader was too slow."""
        self._unsubscribe = subscribe(self._event)
        self._unwatch: Callable[[], object] = (lambda: None) if broken is None else broken.subscribe(self._end)

    def open(self, wake: Callable[[], None]) -> None:
        """See `ByteSource`."""
        self._wake = wake
        self._timer = self._clock.call_later(KEEP_ALIVE, self._keep_alive)
        wake()

    def take(self) -> bytes:
        """See `ByteSource`."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        return data

    def close(self) -> None:
        """See `ByteSource`."""
        if not self.closed:
            self.closed = True
            self._unsubscribe()
            self._unwatch()
            if self._timer is not None:
                self._timer.cancel()
            self.on_close()

    def _event(self, event: Event) -> None:
        self._push(self._encode(event))

    def _push(self, data: bytes) -> None:
        first = not self._waiting
        self._size += len(data)
        if self._size > MAX_WAITING:
            self._drop()
            return
        self._waiting.append(data)
        if first and self._wake is not None:
            self._wake()

    def _drop(self) -> None:
        self.dropped = True
        self._waiting.clear()
        self._end()

    def _end(self) -> None:
        self.close()
        if self._wake is not None:
            self._wake()

    def _keep_alive(self) -> None:
        if not self._may():
            self._end()
            return
        self._timer = self._clock.call_later(KEEP_ALIVE, self._keep_alive)
        if not self._waiting:
            self._push(ALIVE)
