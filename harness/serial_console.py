"""The serial console of listening mode, from the host: each question opens the board's port, asks, and closes it again.

The port is found by the board's serial number, so it is the right one whatever the operating system called it this time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import serial

from harness.changes import note
from harness.errors import Blame, BoardNotAvailable, ConversationFailed, NotReached, Unavailable, hides
from harness.follow_ups import code_given
from harness.host import CONSOLE_BAUDRATE, SERIAL_ERRORS, SerialEntry, serial_entry
from harness.modes import Capability, UsbState
from harness.witness import Boot
from particle_protocol.listening import (
    ConsoleError,
    ConsoleIdentity,
    ConsoleSteps,
    CredentialsRefused,
    Read,
    WifiCredentials,
    WifiSecurity,
    configure_wifi,
    identify,
    is_claimed,
    leave_listening,
    mac_address,
    module_info,
    send_update,
    set_claim_code,
    system_version,
)
from particle_protocol.listening.answers import ConsoleAnswerError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.board import Board
    from harness.flashing.images import Image

__tracebackhide__ = hides

T = TypeVar("T")

PORT_TIMEOUT = 10.0
"""Seconds for the operating system to make a serial port of a board that has just enumerated."""


class SerialConsole:
    """The console of one board. Every method needs the board in listening mode, and raises `ConversationFailed` when it does not answer."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.said: deque[tuple[float, str]] = deque(maxlen=100)
        """The last lines that the board wrote, each with the time of its dialogue; passwords are blotted out."""

    def identify(self) -> ConsoleIdentity:
        """What `i` tells: the device id, and on some boards serial number, IMEI and ICCID."""
        return self.run(identify(), changes="")

    def mac(self) -> str:
        """What `m` tells: the MAC address, in lower case with colons."""
        return self.run(mac_address(), changes="")

    def version(self) -> str:
        """What `v` tells: the Device OS version."""
        return self.run(system_version(), changes="")

    def modules(self) -> dict[str, Any]:
        """What `s` tells: platform and modules, as the board describes itself to the cloud."""
        return self.run(module_info(), changes="")

    def is_claimed(self) -> bool:
        """What `c` tells: whether the board was ever claimed. The cloud may know better."""
        return self.run(is_claimed(), changes="")

    def set_claim_code(self, code: str) -> None:
        """`C`: store a claim code of 63 characters, for the board to bring along when it connects."""
        self._board.must_allow_changes("store a claim code")
        self._board.code_given = code_given(self._board)
        self._board.journal.did("gave it a claim code over the serial console")
        self.run(set_claim_code(code), changes="a claim code was given")

    def set_wifi(self, ssid: str, password: str = "", *, security: int = 3) -> None:
        """`w`: store Wi-Fi credentials; listening mode ends when the board took them.

        Raises:
            ConversationFailed: the board did not take them.
        """
        steps = configure_wifi(WifiCredentials(ssid, password, WifiSecurity(security)))
        self.run(steps, changes="Wi-Fi credentials were given", secret=password)

    def update(self, source: bytes | str | Path) -> Image:
        """`f`: send a module by YModem. Ends when the board has judged and installed it and is back from the restart that this takes.

        Boards have this up to Device OS 2.x.

        Raises:
            ImageRefused: the image must not be written to this board; nothing was sent.
            ConversationFailed: the board did not take it.
        """
        from harness.flashing.images import read_one

        board = self._board
        image = read_one(board, source)
        board.must_allow_changes("update it")
        board.journal.did(f"sent {image} by YModem over the serial console")
        before = board.usb.present()
        self.run(send_update(image.name, image.data), changes="an update was sent")
        board.begin_epoch(f"{image.key} was sent by YModem", ends=before, boot=Boot.NORMAL)
        board.wait_for_usb(UsbState.NORMAL, timeout=60)
        return image

    def leave(self) -> None:
        """`x`: end listening mode."""
        self.run(leave_listening())

    def touch(self, baudrate: int) -> None:
        """Open the port at a speed that means something to the board, and close it."""
        with self.open(baudrate=baudrate):
            pass

    def run(self, steps: ConsoleSteps[T], *, changes: str = "a conversation with the serial console", secret: str = "") -> T:
        """Carry a conversation with the console; gives its result. `changes` says what it changes; empty: it only asks.

        The board echoes what it is sent; of `secret` nothing is kept.

        Raises:
            ConversationFailed: the console did not say what was awaited.
            BoardNotAvailable: the board has no serial port, or left in mid-conversation.
        """
        label = self._board.label
        heard = bytearray()
        try:
            with self.open(changes=changes) as port:
                return converse(port, steps, heard)
        except CredentialsRefused as error:
            raise ConversationFailed(str(error), board=label, blame=Blame.NETWORK) from error
        except (ConsoleError, ConsoleAnswerError) as error:
            raise ConversationFailed(str(error), board=label, seen=self._seen()) from error
        except SERIAL_ERRORS as error:
            raise BoardNotAvailable(Unavailable.UNPLUGGED, "in the middle of a serial dialogue", board=label, seen=str(error)) from error
        finally:
            self._keep(heard, secret)

    def _keep(self, heard: bytes | bytearray, secret: str) -> None:
        text = heard.decode("utf-8", "replace").replace(secret or "\0", "***" if secret else "\0")
        now = self._board.host.clock.now()
        for line in filter(None, text.splitlines()):
            self.said.append((now, "".join(each if each.isprintable() else "\ufffd" for each in line)[:120]))

    @contextmanager
    def open(self, *, baudrate: int = CONSOLE_BAUDRATE, changes: str = "a serial dialogue") -> Iterator[serial.Serial]:
        """The board's serial port, open while the context lasts. See `run`.

        Raises:
            BoardNotAvailable: the board has none, or it may not be opened.
        """
        port = self._board.host.open_serial(self._awaited(), self._board.label, baudrate=baudrate)
        if changes:
            note(changes)
        try:
            yield port
        finally:
            port.close()

    def entry(self) -> SerialEntry | None:
        """The board's serial port, matched by its serial number, or None while it has none."""
        return serial_entry(self._board.host, self._board.device_id)

    def _awaited(self) -> SerialEntry:
        board = self._board
        try:
            return board.until(self.entry, timeout=PORT_TIMEOUT, awaited="a serial port", seen=self._seen)
        except NotReached as error:
            raise BoardNotAvailable(
                Unavailable.NO_SERIAL_PORT, board=board.label, seen=self._seen(), remedy="A board in DFU mode has none; check the cable"
            ) from error

    def _seen(self) -> str:
        board = self._board
        if Capability.USB in board.capabilities:
            return board.usb.describe()
        return f"serial port {found}" if (found := self.entry()) is not None else "no serial port with its serial number"


def converse(port: serial.Serial, steps: ConsoleSteps[T], heard: bytearray | None = None) -> T:
    """Carry a conversation over an open port; gives its result. What the board wrote is added to `heard`."""
    received = b""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Read):
                port.timeout = step.seconds
                received = port.read(1)
                waiting: int = port.in_waiting if received else 0
                received += port.read(waiting) if waiting else b""
                if heard is not None:
                    heard += received
            else:
                port.write(step.data)
                received = b""
            step = steps.send(received)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # a generator's return value is typed by its annotation only
    finally:
        steps.close()
