"""The errors of control requests.

```
ControlRequestError
├── ProtocolError          the device broke the protocol, or stalled: it does not speak it now (DFU mode, say)
├── RequestTimeout         no result in time; the request has been taken back
├── DeviceBusy             four requests are running already, for as long as we were ready to wait
├── DeviceOutOfMemory      the device has no buffer for the payload
├── RequestLost            the device no longer knows the request: it was reset in between
├── BadMessage             a payload or a reply that is no such message
└── RequestError           the device carried the request out, and says that it failed; `.result` is the code
    └── DeviceProtectedError   ... because Device Protection does not let it
```
"""

from __future__ import annotations

from particle_protocol.control_requests.codes import Result, request_name, result_text


class ControlRequestError(Exception):
    """A control request has not done what was asked."""


class ProtocolError(ControlRequestError):
    """What the device answered does not fit the protocol, or it stalled the transfer."""


class RequestTimeout(ControlRequestError):
    """The device still works on the request; it has been told to forget it."""


class DeviceBusy(ControlRequestError):
    """The device takes no further request: as many as it can hold are active."""


class DeviceOutOfMemory(ControlRequestError):
    """The device found no buffer for the payload."""


class RequestLost(ControlRequestError):
    """The device does not know the request's id any more; it was reset, or told to forget all requests."""


class BadMessage(ControlRequestError):
    """These bytes are no message of the expected type."""


class RequestError(ControlRequestError):
    """The device refused or failed: `result` is its code, a `Result` where that is known."""

    def __init__(self, request_type: int, result: int) -> None:
        super().__init__(f"{request_name(request_type)}: {result_text(result)}")
        self.request_type = request_type
        try:
            self.result: int = Result(result)
        except ValueError:
            self.result = result


class DeviceProtectedError(RequestError):
    """Device Protection is on and does not let the request through (-1801)."""


def error_for(request_type: int, result: int) -> RequestError:
    """The error that a negative result stands for."""
    kind = DeviceProtectedError if result == Result.PROTECTED else RequestError
    return kind(request_type, result)
