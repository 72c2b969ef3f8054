"""The board's end of the console: one-letter commands, and what they answer.

Feed bytes to `receive`, send what `data_to_send` gives, act on `events`. `ConsoleSettings.of` knows what a platform and a Device OS
version make different.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from particle_protocol.identifiers import CLAIM_CODE_LENGTH
from particle_protocol.listening import texts
from particle_protocol.listening.events import (
    ClaimCodeSet,
    ConsoleEvent,
    LeaveListening,
    RestartForUpdate,
    RestartListening,
)
from particle_protocol.listening.line import LineReader
from particle_protocol.listening.serial_update import SerialUpdate
from particle_protocol.listening.wifi import WifiCipher, WifiCredentials, WifiSecurity, to_wire
from particle_protocol.listening.wifi_questions import WifiQuestions
from particle_protocol.platforms import Feature, OsVersion, Platform
from particle_protocol.ymodem.blocks import CAN, SOH, STX
from particle_protocol.ymodem.receiver import FileSink

_LAST_YMODEM: Final = (3, 0, 0)
_REFUSAL_DELAY: Final = 0.1
_MAX_PENDING: Final = 4096
"""Bytes kept while the console rests; a board's own buffer is smaller, and the host then has to wait."""
_UPDATE_STARTS: Final = frozenset((SOH, STX))
"""The first byte of a block of YModem starts an update even without `f`."""


class ConsoleFirmware(FileSink, Protocol):
    """What the console asks of the firmware around it. All answers are immediate."""

    def device_id(self) -> str:
        """24 hex digits in lower case."""

    def properties(self) -> Sequence[tuple[str, str]]:
        """What `i` lists besides the id, as (key, value), in the order of the firmware: `ms`, `sn`, then `imei`, `iccid`, `cellfw`."""

    def mac_address(self) -> bytes:
        """Six bytes; zeros when there is none."""

    def system_version(self) -> str:
        """The Device OS version, as in `2.3.1`."""

    def module_info(self) -> str:
        """The system description as one JSON object, without spaces."""

    def diagnostics(self) -> str:
        """The diagnostics as one JSON object."""

    def is_claimed(self) -> bool:
        """Whether the board was ever claimed."""

    def set_claim_code(self, code: bytes) -> None:
        """Store a claim code of 63 bytes, whatever they are."""

    def check_credentials(self, credentials: WifiCredentials) -> int:
        """The dry run of saving them, with a password that is not the real one: 0, or a negative error such as -2, cipher needed."""

    def save_credentials(self, credentials: WifiCredentials) -> int:
        """Store them: 0, or a negative error."""


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """What differs between platforms and Device OS versions.

    `wifi`: there is a `w`. `enterprise`: it offers WPA Enterprise. `wpa3`: it also takes 6. `ymodem`: `f` receives a binary.
    """

    wifi: bool = True
    enterprise: bool = True
    wpa3: bool = False
    ymodem: bool = True

    @classmethod
    def of(cls, platform: Platform, version: OsVersion) -> ConsoleSettings:
        """The settings of a platform under a Device OS version.

        Enterprise is for Photon and P1 (Device OS 2.3.1, WpaEnterprise=1). Where no source says which version dropped YModem or took
        WPA3 first, 3.0.0 and 6.2.0 are assumed.
        """
        wifi = Feature.WIFI in platform.features
        gen2 = platform.generation <= 2
        return cls(wifi=wifi, enterprise=wifi and gen2, wpa3=wifi and not gen2 and version >= (6, 2, 0), ymodem=version < _LAST_YMODEM)


class ListeningConsole:
    """The console of one stay in listening mode.

    `receive` takes bytes from the host and `now` in seconds; `deadline` says when `handle_timer` must be called, if ever. Afterwards
    send `data_to_send()` and act on `events()`.
    """

    def __init__(self, firmware: ConsoleFirmware, settings: ConsoleSettings) -> None:
        self.firmware = firmware
        self.settings = settings
        self.wifi = WifiQuestions(self)
        self._pending = bytearray()
        self._out = bytearray()
        self._events: list[ConsoleEvent] = []
        self._line: LineReader | None = None
        self._on_line: Callable[[bytes], None] | None = None
        self._drains = True
        self._resting = False
        self._over = False
        self._update: SerialUpdate | None = None
        self._refusal_due: float | None = None
        self._now = 0.0

    def receive(self, data: bytes, now: float = 0.0) -> None:
        """Take bytes from the host. While the console rests (a scan) they are kept for later, as in the board's buffer."""
        self._now = now
        self._pending += data[: max(0, _MAX_PENDING - len(self._pending))]
        self._work()

    def data_to_send(self) -> bytes:
        """What to send to the host now; call it after every other method."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def events(self) -> list[ConsoleEvent]:
        """What happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def deadline(self) -> float | None:
        """When `handle_timer` is due, or None."""
        return self._refusal_due if self._update is None else self._update.deadline()

    def handle_timer(self, now: float) -> None:
        """The deadline has come."""
        self._now = now
        if self._update is not None:
            self._update.handle_timer(now)
            self._work()
        if self._refusal_due is not None and now >= self._refusal_due:
            self._refusal_due = None
            self.print(chr(CAN) * 4 + texts.UPDATE_REFUSED)
            self.carry_on()

    def scan_done(self, security: WifiSecurity | None = None, cipher: WifiCipher = WifiCipher.NOT_SET) -> None:
        """The scan that was asked for is over: the network's security and cipher, or None when it was not seen.

        Ignored when no scan was asked for.
        """
        self.wifi.scan_done(security, cipher)

    @property
    def asking(self) -> bool:
        """Whether the console is in the middle of a dialogue."""
        return self._line is not None or self._resting or self._update is not None

    def print(self, text: str | bytes) -> None:
        """Send text to the host."""
        self._out += to_wire(text) if isinstance(text, str) else text

    def tell(self, event: ConsoleEvent) -> None:
        """Add an event. The console hears nothing more once it has told that listening ends."""
        self._events.append(event)
        if isinstance(event, LeaveListening | RestartListening | RestartForUpdate):
            self._over = True
            self._pending.clear()

    def ask(self, prompt: str, limit: int, then: Callable[[bytes], None], *, drains: bool = True) -> None:
        """Print a prompt and read a line for `then`. What is left in the buffer after the line is thrown away, where `drains`."""
        self.print(prompt)
        self._line, self._on_line, self._drains = LineReader(limit), then, drains

    def rest(self) -> None:
        """Leave the buffer alone until `carry_on`."""
        self._resting = True

    def carry_on(self) -> None:
        """The console reads its buffer again."""
        self._resting = False
        self._work()

    def discard_input(self) -> None:
        """Throw away what was received and not read."""
        self._pending.clear()

    def _work(self) -> None:
        """Read the buffer as far as it goes."""
        while (self._pending or self._update is not None) and not self._resting and not self._over:
            if self._update is not None:
                self._update.receive(self._pending, self._now)
                if self._update.active:
                    return
                self._update = None
            elif self._line is not None:
                self._read_line(self._line)
            else:
                self._command(self._pending.pop(0))

    def _read_line(self, reader: LineReader) -> None:
        line, echo = reader.feed(self._pending)
        self.print(echo)
        if line is None:
            return
        self.print("\r\n")
        if self._drains:
            self._pending.clear()
        then, self._line, self._on_line = self._on_line, None, None
        if then is not None:
            then(line)

    def _command(self, byte: int) -> None:
        if byte in _UPDATE_STARTS and self.settings.ymodem:
            self._pending.insert(0, byte)
            self._update = SerialUpdate(self, self._now)
            return
        command = _COMMANDS.get(byte)
        if command is not None:
            command(self)

    def _identify(self) -> None:
        properties = self.firmware.properties()
        if not properties:
            self.print(f"{texts.DEVICE_ID_SHORT}{self.firmware.device_id()}\r\n")
            return
        self.print(f"{texts.DEVICE_ID}{self.firmware.device_id()}\r\n")
        for key, value in properties:
            self.print(f"{texts.PROPERTY_LABELS.get(key, key)}: {value}\r\n")

    def _mac_address(self) -> None:
        self.print(f"{texts.MAC}{self.firmware.mac_address().hex(':')}\r\n")

    def _version(self) -> None:
        self.print(f"{texts.VERSION}{self.firmware.system_version()}\n\r\n")

    def _module_info(self) -> None:
        self.print(f"{self.firmware.module_info()}\r\n")

    def _diagnostics(self) -> None:
        self.print(f"{self.firmware.diagnostics()}\r\n")

    def _claimed(self) -> None:
        self.print(f"{texts.CLAIMED}{'yes' if self.firmware.is_claimed() else 'no'}\r\n")

    def _claim_code(self) -> None:
        self.ask(texts.CLAIM_CODE, CLAIM_CODE_LENGTH, self._got_claim_code)

    def _got_claim_code(self, line: bytes) -> None:
        if len(line) == CLAIM_CODE_LENGTH:
            self.firmware.set_claim_code(line)
            self.tell(ClaimCodeSet(line))
            self.print(texts.CLAIM_CODE_SET.encode() + line)
        else:
            self.print(texts.CLAIM_CODE_WRONG)
        self.print("\r\n")

    def _take_update(self) -> None:
        self.print(texts.UPDATE)
        if self.settings.ymodem:
            self._update = SerialUpdate(self, self._now)
        else:
            self._refusal_due = self._now + _REFUSAL_DELAY
            self.rest()

    def _leave(self) -> None:
        self.tell(LeaveListening())

    def _restart(self) -> None:
        self.tell(RestartListening())

    def _wifi(self) -> None:
        if self.settings.wifi:
            self.wifi.start()


_COMMANDS: Final[dict[int, Callable[[ListeningConsole], None]]] = {
    ord("i"): ListeningConsole._identify,
    ord("m"): ListeningConsole._mac_address,
    ord("v"): ListeningConsole._version,
    ord("s"): ListeningConsole._module_info,
    ord("d"): ListeningConsole._diagnostics,
    ord("c"): ListeningConsole._claimed,
    ord("C"): ListeningConsole._claim_code,
    ord("f"): ListeningConsole._take_update,
    ord("x"): ListeningConsole._leave,
    ord("L"): ListeningConsole._restart,
    ord("w"): ListeningConsole._wifi,
}
"""Every other byte is ignored."""
