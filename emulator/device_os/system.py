"""Device OS: one boot of it, from the jump out of the bootloader to the next reset.

It decides between running the application and safe mode, shows the board on USB, listens to the MODE button, and hands over between its
modes: listening, joining the network, connecting to the cloud. (Device OS 2.3.1, system/src/main.cpp, system_network_internal.h,
system_task.cpp.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emulator.board.board import Board, BootRequest
from emulator.board.led_patterns import strength_shown
from emulator.board.led_theme import stored_theme
from emulator.board.status_led import LedService, LedSignal, Priority
from emulator.clock import Timer
from emulator.device_os.application import Application
from emulator.device_os.applications import load_application
from emulator.device_os.assets import Assets
from emulator.device_os.cloud_actions import reset_requested
from emulator.device_os.cloud_manager import CloudManager
from emulator.device_os.cloud_transport import lacks_key, make_key
from emulator.device_os.control import ControlRequests
from emulator.device_os.diagnostics import diagnostics
from emulator.device_os.installed import Installed
from emulator.device_os.interfaces import Interfaces
from emulator.device_os.listening import ListeningMode
from emulator.device_os.mode_button import ModeButton, signal_bars
from emulator.device_os.panic import Panic
from emulator.device_os.receiver import UpdateReceiver
from emulator.device_os.sleeping import SleepConfiguration, Sleeper
from emulator.device_os.startup import STARTUP_LISTEN, STARTUP_SAFE, must_listen, startup_mode
from emulator.device_os.update_flags import UpdateFlags
from emulator.usb.cdc_port import CdcPort
from emulator.usb.normal_mode import NormalModeDevice
from firmware_images.asset_rules import StoredAsset
from firmware_images.fields import ModuleFunction
from particle_protocol.dct import DctField, SystemFlag
from particle_protocol.messages.goodbye import CloudReason, NetworkReason, ResetReason
from particle_protocol.platforms import parse_os_version
from particle_protocol.vitals import VitalError

RESET_DELAY = 1.0
"""Seconds between the answer to a request that resets and the reset (system/src/system_control_internal.cpp:170-197)."""
KEY_TIME = 3.0
"""Seconds to make a device key, where there is none. Chosen: no source tells how long a board takes for that."""
POWER_OFF_TIME = 1.0
"""Seconds from hanging up until a board that was switched off by its button is dark. Chosen: its modem has to be switched off."""
TOUCH_DELAY = 0.1
"""Seconds from a line coding of 14400 baud to the reset. Chosen: the system's thread comes to it, and a host can still close the port."""
_RADIO_ON = 0.05


class DeviceOs:
    """One run of Device OS."""

    def __init__(self, board: Board, found: Installed) -> None:
        self.board = board
        self.scope = board.scope
        self.modules = found.modules
        self.version = found.version
        """The Device OS version as text, such as `2.3.1`."""
        self.version_numbers = parse_os_version(self.version)
        self.led = LedService(board.led, stored_theme(board.settings, board.hardware.led), lambda: board.clock.now)
        self.reset_reason = board.reset_reason
        self._started = board.clock.now
        self.application_runs = False
        """Whether the application's `setup()` has been called: in AUTOMATIC mode that waits for the first connection to the cloud."""
        self.assets = Assets.of(board, found.modules)
        """The assets on it; None where its version has no storage for any."""
        self.safe_mode = self._must_be_safe()
        self.application: Application | None = None if self.safe_mode else load_application(board, found.modules)
        self.receiver = UpdateReceiver(board, found.modules, self.version_numbers, self.assets)
        self.update_flags = UpdateFlags()
        self.interfaces = Interfaces(board, self.led, self._network_up, self._network_changed, self._network_failed)
        self.cloud = CloudManager(self)
        self.serial = CdcPort()
        self.listening = ListeningMode(self)
        self.sleeper = Sleeper(self)
        self._control = ControlRequests(self)
        self._listen_on_failure = False
        self._first_time = True
        """Whether it has yet to connect, or to listen, for the first time."""
        self._mode_button = ModeButton(self)
        self._strength_shown: Timer | None = None

    def start(self) -> None:
        """Come up: LED, USB, then the network, or listening mode when no network is known."""
        board = self.board
        self.led.start(LedSignal.NETWORK_OFF, Priority.BACKGROUND)
        if board.settings.flag(SystemFlag.NVMEM_RESET) == 1:
            self.interfaces.clear_credentials()
            board.settings.put_flag(SystemFlag.NVMEM_RESET, 0xFFFF)
        self._remember_product()
        self.serial.on_line_coding = self._line_coding
        self.serial.on_readable = board.plug.readable
        self.show_usb()
        if board.buttons.mode:
            self.mode_changed()
        if lacks_key(board):
            self.led.start(LedSignal.MAKING_KEY, Priority.IMPORTANT)
            self.scope.call_later(KEY_TIME, self._make_key)
        else:
            self.scope.call_later(_RADIO_ON, self._connect_or_listen)

    def show_usb(self) -> None:
        """Be on USB."""
        board, control = self.board, self._control
        board.attach(NormalModeDevice(board.platform, board.device_id, control.channel, control.raw, self.serial))

    def hide_usb(self) -> None:
        """Be gone from USB, with the requests that wait, and the serial port closed."""
        if self.board.plug.function is not None:
            self.board.plug.function.bus_reset()
        self.serial.reset()
        self.board.plug.detach()

    def mode_changed(self) -> None:
        """MODE went down or up."""
        self._mode_button.changed()

    def mode_clicked(self, clicks: int) -> None:
        """MODE was clicked so many times, outside of listening mode."""
        if self.application is not None and self.application_runs:
            self.application.mode_clicked(clicks)
        if self.board.hardware.clicks and clicks == 1:
            self._show_strength()
        elif self.board.hardware.clicks and clicks == 2:
            self.power_off()

    def power_off(self) -> None:
        """Hang up and stand still until RESET is pressed (2.3.1, system/src/main.cpp, system_power_off; system_sleep.cpp)."""
        self.led.start(LedSignal.POWER_OFF, Priority.CRITICAL)
        self.cloud.disconnect(CloudReason.SLEEP, then=self._stop_for_good)

    def _stop_for_good(self) -> None:
        self.cloud.wanted = False
        self.interfaces.off(NetworkReason.SLEEP)
        self.scope.call_later(POWER_OFF_TIME, self.board.stand_by)

    def _show_strength(self) -> None:
        """Flash the strength of the signal; clicked again, from the beginning."""
        reported = self.interfaces.reported
        look = strength_shown(signal_bars(reported.strength, reported.signal()[37], self.version_numbers))
        self.led.stop(LedSignal.SIGNAL_STRENGTH)
        self.led.start(LedSignal.SIGNAL_STRENGTH, Priority.IMPORTANT, look)
        if self._strength_shown is not None:
            self._strength_shown.cancel()
        self._strength_shown = self.scope.call_later(look.duration, self.led.stop, LedSignal.SIGNAL_STRENGTH)

    def enter_listening(self) -> None:
        """Hang up and stop: called by listening mode as it begins."""
        self.cloud.disconnect(CloudReason.LISTENING, then=self._stop_network)

    def left_listening(self, *, credentials_changed: bool) -> None:
        """Listening mode is over: connect, or listen again when there is nothing to connect to.

        A Photon that was given other credentials meanwhile also listens again when it cannot join (Device OS 2.3.1, hal/src/photon/
        wlan_hal.cpp:1349-1351, system/src/system_network_internal.h:349).
        """
        self._listen_on_failure = credentials_changed and self.board.platform.has_softap
        self._hand_over_serial()
        self.scope.call_later(_RADIO_ON, self._connect_or_listen)

    def clear_credentials(self) -> None:
        """Forget the stored networks, if the board listens; the LED shows that."""
        if self.listening.active:
            self.interfaces.clear_credentials()
            self.led.start(LedSignal.CLEAR_CREDENTIALS, Priority.CRITICAL)
            self.scope.call_later(25 * 0.05, self.led.stop, LedSignal.CLEAR_CREDENTIALS)

    def panic(self, code: int) -> None:
        """Give up: see `emulator.device_os.panic`.

        Raises:
            ValueError: there is no such code.
        """
        Panic.check(code)
        self.scope.call_later(0.0, self.board.run_instead, lambda board: Panic(board, code))

    def connect_cloud(self) -> None:
        """Connect to the cloud, joining the network first if need be."""
        self.cloud.wanted = True
        if not self.listening.active:
            self.interfaces.connect()
            self.cloud.network_changed()

    def disconnect_cloud(self) -> None:
        """Hang up, and stay so until told otherwise."""
        self.cloud.wanted = False
        self.cloud.disconnect(CloudReason.USER, then=self.cloud.network_changed)

    def reset_later(self, reason: ResetReason, request: BootRequest = BootRequest.NONE) -> None:
        """Reset a second from now, with a goodbye to the cloud first."""
        self.scope.call_later(RESET_DELAY, self.reset, reason, request)

    def reset(self, reason: ResetReason, request: BootRequest = BootRequest.NONE) -> None:
        """Say goodbye, then reset."""
        self.cloud.disconnect(CloudReason.SYSTEM_RESET, reason, then=lambda: self.board.reset(reason, request))

    def _make_key(self) -> None:
        make_key(self.board)
        self.led.stop(LedSignal.MAKING_KEY)
        self._connect_or_listen()

    def _connect_or_listen(self) -> None:
        asked = startup_mode(self.board, clear_bits=STARTUP_LISTEN) & STARTUP_LISTEN
        first, self._first_time = self._first_time, False
        if asked or must_listen(self.board, self.version_numbers, self.interfaces, first=first):
            self.listening.enter()
        else:
            self.interfaces.connect()

    def _stop_network(self) -> None:
        """The cloud knows that the board listens. If it has left listening mode again before that, it connects anew."""
        if self.listening.active:
            self.interfaces.off(NetworkReason.LISTENING)
        else:
            self.cloud.network_changed()

    def _network_up(self) -> None:
        self._listen_on_failure = False
        self.cloud.network_changed()

    def _network_changed(self) -> None:
        self.cloud.network_changed()

    def _network_failed(self) -> None:
        if self._listen_on_failure:
            self._listen_on_failure = False
            self.listening.enter()

    def _line_coding(self, baud: int) -> None:
        """14400 baud is the old way to ask for DFU mode (Device OS 2.3.1, system/src/system_update.cpp:253-273)."""
        if baud == 14400:
            self.scope.call_later(TOUCH_DELAY, self.reset, ResetReason.DFU_MODE, BootRequest.DFU)

    def _must_be_safe(self) -> bool:
        """Whether this boot is one in safe mode (Device OS 2.3.1, hal/src/stm32f2xx/core_hal_stm32f2xx.c:470-508).

        An asset that the user part asks for and is not there is a reason too (6.2.0, system/src/main.cpp:756-761).
        """
        asked = bool(startup_mode(self.board) & STARTUP_SAFE)
        bootloader = self.modules.find(ModuleFunction.BOOTLOADER, 0)
        needed = (self.modules.user, bootloader, self.modules.system)
        lacks_assets = self.assets is not None and bool(self.assets.missing)
        return asked or lacks_assets or not all(module is not None and module.healthy for module in needed)

    @property
    def product(self) -> tuple[int, int] | None:
        """PRODUCT_ID and PRODUCT_VERSION of the application: what its class says, else what its module's suffix says."""
        if self.application is not None and self.application.product is not None:
            return self.application.product
        user = self.modules.user
        return None if user is None else user.product

    def run_application(self) -> None:
        """Call the application's `setup()`, once a boot (Device OS 2.3.1, system/src/main.cpp:441-447)."""
        if not self.application_runs and self.application is not None:
            self.application.start(_Context(self), new_assets=self.assets is not None and self.board.new_assets.there)
        self.application_runs = True
        self._hand_over_serial()

    def _hand_over_serial(self) -> None:
        """Let the application read the serial port, if it does: otherwise what comes waits for listening mode."""
        application = self.application
        if application is None or not self.application_runs or self.listening.active:
            return
        if type(application).serial_received is not Application.serial_received:
            self.serial.on_receive = application.serial_received

    def show_nyan(self, *, on: bool) -> None:
        """Start or stop the rainbow on the LED."""
        if on:
            self.led.start(LedSignal.NYAN, Priority.IMPORTANT)
        else:
            self.led.stop(LedSignal.NYAN)

    def diagnostics(self) -> dict[int, int | VitalError]:
        """What the system measures of itself now, by id."""
        return diagnostics(self, self.scope.now - self._started)

    def _remember_product(self) -> None:
        """Outside safe mode the product of the application goes into the DCT, where safe mode finds it."""
        if not self.safe_mode and self.product is not None:
            product_id, version = self.product
            stored = product_id.to_bytes(2, "little") + version.to_bytes(2, "little")
            self.board.settings.write(DctField.PRODUCT_STORE.offset, stored)


class _Context:
    """What the firmware offers to the application (`ApplicationContext`)."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self.call_later = system.scope.call_later

    @property
    def now(self) -> float:
        return self._system.scope.now

    @property
    def connected(self) -> bool:
        return self._system.cloud.connected

    def publish(self, name: str, data: str | bytes | None, *, ttl: int, public: bool, with_ack: bool) -> bool:
        return self._system.cloud.publish(name, data, ttl=ttl, public=public, with_ack=with_ack)

    def publish_vitals(self) -> bool:
        return self._system.cloud.publish_vitals()

    def panic(self, code: int) -> None:
        self._system.panic(code)

    def reset(self, request: str) -> None:
        reset_requested(self._system, request)

    def sleep(self, configuration: SleepConfiguration) -> None:
        self._system.sleeper.begin(configuration)

    @property
    def update_flags(self) -> UpdateFlags:
        return replace(self._system.update_flags)

    def enable_updates(self, *, enabled: bool) -> None:
        self._system.cloud.enable_updates(enabled=enabled)

    def assets(self) -> Sequence[StoredAsset]:
        return () if self._system.assets is None else self._system.assets.usable

    def read_asset(self, name: str) -> bytes | None:
        return None if self._system.assets is None else self._system.assets.read(name)

    def assets_handled(self) -> None:
        self._system.board.new_assets.note(there=False)

    def write_serial(self, data: bytes) -> int:
        return 0 if self._system.listening.active else self._system.serial.write(data)
