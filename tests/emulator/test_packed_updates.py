"""Updates of several modules in one file, and of deflated ones: who takes them, and what becomes of them at the next boot."""

import pytest

from emulator.cloud.sim_records import SimStatus
from emulator.device_os.update_rules import UpdateRules
from emulator.factory import device_os_release, user_part
from firmware_images.build import build_module
from firmware_images.combine import combine
from firmware_images.compress import CompressedHeader, compress_module
from firmware_images.device_rules import ModuleError
from firmware_images.edit import Changes, edit_module
from firmware_images.fields import ModuleFlag, ModuleFunction
from firmware_images.module import read_module
from particle_protocol.dct import DctField
from particle_protocol.messages import HelloFlag
from particle_protocol.platforms import platform_by_name

BORON, PHOTON = map(platform_by_name, ("boron", "photon"))
BODY = b"a body that deflates well " * 2000


def compressed(image):
    return compress_module(read_module(image))


def combined(*images):
    return combine([read_module(image) for image in images])


def receive(bench, board, image):
    """What the board answers to an image, by whatever way it comes; the next boot has followed."""
    receiver = board.firmware.receiver
    receiver.begin(len(image))
    receiver.write(0, image)
    result = receiver.finish()
    board.power_off()
    board.power_on()
    bench.sleep(2)
    return result


@pytest.fixture
def board(bench):
    made = bench.board(platform="boron", os="6.1.0")
    bench.sleep(1)
    return made


def release(os, function, index=0, platform=BORON):
    return next(
        image
        for image in device_os_release(platform, os)
        if (read_module(image).prefix.function, read_module(image).prefix.index) == (function, index)
    )


@pytest.mark.parametrize(("platform", "os"), [("boron", "2.0.0"), ("boron", "6.2.0"), ("argon", "3.0.0"), ("tracker", "5.8.0")])
def test_a_compressed_application_lies_inflated_in_its_place(bench, platform, os):
    board = bench.board(platform=platform, os=os)
    bench.sleep(1)
    image = user_part(board.platform, os, product=(20123, 9), body=BODY)
    assert len(compressed(image)) < len(image) / 10
    assert receive(bench, board, compressed(image)) == 0
    assert board.firmware.modules.user.product == (20123, 9)
    assert board.firmware.modules.content(board.firmware.modules.user) == image
    assert not board.firmware.safe_mode


def test_two_modules_in_one_file_are_both_installed_and_a_third_is_left(bench, board):
    system, user = release("6.1.2", ModuleFunction.SYSTEM_PART, 1), user_part(BORON, "6.1.2", product=(13, 4))
    bootloader = release("6.1.2", ModuleFunction.BOOTLOADER)
    assert receive(bench, board, bootloader) == 0
    older = edit_module(read_module(bootloader), Changes(version=2999))
    assert receive(bench, board, combined(compressed(user), system, older)) == 0
    assert board.firmware.version == "6.1.2"
    assert board.firmware.modules.user.product == (13, 4)
    assert board.firmware.modules.find(ModuleFunction.BOOTLOADER, 0).prefix.version == 3002
    assert not board.firmware.safe_mode


def test_updates_are_entered_behind_the_record_of_the_factory_image_with_what_is_to_be_done(board):
    image = combined(compressed(user_part(BORON, "6.1.0")), release("6.1.0", ModuleFunction.SYSTEM_PART, 1))
    receiver = board.firmware.receiver
    receiver.begin(len(image))
    receiver.write(0, image)
    assert receiver.finish() == 0
    records = board.settings.get(DctField.FLASH_MODULES)
    first, second = records[20:40], records[40:60]
    assert records[:20] == b"\xff" * 20
    assert (first[16], first[17], second[16], second[17]) == (0b101110, ModuleFunction.USER_PART, 0b001110, ModuleFunction.SYSTEM_PART)


def test_each_module_is_held_against_what_is_installed_and_not_against_its_neighbour(bench, board):
    both = [release("6.2.0", ModuleFunction.BOOTLOADER), release("6.2.0", ModuleFunction.SYSTEM_PART, 1)]
    assert receive(bench, board, combined(*both)) == ModuleError.DEPENDENCY
    assert board.firmware.modules.find(ModuleFunction.BOOTLOADER, 0).prefix.version == 3000, "nothing of a refused file is installed"


def dropped(image):
    return edit_module(read_module(image), Changes(flags=ModuleFlag.DROP_MODULE_INFO))


def moved(image, address):
    return edit_module(read_module(image), Changes(start_address=address))


def announces_more(image):
    return combined(image, image)[: len(image)]


REFUSED = {
    "a deflated bootloader": (lambda: compressed(release("6.1.0", ModuleFunction.BOOTLOADER)), ModuleError.UNSUPPORTED),
    "a vector table and nothing to drop it": (lambda: dropped(release("6.1.0", ModuleFunction.BOOTLOADER)), ModuleError.INVALID_FORMAT),
    "one that announces another": (lambda: announces_more(user_part(BORON, "6.1.0")), ModuleError.NOT_FOUND),
    "one without a place": (lambda: moved(user_part(BORON, "6.1.0"), 0xF8000), ModuleError.NOT_FOUND),
    "a good and a damaged one": (
        lambda: combined(user_part(BORON, "6.1.0"), user_part(BORON, "6.1.0"))[:-1] + b"?",
        ModuleError.INTEGRITY,
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_and_why(bench, board, what):
    made, error = REFUSED[what]
    assert receive(bench, board, made()) == error
    assert not board.firmware.safe_mode


@pytest.mark.parametrize(("platform", "os"), [("photon", "2.3.1"), ("electron", "3.3.1"), ("boron", "1.5.2")])
@pytest.mark.parametrize("pack", [compressed, lambda image: combined(image, image)], ids=["compressed", "combined"])
def test_boards_and_versions_that_know_of_no_such_files_refuse_them(bench, platform, os, pack):
    board = bench.board(platform=platform, os=os)
    bench.sleep(1)
    assert receive(bench, board, pack(user_part(board.platform, os))) == ModuleError.UNSUPPORTED


def test_a_stream_that_is_damaged_costs_the_module_but_not_the_board(bench, board):
    """The CRC over the file is right, so it is accepted; what is wrong shows as it is inflated, over what was there before."""
    image = user_part(BORON, "6.1.0", body=BODY * 4)
    packed = bytearray(compressed(image))
    packed[24:32] = CompressedHeader(8, 0, 0, len(image) - 1).encode()
    packed = edit_module(read_module(bytes(packed)), Changes())
    assert receive(bench, board, packed) == 0
    assert board.flashes["internal"].read(0xB4000, 0x10000) == image[:0x10000]
    assert board.firmware.safe_mode
    assert receive(bench, board, user_part(BORON, "6.1.0", product=(13, 5))) == 0
    assert not board.firmware.safe_mode


def test_a_bootloader_that_cannot_inflate_copies_what_came(bench):
    board = bench.board(platform="boron", os="6.1.0", bootloader=501)
    bench.sleep(1)
    packed = compressed(user_part(BORON, "6.1.0", body=BODY))
    assert receive(bench, board, packed) == 0
    assert board.flashes["internal"].read(0xB4000, len(packed)) == packed


def test_a_radio_stack_lies_where_it_belongs_without_its_prefix(bench):
    board = bench.board(platform="boron", os="6.1.0", softdevice=182)
    bench.sleep(1)
    image = release("6.1.0", ModuleFunction.RADIO_STACK)
    assert board.firmware.modules.find(ModuleFunction.RADIO_STACK, 0).prefix.version == 182
    assert receive(bench, board, image) == 0
    assert board.flashes["internal"].read(0x1000, len(image) - 24) == image[24:]
    assert board.firmware.modules.find(ModuleFunction.RADIO_STACK, 0).prefix.version == 202


def test_an_application_of_the_newer_place_makes_that_of_the_older_place_void(bench, board):
    old = build_module(BORON.id, ModuleFunction.USER_PART, 1, 6, start_address=0xD4000, product_id=13, product_version=1)
    assert receive(bench, board, old) == 0
    assert board.firmware.modules.user.product == (13, 1), "it is the older place that runs"
    assert receive(bench, board, user_part(BORON, "6.1.0", product=(13, 2))) == 0
    assert board.firmware.modules.user.product == (13, 2)


def test_one_of_two_system_parts_cannot_fall_behind_what_the_other_needs(bench):
    board = bench.board(os="2.3.1")
    bench.sleep(1)
    parts = [release("2.1.0", ModuleFunction.SYSTEM_PART, index, PHOTON) for index in (1, 2)]
    assert receive(bench, board, parts[0]) == ModuleError.DEPENDENCY
    assert [receive(bench, board, part) for part in reversed(parts)] == [0, 0]
    assert board.firmware.version == "2.1.0"


@pytest.mark.parametrize(
    ("os", "processor", "result"), [("5.5.0", 0x21, 0), ("5.5.0", 0x44, ModuleError.PLATFORM), ("5.6.0", 0x21, ModuleError.UNSUPPORTED)]
)
def test_the_network_processor_takes_firmware_of_its_kind_while_it_is_updated_at_all(bench, os, processor, result):
    board = bench.board(platform="argon", os=os)
    bench.sleep(1)
    image = build_module(board.platform.id, ModuleFunction.NCP, 0, 7, mcu_target=processor)
    assert receive(bench, board, image) == result
    assert board.ncp_version == (7 if result == 0 else 5)


@pytest.mark.parametrize(
    ("os", "more", "told"), [("6.1.0", {}, True), ("2.3.1", {}, True), ("1.5.2", {}, False), ("6.1.0", {"bootloader": 501}, False)]
)
def test_hello_says_whether_such_files_can_be_sent(bench, os, more, told):
    board = bench.board(platform="boron", os=os, sim_status=SimStatus.ACTIVE, **more)
    board.settings.put(DctField.SETUP_DONE, b"\x01")
    bench.sleep(30)
    (session,) = bench.lab.device_service.sessions
    assert bool(session._said.hello.flags & HelloFlag.COMPRESSED_UPDATES) is told


@pytest.mark.parametrize(
    ("platform", "os", "packed", "ncp", "assets"),
    [
        ("photon", (3, 3, 1), False, True, False),
        ("boron", (1, 5, 2), False, True, False),
        ("boron", (2, 0, 0), True, True, False),
        ("boron", (5, 5, 0), True, True, True),
        ("argon", (5, 6, 0), True, False, True),
        ("p2", (5, 4, 1), True, True, False),
        ("msom", (6, 2, 0), True, False, True),
    ],
)
def test_which_platforms_take_what_since_when(platform, os, packed, ncp, assets):
    rules = UpdateRules.of(platform_by_name(platform), os)
    assert (rules.packed, rules.ncp, rules.assets) == (packed, ncp, assets)


def test_an_application_that_grows_downwards_is_in_its_place_compressed_too():
    """Its end moves when it is deflated; what counts is that it lies somewhere in the slot, wherever the installed one begins."""
    p2 = platform_by_name("p2")
    packed = compressed(build_module(p2.id, ModuleFunction.USER_PART, 1, 6, body=BODY))
    assert read_module(packed).prefix.end_address < 0x08600000 - 4
    assert UpdateRules.of(p2, (6, 2, 0)).has_place(read_module(packed))
