"""What libusb adds between the kernel and pyusb: its own limits, its error codes (libusb 1.0.26, libusb/core.c and os/linux_usbfs.c).

pyusb shows a code as an errno and a text (pyusb 1.3.1, usb/backend/libusb1.py:100).
"""

from __future__ import annotations

import enum
import errno
from collections.abc import Mapping
from typing import Final

from usb.core import USBError, USBTimeoutError

MOST_INTERFACES: Final = 32
"""Interface numbers that libusb takes (USB_MAXINTERFACES)."""

LARGEST_CONTROL: Final = 4096
"""Bytes in the data stage of a control transfer at most (MAX_CTRL_BUFFER_LENGTH)."""


class LibusbError(enum.Enum):
    """A code, the errno that pyusb makes of it, and libusb's words."""

    IO = -1, errno.EIO, "Input/Output Error"
    INVALID_PARAM = -2, errno.EINVAL, "Invalid parameter"
    NO_DEVICE = -4, errno.ENODEV, "No such device (it may have been disconnected)"
    NOT_FOUND = -5, errno.ENOENT, "Entity not found"
    BUSY = -6, errno.EBUSY, "Resource busy"
    TIMEOUT = -7, errno.ETIMEDOUT, "Operation timed out"
    OVERFLOW = -8, errno.EOVERFLOW, "Overflow"
    PIPE = -9, errno.EPIPE, "Pipe error"
    OTHER = -99, None, "Other error"

    def error(self, what: object) -> USBError:
        """The exception; `what` names the device and says what happened."""
        code, number, words = self.value
        kind = USBTimeoutError if self is LibusbError.TIMEOUT else USBError
        return kind(f"{words}: {what}", code, number)


_GONE: Final = {errno.ENODEV: LibusbError.NO_DEVICE}

CLAIM: Final = _GONE | {errno.ENOENT: LibusbError.NOT_FOUND, errno.EBUSY: LibusbError.BUSY}
RELEASE: Final = _GONE
SET_INTERFACE: Final = _GONE | {errno.EINVAL: LibusbError.NOT_FOUND}
SET_CONFIGURATION: Final = _GONE | {errno.EINVAL: LibusbError.NOT_FOUND, errno.EBUSY: LibusbError.BUSY}
CLEAR_HALT: Final = _GONE | {errno.ENOENT: LibusbError.NOT_FOUND}
RESET: Final = {errno.ENODEV: LibusbError.NOT_FOUND}
GET_DRIVER: Final = _GONE
DETACH: Final = _GONE | {errno.ENODATA: LibusbError.NOT_FOUND, errno.EINVAL: LibusbError.INVALID_PARAM}
ATTACH: Final = DETACH | {errno.EBUSY: LibusbError.BUSY}
"""What each call makes of the kernel's errno; of any other one it makes OTHER."""


TRANSFER: Final = dict(_GONE)
"""The same for handing in a transfer; of any other errno this makes IO."""


def of_errno(table: Mapping[int, LibusbError], code: int) -> LibusbError:
    """What a call makes of an errno."""
    return table.get(code, LibusbError.IO if table is TRANSFER else LibusbError.OTHER)
