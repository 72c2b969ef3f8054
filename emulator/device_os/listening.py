"""Listening mode: the LED blinks dark blue, and the serial console answers.

The dialogue itself is `particle_protocol.listening`; this connects it to a board.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from emulator.board.board import BootRequest
from emulator.board.flash import FlashError
from emulator.board.otp import MOBILE_SECRET, SERIAL_NUMBER
from emulator.board.status_led import LedSignal, Priority
from emulator.board.stored_networks import StoredNetwork
from emulator.clock import Timer
from emulator.device_os import wifi_credentials
from emulator.device_os.describe import system_describe
from emulator.device_os.softap import SoftAp
from emulator.device_os.startup import STARTUP_LISTEN, startup_mode
from emulator.device_os.wifi import SCAN_TIME, scan
from emulator.device_os.wifi_credentials import GivenNetwork
from firmware_images.device_rules import BOOT_CHECKS
from particle_protocol.dct import DctField
from particle_protocol.listening.console import ConsoleSettings, ListeningConsole
from particle_protocol.listening.events import ConsoleEvent, LeaveListening, RestartForUpdate, RestartListening, ScanRequested
from particle_protocol.listening.wifi import WifiCredentials
from particle_protocol.messages.goodbye import ResetReason
from particle_protocol.vitals import by_name

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs


LISTENING_LIMIT: Final = 300.0
"""Seconds after which an Electron leaves listening mode by itself, whatever comes over its serial port (Device OS 2.3.1,
system/src/system_network_internal.h:196-203); one that has nothing to connect with listens again."""
LIMITED_SINCE: Final = (0, 6, 1)
"""Chosen: the first release that lets an application change it."""


class ListeningMode:
    """Whether one boot of Device OS is in listening mode, and the console while it is."""

    def __init__(self, system: DeviceOs) -> None:
        self.active = False
        self._system = system
        self._console: ListeningConsole | None = None
        self._facts: _Facts | None = None
        self._timer: Timer | None = None
        self._limit: Timer | None = None
        self._softap: SoftAp | None = None
        self._known: tuple[StoredNetwork, ...] = ()

    def enter(self) -> None:
        """Enter listening mode. Does nothing when in it."""
        if self.active:
            return
        self.active = True
        system = self._system
        system.enter_listening()
        self._known = self._networks()
        if system.board.platform.has_softap:
            self._softap = SoftAp(system, self.leave)
            self._softap.start()  # before the LED shows it: who sees it blink finds the network
        system.led.start(LedSignal.LISTENING_MODE, Priority.CRITICAL)
        if system.board.platform.generation <= 2 and system.interfaces.cellular is not None and system.version_numbers >= LIMITED_SINCE:
            self._limit = system.scope.call_later(LISTENING_LIMIT, self.leave)
        settings = ConsoleSettings.of(system.board.platform, system.version_numbers)
        self._facts = _Facts(system)
        self._console = ListeningConsole(self._facts, settings)
        system.serial.on_receive = self._receive  # what the host sent before waits in the port, as nobody else reads it

    def leave(self) -> None:
        """Leave listening mode. Does nothing when not in it."""
        if not self.active:
            return
        self.active = False
        if self._facts is not None:
            self._facts.cancel_update()
        self._console = None
        self._system.serial.on_receive = None
        for timer in (self._timer, self._limit):
            if timer is not None:
                timer.cancel()
        if self._softap is not None:
            self._softap.stop()
            self._softap = None
        self._system.led.stop(LedSignal.LISTENING_MODE)
        self._system.left_listening(credentials_changed=self._networks() != self._known)

    def _networks(self) -> tuple[StoredNetwork, ...]:
        networks = self._system.board.networks
        return () if networks is None else networks.all

    def _receive(self, data: bytes) -> None:
        if self._console is not None:
            self._console.receive(data, self._system.scope.now)
            self._serve()

    def _serve(self) -> None:
        """Send what the console has to say, and do what it asks for."""
        console = self._console
        if console is None:
            return
        self._system.serial.write(console.data_to_send())
        for event in console.events():
            self._do(event)
        self._system.serial.write(console.data_to_send())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = console.deadline()
        if due is not None:
            self._timer = self._system.scope.call_at(due, self._due)

    def _due(self) -> None:
        if self._console is not None:
            self._console.handle_timer(self._system.scope.now)
            self._serve()

    def _do(self, event: ConsoleEvent) -> None:
        system = self._system
        if isinstance(event, ScanRequested):
            system.scope.call_later(SCAN_TIME, self._scanned, event.ssid)
        elif isinstance(event, LeaveListening):
            self.leave()
        elif isinstance(event, RestartListening):
            startup_mode(system.board, set_bits=STARTUP_LISTEN)
            system.scope.call_later(0.0, system.reset, ResetReason.SAFE_MODE, BootRequest.SAFE_MODE)
        elif isinstance(event, RestartForUpdate):
            system.scope.call_later(0.0, system.reset, ResetReason.UPDATE)

    def _scanned(self, ssid: str) -> None:
        if self._console is None:
            return
        wifi = self._system.interfaces.wifi
        found = next((point for point in scan(self._system.board) if point.ssid == ssid), None) if wifi is not None else None
        if found is None:
            self._console.scan_done()
        else:
            self._console.scan_done(found.security, found.cipher)
        self._serve()


class _Facts:
    """What the console asks about the board (`ConsoleFirmware`)."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._board = system.board
        self._updating = False
        self._room = 0

    def device_id(self) -> str:
        return self._board.device_id

    def properties(self) -> Sequence[tuple[str, str]]:
        otp = self._board.otp
        facts = (
            ("ms", otp.text(*MOBILE_SECRET)),
            ("sn", otp.text(*SERIAL_NUMBER)),
            ("imei", self._board.identity.imei),
            ("iccid", self._board.sim),
        )
        return [(key, value) for key, value in facts if value]

    def mac_address(self) -> bytes:
        """Zeros where it does not connect by Wi-Fi (Device OS 2.3.1, system/src/system_setup.cpp:323-343)."""
        mac = self._board.identity.mac
        return bytes(6) if mac is None or self._system.interfaces.wifi is None else mac

    def system_version(self) -> str:
        return self._system.version

    def module_info(self) -> str:
        return "{" + system_describe(self._board, self._system.modules, self._system.assets).encode() + "}"

    def diagnostics(self) -> str:
        return json.dumps(by_name(self._system.diagnostics()), separators=(",", ":"))

    def is_claimed(self) -> bool:
        return self._board.settings.get(DctField.CLAIMED) == b"1"

    def set_claim_code(self, code: bytes) -> None:
        self._board.settings.put(DctField.CLAIM_CODE, code)

    def check_credentials(self, credentials: WifiCredentials) -> int:
        judged = wifi_credentials.judge(GivenNetwork.of(credentials))
        return judged if isinstance(judged, int) else 0

    def save_credentials(self, credentials: WifiCredentials) -> int:
        return wifi_credentials.store(self._board, GivenNetwork.of(credentials))

    def begin_update(self, size: int) -> bool:
        if size:
            try:
                self._system.receiver.begin(size)
            except ValueError:
                return False
        self._updating, self._room = True, size
        self._system.led.take_over(LedSignal.FIRMWARE_UPDATE)
        return True

    def write_update(self, offset: int, data: bytes) -> bool:
        piece = data[: max(self._room - offset, 0)]  # the last block is filled up
        try:
            if piece:
                self._system.receiver.write(offset, piece)
        except FlashError:
            return False
        self._system.led.toggle()
        return True

    def finish_update(self) -> int:
        receiver = self._system.receiver
        result = receiver.finish()
        failed = int(receiver.failed_checks() or BOOT_CHECKS) if result else 0  # sound, but not to be installed: as if it were none
        self.cancel_update()
        return failed

    def cancel_update(self) -> None:
        if self._updating:
            self._updating = False
            self._system.receiver.cancel()
            self._system.led.give_back()
