"""The host's end of control requests, as generators (see `particle_protocol.usb`).

The course of a request is particle-usb's (4.2.0, src/usb-protocol.js and src/device-base.js:406-693), but for one thing: it asks for the
result at once and waits 50 ms only when there is none yet, where particle-usb waits first. A device cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

from particle_protocol.control_requests.codes import (
    CHUNK,
    MAX_PAYLOAD,
    RAW_REQUEST,
    SERVICE_LENGTH,
    RawRequestType,
    ServiceRequest,
    Status,
    request_name,
)
from particle_protocol.control_requests.errors import (
    DeviceBusy,
    DeviceOutOfMemory,
    ProtocolError,
    RequestLost,
    RequestTimeout,
    error_for,
)
from particle_protocol.control_requests.service import ServiceReply
from particle_protocol.usb import HostSteps, Pause, Setup, Stall, Transfer

DEFAULT_TIMEOUT: Final = 60.0
"""Seconds (particle-usb 4.2.0, src/config.js)."""

CHECK_PAUSES: Final = (0.05, 0.05, 0.1, 0.1, 0.25, 0.25, 0.5, 0.5, 1.0)
"""Seconds before each further CHECK; the last one repeats (particle-usb 4.2.0, src/device-base.js:44-51)."""

_IN: Final = 0xC0
_OUT: Final = 0x40
_INIT: Final = int(ServiceRequest.INIT)
_CHECK: Final = int(ServiceRequest.CHECK)
_SEND: Final = int(ServiceRequest.SEND)
_RECV: Final = int(ServiceRequest.RECV)
_RESET: Final = int(ServiceRequest.RESET)
_STATUS_OK: Final = int(Status.OK)
_ACCEPTED: Final = (int(Status.OK), int(Status.PENDING))


def request(request_type: int, payload: bytes = b"", *, timeout: float = DEFAULT_TIMEOUT) -> HostSteps[bytes]:
    """Carry out one request and return the reply's data.

    `timeout` counts the seconds paused between questions; the transfers themselves are the driver's to bound. When it gives up for any
    reason, it tells the device to forget the request.

    Raises:
        ValueError: the payload is longer than 65,535 bytes.
        RequestError: the device answered with an error; DeviceProtectedError when Device Protection is the reason.
        RequestTimeout, DeviceBusy, DeviceOutOfMemory, RequestLost, ProtocolError: see `errors`.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"the payload of a control request has at most {MAX_PAYLOAD} bytes, not {len(payload)}")
    request_id, ready = yield from _init(request_type, len(payload), timeout)
    try:
        if payload:
            if not ready:
                yield from _poll(request_type, request_id, timeout, until_ready=True)
            yield from _send(request_type, request_id, payload)
        reply = yield from _poll(request_type, request_id, timeout, until_ready=False)
        data = (yield from _recv(request_type, request_id, reply.size)) if reply.size else b""
    except (RequestTimeout, ProtocolError):
        yield from _forget(request_id)
        raise
    if reply.result:
        raise error_for(request_type, reply.result)
    return data


def reset_all() -> HostSteps[None]:
    """Tell the device to forget all requests, as a host does when it opens a device; the answer does not matter."""
    yield from _forget(0)


def raw_system_version() -> HostSteps[str | None]:
    """The Device OS version ("2.3.1"), without the request queue; None from a device that stalls: Device OS before 0.6.0, or DFU mode."""
    return (yield from _raw_text(RawRequestType.SYSTEM_VERSION))


def raw_device_id() -> HostSteps[str | None]:
    """The device id, without the request queue; None from a device that stalls."""
    return (yield from _raw_text(RawRequestType.DEVICE_ID))


def raw_reset(*, zero_byte: bool = False) -> HostSteps[None]:
    """Reset the board at once. `zero_byte`: send one byte along, which Realtek boards need (`Platform.out_requests_need_data`)."""
    yield from _raw_out(RawRequestType.RESET, zero_byte)


def raw_cloud_disconnect(*, zero_byte: bool = False) -> HostSteps[None]:
    """Drop the cloud connection at once. `zero_byte` as for `raw_reset`."""
    yield from _raw_out(RawRequestType.CLOUD_DISCONNECT, zero_byte)


def _init(request_type: int, size: int, timeout: float) -> HostSteps[tuple[int, bool]]:
    """Announce the request until the device takes it; returns its id, and whether the payload may be sent at once."""
    setup = Setup(_IN, _INIT, size, request_type, SERVICE_LENGTH)
    pauses = None
    while True:
        reply = yield from _service(setup, request_type)
        status = reply.status
        if status in _ACCEPTED:
            if not reply.id:
                raise ProtocolError(f"{request_name(request_type)}: the device gave the request no id: {reply}")
            return reply.id, status == _STATUS_OK
        if status != Status.BUSY:
            raise _status_error(request_type, reply)
        if pauses is None:
            pauses = _pauses(timeout)
        pause = next(pauses, None)
        if pause is None:
            raise DeviceBusy(f"{request_name(request_type)}: the device has been busy with other requests for {timeout:g} s")
        yield pause


def _poll(request_type: int, request_id: int, timeout: float, *, until_ready: bool) -> HostSteps[ServiceReply]:
    """CHECK until there is a result, or until the device is ready for the payload."""
    setup = Setup(_IN, _CHECK, 0, request_id, SERVICE_LENGTH)
    pauses = None
    while True:
        reply = yield from _service(setup, request_type)
        if reply.status == _STATUS_OK:
            if until_ready or reply.result is not None:
                return reply
            raise ProtocolError(f"{request_name(request_type)}: the device says it is done, but gives no result: {reply}")
        if reply.status != Status.PENDING:
            raise _status_error(request_type, reply)
        if pauses is None:
            pauses = _pauses(timeout)
        pause = next(pauses, None)
        if pause is None:
            waited = "a buffer for the payload" if until_ready else "the result"
            raise RequestTimeout(f"{request_name(request_type)}: waited {timeout:g} s for {waited}, the device says it is pending")
        yield pause


def _send(request_type: int, request_id: int, payload: bytes) -> HostSteps[None]:
    for at in range(0, len(payload), CHUNK):
        chunk = payload[at : at + CHUNK]
        try:
            yield Transfer(Setup(_OUT, _SEND, 0, request_id, len(chunk)), chunk)
        except Stall as stall:
            raise ProtocolError(f"{request_name(request_type)}: the device refused its payload at byte {at} of {len(payload)}") from stall


def _recv(request_type: int, request_id: int, size: int) -> HostSteps[bytes]:
    data = b""
    while len(data) < size:
        length = min(CHUNK, size - len(data))
        try:
            chunk = yield Transfer(Setup(_IN, _RECV, 0, request_id, length))
        except Stall as stall:
            raise ProtocolError(
                f"{request_name(request_type)}: the device refused to give its reply at byte {len(data)} of {size}"
            ) from stall
        if len(chunk) != length:
            raise ProtocolError(f"{request_name(request_type)}: asked for {length} bytes of the reply, got {len(chunk)}")
        data = data + chunk if data else bytes(chunk)
    return data


def _forget(request_id: int) -> HostSteps[None]:
    try:
        yield Transfer(Setup(_IN, _RESET, 0, request_id, SERVICE_LENGTH))
    except Stall:
        pass  # then it has nothing to forget


def _service(setup: Setup, request_type: int) -> Generator[Transfer, bytes, ServiceReply]:
    try:
        return ServiceReply.decode((yield Transfer(setup)))
    except Stall as stall:
        what = ServiceRequest(setup.request).name
        raise ProtocolError(
            f"{request_name(request_type)}: the device stalled {what}; it takes no control requests now (is it in DFU mode?)"
        ) from stall


def _pauses(timeout: float) -> Iterator[Pause]:
    """The pauses between questions, until they add up to `timeout`."""
    waited = 0.0
    step = 0
    while waited < timeout:
        seconds = min(CHECK_PAUSES[min(step, len(CHECK_PAUSES) - 1)], timeout - waited)
        yield Pause(seconds)
        waited += seconds
        step += 1


def _status_error(request_type: int, reply: ServiceReply) -> Exception:
    name = request_name(request_type)
    if reply.status == Status.NO_MEMORY:
        return DeviceOutOfMemory(f"{name}: the device has no memory for the payload")
    if reply.status == Status.NOT_FOUND:
        return RequestLost(f"{name}: the device no longer knows the request; it was reset in between")
    return ProtocolError(f"{name}: the device answered {reply}")


def _raw_text(which: RawRequestType) -> HostSteps[str | None]:
    try:
        answer = yield Transfer(Setup(_IN, RAW_REQUEST, 0, which, SERVICE_LENGTH))
    except Stall:
        return None
    return bytes(answer).split(b"\0", 1)[0].decode("ascii", "replace")


def _raw_out(which: RawRequestType, zero_byte: bool) -> HostSteps[None]:
    data = b"\0" if zero_byte else b""
    try:
        yield Transfer(Setup(_OUT, RAW_REQUEST, 0, which, len(data)), data)
    except Stall as stall:
        raise ProtocolError(f"the device refused the raw request {which.name}") from stall
