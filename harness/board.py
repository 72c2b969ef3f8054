"""`Board`: what a test may do to a board and ask of it, whatever its kind.

Every action names the board it acts on, ends only when its effect was seen (or with an error that tells what was seen instead), and is
written into the board's journal. Changes that outlive a reset are refused on a real board unless they were allowed.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import follow_ups
from harness.capabilities import NOTHING, Buttons, Extras, Led, LogLine, Power
from harness.changes import note
from harness.errors import Blame, CapabilityMissing, ChangesNotAllowed, HarnessError, NotReached, hides
from harness.host import Host, wait_until
from harness.identity import Identity
from harness.journal import Journal
from harness.meanwhile import told_on_failure
from harness.modes import DEFAULT_TIMEOUT, SIGNS, TIMEOUTS, Capability, Mode, UsbState, no_such
from harness.serial_console import SerialConsole
from harness.usb.board_usb import BoardUsb
from harness.usb.entry import UsbEntry
from harness.usb.requests import ControlRequests
from harness.witness import Boot, CloudView, Epoch, Sighting, Witnesses, diagnose
from particle_protocol.listening.wifi import WifiSecurity
from particle_protocol.platforms import ButtonTimes, Platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cloud import Account, CloudDevice
    from harness.follow_ups import CodeGiven

__tracebackhide__ = hides

HOLD_LONGER = 1.0
"""Seconds to hold MODE longer than the table of platforms says, where no LED tells when to let go: boards count from a moment later."""

DFU_BAUDRATE = 14400
"""A line coding of this speed makes Device OS reset into DFU mode (Device OS 2.3.1, system/src/system_update.cpp:253)."""


class By(enum.StrEnum):
    """How to bring a board into a mode."""

    REQUEST = "request"
    """A USB control request."""
    BUTTON = "button"
    BAUDRATE = "baudrate"
    """Opening the serial port at the speed that means DFU mode."""

    @classmethod
    def _missing_(cls, value: object) -> By:
        raise no_such("way to bring a board into a mode:", value, cls)


class Board:
    """One board. Make it through `harness.boards.open_boards`, or use the `board` fixture."""

    def __init__(
        self,
        host: Host,
        platform: Platform,
        device_id: str,
        *,
        moniker: str,
        port: str = "",
        allow_changes: bool = False,
        extras: Extras = NOTHING,
    ) -> None:
        self.host = host
        self.platform = platform
        self.device_id = device_id.lower()
        self.moniker = moniker
        self.allow_changes = allow_changes
        self.account: Account | None = None
        """The account that watches this board in the cloud: the witness of what the cloud says."""
        self.usb = BoardUsb(host, device_id, platform.display_name, port)
        self.requests = ControlRequests(self.usb)
        self.journal = Journal(host.clock.now)
        self.console = SerialConsole(self)
        self.epoch = Epoch(0, host.clock.now(), "the board was opened")
        self.code_given: CodeGiven | None = None
        """What was so when it was last given a claim code."""
        self.releases = extras.releases
        self.takes_stand_ins = extras.takes_stand_ins
        """Whether it was made here, with modules that only stand for real ones. No other board gets such."""
        self._refusal, self._log = extras.refusal, extras.log
        self._buttons, self._led, self._power = extras.buttons, extras.led, extras.power

    def __str__(self) -> str:
        return str(self.usb.label)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this board has beyond USB and serial."""
        has = {Capability.BUTTONS: self._buttons, Capability.LED: self._led, Capability.POWER: self._power, Capability.CLOUD: self.account}
        return frozenset(capability for capability, thing in has.items() if thing is not None)

    @property
    def buttons(self) -> Buttons:
        """The buttons.

        Raises:
            CapabilityMissing: no program can press them.
        """
        if self._buttons is None:
            raise CapabilityMissing(Capability.BUTTONS, board=self.usb.label, remedy="Ask by USB request instead, where there is one")
        note("its buttons were taken hold of")
        return self._buttons

    @property
    def led(self) -> Led:
        """The LED.

        Raises:
            CapabilityMissing: no program can see it.
        """
        if self._led is None:
            raise CapabilityMissing(Capability.LED, board=self.usb.label)
        return self._led

    @property
    def power(self) -> Power:
        """The power switch.

        Raises:
            CapabilityMissing: no program can switch it.
        """
        if self._power is None:
            raise CapabilityMissing(Capability.POWER, board=self.usb.label)
        note("its power switch was taken hold of")
        return self._power

    def identify(self) -> Identity:
        """Ask the board who it is: over USB, and where it runs Device OS also by control requests.

        Raises:
            BoardNotAvailable: it shows nothing on USB, or may not be opened.
        """
        entry = self.usb.present()
        self.journal.did("asked the board who it is, over USB")
        port = self.usb.serial_entry()
        found = Identity(self.device_id, self.platform.display_name, entry.port, entry.state, port.name if port else None)
        if entry.state is UsbState.NORMAL and self.platform.control_requests:
            found = replace(found, os_version=self.requests.system_version(), modules=tuple(self.requests.modules()))
        self.saw(str(found))
        return found

    def os_version(self) -> str | None:
        """The Device OS version that the board reports, or None in DFU mode."""
        return self.requests.system_version()

    def mode(self) -> Mode:
        """The mode that the witnesses agree on now.

        Without an LED, `Mode.RUNNING` stands for every mode of a running Device OS but listening mode, and safe mode where it is seen.
        """
        candidates = [Mode.OFF, Mode.DFU, Mode.LISTENING, Mode.SAFE]
        if self._led is not None:
            candidates += [Mode.ONLINE, Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD, Mode.OFFLINE]
        now = replace(self.epoch, stale=None)
        for mode in candidates:
            if self.witnesses.look(mode, now)[0]:
                return mode
        return Mode.RUNNING

    @property
    def witnesses(self) -> Witnesses:
        """Who can tell what mode the board is in."""
        asks = self.platform.control_requests
        return Witnesses(
            usb=self.usb.entry,
            usb_text=self.usb.describe,
            led=self._led.describe if self._led is not None else None,
            device_mode=self.requests.device_mode if asks else None,
            cloud_status=self.requests.cloud_status if asks else None,
            cloud=self._cloud_view if self.account is not None else None,
            unmet_dependency=self.requests.unmet_dependency if asks else None,
        )

    def cannot_witness(self, mode: Mode) -> CapabilityMissing | None:
        """The error of a wait for `mode`, if nobody can witness it on this board as it is now: whoever has to be asked is asked."""
        witnesses = self.witnesses
        if witnesses.cloud is not None and self._led is None and mode in (Mode.SAFE, Mode.ONLINE) and not self._is_visible():
            witnesses = replace(witnesses, cloud=None)
        missing = witnesses.can_witness(mode, self.epoch.boot)
        if missing is None and mode is Mode.SAFE and self._led is None and witnesses.cloud is None:
            normal = self.usb.state() is UsbState.NORMAL
            missing = None if normal and self.requests.unmet_dependency() else Capability.LED
        return None if missing is None else self._cannot_tell(missing, mode)

    def wait_for(self, mode: Mode | str, *, timeout: float | None = None) -> Sighting:
        """Let time pass until the board is in `mode`, as seen in the present epoch. A mode may be given by name, as in "online".

        Raises:
            NotReached: not within `timeout` seconds (by default what such a board may take); tells what was seen.
            CapabilityMissing: nobody can witness this mode on this kind of board.
        """
        mode = Mode(mode)
        seconds = timeout if timeout is not None else TIMEOUTS.get(mode, DEFAULT_TIMEOUT)
        witnesses = self.witnesses
        missing = witnesses.can_witness(mode, self.epoch.boot)
        if missing is not None:
            raise self._cannot_tell(missing, mode)
        last = Sighting()

        def look() -> Sighting | None:
            nonlocal last
            agreed, last = witnesses.look(mode, self.epoch)
            if last.missing is not None:
                raise self._cannot_tell(last.missing, mode)
            return last if agreed else None

        sign = SIGNS[mode].led
        wanted = f"{mode} ({' or '.join(sorted(sign))})" if sign and self._led is not None else str(mode)
        label, port = self.usb.label, self.usb.port or None
        try:
            with told_on_failure(self):
                seen = wait_until(self.host, look, timeout=seconds, awaited=wanted, seen=lambda: str(last), board=label, port=port)
        except NotReached as error:
            error.blame, error.remedy = diagnose(mode, last)
            if mode is Mode.ONLINE and self._refusal is not None and (refusal := self._refusal(self.epoch.since)):
                error.seen += f", and in the cloud's log: {refusal}"
            raise
        self.saw(f"{mode}: {seen.told(led=False)}")
        return seen

    def enter_listening(self, by: By | str = By.REQUEST) -> None:
        """Bring a running board into listening mode, by USB request or by holding MODE; ends when it listens."""
        if By(by) is By.REQUEST:
            self.journal.did("asked for listening mode (control request 70)")
            self.requests.start_listening()
        else:
            times = self._hold_times()
            with self._holding_mode():
                self.journal.did("held MODE for listening mode")
                self._until_led("blinking dark blue", times.listen + HOLD_LONGER)
        self.begin_epoch("listening mode was asked for")
        self.wait_for(Mode.LISTENING)

    def leave_listening(self) -> None:
        """End listening mode by USB request; ends when the board says that it does not listen."""
        self.journal.did("asked to leave listening mode (control request 71)")
        self.requests.stop_listening()
        self.begin_epoch("leaving listening mode was asked for")
        self.wait_for(Mode.RUNNING)

    def enter_dfu(self, by: By | str = By.REQUEST) -> None:
        """Bring the board into DFU mode: by USB request, button, or the serial port's speed; ends when its DFU identity is seen."""
        by = By(by)
        before = self.usb.entry()
        if by is By.BUTTON:
            times = self._hold_times()
            with self._holding_mode():
                self.journal.did("held MODE while resetting, until the LED blinked yellow")
                self._press_reset()
                self._until_led("blinking yellow", times.bootloader.dfu + HOLD_LONGER)
        elif by is By.BAUDRATE:
            self.journal.did(f"opened the serial port at {DFU_BAUDRATE} baud")
            self.console.touch(DFU_BAUDRATE)
        else:
            self.journal.did("asked for DFU mode (control request 50)")
            self.requests.enter_dfu()
        self.begin_epoch("DFU mode was asked for", ends=before, boot=Boot.NORMAL)
        self.wait_for(Mode.DFU)

    def leave_dfu(self) -> None:
        """Leave DFU mode as a host does; ends when the board runs Device OS again."""
        from harness.usb.dfu import leave

        before = self.usb.present()
        self.journal.did("left DFU mode")
        leave(self.usb)
        self.begin_epoch("leaving DFU mode was asked for", ends=before, boot=Boot.NORMAL)
        self.wait_for_usb(UsbState.NORMAL)

    def reset(self, by: By | str = By.REQUEST) -> None:
        """Reset the board, by USB request or by its RESET button; ends when it was seen to leave the bus and to run Device OS again."""
        before = self.usb.entry()
        if By(by) is By.BUTTON:
            self._press_reset()
            self.journal.did("pressed RESET")
        else:
            self.journal.did("asked for a reset (control request 40)")
            self.requests.reset()
        self.begin_epoch("a reset was asked for", ends=before, boot=Boot.NORMAL)
        self.wait_for_usb(UsbState.NORMAL)

    def enter_safe_mode(self) -> None:
        """Reset the board into safe mode by USB request; ends when it runs again, and breathes magenta where the LED can be seen."""
        before = self.usb.entry()
        self.journal.did("asked for safe mode (control request 60)")
        self.requests.enter_safe_mode()
        self.begin_epoch("safe mode was asked for", ends=before, boot=Boot.SAFE)
        self.wait_for_usb(UsbState.NORMAL)

    def flash(self, *images: bytes | str | Path, leave: bool = True) -> None:
        """Write modules to their own places over DFU, after every check; see `harness.flashing.flash`."""
        from harness.flashing import flash

        flash(self, images, leave=leave)

    def update_device_os(self, files: Sequence[bytes | str | Path]) -> None:
        """Install the modules of a Device OS version, up or down; see `harness.flashing.update_device_os`."""
        from harness.flashing import update_device_os

        update_device_os(self, files)

    def set_wifi(self, ssid: str, password: str = "", *, security: int | None = None) -> None:
        """Give the board Wi-Fi credentials over its serial console, in listening mode; it then leaves that mode and connects.

        `security` is the number of the console's menu (0 unsecured, 1 WEP, 2 WPA, 3 WPA2), for networks that the board's own scan does
        not find; WPA2 unless told, and unsecured without a password.
        """
        if security is not None and security not in set(WifiSecurity):
            raise HarnessError(
                str(no_such("kind of security", security, [f"{each.value} ({each.name.lower()})" for each in WifiSecurity])),
                board=self.usb.label,
                blame=Blame.REQUEST,
            )
        self.must_allow_changes("store Wi-Fi credentials")
        self.journal.did(f"gave it the credentials of the network {ssid!r} over the serial console")
        self.console.set_wifi(ssid, password, security=security if security is not None else 3 if password else 0)
        self.begin_epoch("Wi-Fi credentials were given")

    def set_claim_code(self, code: str) -> None:
        """Store a claim code of 63 characters by USB request; the board brings it along when it connects next."""
        self.must_allow_changes("store a claim code")
        self.code_given = follow_ups.code_given(self)
        self.journal.did("gave it a claim code (control request 200)")
        self.requests.set_claim_code(code)

    def wait_for_claim(self, *, timeout: float = follow_ups.CLAIM_TIMEOUT) -> CloudDevice:
        """Let time pass until the account owns the board; see `harness.follow_ups.wait_for_claim`."""
        return follow_ups.wait_for_claim(self, timeout=timeout)

    def wait_for_code_used(self, *, timeout: float = follow_ups.CLAIM_TIMEOUT) -> None:
        """Let time pass until the claim code that the board was given has been used; see `harness.follow_ups.wait_for_code_used`."""
        follow_ups.wait_for_code_used(self, timeout=timeout)

    def updating(self, *images: bytes | str | Path, timeout: float = follow_ups.UPDATE_TIMEOUT) -> AbstractContextManager[None]:
        """Wraps whatever begins an update over the air, and ends when that is done; see `harness.follow_ups.updating`."""
        return follow_ups.updating(self, images, timeout=timeout)

    def update_over_the_air(self, *images: bytes | str | Path, timeout: float = follow_ups.UPDATE_TIMEOUT) -> None:
        """Have the cloud send modules to the board; see `harness.follow_ups.update_over_the_air`."""
        follow_ups.update_over_the_air(self, images, timeout=timeout)

    def setup_done(self) -> None:
        """Mark the board as set up. Only Gen 3 boards have that mark; for the others this does nothing, as in particle-cli (3.49.2)."""
        if self.platform.generation == 3:
            self.must_allow_changes("mark it as set up")
            self.journal.did("marked it as set up (control request 73)")
            self.requests.set_setup_done(done=True)

    def mac(self) -> str:
        """The MAC address of its Wi-Fi, as the serial console tells it in listening mode, in lower case with colons."""
        return self.console.mac()

    def brought_back(self) -> None:
        """The board was brought back to its first state: nothing that was known of it holds any more."""
        self.begin_epoch("it was brought back to its first state", boot=Boot.UNKNOWN)
        self.journal.clear()
        self.console.said.clear()
        self.code_given = None

    def handed_out(self) -> None:
        """The board was given to a test as it is: what happened before is none of that test's, but for a reset that is still to come."""
        self.epoch = replace(self.epoch, number=self.epoch.number + 1, since=self.host.clock.now())
        self.journal.clear()

    def begin_epoch(self, cause: str, *, ends: UsbEntry | None = None, boot: Boot | None = None) -> None:
        """Begin a new epoch: from now on only what is seen after `cause` counts.

        Args:
            cause: what begins it.
            ends: the enumeration that it will end.
            boot: how the boot begins that runs from now on; None: the same one goes on.
        """
        self.epoch = Epoch(self.epoch.number + 1, self.host.clock.now(), cause, ends, self.epoch.boot if boot is None else boot)

    def wait_for_usb(self, state: UsbState, *, timeout: float = DEFAULT_TIMEOUT) -> UsbEntry:
        """Let time pass until the bus shows the board in `state`, in an enumeration of the present epoch.

        Raises:
            NotReached: not within `timeout` seconds.
        """

        def fits(entry: UsbEntry | None) -> UsbEntry | None:
            return entry if entry is not None and entry.state is state and entry != self.epoch.stale else None

        with told_on_failure(self):
            entry = self.usb.wait_for(fits, timeout=timeout, awaited=f"{state} after {self.epoch.cause}")
        self.saw(f"{entry.state} ({entry})")
        return entry

    def log(self, since: float) -> Sequence[LogLine]:
        """What others noted of this board since a moment: the cloud, and the computer it is plugged into, where that can be read."""
        return self._log(since) if self._log is not None else ()

    def must_allow_changes(self, change: str) -> None:
        """Refuse to change a real board for good unless that was allowed.

        Raises:
            ChangesNotAllowed: it was not.
        """
        if not self.allow_changes:
            raise ChangesNotAllowed(change, board=self.usb.label)
        note(change, lasting=True)

    def led_since_epoch(self) -> list[str]:
        """What the LED has shown in the present epoch, in order: how modes that pass quickly are asserted."""
        return [change.text for change in self.led.timeline() if change.time >= self.epoch.since]

    def saw(self, text: str) -> None:
        """Write into the journal what was seen, with the LED."""
        self.journal.saw(text, led=self._led.describe() if self._led is not None else None)

    def _cannot_tell(self, missing: Capability, mode: Mode) -> CapabilityMissing:
        remedy = f"Without it nobody can witness {mode} on this kind of board"
        if mode in (Mode.SAFE, Mode.ONLINE):
            remedy += ", for on USB safe mode looks the same as normal mode; the cloud can: use an account that owns the board"
        if mode is Mode.ONLINE:
            remedy += ", or reset() it first, so that it is known to be in normal mode"
        return CapabilityMissing(missing, board=self.usb.label, remedy=remedy)

    def _is_visible(self) -> bool:
        """Whether the account may see the board in the cloud."""
        return self.account is not None and self.account.find(self.device_id) is not None

    def _cloud_view(self) -> CloudView | None:
        """What the cloud says of the board; None when the account may not see it, so that the cloud is no witness.

        A board says that it is in safe mode right after it has connected. Its answer to a ping comes after that, so only then the
        cloud knows; and only the session of the present boot answers at all.
        """
        assert self.account is not None
        found = self.account.find(self.device_id)
        if found is None:
            return None
        if not found.online or not self.account.ping(self.device_id):
            return CloudView(online=False)
        found = self.account.find(self.device_id)
        return None if found is None else CloudView(online=True, safe_mode=found.in_safe_mode)

    def _hold_times(self) -> ButtonTimes:
        times = self.platform.buttons
        if times is None:
            remedy = f"How long MODE is held on a {self.platform.display_name} is not known; ask by USB request instead"
            raise CapabilityMissing(Capability.BUTTONS, board=self.usb.label, remedy=remedy)
        return times

    @contextmanager
    def _holding_mode(self) -> Iterator[None]:
        self.buttons.press_mode()
        try:
            yield
        finally:
            self.buttons.release_mode()

    def _press_reset(self) -> None:
        self.buttons.press_reset()
        self.host.clock.sleep(0.1)
        self.buttons.release_reset()

    def _until_led(self, pattern: str, seconds: float) -> None:
        """Let time pass until the LED shows `pattern`, or just long enough where no LED can be seen."""
        if self._led is None:
            self.host.clock.sleep(seconds)
            return
        led = self._led
        wait_until(
            self.host,
            lambda: led.describe() == pattern,
            timeout=seconds * 3,
            awaited=f"the LED {pattern} while MODE is held",
            seen=lambda: f"LED {led.describe()}",
            board=self.usb.label,
            port=self.usb.port or None,
        )
