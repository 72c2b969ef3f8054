"""Applications that disable updates over the air, and clouds that force them: what boards and cloud tell each other, and who gets what."""

import pytest

from emulator.device_os.application import Application, function
from emulator.factory import user_part

STARTED, SUCCESS, FAILED = "started ", "success ", "failed "


class Careful(Application):
    """Disables updates when it begins, and says what it knows of them."""

    version = 0

    def setup(self):
        self.disable_updates()

    @function
    def allow(self, argument: str) -> int:
        self.enable_updates() if argument == "yes" else self.disable_updates()
        return int(self.updates.enabled)

    @function
    def flags(self, argument: str) -> int:
        return sum(bit << n for n, bit in enumerate((self.updates.enabled, self.updates.forced, self.updates.pending)))


@pytest.fixture(params=[("photon", "2.3.1"), ("boron", "3.3.1"), ("boron", "6.2.0")], ids=lambda each: "-".join(each))
def site(make_bench, request):
    """A bench, the Device OS, and a board of a product that runs `Careful`."""
    platform, os = request.param
    bench = make_bench(platform)
    bench.lab.applications["Careful"] = Careful
    fleet = bench.fleet(bench.developer("owner"))
    fleet.prove(2, os=os)
    board = bench.board(os=os, user=user_part(bench.platform, os, "Careful", (fleet.id, 1)), mode="off")
    fleet.add(board)
    board.power_on()
    bench.settle(board)
    return bench, fleet, board


def test_what_an_application_says_of_updates_reaches_the_cloud_and_whoever_asks(site):
    bench, fleet, board = site
    heard = fleet.owner.listen(f"{fleet.path}/events")
    assert fleet.device(board)["firmware_updates_enabled"] is False
    assert fleet.call(board, "allow", "yes") == 1
    bench.sleep(2)
    assert fleet.device(board)["firmware_updates_enabled"] is True
    assert fleet.call(board, "allow", "no") == 0
    bench.sleep(2)
    assert [data for _, data in heard.said("particle/device/updates/enabled")] == ["true", "false"]


def test_a_file_sent_by_hand_is_refused_until_updates_are_allowed(site):
    bench, fleet, board = site
    heard = fleet.owner.listen(f"{fleet.path}/events/spark%2Fflash")
    image = fleet.firmware(2, os=board.firmware.version)
    assert fleet.owner.flash(board, image, fleet.path + "/devices").status_code == 200
    bench.sleep(10)
    assert [data for _, data in heard.said()] == [STARTED, FAILED]
    fleet.call(board, "allow", "yes")
    fleet.owner.flash(board, image, fleet.path + "/devices")
    fleet.reaches(board, 2)
    assert [data for _, data in heard.said()] == [STARTED, FAILED, STARTED, SUCCESS]


def test_a_release_is_pending_until_updates_are_allowed(site):
    bench, fleet, board = site
    heard = fleet.owner.listen(f"{fleet.path}/events/spark%2Fflash")
    assert fleet.call(board, "flags") == 0
    fleet.release(2, product_default=True, intelligent=True)
    bench.sleep(5)
    assert fleet.call(board, "flags") == 4, "it was told that an update is pending"
    assert heard.said() == []
    fleet.call(board, "allow", "yes")
    fleet.reaches(board, 2)


def test_forced_updates_come_all_the_same(site):
    bench, fleet, board = site
    heard = fleet.owner.listen(f"{fleet.path}/events/particle%2Fdevice%2Fupdates")
    assert fleet.put(board, firmware_updates_forced=True).status_code == 200
    bench.sleep(5)
    assert fleet.call(board, "flags") == 2
    assert heard.said() == [("particle/device/updates/forced", "true")]
    fleet.release(2, product_default=True, intelligent=True)
    fleet.reaches(board, 2)


def test_what_was_disabled_lasts_a_boot_and_what_was_forced_a_boot_too(site):
    bench, fleet, board = site
    fleet.put(board, firmware_updates_forced=True)
    bench.sleep(5)
    bench.point.link.down = True
    bench.sleep(60)
    assert board.firmware.update_flags.forced, "a lost connection changes nothing"
    assert not board.firmware.update_flags.enabled
    board.power_off()
    board.power_on()
    bench.sleep(1)
    assert (board.firmware.update_flags.enabled, board.firmware.update_flags.forced) == (True, False)
