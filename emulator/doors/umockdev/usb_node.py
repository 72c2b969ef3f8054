"""A USB device node, `/dev/bus/usb/BBB/DDD`, which any number of programs may have open.

The node itself is a FIFO. libusb waits for it to become writable, which tells it that a transfer is over; a FIFO with one slot lets us
say so: full, there is nothing to fetch; empty, there is. A plain file would always be writable, and libusb would spin.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
from collections.abc import Callable
from typing import Final

from emulator.doors.umockdev.usbfs import NotingKernel, UsbFile
from emulator.doors.umockdev.wire import Listener
from emulator.doors.usb_device import AttachedDevice

_F_SETPIPE_SZ: Final = 1031


class UsbNode:
    """The device node of one attached device; any number of programs may have it open."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inside: Callable[[Callable[[], None]], None],
        device: AttachedDevice,
        node: str,
        ioctl_socket: str,
        host: NotingKernel,
    ) -> None:
        self.device = device
        self.host = host
        self.files: set[UsbFile] = set()
        self._loop = loop
        self._inside = inside
        os.mkfifo(node, 0o666)
        self._fifo = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(self._fifo, _F_SETPIPE_SZ, os.sysconf("SC_PAGE_SIZE"))
        os.write(self._fifo, b"\0")
        self._full = True
        self._listener = Listener(loop, ioctl_socket, self._accept)
        self._unsubscribe = device.changed.subscribe(self._device_changed)

    def unplugged(self) -> None:
        """The device is gone. Programs that have it open keep their connection and are told so at every call."""
        self._unsubscribe()
        self._listener.close()
        for file in tuple(self.files):
            file.device_gone()
        self.refresh()
        os.close(self._fifo)
        self._fifo = -1

    def close(self) -> None:
        """The door closes: hang up on every program."""
        if self._fifo >= 0:
            self.unplugged()
        for file in tuple(self.files):
            file.connection.close()

    def refresh(self) -> None:
        """Make the node writable exactly when a program has a finished transfer to fetch."""
        if self._fifo < 0:
            return
        wanted_full = self.device.present and not any(file.finished for file in self.files)
        if wanted_full != self._full:
            if wanted_full:
                os.write(self._fifo, b"\0")
            else:
                os.read(self._fifo, 1)
            self._full = wanted_full

    def bury(self) -> None:
        """Close the files of programs that are gone: the loop may come to their end only after what somebody else did later."""
        for file in tuple(self.files):
            if file.connection.ended:
                file.connection.close()

    def _accept(self, link: socket.socket) -> None:
        UsbFile(self, self._loop, self._inside, link)

    def _device_changed(self) -> None:
        if not self.device.present:
            return
        for file in tuple(self.files):
            file.try_reads()
