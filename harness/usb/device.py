"""One opened USB device, and the runner that carries a protocol's host-side steps over it.

`UsbDevice` turns what pyusb raises into the harness's errors with a remedy; `run_steps` drives a generator of
`particle_protocol.usb.Transfer` and `Pause`.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import TypeVar

import usb.core
import usb.util

from harness.errors import BoardLabel, BoardNotAvailable, LinkBroken, Unavailable, hides
from harness.usb.entry import UsbEntry
from particle_protocol.usb import HostSteps, Pause, RequestType, Setup, Stall, StandardRequest, Transfer

__tracebackhide__ = hides

T = TypeVar("T")

TRANSFER_TIMEOUT = 5.0
"""Seconds for one control transfer, as particle-usb has it (particle-usb 4.2.0, src/usb-device-node.js:32)."""

UDEV_RULE = 'SUBSYSTEM=="usb", ATTR{idVendor}=="2b04", MODE="0666"'

PERMISSION_REMEDY = {
    "linux": f"As root, write the line {UDEV_RULE} to /etc/udev/rules.d/60-particle.rules, "
    "run `udevadm control --reload`, and plug the board in again",
    "win32": "Bind the WinUSB driver to the board (with Zadig, for instance)",
}


class UsbDevice:
    """An opened device. pyusb claims an interface at the first request to it; `close()` releases everything."""

    __slots__ = ("_device", "entry", "label", "timeout")

    def __init__(self, entry: UsbEntry, label: BoardLabel | None = None, *, timeout: float = TRANSFER_TIMEOUT) -> None:
        self.entry = entry
        self.label = label
        self.timeout = timeout
        self._device = entry.device

    def control(self, setup: Setup, data: bytes = b"") -> bytes:
        """Carry out one control transfer; gives the data stage of an IN transfer, `b""` for OUT.

        Raises:
            Stall: the device refused the request.
            BoardNotAvailable: it went away, is busy, or may not be opened.
            LinkBroken: no answer within the timeout, or another failure on the bus.
        """
        try:
            if setup.request == StandardRequest.SET_INTERFACE and setup.request_type == RequestType.INTERFACE:
                # The operating system keeps its own record of alternate settings, so it must make this request itself.
                self._device.set_interface_altsetting(setup.index, setup.value)
                return b""
            answer = self._device.ctrl_transfer(
                setup.request_type,
                setup.request,
                setup.value,
                setup.index,
                setup.length if setup.request_type & RequestType.IN else data,
                int(self.timeout * 1000),
            )
        except usb.core.USBError as error:
            raise translate(error, self.label, str(setup)) from error
        return answer.tobytes() if setup.request_type & RequestType.IN else b""

    def close(self) -> None:
        """Release everything. Closing a device that went away is fine."""
        try:
            usb.util.dispose_resources(self._device)
        except usb.core.USBError:
            pass  # it went away: there is nothing left to release


def translate(error: usb.core.USBError, label: BoardLabel | None, doing: str) -> Exception:
    """The exception to raise for one that pyusb raised.

    pyusb gives the libusb code as `errno` values of this platform (pyusb 1.3, usb/backend/libusb1.py, `_libusb_errno`).
    """
    if isinstance(error, usb.core.USBTimeoutError):
        return LinkBroken(f"no answer on USB within its time ({doing})", board=label, seen="the device is enumerated")
    match error.errno:
        case errno.EPIPE:
            return Stall(doing)
        case errno.ENODEV | errno.ESHUTDOWN:
            return BoardNotAvailable(Unavailable.UNPLUGGED, board=label, seen=f"the transfer failed: {error} ({doing})")
        case errno.EACCES | errno.EPERM:
            remedy = PERMISSION_REMEDY.get(sys.platform, "")
            return BoardNotAvailable(Unavailable.NO_PERMISSION, board=label, seen=str(error), remedy=remedy)
        case errno.EBUSY:
            return BoardNotAvailable(
                Unavailable.BUSY,
                board=label,
                seen=str(error),
                remedy="Close the other program (particle-cli, dfu-util, a monitor) and try again",
            )
        case errno.ENOSYS | errno.ENOENT:
            remedy = PERMISSION_REMEDY["win32"]
            return BoardNotAvailable(Unavailable.NO_DRIVER, board=label, seen=str(error), remedy=remedy)
    return LinkBroken(f"a USB transfer failed: {error} ({doing})", board=label, remedy="Check the cable and the hub")


def run_steps(device: UsbDevice, steps: HostSteps[T], sleep: Callable[[float], None]) -> T:
    """Carry a host-side conversation over an opened device; gives its result.

    Raises:
        BoardNotAvailable, LinkBroken: see `UsbDevice.control`; the generator is closed.
        Exception: whatever the conversation itself raises.
    """
    control = device.control
    try:
        step = next(steps)
        while True:
            if type(step) is Transfer:
                try:
                    answer = control(step.setup, step.data)
                except Stall as stall:
                    step = steps.throw(stall)
                    continue
                step = steps.send(answer)
            else:
                assert isinstance(step, Pause)
                sleep(step.seconds)
                step = steps.send(b"")
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # a generator's return value is typed by its annotation only
    finally:
        steps.close()
