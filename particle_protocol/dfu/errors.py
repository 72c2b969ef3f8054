"""The errors of DFU.

```
DfuError
├── DfuMapError        a memory map that cannot be read
├── AddressError       an address outside of the memory map
├── AccessError        the memory there does not allow it: read, erase or write; DfuProtectedError when nothing allows anything
├── DfuStatusError     the device reports an error; `.status` says which
├── DfuTimeout         the device has been busy for too long
└── DfuProtocolError   the device stalled, or answered what it must not
DfuFault               raised by a device's memory: it cannot read, erase or program there
```
"""

from __future__ import annotations

from particle_protocol.dfu.codes import DfuStatus


class DfuError(Exception):
    """A DFU operation has not done what was asked."""


class DfuMapError(DfuError, ValueError):
    """This text is no DfuSe memory map."""


class AddressError(DfuError):
    """The address lies outside of the device's memory map."""


class AccessError(DfuError):
    """The memory map does not allow this there."""


class DfuProtectedError(AccessError):
    """Device Protection is on: the device lets nothing be read or written."""


class DfuStatusError(DfuError):
    """The device went to the error state; it has been asked what happened, and brought back to idle where it lets itself."""

    def __init__(self, doing: str, status: int, detail: str | None = None) -> None:
        self.status = status
        self.detail = detail
        try:
            known = DfuStatus(status)
            words = f"{known.name}: {known.text}"
        except ValueError:
            words = f"status {status}"
        super().__init__(f"{doing}: the device reports {words}{f' ({detail})' if detail else ''}")


class DfuTimeout(DfuError):
    """The device has been busy for longer than we were ready to wait."""


class DfuProtocolError(DfuError):
    """The device refused a request that it must take, or its answer makes no sense."""


class DfuFault(Exception):
    """A device's memory cannot do that there. What the host learns of it depends on the bootloader."""
