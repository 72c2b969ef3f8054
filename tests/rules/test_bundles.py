"""Bundles over the air: the application first, then one after the other what it lacks, until the board runs it."""

import hashlib
import json
import random
import zipfile
from io import BytesIO

import pytest

from emulator.cloud import Storage
from emulator.device_os.assets import Assets
from firmware_images.assets import build_asset
from firmware_images.bundle import make_bundle
from firmware_images.combine import combine
from firmware_images.compress import compress_module
from firmware_images.device_rules import ModuleError
from firmware_images.module import read_module
from harness.lab.seen_by_cloud import SeenByCloud
from particle_protocol.control_requests.codes import Result
from particle_protocol.describe import DescribedAsset

OS = "6.2.0"
SOUNDS = {"beep.wav": b"beep " * 1000, "buzz.wav": b"buzz " * 1000}
NOISE = random.Random(1).randbytes
STARTED, SUCCESS, FAILED = "started ", "success ", "failed "


@pytest.fixture
def bench(make_bench):
    return make_bench("boron")


@pytest.fixture
def owner(bench):
    return bench.developer("owner")


@pytest.fixture
def board(bench, owner):
    made = bench.online(os=OS)
    assert owner.claim(made).status_code == 200
    return made


def files_of(board):
    application = board.firmware.application
    return {asset.name: application.read_asset(asset.name) for asset in application.assets()}


def statuses(stream):
    return [data for _, data in stream.said("spark/flash/status")]


def running(bench, board, version):
    bench.until(
        lambda: getattr(board.firmware.application, "version", 0) == version and board.led.describe() == "breathing cyan", "it runs"
    )
    bench.sleep(5)


def test_a_bundle_ends_with_an_application_that_runs_and_has_its_files(bench, owner, board):
    heard = owner.listen()
    assert owner.flash(board, make_bundle(bench.lamp(1, os=OS), SOUNDS)).json()["status"] == "Update started"
    running(bench, board, 1)
    assert files_of(board) == SOUNDS
    assert statuses(heard) == [STARTED, SUCCESS] * 3
    lacked = [[asset["name"] for asset in json.loads(event.data)["missing_assets"]] for event in heard.heard("spark/status/safe-mode")]
    assert lacked == [["beep.wav", "buzz.wav"], ["buzz.wav"]]
    later = make_bundle(bench.lamp(2, os=OS), {**SOUNDS, "beep.wav": b"another beep"})
    owner.flash(board, later)
    running(bench, board, 2)
    assert files_of(board) == {**SOUNDS, "beep.wav": b"another beep"}
    assert statuses(heard) == [STARTED, SUCCESS] * 5, "what the board has already is not sent again"


def test_a_released_bundle_reaches_a_member_with_all_its_files_and_no_file_is_sent_for_what_it_shall_not_run(bench, owner):
    fleet = bench.fleet(owner)
    versions = {number: make_bundle(fleet.firmware(number, os=OS), {f"{number}.txt": b"text"}) for number in (1, 2)}
    for number, bundle in versions.items():
        assert fleet.upload(number, bundle).status_code == 201
    pilot = bench.board(os=OS, mode="off")
    fleet.add(pilot)
    fleet.put(pilot, desired_firmware_version=2)
    pilot.power_on()
    fleet.reaches(pilot, 2)
    assert files_of(pilot) == {"2.txt": b"text"}
    assert fleet.release(2).status_code == 200
    with zipfile.ZipFile(BytesIO(versions[1])) as archive:
        board = bench.board(os=OS, user=archive.read("application.bin"), mode="off")
    fleet.add(board)
    heard = owner.listen(f"{fleet.path}/events")
    board.power_on()
    fleet.reaches(board, 2)
    bench.sleep(5)
    assert files_of(board) == {"2.txt": b"text"}
    assert statuses(heard) == [STARTED, SUCCESS] * 2, "nothing for version 1"


def test_files_of_released_firmware_outlive_the_cloud(make_bench, tmp_path):
    before = make_bench("boron", storage=Storage(tmp_path / "state.db"))
    fleet = before.fleet(before.developer("owner"))
    assert fleet.upload(1, make_bundle(fleet.firmware(1, os=OS), SOUNDS)).status_code == 201
    before.lab.close()
    after = make_bench("boron", storage=Storage(tmp_path / "state.db"))
    asked = DescribedAsset("beep.wav", hashlib.sha256(SOUNDS["beep.wav"]).digest())
    module = after.cloud.asset_shelf.module(asked)
    assert module == build_asset("beep.wav", SOUNDS["beep.wav"])
    assert after.cloud.asset_shelf.module(asked) is module, "boards that ask for the same share it"


def test_a_file_that_the_board_refuses_does_not_keep_the_others_from_it(bench, owner, board, monkeypatch):
    """What is announced as larger than an asset may be is refused before it is sent."""
    monkeypatch.setattr(Assets, "prepare", lambda assets, size, function: Result.TOO_LARGE if size > 4000 and function == 9 else Result.OK)
    heard = owner.listen()
    owner.flash(board, make_bundle(bench.lamp(1, os=OS), {"large.bin": NOISE(8000), "small.txt": b"small"}))
    bench.sleep(60)
    assert statuses(heard) == [STARTED, SUCCESS, STARTED, FAILED, STARTED, SUCCESS, STARTED, FAILED]
    assert [asset.name for asset in board.firmware.assets.available] == ["small.txt"]
    assert board.firmware.safe_mode


def test_a_file_that_the_board_cannot_store_comes_again_after_the_others(bench, owner, board, monkeypatch):
    """It is noticed only after the transfer was answered, so the cloud takes it for arrived; there is nothing to reset for."""
    store = Assets.store
    monkeypatch.setattr(Assets, "store", lambda assets, data: ModuleError.FAILED if b"bad.bin" in data else store(assets, data))
    owner.flash(board, make_bundle(bench.lamp(1, os=OS), {"bad.bin": NOISE(500), "good.txt": b"good", "more.txt": b"more"}))
    bench.sleep(30)
    assert board.firmware.safe_mode
    for _ in range(2):
        board.power_off()
        board.power_on()
        bench.sleep(60)
    assert sorted(asset.name for asset in board.firmware.assets.available) == ["good.txt", "more.txt"]


def test_a_lone_asset_can_be_flashed(bench, owner, board):
    assert owner.flash(board, build_asset("beep.wav", b"beep")).status_code == 200
    bench.sleep(30)
    assert [asset.name for asset in board.firmware.assets.available] == ["beep.wav"]


@pytest.mark.parametrize(
    "pack",
    [lambda image: compress_module(read_module(image)), lambda image: combine([read_module(image)] * 2)],
    ids=["compressed", "combined"],
)
def test_packed_modules_go_to_boards_that_take_them_only(bench, owner, board, pack):
    image = bench.lamp(1, os=OS)
    assert owner.flash(board, pack(image)).status_code == 200
    running(bench, board, 1)
    old = bench.online(os="1.5.2")
    owner.claim(old)
    answer = owner.flash(old, pack(bench.lamp(1, os="1.5.2")))
    assert answer.status_code >= 400
    assert "neither compressed modules nor several" in answer.text


def test_a_stand_in_for_a_device_os_without_assets_carries_none(bench, owner, board):
    answer = owner.flash(board, make_bundle(bench.lamp(1, os="5.4.1"), SOUNDS))
    assert answer.status_code == 400
    assert "which knows no assets" in answer.text


def test_what_nobody_has_is_told_to_whoever_waits_for_the_board(bench, owner, board):
    with zipfile.ZipFile(BytesIO(make_bundle(bench.lamp(1, os=OS), SOUNDS))) as archive:
        owner.flash(board, archive.read("application.bin"))
    bench.settle(board, "breathing magenta")
    told = SeenByCloud(bench.lab, board.device_id, None).refusal(0.0)
    assert (
        told == "its application misses asset 'beep.wav', asset 'buzz.wav', which the cloud has not got; flash or upload the whole bundle"
    )
