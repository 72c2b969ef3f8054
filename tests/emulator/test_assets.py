"""Assets on a board: stored, asked for, missed, told, read by the application, and lost."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.board.file_system import FileSystem
from emulator.board.flash import CutPhase, Flash, FlashError, Sector
from emulator.cloud.sim_records import SimStatus
from emulator.device_os.application import Application
from emulator.factory import user_part
from firmware_images.asset_rules import read_stored_asset
from firmware_images.assets import build_asset, dependency_on
from firmware_images.device_rules import ModuleError
from firmware_images.edit import Changes, edit_module, set_assets
from firmware_images.fields import ModuleFlag, ModuleFunction
from firmware_images.module import read_module
from particle_protocol.control_requests import calls
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.errors import RequestError
from particle_protocol.control_requests.generated.storage_pb2 import GetAssetInfoReply, GetModuleInfoReply
from particle_protocol.dct import DctField
from particle_protocol.ota import UpdateFault
from particle_protocol.platforms import platform_by_name

BORON = platform_by_name("boron")
SOUNDS = {"beep.wav": b"beep " * 1000, "buzz.wav": b"buzz " * 1000}
NOISE = random.Random(1).randbytes


class Player(Application):
    told: list

    def assets_changed(self):
        self.told = sorted((asset.name, self.read_asset(asset.name)) for asset in self.assets())


def with_assets(assets=SOUNDS, platform=BORON, os="6.2.0", application="Player"):
    """An application that asks for these."""
    plain = user_part(platform, os, application)
    return set_assets(read_module(plain), [dependency_on(name, content) for name, content in assets.items()])


def receive(bench, board, image, function=None):
    """What the board answers to an image; the next boot has followed."""
    receiver = board.firmware.receiver
    receiver.resume(len(image), 0, function)
    receiver.write(0, image)
    result = receiver.finish()
    reboot(bench, board)
    return result


def reboot(bench, board):
    board.power_off()
    board.power_on()
    bench.sleep(2)


@pytest.fixture
def make(bench):
    bench.lab.applications["Player"] = Player

    def made(platform="boron", os="6.2.0", **more):
        board = bench.board(platform=platform, os=os, **more)
        board.settings.put(DctField.SETUP_DONE, b"\x01")
        bench.sleep(2)
        return board

    return made


def stored(board):
    return sorted(asset.name for asset in board.firmware.assets.available)


@pytest.mark.parametrize("platform", ["argon", "boron", "bsom", "b5som", "tracker", "esomx"])
def test_an_application_runs_once_all_its_assets_are_there(bench, make, platform):
    board = make(platform)
    assert receive(bench, board, with_assets(platform=board.platform)) == 0
    assert board.firmware.safe_mode
    assert [need.name for need in board.firmware.assets.missing] == ["beep.wav", "buzz.wav"]
    assert receive(bench, board, build_asset("beep.wav", SOUNDS["beep.wav"])) == 0
    assert board.firmware.safe_mode
    assert receive(bench, board, build_asset("buzz.wav", SOUNDS["buzz.wav"], compress=False)) == 0
    assert not board.firmware.safe_mode


def test_the_application_is_called_for_new_assets_until_it_has_dealt_with_them(bench, make):
    board = make(sim_status=SimStatus.ACTIVE)
    for image in (with_assets(), *(build_asset(*each) for each in SOUNDS.items())):
        receive(bench, board, image)
    for _ in range(2):
        bench.wait_led(board, "breathing cyan", timeout=120)
        assert board.firmware.application.told == sorted(SOUNDS.items())
        reboot(bench, board)
    bench.wait_led(board, "breathing cyan", timeout=120)
    board.firmware.application.assets_handled()
    reboot(bench, board)
    bench.wait_led(board, "breathing cyan", timeout=120)
    assert not hasattr(board.firmware.application, "told")


def test_an_asset_of_the_right_name_with_another_content_does_not_do(bench, make):
    board = make()
    receive(bench, board, with_assets())
    for name, content in SOUNDS.items():
        receive(bench, board, build_asset(name, content + b"?"))
    assert board.firmware.safe_mode
    assert stored(board) == ["buzz.wav"], "what is not asked for makes way when the next one comes"
    receive(bench, board, build_asset("beep.wav", SOUNDS["beep.wav"]))
    receive(bench, board, build_asset("buzz.wav", SOUNDS["buzz.wav"]))
    assert not board.firmware.safe_mode


def test_modules_and_assets_are_told_over_usb(bench, make):
    board = make()
    receive(bench, board, with_assets())
    receive(bench, board, build_asset("beep.wav", SOUNDS["beep.wav"]))
    reply = GetAssetInfoReply.FromString(bench.request(board, RequestType.GET_ASSET_INFO))
    size = len(build_asset("beep.wav", SOUNDS["beep.wav"]))
    assert [(each.name, each.size, each.storage_size) for each in reply.available] == [("beep.wav", 5000, size)]
    assert [(each.name, each.hash) for each in reply.required] == [
        (name, dependency_on(name, content).digest) for name, content in SOUNDS.items()
    ]
    modules = GetModuleInfoReply.FromString(bench.request(board, RequestType.GET_MODULE_INFO)).modules
    assert [[asset.name for asset in module.asset_dependencies] for module in modules if module.asset_dependencies] == [list(SOUNDS)]


@pytest.mark.parametrize(("platform", "os"), [("boron", "5.5.0"), ("boron", "5.4.1"), ("photon", "2.3.1")])
def test_boards_that_know_of_no_such_request_say_so(bench, make, platform, os):
    board = make(platform, os=os)
    with pytest.raises(RequestError) as caught:
        bench.request(board, RequestType.GET_ASSET_INFO)
    assert caught.value.result == Result.NOT_SUPPORTED


@pytest.mark.parametrize(("platform", "os"), [("boron", "5.4.1"), ("electron", "2.3.1")])
def test_boards_without_room_for_assets_refuse_them(bench, make, platform, os):
    board = make(platform, os=os)
    assert receive(bench, board, build_asset("beep.wav", b"beep")) == ModuleError.UNSUPPORTED


def test_assets_travel_over_usb_too(bench, make):
    board = make()
    bench.run(board, calls.update_firmware(with_assets()))
    bench.sleep(3)
    for name, content in SOUNDS.items():
        bench.run(board, calls.update_firmware(build_asset(name, content)))
        bench.sleep(3)
    assert not board.firmware.safe_mode


def kept_information(image):
    return edit_module(read_module(image), Changes(flags=ModuleFlag(0)))


def nameless():
    return edit_module(read_module(user_part(BORON, "6.2.0")), Changes(function=ModuleFunction.ASSET, flags=ModuleFlag.DROP_MODULE_INFO))


@pytest.mark.parametrize(
    "image",
    [lambda: kept_information(build_asset("a", bytes(99), compress=False)), lambda: build_asset("n" * 256, b"content"), nameless],
    ids=["information kept", "long name", "no name"],
)
def test_what_a_board_takes_for_no_asset(bench, make, image):
    board = make()
    assert receive(bench, board, image()) == ModuleError.BAD_DATA
    assert stored(board) == []


def test_a_damaged_asset_is_removed_at_the_next_boot(bench, make):
    board = make()
    receive(bench, board, with_assets())
    for each in SOUNDS.items():
        receive(bench, board, build_asset(*each))
    assert not board.firmware.safe_mode
    region = board.firmware.modules.memory.region("assets")
    flash = board.flash_of(region)
    whole = build_asset("beep.wav", SOUNDS["beep.wav"])
    content = flash.read(region.start, region.size)
    flash.program(region.start + content.index(whole[:40]) + 30, bytes(4))
    reboot(bench, board)
    assert board.firmware.safe_mode
    assert stored(board) == ["buzz.wav"]


def test_a_long_update_of_a_small_board_costs_its_assets(bench, make):
    """The OTA region of a board with 4 MiB reaches over the assets from 592 KiB on; that of one with 8 MiB does not."""
    for platform, kept in (("boron", []), ("tracker", ["beep.wav"])):
        board = make(platform)
        receive(bench, board, with_assets(platform=board.platform))
        receive(bench, board, build_asset("beep.wav", SOUNDS["beep.wav"]))
        board.firmware.receiver.begin(606_208)
        reboot(bench, board)
        assert stored(board) == ["beep.wav"]
        board.firmware.receiver.begin(606_209)
        reboot(bench, board)
        assert stored(board) == kept


@pytest.mark.parametrize(
    ("platform", "size", "result"),
    [
        ("boron", 606_208, Result.OK),
        ("boron", 606_209, Result.TOO_LARGE),
        ("tracker", 1_536_000, Result.OK),
        ("tracker", 1_536_001, Result.TOO_LARGE),
    ],
)
def test_how_large_an_asset_may_be_that_is_announced_as_one(make, platform, size, result):
    from emulator.device_os.update_store import UpdateStore

    board = make(platform)
    store = UpdateStore(board.firmware.receiver, board.transfer)
    if result is Result.OK:
        assert store.begin(size, None, discard=False, module_function=ModuleFunction.ASSET) == 0
    else:
        with pytest.raises(UpdateFault) as caught:
            store.begin(size, None, discard=False, module_function=ModuleFunction.ASSET)
        assert caught.value.result is result


def test_a_full_storage_takes_no_more(bench, make):
    board = make()
    wanted = {f"{number}.bin": NOISE(400_000) for number in range(3)}
    receive(bench, board, with_assets(wanted))
    results = [receive(bench, board, build_asset(name, content)) for name, content in wanted.items()]
    assert results == [0, 0, ModuleError.FAILED]
    assert stored(board) == ["0.bin", "1.bin"]


def test_what_was_stored_is_there_after_a_cut_at_any_write(bench, make):
    board = make()
    receive(bench, board, with_assets())
    beep, buzz = (build_asset(*each) for each in SOUNDS.items())
    receive(bench, board, beep)
    external = board.flash_named(external=True)
    for operation in range(40):
        receiver = board.firmware.receiver
        receiver.begin(len(buzz))
        receiver.write(0, buzz)
        external.cut_power(operation, CutPhase.MIDDLE)
        board.enter(receiver.finish)
        cut = not board.powered
        external.keep_power()
        reboot(bench, board)
        assert stored(board) in (["beep.wav"], ["beep.wav", "buzz.wav"])
        if not cut:
            break
    assert 2 < operation < 39
    assert not board.firmware.safe_mode


def test_the_cloud_is_told_of_assets(bench, make):
    board = make(sim_status=SimStatus.ACTIVE)
    receive(bench, board, with_assets())
    receive(bench, board, build_asset("beep.wav", SOUNDS["beep.wav"]))
    bench.wait_led(board, "breathing magenta", timeout=120)
    bench.sleep(2)
    system = bench.lab.cloud.connections.link(board.device_id).system
    assert [(asset.name, asset.size) for asset in system.assets] == [("beep.wav", 5000)]
    assert [asset.name for asset in system.missing_assets] == ["buzz.wav"]


SEEDS = [build_asset("a.txt", b"hello " * 50), build_asset("b", NOISE(80), compress=False), user_part(BORON, "6.2.0")]


@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4), st.integers(0, 200))
def test_anything_at_all_is_an_asset_or_none(seed, changes, cut):
    data = bytearray(seed)
    for at, value in changes:
        data[at % len(data)] = value
    read_stored_asset(bytes(data[: len(data) - cut]))


def test_a_file_finds_room_in_pieces():
    flash = Flash([Sector(number * 4096, 4096) for number in range(10)])
    files = FileSystem(flash, 0, 40960)
    for name in "abcd":
        files.write(name, name.encode() * 8192)
    files.remove("a")
    files.remove("c")
    long = NOISE(16000)
    files.write("e", long)
    files.reload()
    assert files.read("e") == long
    assert files.read("e", 8000, 500) == long[8000:8500]
    assert (files.read("b"), files.names) == (b"b" * 8192, ("b", "d", "e"))
    with pytest.raises(FlashError, match="no 1 free blocks"):
        files.write("f", b"")


def come(bench, board, image):
    """Have an asset come, as far as the power goes, and the next boot with it."""

    def receive_all():
        receiver = board.firmware.receiver
        receiver.resume(len(image), 0, None)
        receiver.write(0, image)
        receiver.finish()

    bench.lab.driver.call(board.enter, receive_all)
    if board.powered:
        reboot(bench, board)


def asset_writes(bench, board, image, state):
    """Every write to each flash until the asset is stored, thrice each."""
    before = {name: flash.operations for name, flash in board.flashes.items()}
    come(bench, board, image)
    assert stored(board) == ["beep.wav"]
    writes = {name: flash.operations - before[name] for name, flash in board.flashes.items()}
    board.restore(state)
    bench.sleep(2)
    return [(name, number, phase) for name, most in writes.items() for number in range(most) for phase in CutPhase]


def cut_at(bench, make, step, tried):
    board = make(sim_status=SimStatus.ACTIVE)
    receive(bench, board, with_assets({"beep.wav": SOUNDS["beep.wav"]}))
    image, state = build_asset("beep.wav", SOUNDS["beep.wav"]), board.snapshot()
    every = asset_writes(bench, board, image, state)
    for name, operation, phase in every[::step]:
        board.flashes[name].cut_power(operation, phase)
        come(bench, board, image)
        assert not board.powered, "no such write"
        board.power_on()
        bench.sleep(2)
        assert board.firmware.safe_mode is (stored(board) == []), "it is there as a whole, or not at all"
        if board.firmware.safe_mode:
            come(bench, board, image)
        assert (stored(board), board.firmware.safe_mode) == (["beep.wav"], False)
        board.restore(state)
        bench.sleep(2)
    tried(len(every[::step]), len(every))


def test_a_power_cut_at_some_writes_of_an_asset_costs_nothing_but_to_send_it_again(bench, make, tried):
    cut_at(bench, make, 7, tried)


@pytest.mark.soak
def test_a_power_cut_at_every_write_of_an_asset_costs_nothing_but_to_send_it_again(bench, make, tried):
    cut_at(bench, make, 1, tried)
