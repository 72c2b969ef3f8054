"""One board on a host's USB bus, found by its device id and never by being the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from harness.changes import note
from harness.errors import BoardLabel, BoardNotAvailable, Unavailable, hides
from harness.host import Host, SerialEntry, serial_entry, wait_until
from harness.modes import UsbState
from harness.usb.device import UsbDevice, run_steps
from harness.usb.entry import UsbEntry, is_particle_board
from particle_protocol.usb import HostSteps

__tracebackhide__ = hides

T = TypeVar("T")


class BoardUsb:
    """The USB connection of one board, over all of its enumerations.

    It is looked for at the port where it was last seen, then on the whole bus; the serial number decides, so a board that was
    plugged in elsewhere is found again and another one in its place is not taken for it.
    """

    def __init__(self, host: Host, device_id: str, platform_name: str = "", port: str = "") -> None:
        self.host = host
        self.device_id = device_id.lower()
        self.platform_name = platform_name
        self.port = port

    @property
    def label(self) -> BoardLabel:
        """How messages name the board."""
        return BoardLabel(self.device_id, self.port, self.platform_name)

    def entry(self) -> UsbEntry | None:
        """The board's enumeration now, or None while it shows nothing.

        Raises:
            BoardNotAvailable: two devices carry this serial number; or the device at the board's port cannot be asked for its own.
        """
        if self.port:
            here = self.host.usb_entries(is_particle_board, port=self.port)
            if len(here) == 1 and here[0].serial == self.device_id:
                return here[0]
        everywhere = self.host.usb_entries(is_particle_board)
        found = [entry for entry in everywhere if entry.serial == self.device_id]
        if len(found) > 1:
            ports = ", ".join(entry.port for entry in found)
            raise BoardNotAvailable(
                Unavailable.AMBIGUOUS, board=self.label, seen=f"this serial number at the ports {ports}", remedy="Unplug the others"
            )
        if not found:
            return None
        self.port = found[0].port
        return found[0]

    def state(self) -> UsbState:
        """What the bus shows of the board now."""
        entry = self.entry()
        return entry.state if entry is not None else UsbState.ABSENT

    def describe(self) -> str:
        """What is seen of the board on the bus, for messages: its own identity, or what is at its port instead."""
        entry = self.entry()
        if entry is not None:
            return f"{entry.state} ({entry})"
        others = [entry for entry in self.host.usb_entries(is_particle_board) if entry.port == self.port]
        if others:
            other = others[0]
            who = f"board {other.serial}" if other.serial else f"a board that cannot be read ({other.trouble})"
            return f"{who} at its port {self.port}"
        return f"nothing at USB port {self.port}" if self.port else "no such serial number on USB"

    def present(self) -> UsbEntry:
        """The board's enumeration now.

        Raises:
            BoardNotAvailable: it shows nothing.
        """
        entry = self.entry()
        if entry is None:
            raise BoardNotAvailable(
                Unavailable.NOT_FOUND,
                board=self.label,
                seen=self.describe(),
                remedy="Check that it is powered and plugged in; `particle-hil boards` lists what is attached",
            )
        return entry

    @contextmanager
    def open(self, *, changes: str = "transfers over USB") -> Iterator[UsbDevice]:
        """The board, opened for transfers while the context lasts. `changes` says what they change; empty: they only ask.

        Raises:
            BoardNotAvailable: it is not there, is busy, or may not be opened.
        """
        device = self.host.open_usb(self.present(), self.label)
        if changes:
            note(changes)
        try:
            yield device
        finally:
            device.close()

    def run(self, steps: HostSteps[T], *, changes: str = "a conversation over USB") -> T:
        """Open the board, carry a conversation over it, close it; gives the conversation's result. See `open`."""
        with self.open(changes=changes) as device:
            return run_steps(device, steps, self.host.clock.sleep)

    def wait_for(self, look: Callable[[UsbEntry | None], T | None], *, timeout: float, awaited: str, remedy: str = "") -> T:
        """Let time pass until `look` makes something of the board's enumeration.

        Raises:
            NotReached: not within `timeout` seconds.
        """
        return wait_until(
            self.host,
            lambda: look(self.entry()),
            timeout=timeout,
            awaited=awaited,
            seen=self.describe,
            board=self.label,
            port=self.port or None,
            remedy=remedy,
        )

    def serial_entry(self) -> SerialEntry | None:
        """The board's serial port, matched by its serial number, or None while it has none."""
        return serial_entry(self.host, self.device_id)
