"""What the harness can do with an emulated board beside its USB connector: its buttons, LED and power, and firmware for it."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.board.board import Board as EmulatedBoard
from emulator.drivers import Driver
from emulator.factory import device_os_release, user_part
from emulator.hardware import hardware_of
from emulator.lab import Lab
from harness.board import Board
from harness.capabilities import Extras, LedChange, LogLine, Releases
from harness.errors import Blame, HarnessError
from harness.hiding import hides
from harness.lab.applications import build
from harness.lab.host import EmulatedHost
from harness.lab.seen_by_cloud import SeenByCloud
from harness.releases import own_release
from particle_protocol.os_versions import known_releases
from particle_protocol.platforms import Platform

__tracebackhide__ = hides


class LabButtons:
    """The buttons of an emulated board."""

    def __init__(self, driver: Driver, board: EmulatedBoard) -> None:
        self._driver = driver
        self._buttons = board.buttons

    def press_mode(self) -> None:
        """See `Buttons.press_mode`."""
        self._driver.call(self._buttons.press_mode)

    def release_mode(self) -> None:
        """See `Buttons.release_mode`."""
        self._driver.call(self._buttons.release_mode)

    def press_reset(self) -> None:
        """See `Buttons.press_reset`."""
        self._driver.call(self._buttons.press_reset)

    def release_reset(self) -> None:
        """See `Buttons.release_reset`."""
        self._driver.call(self._buttons.release_reset)


class LabLed:
    """The LED of an emulated board."""

    def __init__(self, driver: Driver, board: EmulatedBoard) -> None:
        self._driver = driver
        self._led = board.led

    def describe(self) -> str:
        """See `Led.describe`."""
        return self._driver.call(self._led.describe)

    def timeline(self) -> list[LedChange]:
        """See `Led.timeline`."""
        return [LedChange(change.time, str(change.status)) for change in self._driver.call(lambda: self._led.timeline)]


class LabPower:
    """The power supply of an emulated board."""

    def __init__(self, driver: Driver, board: EmulatedBoard) -> None:
        self._driver = driver
        self._board = board

    def on(self) -> None:
        """See `Power.on`."""
        self._driver.call(self._board.power_on)

    def off(self) -> None:
        """See `Power.off`."""
        self._driver.call(self._board.power_off)


class LabSimSlot:
    """The SIM slot of an emulated board."""

    def __init__(self, lab: Lab, board: EmulatedBoard) -> None:
        self._lab = lab
        self._device_id = board.device_id

    def insert(self, iccid: str | None = None) -> str:
        """See `SimSlot.insert`.

        Raises:
            HarnessError: that SIM is in another board.
        """
        try:
            return self._lab.insert_sim(self._device_id, iccid)
        except ValueError as error:
            raise HarnessError(str(error), blame=Blame.REQUEST) from error

    def remove(self) -> None:
        """See `SimSlot.remove`."""
        self._lab.remove_sim(self._device_id)


class BuiltReleases:
    """Firmware that the emulator builds, with the places, versions and dependencies of the real one; files of one's own come before it."""

    def __init__(self, platform: Platform, own: Sequence[bytes] = ()) -> None:
        self._platform = platform
        self._own = own
        self.default_os = hardware_of(platform).device_os

    def device_os(self, version: str) -> Sequence[bytes]:
        """See `Releases.device_os`."""
        own, missing = own_release(self._own, self._platform, version)
        return own if own and not missing else device_os_release(self._platform, version)

    def application(self) -> bytes:
        """See `Releases.application`. It fits every Device OS there is, as the real Tinker does."""
        return user_part(self._platform, known_releases(self._platform)[0].version)


def board_on(host: EmulatedHost, port: str, moniker: str = "emu:photon", releases: Releases | None = None) -> Board:
    """The harness's view of the board at a port of an emulated host, with its buttons, LED and power switch."""
    emulated = host.boards[port]
    driver = host.driver
    seen = SeenByCloud(host.lab, emulated.device_id, emulated.outgoing)
    extras = Extras(
        LabButtons(driver, emulated),
        LabLed(driver, emulated),
        LabPower(driver, emulated),
        LabSimSlot(host.lab, emulated) if host.lab.has_sim_slot(emulated.device_id) else None,
        releases if releases is not None else BuiltReleases(emulated.platform),
        seen.refusal,
        lambda since: [*seen.log(since), *driver.call(_usb_log, host, port, since)],
        takes_stand_ins=emulated.takes_stand_ins,
        build=lambda application, product: build(host.lab, emulated.platform, application, product),
        lasting=False,
        surroundings=host.surroundings,
    )
    return Board(host, emulated.platform, emulated.device_id, moniker=moniker, port=port, allow_changes=True, extras=extras)


def _usb_log(host: EmulatedHost, port: str, since: float) -> list[LogLine]:
    """What the host's kernel noted of a port since a moment."""
    lines = [(float(stamp.strip(" [")), text.strip()) for stamp, _, text in (line.partition("]") for line in host.usb_host.log)]
    since = round(since, 6)  # as the kernel writes times: what it notes at that very moment is not before it
    return [LogLine(when, "USB", text) for when, text in lines if when >= since and f" {port}:" in text]
