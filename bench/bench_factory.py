"""A factory line, timed: a product, its devices added before they were ever online, and one board after the other flashed and claimed.

All boards are plugged in from the start. Everything is asked for over USB, serial and REST, as on a bench with real boards. Times are the
wall clock's, on one core; opening the boards is part of them. A line of 100 beside one of 1,000 shows how the time grows.
"""

import pytest

from harness.boards import OpenOptions, open_boards
from harness.cloud import Cloud
from harness.kit import Product
from harness.rack.lab_building import read_lab

LAB = '[account.line]\nuser = "line@example.com"\n\n[[organization]]\nslug = "lamps"\nowner = "line"\n'
"""An organization's products may have more devices than a developer's own."""


def run_line(count, lab):
    (rig,) = open_boards([f"emu:photon*{count}"], OpenOptions(lab=lab))
    cloud = Cloud(rig.cloud)
    account = cloud.own_account()
    product = Product.create(account, "Lamp", "photon", organization="lamps")
    product.add_devices(*[board.device_id for board in rig.boards])
    firmware = product.firmware(rig.boards[0].releases.application(), 1)
    for board in rig.boards:
        board.account = account
        board.flash(firmware)
        board.network.join(rig.wifi)
        board.wait_for("online")
        account.claim(board.device_id)
        board.power.off()
    assert {(device.owner, device.raw["firmware_version"]) for device in product.devices()} == {("line@example.com", 1)}
    cloud.close()
    rig.close()


@pytest.mark.benchmark(group="a factory line")
@pytest.mark.parametrize("count", [100, 1000])
def test_factory_line(benchmark, tmp_path, count):
    (tmp_path / "lab.toml").write_text(LAB)
    lab = read_lab(tmp_path / "lab.toml")
    run_line(1, lab)
    benchmark.pedantic(run_line, args=(count, lab), rounds=max(1, 300 // count))
    benchmark.extra_info["milliseconds per board"] = round(benchmark.stats.stats.min * 1000 / count, 2)
