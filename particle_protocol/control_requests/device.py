"""The device's end of control requests: vendor control transfers in, requests for a handler out.

```
            INIT size 0 ──────────────────────────────┐
            INIT size 1-64 ───► RECEIVING             ▼
(no request)                     │ SEND: last byte ► RUNNING ── reply() ──► DONE
            INIT size > 64 ──► ALLOCATING                                    │
                                 │ CHECK: buffer granted ► RECEIVING         ├ CHECK, no data: collected
                                 │ CHECK: refused ► forgotten                └ RECV of the last byte: collected
```

RESET, a bus reset and a detach cancel. Facts: Device OS 6.2.0, system/src/usb_control_request_channel.cpp:299-556 (the same in 2.3.1).
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from typing import Final

from particle_protocol.control_requests.codes import (
    MAX_ACTIVE,
    RAW_REQUEST,
    SERVICE_LENGTH,
    SMALL_PAYLOAD,
    RawRequestType,
    Result,
    ServiceRequest,
    Status,
    request_name,
    result_text,
)
from particle_protocol.control_requests.service import ServiceReply
from particle_protocol.usb import Setup, Stall

_IN: Final = 0xC0
_OUT: Final = 0x40
_INIT: Final = int(ServiceRequest.INIT)
_CHECK: Final = int(ServiceRequest.CHECK)
_SEND: Final = int(ServiceRequest.SEND)
_RECV: Final = int(ServiceRequest.RECV)
_RESET: Final = int(ServiceRequest.RESET)

# The replies of the usual course, as whole structs; a test holds each against ServiceReply.encode().
_with_id = struct.Struct("<IHH").pack
_with_result = struct.Struct("<IHi").pack
_with_size_and_result = struct.Struct("<IHIi").pack
_OK: Final = ServiceReply(Status.OK).encode()
_PENDING: Final = ServiceReply(Status.PENDING).encode()
_BUSY: Final = ServiceReply(Status.BUSY).encode()
_NO_MEMORY: Final = ServiceReply(Status.NO_MEMORY).encode()
_NOT_FOUND: Final = ServiceReply(Status.NOT_FOUND).encode()


class RequestState(enum.Enum):
    """Where a request stands."""

    ALLOCATING = "waits for a buffer"
    RECEIVING = "waits for its payload"
    RUNNING = "is with its handler"
    DONE = "has a result that the host has not collected"
    COLLECTED = "is over"
    CANCELLED = "was taken back"


class Request:
    """A request in the hands of its handler, which must call `reply` once: at once, or at any later time.

    Attributes:
        type: what is asked, a `RequestType` value.
        payload: the request's data.
        state: where it stands.
        result: its result, None while there is none; `Result.CANCELLED` after cancellation.
        on_cancel: set it to learn that the host took a running request back. A reply after that is ignored.
    """

    __slots__ = ("_offset", "_size", "_then", "data", "id", "on_cancel", "payload", "result", "state", "type")

    def __init__(self, request_id: int, request_type: int, size: int) -> None:
        self._size = size
        self._offset = 0
        self._then: Callable[[], None] | None = None
        self.id = request_id
        self.type = request_type
        self.payload: bytes = b""
        self.state = RequestState.RUNNING
        self.result: int | None = None
        self.data: bytes = b""
        self.on_cancel: Callable[[], None] | None = None

    def reply(self, result: int = Result.OK, data: bytes = b"", then: Callable[[], None] | None = None) -> None:
        """Give the result, and the data if there is any.

        `then` is carried out once the host has collected the result, and only then: a reset belongs there, or the host never learns
        that it was granted. It is dropped when the request is cancelled.

        Raises:
            RuntimeError: the request has a result already.
        """
        if self.state is RequestState.CANCELLED:
            return
        if self.state is not RequestState.RUNNING:
            raise RuntimeError(f"{self} cannot be answered: it {self.state.value}")
        self.result = int(result)
        self.data = data
        self._then = then
        self.state = RequestState.DONE

    def __str__(self) -> str:
        done = "" if self.result is None else f": {result_text(self.result)}, {len(self.data)} bytes"
        return f"{request_name(self.type)} #{self.id}, {len(self.payload)} bytes{done}"


class ControlRequestChannel:
    """Takes vendor requests 1 to 5 apart and hands each complete request to `handler`.

    Args:
        handler: called with every complete request, from within the transfer that completes it.
        announced: called with the request's type as soon as INIT arrives, before any payload.
        allocate: asked at every CHECK for the buffer of a payload of that many bytes (more than 64): True grants it, False refuses,
            None puts the host off.
    """

    __slots__ = ("_active", "_allocate", "_announced", "_handler", "_last_id")

    def __init__(
        self,
        handler: Callable[[Request], None],
        *,
        announced: Callable[[int], None] | None = None,
        allocate: Callable[[int], bool | None] | None = None,
    ) -> None:
        self._handler = handler
        self._announced = announced
        self._allocate = allocate
        self._active: dict[int, Request] = {}
        self._last_id = 0

    @property
    def active(self) -> tuple[Request, ...]:
        """The requests that are not over, oldest first."""
        return tuple(self._active.values())

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Carry out one vendor transfer; returns the data stage of an IN transfer.

        An exception out of the handler, or out of a reply's `then`, passes through.

        Raises:
            Stall: the request is none of the five, or not allowed now.
        """
        request, request_type = setup.request, setup.request_type
        if request_type == _IN:
            if request == _RECV:
                return self._recv(setup.index, setup.length)
            if setup.length == SERVICE_LENGTH:
                if request == _CHECK:
                    return self._check(setup.index)
                if request == _INIT:
                    return self._init(setup.index, setup.value)
                if request == _RESET:
                    return self._reset(setup.index)
        elif request_type == _OUT and request == _SEND:
            return self._send(setup.index, data)
        raise Stall(f"no service request: {setup}")

    def cancel_all(self) -> None:
        """Forget every request: the bus was reset, the board detached, or the host said RESET 0."""
        for request in self.active:
            self._cancel(request)

    def _init(self, request_type: int, size: int) -> bytes:
        if self._announced is not None:
            self._announced(request_type)
        if len(self._active) >= MAX_ACTIVE:
            return _BUSY
        request_id = self._next_id()
        request = Request(request_id, request_type, size)
        self._active[request_id] = request
        if size == 0:
            self._handler(request)
        elif size <= SMALL_PAYLOAD:
            request.state = RequestState.RECEIVING
        else:
            request.state = RequestState.ALLOCATING
            return _with_id(3, Status.PENDING, request_id)
        return _with_id(3, 0, request_id)

    def _next_id(self) -> int:
        """The next id: never 0, which RESET reads as "all", and none that is in use."""
        request_id = self._last_id
        while True:
            request_id = request_id % 0xFFFF + 1
            if request_id not in self._active:
                self._last_id = request_id
                return request_id

    def _check(self, request_id: int) -> bytes:
        request = self._active.get(request_id)
        if request is None:
            return _NOT_FOUND
        state = request.state
        if state is RequestState.DONE:
            result = request.result or 0
            if request.data:
                return _with_size_and_result(13, 0, len(request.data), result)
            answer = _with_result(9, 0, result)
            self._collected(request)
            return answer
        if state is RequestState.ALLOCATING:
            granted = True if self._allocate is None else self._allocate(request._size)
            if granted is None:
                return _PENDING
            if not granted:
                self._cancel(request)
                return _NO_MEMORY
            request.state = RequestState.RECEIVING
        return _OK if request.state is RequestState.RECEIVING else _PENDING

    def _send(self, request_id: int, data: bytes) -> bytes:
        request = self._active.get(request_id)
        if request is None or request.state is not RequestState.RECEIVING:
            raise Stall(f"request #{request_id} takes no data now")
        if len(request.payload) + len(data) > request._size:
            raise Stall(f"request #{request_id} was announced with {request._size} bytes; {len(request.payload) + len(data)} came")
        request.payload += bytes(data)
        if len(request.payload) == request._size:
            request.state = RequestState.RUNNING
            self._handler(request)
        return b""

    def _recv(self, request_id: int, length: int) -> bytes:
        request = self._active.get(request_id)
        if request is None or request.state is not RequestState.DONE:
            raise Stall(f"request #{request_id} has no data to give")
        start, end = request._offset, request._offset + length
        if length == 0 or end > len(request.data):
            raise Stall(f"request #{request_id} has {len(request.data) - start} bytes left, not {length}")
        request._offset = end
        chunk = request.data[start:end]
        if end == len(request.data):
            self._collected(request)
        return chunk

    def _reset(self, request_id: int) -> bytes:
        if request_id == 0:
            self.cancel_all()
            return _OK
        request = self._active.get(request_id)
        if request is None:
            return _NOT_FOUND
        self._cancel(request)
        return _OK

    def _collected(self, request: Request) -> None:
        del self._active[request.id]
        request.state = RequestState.COLLECTED
        then, request._then = request._then, None
        if then is not None:
            then()

    def _cancel(self, request: Request) -> None:
        del self._active[request.id]
        request.state = RequestState.CANCELLED
        request.result = Result.CANCELLED
        request._then = None
        on_cancel, request.on_cancel = request.on_cancel, None
        if on_cancel is not None:
            on_cancel()


class RawRequests:
    """Vendor request 0x50: a few answers that need no queue, given within the transfer. Device Protection does not touch them.

    Args:
        device_id: 24 hex digits.
        version: the Device OS version; None stalls, as Device OS before 0.6.0 does.
        reset: resets the board at once.
        cloud_disconnect: drops the cloud connection at once.
    """

    __slots__ = ("_cloud_disconnect", "_device_id", "_reset", "_version")

    def __init__(
        self,
        *,
        device_id: str,
        version: str | None,
        reset: Callable[[], None],
        cloud_disconnect: Callable[[], None],
    ) -> None:
        self._device_id = device_id.encode("ascii")
        self._version = None if version is None else version.encode("ascii")
        self._reset = reset
        self._cloud_disconnect = cloud_disconnect

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Carry out one raw request (Device OS 6.2.0, system/src/usb_control_request_channel.cpp:503-556).

        Raises:
            Stall: there is no such raw request, or the answer does not fit.
        """
        if setup.request == RAW_REQUEST:
            if setup.request_type == _IN:
                answer = self._answer(setup.index)
                if answer is not None and len(answer) <= setup.length <= SERVICE_LENGTH:
                    return answer
            elif setup.request_type == _OUT and len(data) <= 1:
                if setup.index == RawRequestType.RESET:
                    self._reset()
                    return b""
                if setup.index == RawRequestType.CLOUD_DISCONNECT:
                    self._cloud_disconnect()
                    return b""
        raise Stall(f"no raw request: {setup}")

    def _answer(self, index: int) -> bytes | None:
        if index == RawRequestType.SYSTEM_VERSION:
            return self._version
        return self._device_id if index == RawRequestType.DEVICE_ID else None
