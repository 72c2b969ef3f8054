"""A board of Gen 3 whose application needs what it has not got: safe mode, and what its cloud sends until the application runs."""

import json
from itertools import groupby

import pytest

from emulator.cloud.device_service.session import Session
from emulator.cloud.healing import LibraryContents
from emulator.device_os.application import Application, function
from emulator.factory import device_os_release, user_part
from particle_protocol.platforms import platform_by_name


class Lamp(Application):
    @function
    def switch(self, argument: str) -> int:
        return len(argument)


AT_BOOT = [
    ("argon", "4.0.2", "5.4.0", {"bootloader": 501, "softdevice": 111}, ["a0@202", "b0@2002", "s1@5400"]),
    ("boron", "4.0.2", "5.4.0", {"bootloader": 501, "softdevice": 111}, ["b0@2002", "a0@202", "s1@5400"]),
    ("boron", "0.9.0", "2.3.1", {}, ["b0@1005", "s1@1321", "a0@202", "s1@2302"]),
    ("tracker", "3.3.1", "4.0.2", {"bootloader": 501, "ncp": 5}, ["b0@1101", "c0@7", "s1@4006"]),
    ("tracker", "4.0.2", "4.0.2", {"ncp": 5}, ["c0@7"]),
]
AFTER_UPDATE = [
    ("argon", "4.0.2", "5.4.0", {}, ["b0@2002", "s1@5400"]),
    ("boron", "1.5.2", "2.3.1", {}, ["b0@1005", "s1@2302"]),
    ("tracker", "4.0.2", "6.2.0", {}, ["b0@3100", "s1@6200"]),
]


@pytest.fixture
def told(monkeypatch):
    """What the cloud tells of its devices, from the moment on that it is asked to with a cloud."""

    def listen(cloud):
        heard = []
        from_device = cloud.events.from_device

        def hear(device, name, data, *args, **more):
            heard.append((name, data))
            return from_device(device, name, data, *args, **more)

        monkeypatch.setattr(cloud.events, "from_device", hear)
        return heard

    return listen


def sent(heard):
    """The modules that devices were sent to heal them."""
    updates = (json.loads(data) for name, data in heard if name == "spark/safe-mode-updater/updating")
    return [f"{each['function']}{each['index']}@{each['version']}" for each in updates]


@pytest.mark.parametrize(("name", "old", "new", "versions", "order"), [*AT_BOOT, *AFTER_UPDATE], ids=str)
def test_an_application_that_needs_a_newer_device_os_gets_it_step_by_step(bring, told, name, old, new, versions, order):
    application = user_part(platform_by_name(name), new, application="lamp")
    comes = (name, old, new, versions, order) in AFTER_UPDATE
    with bring(name, old, "off", application, () if comes else (application,), lamp=Lamp, **versions) as bringing:
        heard, board, connections = told(bringing.lab.cloud), bringing.board, bringing.lab.cloud.connections
        board.power_on()
        if comes:
            bringing.settle()
            bringing.bench.sleep(2)
            bringing.send()
        bringing.wait(lambda: board.led.describe() == "breathing magenta", "safe mode")
        assert (board.firmware.safe_mode, board.firmware.application) == (True, None)
        assert not connections.presence(board.device_id).functions
        bringing.wait(lambda: bringing.healthy, "health")
        bringing.bench.sleep(2)
        assert (sent(heard), board.firmware.version) == (order, new)
        updates = [status for name, status in heard if name == "spark/flash/status"]
        assert updates == ["started ", "success "] * (len(order) + comes)
        assert sum(name == "spark/status/safe-mode" for name, _ in heard) == len(order)
        assert (type(board.firmware.application), connections.presence(board.device_id).functions) == (Lamp, ("switch",))
        modes = [str(change.status) for change in board.led.timeline if "breathing" in str(change.status)]
        assert [mode for mode, _ in groupby(each for each in modes if each.endswith(("magenta", "cyan")))][-2:] == [
            "breathing magenta",
            "breathing cyan",
        ]


def test_a_board_that_cannot_have_what_it_needs_stays_in_safe_mode_and_the_reason_is_named(bring, told):
    application = user_part(platform_by_name("tracker"), "4.0.2")
    with bring("tracker", "4.0.2", "off", application, (application,), ncp=5) as bringing:
        heard, board, library = told(bringing.lab.cloud), bringing.board, bringing.lab.cloud.library
        library.fill(LibraryContents({}, {}))
        for image in device_os_release(board.platform, "4.0.2"):
            library.add(image)
        board.power_on()
        bringing.wait(lambda: board.led.describe() == "breathing magenta", "safe mode")
        bringing.bench.sleep(600)
        why = "it misses ncp 0 version 7 or later, which is not in the library"
        assert [json.loads(data) for name, data in heard if name == "spark/safe-mode-updater/failed"] == [{"reason": why}]
        assert (board.led.describe(), board.boots, sent(heard)) == ("breathing magenta", 1, [])


@pytest.mark.parametrize(("name", "os", "wanted"), [("photon", "2.1.0", "2.3.1"), ("boron", "2.3.1", "3.0.0"), ("argon", "4.0.2", "5.4.0")])
def test_a_board_that_refuses_what_it_is_sent_is_not_sent_it_for_ever(bring, told, monkeypatch, name, os, wanted):
    """What the cloud sends arrives as something else, so that the board takes none of it."""
    application = user_part(platform_by_name(name), wanted)
    with bring(name, os, "off", application, (application,)) as bringing:
        heard, board = told(bringing.lab.cloud), bringing.board
        flash = Session.flash
        monkeypatch.setattr(Session, "flash", lambda self, image: flash(self, image[:200] + bytes(len(image) - 200)))
        board.power_on()
        for _ in range(6):
            bringing.wait(lambda: board.led.describe() == "breathing magenta", "safe mode")
            bringing.bench.sleep(100)
            board.reset(board.reset_reason)
        assert len(sent(heard)) == 3
        reasons = {json.loads(data)["reason"] for name, data in heard if name == "spark/safe-mode-updater/failed"}
        assert len(reasons) == 1
        assert "which it needs, was sent 3 times in vain: device" in reasons.pop()
