"""The power goes away at any write to any flash while a module of any kind comes, and the board is not lost.

Whatever was being written, and wherever: the board comes up in DFU mode, in safe mode or healthy, and is brought to what it was to become.
"""

from dataclasses import dataclass

import pytest

from emulator.board.flash import CutPhase
from emulator.device_os.installers import ESP32
from emulator.factory import device_os_release, user_part
from emulator.hardware import hardware_of
from firmware_images.build import build_module
from firmware_images.fields import ModuleFunction
from firmware_images.module import read_module
from firmware_images.softdevice import build_radio_stack, make_softdevice
from particle_protocol.platforms import parse_os_version, platform_by_name

NO_NCP_SINCE = (5, 6, 0)
BODY = b"\xa5" * 9000
"""Of the modules that come: more than two sectors of the flashes that have small ones."""


@dataclass(frozen=True)
class Sweep:
    """A module that comes to a board, by one way."""

    platform: str
    os: str
    way: str
    image: bytes
    modules: tuple[bytes, ...] = ()
    """What the board has in place of what goes with its release."""

    def __str__(self):
        prefix = read_module(self.image).prefix
        return f"{self.platform} {self.os} {self.way} {prefix.function.letter}{prefix.index}@{prefix.version}"


def modules_for(name, os):
    """One module of each kind that the platform has, other bytes than the board was made with."""
    platform = platform_by_name(name)
    for image in (*device_os_release(platform, os), user_part(platform, os)):
        prefix = read_module(image).prefix
        function, index, version, needs = prefix.function, prefix.index, prefix.version, prefix.dependencies
        if function is ModuleFunction.RADIO_STACK:
            softdevice = make_softdevice(version, b"another one".ljust(20, b"\0"))
            yield build_radio_stack(softdevice + BODY, platform.id, dependencies=needs)
        else:
            start = prefix.start_address
            yield build_module(platform.id, function, index, version, dependencies=needs, body=BODY, start_address=start)
    if hardware_of(platform).ncp is not None and parse_os_version(os) < NO_NCP_SINCE:
        yield build_module(platform.id, ModuleFunction.NCP, 0, 77, mcu_target=ESP32, body=BODY)


def boron(function, os):
    """A Boron's module of a kind, of a release."""
    built = (*device_os_release(platform_by_name("boron"), os), user_part(platform_by_name("boron"), os))
    return next(image for image in built if read_module(image).prefix.function is function)


def sweeps():
    """Every platform's kinds of modules, by both ways; updates over the air in each version of their protocol."""
    boards = (
        ("argon", "4.0.2"),
        ("boron", "2.3.1"),
        ("tracker", "5.5.0"),
        ("boron", "6.2.0"),
        ("photon", "2.3.1"),
        ("p1", "1.5.2"),
        ("electron", "2.3.1"),
    )
    for name, os in boards:
        for image in modules_for(name, os):
            function = read_module(image).prefix.function
            yield Sweep(name, os, "over the air", image)
            protected = function is ModuleFunction.BOOTLOADER and platform_by_name(name).generation == 2
            if function is not ModuleFunction.NCP and not protected:
                yield Sweep(name, os, "by DFU", image)
    newer = (boron(ModuleFunction.BOOTLOADER, "6.2.0"), boron(ModuleFunction.USER_PART, "5.4.0"))
    for way in ("over the air", "by DFU"):
        # Between these two the system part, the regions and the user part move.
        yield Sweep("boron", "5.4.0", way, boron(ModuleFunction.SYSTEM_PART, "6.2.0"), newer)
        yield Sweep("boron", "6.2.0", way, boron(ModuleFunction.SYSTEM_PART, "5.4.0"), newer)


SWEEPS = list(sweeps())


def points(bring, sweep):
    """Every write, to each flash, from the first piece of the module to the application that runs again; thrice each."""
    with bring(**vars(sweep)) as bringing:
        before = {name: flash.operations for name, flash in bringing.board.flashes.items()}
        bringing.bring()
        bringing.wait(lambda: bringing.healthy, "the module and its application")
        assert bringing.there
        writes = {name: flash.operations - before[name] for name, flash in bringing.board.flashes.items()}
    return [(name, number, phase) for name, most in writes.items() for number in range(most) for phase in CutPhase]


def cut(bring, sweep, name, operation, phase):
    """One point: the power goes away there, and comes back."""
    with bring(**vars(sweep)) as bringing:
        bringing.board.flashes[name].cut_power(operation, phase)
        bringing.bring()
        bringing.wait(lambda: bringing.healthy or not bringing.board.powered, "the power cut")
        assert not bringing.board.powered, "no such write"
        bringing.recover()


@pytest.mark.parametrize("sweep", SWEEPS, ids=str)
def test_a_cut_at_some_writes_of_an_update_costs_no_board(bring, sweep, tried):
    every = points(bring, sweep)
    start = SWEEPS.index(sweep) % 7
    some = every[start :: max(1, len(every) // 2)]
    for point in some:
        cut(bring, sweep, *point)
    tried(len(some), len(every))


@pytest.mark.soak
@pytest.mark.parametrize("sweep", SWEEPS, ids=str)
def test_a_cut_at_every_write_of_an_update_costs_no_board(bring, sweep, tried):
    every = points(bring, sweep)
    for point in every:
        cut(bring, sweep, *point)
    tried(len(every), len(every))
