"""Particle's own Device OS and Tinker on boards of Gen 3: up, down by explicit target, and out of safe mode.

Of Gen 3 the public packages have whole releases of 1.4.0 to 2.2.0, 4.0.1 and 4.0.2, but none of 2.3.1.
"""

import pytest

from emulator.cloud.healing import LibraryContents
from firmware_images.edit import Changes, edit_module
from firmware_images.fields import Dependency, ModuleFunction
from firmware_images.module import as_it_lies, read_module
from firmware_images.softdevice import build_radio_stack, make_softdevice
from harness.firmware_store import FirmwareUnavailable, Reason, release, tinker

OLD, NEW = "2.2.0", "4.0.2"
EVERY = [(name, way) for name in ("argon", "boron", "tracker") for way in ("over the air", "by DFU")]


@pytest.fixture
def real():
    """`real(platform, version)`: the modules of a release, or Tinker; a skip where they cannot be had."""

    def fetch(platform, version="tinker"):
        try:
            if version == "tinker":
                return tinker(platform).read_bytes()
            return [path.read_bytes() for path in release(platform, version).files]
        except FirmwareUnavailable as error:
            if error.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
                pytest.skip(str(error))
            raise

    return fetch


@pytest.fixture
def needing(real):
    """Real Tinker, but for what it says that it needs."""

    def make(name, version):
        module = read_module(real(name))
        return edit_module(module, Changes(dependencies=(Dependency(ModuleFunction.SYSTEM_PART, 1, version),)))

    return make


def there(board, images):
    """Whether the internal flash holds each of these modules, byte for byte."""
    flash = board.flashes["internal"]
    return [flash.read(place, len(content)) == content for place, content in (as_it_lies(read_module(image)) for image in images)]


def travels(bringing, way, images):
    """Over the air one by one, in the order of the release; by USB as hosts do it: the bootloader by control requests, the rest by DFU."""
    if way == "by DFU":
        for image in images:
            if _function(image) is ModuleFunction.BOOTLOADER:
                list(bringing.by_usb(image))
        bringing.bench.hold(bringing.board, 4)
        bringing.write([image for image in images if _function(image) is not ModuleFunction.BOOTLOADER])
    else:
        for image in images:
            bringing.image, bringing.module = image, read_module(image)
            bringing.bring()
            bringing.settle()
    begun = bringing.lab.clock.now
    bringing.wait(lambda: bringing.healthy and bringing.online, "health")
    assert bringing.lab.clock.now - begun < 30, "a session that leads nowhere is not tried again and again"


@pytest.mark.parametrize(("name", "way"), EVERY)
def test_real_device_os_goes_up_and_down(bring, real, name, way):
    old, new, application = real(name, OLD), real(name, NEW), real(name)
    with bring(name, OLD, "normal", application, [*old, application]) as bringing:
        board = bringing.board
        for version, images in ((NEW, new), (OLD, old)):
            travels(bringing, way, images)
            assert board.firmware.version == version
            assert there(board, [*images, application]) == [True] * (len(images) + 1)
        assert not bringing.lab.cloud.updates.takes_stand_ins(board.device_id)


@pytest.mark.parametrize("name", ["argon", "boron", "tracker"])
def test_a_tinker_that_wants_a_newer_device_os_gets_it_in_real_files(bring, real, needing, name):
    """Its SoftDevice and bootloader are old: the radio stack of 1.0 and the bootloader of the oldest release that there are files of."""
    old, new, application = real(name, OLD), real(name, NEW), needing(name, 4006)
    platform_id = read_module(application).prefix.platform_id
    oldest = next(image for image in real(name, "1.5.0" if name != "tracker" else "2.0.0") if _function(image) is ModuleFunction.BOOTLOADER)
    softdevice = build_radio_stack(make_softdevice(111, b"an old one".ljust(20, b"\0")), platform_id)
    modules = [*old, application, softdevice, oldest]
    with bring(name, OLD, "off", application, modules) as bringing:
        board, library = bringing.board, bringing.lab.cloud.library
        library.fill(LibraryContents({}, {}))
        for image in new:
            library.add(image)
        board.power_on()
        bringing.wait(lambda: board.led.describe() == "breathing magenta", "safe mode")
        assert board.firmware.application is None
        bringing.wait(lambda: bringing.healthy and bringing.online, "health")
        bringing.bench.sleep(5)
        wanted = [image for image in new if name != "tracker" or _function(image) is not ModuleFunction.RADIO_STACK]
        assert (board.firmware.version, there(board, wanted)) == (NEW, [True] * len(wanted))


def _function(image):
    return read_module(image).prefix.function
