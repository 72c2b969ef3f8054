"""`Board`: what a test may do to a board and ask of it, whatever its kind.

It is an identity, a journal and a few capability objects (`board.usb`, `board.console`, `board.network`, `board.buttons`, ...), any of
which a kind of board may lack. Every action names the board it acts on, ends only when its effect was seen (or with an error that tells
what was seen instead), and is written into the board's journal. Changes that outlive a reset are refused on a real board unless they were
allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness import flashing, follow_ups, mode_changes, pointing
from harness.capabilities import NOTHING, Buttons, Extras, Led, LogLine, Network, Power, Releases, SimSlot
from harness.changes import note
from harness.errors import Blame, BoardLabel, CapabilityMissing, ChangesNotAllowed, HarnessError, NotReached, hides
from harness.flashing import Way as Way
from harness.host import Host, wait_until
from harness.identity import Identity
from harness.journal import Journal
from harness.meanwhile import told_on_failure
from harness.mode_changes import By as By
from harness.modes import DEFAULT_TIMEOUT, SIGNS, TIMEOUTS, Capability, Mode, UsbState, no_such
from harness.networks import listen, network_of
from harness.pointing import Over as Over
from harness.serial_console import SerialConsole
from harness.softap import SoftAp, claim_bit
from harness.usb.board_usb import BoardUsb
from harness.usb.entry import UsbEntry
from harness.usb.requests import ControlRequests
from harness.witness import Boot, Epoch, Sighting, Witnesses, cannot_tell, cloud_view, diagnose
from particle_protocol.listening.wifi import WifiSecurity
from particle_protocol.platforms import Feature, Platform

if TYPE_CHECKING:
    from harness.cloud import Account, CloudDevice
    from harness.device_server import DeviceServer
    from harness.surroundings import Surroundings

__tracebackhide__ = hides

T = TypeVar("T")


class Board:
    """One board. Tests have it from the fixture `board`, scripts from `Lab`."""

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
        """The computer it is plugged into; its `clock` is the board's time."""
        self.platform = platform
        """What kind of board it is: `name`, `generation`, `has(feature)`."""
        self.device_id = device_id.lower()
        """24 hexadecimal digits."""
        self.moniker = moniker
        """What it was named by."""
        self.allow_changes = allow_changes
        """Whether it may be flashed, claimed and rewritten."""
        self.account: Account | None = None
        """The account that watches this board in the cloud: the witness of what the cloud says."""
        self.journal = Journal(host.clock.now)
        """What was done to it and seen."""
        self.epoch = Epoch(0, host.clock.now(), "the board was opened")
        self.code_given: follow_ups.CodeGiven | None = None
        """What was so when it was last given a claim code."""
        self._releases = extras.releases
        self.takes_stand_ins = extras.takes_stand_ins
        """Whether it was made here, with modules that only stand for real ones. No other board gets such."""
        self.lasting = extras.lasting
        """Whether it goes on when this process ends."""
        self._usb = BoardUsb(host, device_id, platform.display_name, port) if extras.usb else None
        self._requests = None if self._usb is None else ControlRequests(self._usb)
        self._console = SerialConsole(self) if extras.serial else None
        self._softap = SoftAp(self, host.radio()) if platform.has_softap else None
        self._network = extras.network if extras.network is not None else network_of(self)
        self._refusal, self._log, self._state = extras.refusal, extras.log, extras.state
        self._build = extras.build
        self.surroundings: Surroundings | None = extras.surroundings
        """What is around it that a program can change; the kit's `Network` and `Faults` do."""
        self._buttons, self._led, self._power = extras.buttons, extras.led, extras.power
        self._sim_slot = extras.sim_slot

    def __str__(self) -> str:
        return str(self.label)

    @property
    def label(self) -> BoardLabel:
        """How messages name the board."""
        return BoardLabel(self.device_id, self.port, self.platform.display_name)

    @property
    def port(self) -> str:
        """The USB port where it was last seen; empty for a board that is on no USB."""
        return "" if self._usb is None else self._usb.port

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this board has."""
        has = {
            Capability.USB: self._usb,
            Capability.SERIAL: self._console,
            Capability.NETWORK: self._network,
            Capability.SOFTAP: self._softap,
            Capability.BUTTONS: self._buttons,
            Capability.LED: self._led,
            Capability.POWER: self._power,
            Capability.SIM_SLOT: self._sim_slot,
            Capability.APPLICATION: self._build,
            Capability.CLOUD: self.account,
        }
        around = frozenset[Capability]() if self.surroundings is None else self.surroundings.offers
        return around.union(capability for capability, thing in has.items() if thing is not None)

    @property
    def releases(self) -> Releases:
        """Where its firmware comes from: `releases.application()` is Tinker or what stands for it, `releases.device_os(version)` a release.

        These are Particle's own, out of the firmware cache, unless its kind has others.
        """
        if self._releases is None:
            from harness.releases import RealReleases

            self._releases = RealReleases(self.platform)
        return self._releases

    @property
    def usb(self) -> BoardUsb:
        """Its USB connection.

        Raises:
            CapabilityMissing: it is on no USB.
        """
        return self._has(self._usb, Capability.USB)

    @property
    def requests(self) -> ControlRequests:
        """The control requests that it answers over USB.

        Raises:
            CapabilityMissing: it is on no USB.
        """
        return self._has(self._requests, Capability.USB)

    @property
    def console(self) -> SerialConsole:
        """The serial console of listening mode.

        Raises:
            CapabilityMissing: it has no serial port.
        """
        return self._has(self._console, Capability.SERIAL)

    @property
    def softap(self) -> SoftAp:
        """The network that it opens in listening mode, and what a set-up program asks it there.

        Raises:
            CapabilityMissing: such boards open none.
        """
        return self._has(self._softap, Capability.SOFTAP, "Photon and P1 do; use board.console or board.requests for others")

    @property
    def network(self) -> Network:
        """Its way to its network.

        Raises:
            CapabilityMissing: nothing is known of one.
        """
        return self._has(self._network, Capability.NETWORK)

    @property
    def buttons(self) -> Buttons:
        """The buttons.

        Raises:
            CapabilityMissing: no program can press them.
        """
        buttons = self._has(self._buttons, Capability.BUTTONS, "Ask by USB request instead, where there is one")
        note("its buttons were taken hold of")
        return buttons

    @property
    def led(self) -> Led:
        """The LED.

        Raises:
            CapabilityMissing: no program can see it.
        """
        return self._has(self._led, Capability.LED)

    @property
    def power(self) -> Power:
        """The power switch.

        Raises:
            CapabilityMissing: no program can switch it.
        """
        power = self._has(self._power, Capability.POWER)
        note("its power switch was taken hold of")
        return power

    @property
    def sim_slot(self) -> SimSlot:
        """The slot for a SIM card.

        Raises:
            CapabilityMissing: it has none, or no program can reach it.
        """
        slot = self._has(self._sim_slot, Capability.SIM_SLOT)
        note("its SIM slot was taken hold of")
        return slot

    def identify(self) -> Identity:
        """Ask the board who it is: over USB, and where it runs Device OS also by control requests; without USB, ask the cloud.

        Raises:
            BoardNotAvailable: it shows nothing on USB, or may not be opened.
            CapabilityMissing: it is on no USB, and no account may see it in the cloud.
        """
        if self._usb is None:
            return self._identity_in_cloud()
        entry = self._usb.present()
        self.journal.did("asked the board who it is, over USB")
        port = self._usb.serial_entry()
        found = Identity(self.device_id, self.platform.display_name, entry.port, entry.state, port.name if port else None)
        if entry.state is UsbState.NORMAL and self.platform.control_requests:
            found = replace(found, os_version=self.requests.system_version(), modules=tuple(self.requests.modules()))
        self.saw(str(found))
        return found

    def _identity_in_cloud(self) -> Identity:
        seen = None if self.account is None else self.account.find(self.device_id)
        if seen is None:
            remedy = "Use an account that owns it: without USB only the cloud can tell who it is"
            raise CapabilityMissing(Capability.USB, board=self.label, remedy=remedy)
        self.journal.did("asked the cloud who the board is")
        found = Identity(self.device_id, self.platform.display_name, os_version=seen.os_version)
        self.saw(str(found))
        return found

    def os_version(self) -> str | None:
        """The Device OS version that the board reports (to the cloud, if it is on no USB), or None in DFU mode."""
        return self.requests.system_version() if self._usb is not None else self._identity_in_cloud().os_version

    def mode(self) -> Mode:
        """The mode that the witnesses agree on now.

        Without an LED, `Mode.RUNNING` stands for every mode of a running Device OS but listening mode, and safe mode where it is seen.
        On no USB it also stands for whatever nobody can tell.
        """
        now, witnesses = replace(self.epoch, stale=None, stale_session=None), self.witnesses
        for mode in witnesses.distinguishes():
            if witnesses.look(mode, now)[0]:
                return mode
        return Mode.RUNNING

    @property
    def witnesses(self) -> Witnesses:
        """Who can tell what mode the board is in."""
        account, usb, console = self.account, self._usb, self._console
        requests = self._requests if self.platform.control_requests else None
        return Witnesses(
            usb=usb.entry if usb is not None else None,
            usb_text=usb.describe if usb is not None else self._state,
            serial=console.entry if usb is None and console is not None else None,
            led=self._led.describe if self._led is not None else None,
            device_mode=requests.device_mode if requests is not None else None,
            cloud_status=requests.cloud_status if requests is not None else None,
            cloud=(lambda: cloud_view(account, self.device_id)) if account is not None else None,
            unmet_dependency=requests.unmet_dependency if requests is not None else None,
        )

    def cannot_witness(self, mode: Mode) -> CapabilityMissing | None:
        """The error of a wait for `mode`, if nobody can witness it on this board as it is now: whoever has to be asked is asked."""
        witnesses = self.witnesses
        if witnesses.cloud is not None and self._led is None and witnesses.needs_cloud(mode) and not self._is_visible():
            witnesses = replace(witnesses, cloud=None)
        missing = witnesses.can_witness(mode, self.epoch.boot)
        if missing is None and mode is Mode.SAFE and self._led is None and witnesses.cloud is None:
            normal = self.usb.state() is UsbState.NORMAL
            missing = None if normal and self.requests.unmet_dependency() else Capability.LED
        return None if missing is None else cannot_tell(missing, mode, self.label)

    def wait_for(
        self, mode: Mode | str, *, timeout: float | None = None, unless: Callable[[Sighting], bool] = lambda seen: False
    ) -> Sighting:
        """Let time pass until the board is in `mode`, as seen in the present epoch. A mode may be given by name, as in "online".

        Args:
            mode: the mode.
            timeout: seconds; by default what such a board may take.
            unless: whether something was seen after which there is no use in waiting; that is given back then.

        Raises:
            NotReached: not within `timeout` seconds; tells what was seen.
            CapabilityMissing: nobody can witness this mode on this kind of board.
        """
        mode = Mode(mode)
        seconds = timeout if timeout is not None else TIMEOUTS.get(mode, DEFAULT_TIMEOUT)
        witnesses = self.witnesses
        missing = witnesses.can_witness(mode, self.epoch.boot)
        if missing is not None:
            raise cannot_tell(missing, mode, self.label)
        last, agreed = Sighting(), False

        def look() -> Sighting | None:
            nonlocal last, agreed
            agreed, last = witnesses.look(mode, self.epoch)
            if last.missing is not None:
                raise cannot_tell(last.missing, mode, self.label)
            return last if agreed or unless(last) else None

        sign = SIGNS[mode].led
        wanted = f"{mode} ({' or '.join(sorted(sign))})" if sign and self._led is not None else str(mode)
        try:
            with told_on_failure(self):
                seen = self.until(look, timeout=seconds, awaited=wanted, seen=lambda: str(last))
        except NotReached as error:
            error.blame, error.remedy = diagnose(mode, last, [] if self._led is None else self.led_since_epoch())
            if mode is Mode.ONLINE and self._refusal is not None and (refusal := self._refusal(self.epoch.since)):
                error.seen += f", and in the cloud's log: {refusal}"
            raise
        self.saw(f"{mode}: {seen.told(led=False)}" if agreed else f"not {mode}, but {seen.told(led=False)}")
        return seen

    def until(self, look: Callable[[], T | None], *, timeout: float, awaited: str, seen: Callable[[], str], remedy: str = "") -> T:
        """Let time pass until `look()` gives something; see `harness.host.wait_until`. Its error names this board.

        Raises:
            NotReached: not within `timeout` seconds; tells what was `seen`.
        """
        port = self.port or None
        return wait_until(self.host, look, timeout=timeout, awaited=awaited, seen=seen, board=self.label, port=port, remedy=remedy)

    def enter_listening(self, by: By | str | None = None) -> None:
        """Bring a running board into listening mode; ends when it listens.

        By USB request or by holding MODE: unless told, the first that the board has.

        Raises:
            ValueError: there is no such way into listening mode.
        """
        mode_changes.enter_listening(self, by)

    def leave_listening(self) -> None:
        """End listening mode by USB request; ends when the board says that it does not listen."""
        mode_changes.leave_listening(self)

    def enter_dfu(self, by: By | str | None = None) -> None:
        """Bring the board into DFU mode; ends when its DFU identity is seen.

        By USB request, by its buttons, or by the serial port's speed: unless told, the first that the board has.

        Raises:
            ValueError: there is no such way into DFU mode.
        """
        mode_changes.enter_dfu(self, by)

    def leave_dfu(self) -> None:
        """Leave DFU mode as a host does; ends when the board runs Device OS again."""
        mode_changes.leave_dfu(self)

    def reset(self, by: By | str | None = None) -> None:
        """Reset the board; ends when it was seen to leave the bus and to run Device OS again.

        By USB request, by its RESET button, or by taking its power away: unless told, the first that the board has. One that is on no USB
        and was online is then waited for in the cloud, in a new session.

        Raises:
            ValueError: there is no such way to a reset.
        """
        mode_changes.reset(self, by)

    def enter_safe_mode(self) -> None:
        """Reset the board into safe mode by USB request; ends when it runs again, and breathes magenta where the LED can be seen."""
        mode_changes.enter_safe_mode(self)

    def build(self, application: type[Any], *, product: tuple[int, int] | None = None) -> bytes:
        """The user part that runs an application written as a Python class (`particle_hil.Application`): to flash, or to upload.

        `product` is PRODUCT_ID and PRODUCT_VERSION, unless the class says them.

        Raises:
            CapabilityMissing: it is a real board.
        """
        return self._has(self._build, Capability.APPLICATION)(application, product)

    def flash(
        self,
        *images: bytes | str | Path,
        release: Sequence[bytes | str | Path] = (),
        by: Way | str | None = None,
        leave: bool = True,
        fit: bool = False,
    ) -> None:
        """Write modules to the board, in the order in which they depend on each other; ends when it runs Device OS and reports them.

        All of them are checked before anything is erased. When the board is unplugged meanwhile, it has a minute to come back.

        Args:
            images: files or their bytes: modules, several combined in one, compressed ones, Intel HEX, bundles.
            release: the modules of a Device OS release, likewise. Of them a bootloader is only moved up, and user parts are left out.
            by: `dfu`, `usb` (control requests) or `ota` for all of them; without it each goes as the board takes it, over DFU where it can.
            leave: whether a board that was written to over DFU leaves DFU mode in the end.
            fit: whether to refuse what would not run on what the board has, too, as `particle-hil flash` does.

        Raises:
            ImageRefused: one of them must not be written; none was.
            ChangesNotAllowed: it is a real board.
            CapabilityMissing: it cannot be reached that way.
            RequestRefused: Device OS does not take one of them.
            NotInstalled: the board has something else afterwards.
        """
        flashing.flash(self, images, release=release, by=by, leave=leave, fit=fit)

    def update_device_os(self, files: Sequence[bytes | str | Path]) -> None:
        """Install the modules of a Device OS version, up or down; see `harness.flashing.writing.update_device_os`."""
        flashing.update_device_os(self, files)

    def set_wifi(self, ssid: str, password: str = "", *, security: int | None = None) -> None:
        """Give the board Wi-Fi credentials over its serial console, in listening mode; it then leaves that mode and connects.

        `security` is the number of the console's menu (0 unsecured, 1 WEP, 2 WPA, 3 WPA2), for networks that the board's own scan does
        not find; WPA2 unless told, and unsecured without a password.
        """
        if security is not None and security not in set(WifiSecurity):
            raise HarnessError(
                str(no_such("kind of security", security, [f"{each.value} ({each.name.lower()})" for each in WifiSecurity])),
                board=self.label,
                blame=Blame.REQUEST,
            )
        self.must_allow_changes("store Wi-Fi credentials", Capability.SERIAL)
        self.journal.did(f"gave it the credentials of the network {ssid!r} over the serial console")
        self.console.set_wifi(ssid, password, security=security if security is not None else 3 if password else 0)
        self.begin_epoch("Wi-Fi credentials were given")

    def claim_bit(self) -> bool:
        """Whether it says that it was claimed once, asked as a set-up program does; see `harness.softap.claim_bit`."""
        return claim_bit(self)

    def set_claim_code(self, code: str) -> None:
        """Store a claim code of 63 characters by USB request; the board brings it along when it connects next."""
        self.must_allow_changes("store a claim code", Capability.USB)
        self.code_given = follow_ups.code_given(self)
        self.journal.did("gave it a claim code (control request 200)")
        self.requests.set_claim_code(code)

    def wait_for_claim(self, *, timeout: float = follow_ups.CLAIM_TIMEOUT) -> CloudDevice:
        """Let time pass until the account owns the board; see `harness.follow_ups.wait_for_claim`."""
        return follow_ups.wait_for_claim(self, timeout=timeout)

    def wait_for_code_used(self, *, timeout: float = follow_ups.CLAIM_TIMEOUT) -> None:
        """Let time pass until the claim code that the board was given has been used; see `harness.follow_ups.wait_for_code_used`."""
        follow_ups.wait_for_code_used(self, timeout=timeout)

    def updating(self, *images: bytes | str | Path, timeout: float = flashing.UPDATE_TIMEOUT) -> AbstractContextManager[None]:
        """Wraps whatever begins an update over the air, and ends when that is done; see `harness.flashing.over_the_air.updating`."""
        return flashing.updating(self, images, timeout=timeout)

    def update_over_the_air(self, *images: bytes | str | Path, timeout: float = flashing.UPDATE_TIMEOUT) -> None:
        """Have the cloud send modules to the board; see `harness.flashing.over_the_air.update_over_the_air`."""
        flashing.update_over_the_air(self, images, timeout=timeout)

    def point_at(
        self, server: DeviceServer, account: Account | None = None, *, new_key: bool = False, over: Over | str = Over.DFU
    ) -> AbstractContextManager[None]:
        """Take the board to another cloud while the context lasts; what it kept of its own is put back afterwards.

        It is put back also when the test fails, and, if this process ends before, by the next run that opens the board. In the context
        `account` watches it, which is a user of that cloud. See `harness.pointing`.

        Args:
            server: the other cloud, from where the board is.
            account: who sees the board there; None: nobody.
            new_key: give it another key of its own, too, and have `account` register it: for a cloud that knows the board by another key.
            over: `dfu`, or `request` for control requests, which boards of Gen 2 answer.

        Raises:
            ChangesNotAllowed: it is a real board.
            HarnessError: the board cannot be taken there so.
        """
        return pointing.pointed_at(self, server, account, new_key=new_key, over=over)

    def setup_done(self) -> None:
        """Mark the board as set up. Only Gen 3 boards have that mark; for the others this does nothing, as in particle-cli (3.49.2)."""
        if self.platform.generation == 3:
            self.must_allow_changes("mark it as set up", Capability.USB)
            self.journal.did("marked it as set up (control request 73)")
            self.requests.set_setup_done(done=True)

    def mac(self) -> str:
        """The MAC address of its Wi-Fi, as the serial console tells it in listening mode, in lower case with colons; all zeros without."""
        return self.console.mac()

    def iccid(self) -> str:
        """The number of the SIM in it, as the serial console tells it; the board listens then.

        Raises:
            HarnessError: there is none in it, or it has no modem.
        """
        if not self.platform.has(Feature.CELLULAR):
            raise HarnessError("it has no SIM", board=self.label, seen="boards of its platform have no modem", blame=Blame.REQUEST)
        listen(self)
        found = self.console.identify().iccid
        if found is None:
            raise HarnessError("it tells of no SIM", board=self.label, seen="no ICCID on its serial console", remedy="Put one in")
        return found

    def brought_back(self, cause: str = "it was brought back to its first state") -> None:
        """The board is not as it was: nothing that was known of it holds any more."""
        self.begin_epoch(cause, boot=Boot.UNKNOWN)
        self.journal.clear()
        if self._console is not None:
            self._console.said.clear()
        self.code_given = None

    def handed_out(self) -> None:
        """The board was given to a test as it is: what happened before is none of that test's, but for a reset that is still to come."""
        self.epoch = replace(self.epoch, number=self.epoch.number + 1, since=self.host.clock.now())
        self.journal.clear()

    def disturbed(self) -> None:
        """Something was changed that may go on by itself, such as an update over the air: how its boot goes on nobody knows any more."""
        self.epoch = replace(self.epoch, boot=Boot.UNKNOWN)

    def begin_epoch(self, cause: str, *, ends: UsbEntry | None = None, ends_session: str | None = None, boot: Boot | None = None) -> None:
        """Begin a new epoch: from now on only what is seen after `cause` counts.

        Args:
            cause: what begins it.
            ends: the enumeration that it will end.
            ends_session: the session with the cloud that it will end; see `cloud_session`.
            boot: how the boot begins that runs from now on; None: the same one goes on.
        """
        boot = self.epoch.boot if boot is None else boot
        self.epoch = Epoch(self.epoch.number + 1, self.host.clock.now(), cause, ends, boot, ends_session)

    def cloud_session(self) -> str | None:
        """The session that a board on no USB has with the cloud now, by the time of its handshake; None: none that anybody can see."""
        if self._usb is not None or self.account is None:
            return None
        view = cloud_view(self.account, self.device_id)
        return view.session if view is not None and view.online else None

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

    def must_allow_changes(self, change: str, through: Capability | None = None) -> None:
        """Refuse to change a real board for good unless that was allowed. `through` is what the change is made through.

        Raises:
            CapabilityMissing: the board has not got that, so nothing is going to be changed.
            ChangesNotAllowed: it was not.
        """
        if through is not None and through not in self.capabilities:
            raise CapabilityMissing(through, board=self.label)
        if not self.allow_changes:
            raise ChangesNotAllowed(change, board=self.label)
        note(change, lasting=True)

    def led_since_epoch(self) -> list[str]:
        """What the LED has shown in the present epoch, in order: how modes that pass quickly are asserted."""
        return [change.text for change in self.led.timeline() if change.time >= self.epoch.since]

    def saw(self, text: str) -> None:
        """Write into the journal what was seen, with the LED."""
        self.journal.saw(text, led=self._led.describe() if self._led is not None else None)

    def _has(self, thing: T | None, capability: Capability, remedy: str = "") -> T:
        if thing is None:
            raise CapabilityMissing(capability, board=self.label, remedy=remedy)
        return thing

    def _is_visible(self) -> bool:
        """Whether the account may see the board in the cloud."""
        return self.account is not None and self.account.find(self.device_id) is not None
