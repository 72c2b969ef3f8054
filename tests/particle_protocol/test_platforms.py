import itertools

import pytest

from particle_protocol.platforms import (
    Feature,
    McuFamily,
    ModuleFunction,
    ModuleKey,
    UnknownPlatform,
    UnknownSlot,
    parse_os_version,
    platform_by_id,
    platform_by_name,
    platform_by_usb,
    platforms,
)


def test_the_photon_is_what_its_box_says():
    photon = platform_by_name("photon")
    assert photon is platform_by_id(6)
    assert (photon.display_name, photon.generation, photon.mcu) == ("Photon", 2, McuFamily.STM32F2)
    assert photon.features == {Feature.WIFI, Feature.TCP}
    assert (photon.vendor_id, photon.normal_product_id, photon.dfu_product_id) == (0x2B04, 0xC006, 0xD006)
    assert (photon.normal_product, photon.dfu_product) == ("Photon", "Photon DFU Mode")
    assert photon.dfu_alternates == (
        "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg",
        "@DCT Flash   /0x00000000/01*016Kg",
    )
    assert str(photon) == "Photon (platform 6)"


@pytest.mark.parametrize(
    ("function", "index", "start", "size", "prefix"),
    [
        (ModuleFunction.BOOTLOADER, 0, 0x08000000, 0x4000, 0x184),
        (ModuleFunction.SYSTEM_PART, 1, 0x08020000, 0x40000, 0x184),
        (ModuleFunction.SYSTEM_PART, 2, 0x08060000, 0x40000, 0x184),
        (ModuleFunction.USER_PART, 1, 0x080A0000, 0x20000, 0),
    ],
)
def test_the_photon_keeps_its_modules_where_the_linker_put_them(function, index, start, size, prefix):
    slot = platform_by_name("Photon").memory().slot(function, index)
    assert (slot.start, slot.size, slot.prefix_offset) == (start, size, prefix)
    assert platform_by_name("photon").memory().slot_at(start + 8) == slot


def test_the_photon_is_updated_system_first_and_user_last():
    assert [str(key) for key in platform_by_id(6).update_order] == ["system part 1", "system part 2", "bootloader 0", "user part 1"]


def test_all_platforms_of_the_constants_are_there():
    assert [p.id for p in platforms()] == [0, 3, 6, 8, 10, 12, 13, 14, 15, 22, 23, 24, 25, 26, 28, 32, 35, 37, 38, 42]


def test_a_virtual_device_is_on_no_usb():
    virtual = platform_by_id(3)
    assert (virtual.name, str(virtual)) == ("gcc", "virtual device (platform 3)")
    with pytest.raises(UnknownPlatform):
        platform_by_usb(0x2B04, 0xC003)
    with pytest.raises(UnknownPlatform):
        platform_by_usb(virtual.vendor_id, virtual.normal_product_id)


@pytest.mark.parametrize(
    ("vendor", "product", "name", "dfu"),
    [
        (0x1D50, 0x607D, "core", False),
        (0x1D50, 0x607F, "core", True),
        (0x2B04, 0xC006, "photon", False),
        (0x2B04, 0xD006, "photon", True),
        (0x2B04, 0xC00D, "boron", False),
        (0x2B04, 0xD020, "p2", True),
        (0x2B04, 0xC02A, "tachyon", False),
    ],
)
def test_a_usb_identity_names_platform_and_mode(vendor, product, name, dfu):
    assert platform_by_usb(vendor, product) == (platform_by_name(name), dfu)


@pytest.mark.parametrize("name", ["photon", "electron", "boron", "p2"])
def test_mode_is_held_as_long_on_boards_of_every_generation(name):
    times = platform_by_name(name).buttons
    assert (times.bootloader.safe_mode, times.bootloader.dfu, times.bootloader.end) == (1, 3, 12)
    assert (times.listen, times.clear_credentials, times.leave_listening) == (3, 10, (3, 8))


def test_of_a_core_and_a_tachyon_nobody_has_told_how_long():
    assert platform_by_name("core").buttons is None
    assert platform_by_name("tachyon").buttons is None


def test_tachyon_has_no_dfu_mode_and_no_control_requests():
    tachyon = platform_by_name("tachyon")
    assert tachyon.dfu_product_id is None
    assert not tachyon.control_requests


def test_unknown_platforms_are_refused_with_what_there_is():
    with pytest.raises(UnknownPlatform, match="photon"):
        platform_by_name("proton")


@pytest.mark.parametrize(
    ("called", "name"),
    [("Photon2", "p2"), ("e-series", "electron"), ("B404X", "bsom"), ("b524", "b5som"), ("monitor-one", "tracker"), ("muon", "msom")],
)
def test_a_platform_is_known_by_what_people_call_its_boards(called, name):
    assert platform_by_name(called) is platform_by_name(name)


def test_no_two_platforms_share_a_name():
    names = [name for platform in platforms() for name in (platform.name, *platform.aliases)]
    assert len(names) == len(set(names))
    with pytest.raises(UnknownPlatform, match=r"no platform is called 'b-series'; known are .*bsom, .*b5som"):
        platform_by_name("b-series")
    with pytest.raises(UnknownPlatform, match="6 photon"):
        platform_by_id(7)
    with pytest.raises(UnknownPlatform, match="2b04:d02a"):
        platform_by_usb(0x2B04, 0xD02A)


@pytest.mark.parametrize("release", ["0.7.0", "3.0.0", "5.4.0", "5.5.0", "6.2.0", None])
@pytest.mark.parametrize("platform", [p for p in platforms() if p.mcu is not McuFamily.NRF52840], ids=lambda p: p.name)
def test_modules_do_not_overlap(platform, release):
    slots = [s for s in platform.memory(release).modules if s.function is not ModuleFunction.MONOLITHIC]
    for low, high in itertools.pairwise(sorted(slots, key=lambda s: s.start)):
        assert low.end <= high.start


def test_on_the_nrf52840_only_the_two_user_parts_overlap():
    slots = [s for s in platform_by_name("boron").memory().modules if s.function is not ModuleFunction.MONOLITHIC]
    old, new = (platform_by_name("boron").memory().slot(ModuleFunction.USER_PART, index) for index in (1, 2))
    assert new.start < old.start < old.end == new.end
    for low, high in itertools.pairwise(sorted((s for s in slots if s != old), key=lambda s: s.start)):
        assert low.end <= high.start


def test_gen_3_moved_its_system_part_in_6_2_0_and_its_user_part_in_3_1_0():
    boron = platform_by_name("boron")
    assert boron.memory("6.1.1").slot(ModuleFunction.SYSTEM_PART, 1).start == 0x30000
    assert boron.memory("6.2.0").slot(ModuleFunction.SYSTEM_PART, 1).start == 0x28000
    assert boron.memory((6, 2, 0)) == boron.memory()
    with pytest.raises(UnknownSlot, match="user part 1"):
        boron.memory("3.0.0").slot(ModuleFunction.USER_PART, 2)
    assert boron.memory("3.1.0").slot(ModuleFunction.USER_PART, 2).size == 0x40000


def test_only_boards_with_a_network_coprocessor_have_a_slot_for_it():
    with_ncp = {p.name for p in platforms() if any(s.function is ModuleFunction.NCP for s in p.memory().modules)}
    assert with_ncp == {"argon", "tracker"}
    assert ModuleKey(ModuleFunction.NCP, 0) in platform_by_name("argon").update_order
    assert ModuleKey(ModuleFunction.NCP, 0) not in platform_by_name("boron").update_order


def test_the_user_part_of_a_p2_ends_at_a_fixed_address():
    slot = platform_by_name("p2").memory().slot(ModuleFunction.USER_PART, 1)
    assert slot.fixed_end
    assert slot.end == 0x08600000


def test_regions_are_found_by_name():
    photon = platform_by_name("photon").memory()
    assert (photon.region("ota").start, photon.region("ota").size) == (0x080C0000, 0x40000)
    with pytest.raises(UnknownSlot, match="factory"):
        photon.region("scratch")


@pytest.mark.parametrize(("text", "version"), [("2.3.1", (2, 3, 1)), ("v6.2.0", (6, 2, 0)), ("2.0.0-rc.4", (2, 0, 0)), ("3", (3, 0, 0))])
def test_versions_are_read(text, version):
    assert parse_os_version(text) == version


@pytest.mark.parametrize("text", ["", "latest", "1.2.3.4", "1..2", "-1", "٣.0.0"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="Device OS version"):
        parse_os_version(text)
