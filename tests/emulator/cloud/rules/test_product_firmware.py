"""R81-R97: versions, releases, and which device gets which when."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import (
    BadImage,
    DeviceOffline,
    FirmwareExists,
    FirmwareNeverRun,
    FirmwareReleased,
    FirmwareUnknown,
    Invalid,
    UpdateRefused,
    VersionMismatch,
)
from emulator.cloud.images import read_image
from emulator.cloud.sessions import Refused
from firmware_images.build import build_module
from firmware_images.fields import Dependency
from firmware_images.fields import ModuleFunction as ImageFunction
from particle_protocol.describe import DescribedModule, ModuleDependency, ModuleFunction, Validity

PHOTON, ARGON, BORON = 6, 12, 13
ENABLED, FORCED = "particle/device/updates/enabled", "particle/device/updates/forced"
HURT = Validity.INTEGRITY | Validity.RANGE | Validity.PLATFORM


@pytest.fixture
def fleet(fleet):
    """`fleet` with versions 3 and 5 of the product ready for release."""
    fleet.v3 = fleet.upload(fleet.o, fleet.p, 3)
    fleet.v5 = fleet.upload(fleet.o, fleet.p, 5)
    return fleet


def target(world, device):
    return world.cloud.views.of(world.now(device)).targeted_firmware_release_version


def change(world, device, **changes):
    return world.cloud.device_settings.update_member(world.o, world.p.id, device.id, **changes)


@pytest.mark.rule("R81")
def test_groups_of_one_product_run_different_versions(fleet):
    a, b = fleet.member(fleet.o, fleet.p), fleet.member(fleet.o, fleet.p)
    change(fleet, a, groups=["a"])
    change(fleet, b, groups=["b"])
    fleet.release(fleet.o, fleet.p, 3, "a")
    fleet.release(fleet.o, fleet.p, 5, "b")
    assert fleet.runs(a, fleet.p, 1).flashed == [fleet.v3]
    assert fleet.runs(b, fleet.p, 1).flashed == [fleet.v5]


@pytest.mark.rule("R82")
def test_the_version_of_the_upload_is_the_one_inside_the_binary(fleet):
    image = fleet.image(fleet.p, 2)
    with pytest.raises(VersionMismatch) as refused:
        fleet.cloud.releases.upload(fleet.o, fleet.p.id, 4, image)
    assert (refused.value.given, refused.value.embedded) == (4, 2)
    assert fleet.cloud.releases.upload(fleet.o, fleet.p.id, 2, image).version == 2
    assert fleet.cloud.releases.binary(fleet.o, fleet.p.id, 2) == image
    with pytest.raises(FirmwareExists):
        fleet.cloud.releases.upload(fleet.o, fleet.p.id, 2, image)


@pytest.mark.rule("R82")
def test_what_is_no_application_of_this_product_is_refused(fleet):
    upload = fleet.cloud.releases.upload
    other = fleet.product(fleet.o)
    images = [
        b"not firmware at all",
        fleet.image(fleet.p, 7)[:-3],
        build_module(PHOTON, ImageFunction.SYSTEM_PART, 2, 2302, product_id=fleet.p.id, product_version=7),
        build_module(PHOTON, ImageFunction.USER_PART, version=6),
        fleet.image(other, 7),
    ]
    for image in images:
        with pytest.raises(BadImage):
            upload(fleet.o, fleet.p.id, 7, image)
    with pytest.raises(FirmwareUnknown):
        fleet.cloud.releases.get(fleet.o, fleet.p.id, 7)


@pytest.mark.rule("R83")
def test_a_version_is_1_to_65535(fleet):
    for wrong in (0, -1, 65536):
        with pytest.raises(Invalid):
            fleet.cloud.releases.upload(fleet.o, fleet.p.id, wrong, fleet.v3)
    fleet.upload(fleet.o, fleet.p, 1)
    top = build_module(PHOTON, ImageFunction.USER_PART, version=6, product_id=fleet.p.id, product_version=0xFFFE)
    fleet.cloud.releases.upload(fleet.o, fleet.p.id, 0xFFFE, top)
    assert [each.version for each in fleet.cloud.releases.list(fleet.o, fleet.p.id)] == [0xFFFE, 5, 3, 1]


@pytest.mark.rule("R83")
def test_version_65535_is_a_version(fleet):
    top = build_module(PHOTON, ImageFunction.USER_PART, version=6, product_id=fleet.p.id, product_version=0xFFFF)
    assert fleet.cloud.releases.upload(fleet.o, fleet.p.id, 0xFFFF, top).version == 65535


@pytest.mark.rule("R83")
@pytest.mark.parametrize("product", [PHOTON, 0xFFFF], ids=["wildcard", "no id"])
def test_65535_is_refused_where_it_is_the_same_as_not_set(fleet, product):
    image = build_module(PHOTON, ImageFunction.USER_PART, version=6, product_id=product, product_version=0xFFFF)
    with pytest.raises(VersionMismatch, match="65535 and a version that is not set are the same bytes"):
        fleet.cloud.releases.upload(fleet.o, fleet.p.id, 0xFFFF, image)
    with pytest.raises(VersionMismatch, match="the binary has none: set it with PRODUCT_VERSION"):
        fleet.cloud.releases.upload(fleet.o, fleet.p.id, 7, image)
    below = build_module(PHOTON, ImageFunction.USER_PART, version=6, product_id=product, product_version=0xFFFE)
    assert fleet.cloud.releases.upload(fleet.o, fleet.p.id, 0xFFFE, below).version == 65534


@pytest.mark.rule("R84", "R86")
def test_lock_comes_before_group_and_group_before_product_default(fleet):
    device = fleet.member(fleet.o, fleet.p)
    fleet.upload(fleet.o, fleet.p, 7)
    assert target(fleet, device) is None
    fleet.release(fleet.o, fleet.p, 3)
    assert target(fleet, device) == 3
    change(fleet, device, groups=["a"])
    fleet.release(fleet.o, fleet.p, 5, "a")
    assert target(fleet, device) == 5
    change(fleet, device, desired_firmware_version=7)
    assert target(fleet, device) == 7
    change(fleet, device, desired_firmware_version=None)
    assert target(fleet, device) == 5
    change(fleet, device, groups=[])
    assert target(fleet, device) == 3
    change(fleet, device, development=True, desired_firmware_version=7)
    assert target(fleet, device) is None


@pytest.mark.rule("R84")
def test_of_several_groups_the_highest_version_counts(fleet):
    device = fleet.member(fleet.o, fleet.p)
    change(fleet, device, groups=["a", "b"])
    fleet.release(fleet.o, fleet.p, 5, "a")
    fleet.release(fleet.o, fleet.p, 3, "b")
    assert target(fleet, device) == 5
    fleet.release(fleet.o, fleet.p, 3, "a")
    assert target(fleet, device) == 3, "a group has one version: the one released to it last"


@pytest.mark.rule("R84")
def test_the_product_default_is_one_version(fleet):
    fleet.release(fleet.o, fleet.p, 5)
    fleet.release(fleet.o, fleet.p, 3)
    assert [each.version for each in fleet.cloud.releases.list(fleet.o, fleet.p.id) if each.product_default] == [3]
    with pytest.raises(FirmwareReleased):
        fleet.cloud.releases.delete(fleet.o, fleet.p.id, 5)


@pytest.mark.rule("R85", "R91")
@pytest.mark.parametrize(("running", "flashed"), [(5, True), (3, False), (1, True)])
def test_a_device_that_runs_another_version_gets_the_right_one_up_or_down(fleet, running, flashed):
    fleet.release(fleet.o, fleet.p, 3)
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, running)
    assert session.flashed == ([fleet.v3] if flashed else [])


@pytest.mark.rule("R85")
def test_a_member_with_generic_firmware_gets_the_products(fleet):
    fleet.release(fleet.o, fleet.p, 3)
    device = fleet.member(fleet.o, fleet.p)
    assert fleet.connect(device).flashed == [fleet.v3]
    other = fleet.member(fleet.o, fleet.p)
    assert fleet.connect(other, product_version=3, system_version=None, product_id=PHOTON).flashed == [], "a wildcard that runs 3"


@pytest.mark.rule("R85")
def test_a_device_that_goes_from_one_product_to_another_gets_the_others_firmware_of_the_same_version(fleet):
    fleet.release(fleet.o, fleet.p, 3)
    other = fleet.product(fleet.o)
    device = fleet.member(fleet.o, other)
    session = fleet.runs(device, other, 3)
    fleet.cloud.members.remove(fleet.o, other.id, device.id)
    fleet.cloud.members.add(fleet.o, fleet.p.id, [device.id])
    assert session.flashed == [fleet.v3]


@pytest.mark.rule("R85")
def test_the_version_of_a_product_that_is_not_there_is_none_of_this_one(fleet):
    fleet.release(fleet.o, fleet.p, 3)
    device = fleet.member(fleet.o, fleet.p)
    assert fleet.cloud.releases.impact(fleet.o, fleet.p.id, 3, product_default=True) == 1
    session = fleet.connect(device, product_id=54321, product_version=3)
    assert session.flashed == [fleet.v3]
    assert fleet.cloud.releases.devices_on(fleet.p) == {}
    assert fleet.cloud.releases.impact(fleet.o, fleet.p.id, 3, product_default=True) == 1
    fleet.runs(device, fleet.p, 3)
    assert fleet.cloud.releases.devices_on(fleet.p) == {3: 1}
    assert fleet.cloud.releases.impact(fleet.o, fleet.p.id, 3, product_default=True) == 0


@pytest.mark.rule("R86")
def test_what_is_flashed_is_told_as_events(fleet):
    heard = fleet.hear(fleet.o, "spark/flash", product=fleet.p.id)
    fleet.release(fleet.o, fleet.p, 3)
    device = fleet.member(fleet.o, fleet.p)
    fleet.runs(device, fleet.p, 1)
    assert heard == [("spark/flash/status", "started "), ("spark/flash/status", "success ")]


@pytest.mark.rule("R86")
def test_a_device_that_refuses_is_told_as_failed_and_asked_again_at_its_next_connection(fleet):
    heard = fleet.hear(fleet.o, "spark/flash", product=fleet.p.id)
    fleet.release(fleet.o, fleet.p, 3)
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, 1, describe=False)
    session.refuses = Refused("updates are disabled")
    session.describe()
    assert heard[-1] == ("spark/flash/status", "failed ")
    assert len(session.flashed) == 1
    session.leave()
    assert len(fleet.runs(device, fleet.p, 1).flashed) == 1


@pytest.mark.rule("R87")
def test_an_intelligent_release_reaches_connected_devices_at_once(fleet):
    here, away, right = (fleet.member(fleet.o, fleet.p) for _ in range(3))
    session, same = fleet.runs(here, fleet.p, 1), fleet.runs(right, fleet.p, 3)
    fleet.release(fleet.o, fleet.p, 3, intelligent=True)
    assert session.flashed == [fleet.v3]
    assert same.flashed == []
    assert fleet.runs(away, fleet.p, 1).flashed == [fleet.v3]


@pytest.mark.rule("R87")
def test_an_intelligent_release_waits_for_a_device_that_has_updates_disabled(fleet):
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, 1)
    session.event(ENABLED, "false")
    fleet.release(fleet.o, fleet.p, 3, intelligent=True)
    assert session.flashed == []
    session.event(ENABLED, "true")
    assert session.flashed == [fleet.v3]


@pytest.mark.rule("R88")
def test_a_standard_release_waits_for_the_next_connection(fleet):
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, 1)
    fleet.release(fleet.o, fleet.p, 3)
    session.event(ENABLED, "true")
    fleet.pass_time(3600)
    assert session.flashed == []
    session.leave()
    assert fleet.runs(device, fleet.p, 1).flashed == [fleet.v3]


@pytest.mark.rule("R87", "R88", "R89")
def test_an_intelligent_release_hurries_no_device_that_waits_for_something_else(fleet):
    plain, locked, grouped = (fleet.member(fleet.o, fleet.p) for _ in range(3))
    change(fleet, grouped, groups=["b"])
    sessions = [fleet.runs(device, fleet.p, 1) for device in (plain, locked, grouped)]
    fleet.release(fleet.o, fleet.p, 3)
    change(fleet, locked, desired_firmware_version=3)
    fleet.release(fleet.o, fleet.p, 5, "b", intelligent=True)
    assert [session.flashed for session in sessions] == [[], [], [fleet.v5]]
    for session in sessions:
        session.leave()
    sessions = [fleet.runs(device, fleet.p, 1) for device in (plain, locked)]
    assert [session.flashed for session in sessions] == [[fleet.v3], [fleet.v3]]


@pytest.mark.rule("R87", "R88")
def test_an_intelligent_release_to_a_group_hurries_none_that_has_the_version_from_a_standard_release(fleet):
    plain, grouped = fleet.member(fleet.o, fleet.p), fleet.member(fleet.o, fleet.p)
    change(fleet, grouped, groups=["b"])
    sessions = [fleet.runs(device, fleet.p, 1) for device in (plain, grouped)]
    fleet.release(fleet.o, fleet.p, 3)
    fleet.release(fleet.o, fleet.p, 3, "b", intelligent=True)
    assert [session.flashed for session in sessions] == [[], [fleet.v3]]


@pytest.mark.rule("R89")
def test_lock_and_flash_reaches_that_device_at_once(fleet):
    device, other = fleet.member(fleet.o, fleet.p), fleet.member(fleet.o, fleet.p)
    session, bystander = fleet.runs(device, fleet.p, 1), fleet.runs(other, fleet.p, 1)
    change(fleet, device, desired_firmware_version=5, flash=True)
    assert session.flashed == [fleet.v5]
    assert bystander.flashed == []


@pytest.mark.rule("R89")
def test_a_lock_alone_waits_for_the_next_connection(fleet):
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, 1)
    change(fleet, device, desired_firmware_version=5)
    session.event(ENABLED, "true")
    assert session.flashed == []
    session.leave()
    assert fleet.runs(device, fleet.p, 1).flashed == [fleet.v5]


@pytest.mark.rule("R89")
def test_lock_and_flash_that_cannot_be_done_changes_nothing(fleet):
    device = fleet.member(fleet.o, fleet.p)
    with pytest.raises(DeviceOffline):
        change(fleet, device, desired_firmware_version=5, flash=True)
    with pytest.raises(FirmwareUnknown):
        change(fleet, device, desired_firmware_version=99)
    fleet.runs(device, fleet.p, 1)
    with pytest.raises(Invalid):
        change(fleet, device, flash=True)
    with pytest.raises(UpdateRefused):
        change(fleet, device, development=True, desired_firmware_version=5, flash=True)
    now = fleet.now(device)
    assert (now.desired_firmware_version, now.development) == (None, False)


@pytest.mark.rule("R89")
def test_lock_and_flash_of_a_device_that_has_updates_disabled_takes_forcing_them(fleet):
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, 1)
    session.event(ENABLED, "false")
    with pytest.raises(UpdateRefused, match="updates are disabled on it"):
        change(fleet, device, desired_firmware_version=5, flash=True)
    assert fleet.now(device).desired_firmware_version is None
    fleet.cloud.device_settings.update(fleet.o, device.id, product=fleet.p.id, firmware_updates_forced=True)
    assert session.sent == [(FORCED, "true")]
    session.event(FORCED, "true")
    change(fleet, device, desired_firmware_version=5, flash=True)
    assert session.flashed == [fleet.v5]


@pytest.mark.rule("R88", "R90")
def test_a_device_that_disabled_updates_before_gets_its_version_once_it_says_that_they_are_enabled(fleet):
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, 1)
    session.event(ENABLED, "false")
    session.leave()
    fleet.release(fleet.o, fleet.p, 3)
    session = fleet.runs(device, fleet.p, 1)
    assert session.flashed == [], "it describes itself first"
    session.event(ENABLED, "true")
    assert session.flashed == [fleet.v3]


@pytest.mark.rule("R88")
def test_a_device_that_enables_updates_later_gets_a_standard_release_at_its_next_connection(fleet):
    device = fleet.member(fleet.o, fleet.p)
    fleet.cloud.devices.learn(fleet.now(device), firmware_updates_enabled=False)
    fleet.release(fleet.o, fleet.p, 3)
    session = fleet.runs(device, fleet.p, 1)
    for enabled in ("false", "true"):
        session.event(ENABLED, enabled)
    assert session.flashed == []
    session.leave()
    assert fleet.runs(device, fleet.p, 1).flashed == [fleet.v3]


@pytest.mark.rule("R88", "R90")
def test_a_device_that_always_disables_updates_gets_its_version_where_they_are_forced(fleet):
    device = fleet.member(fleet.o, fleet.p)
    fleet.runs(device, fleet.p, 1).event(ENABLED, "false")
    fleet.cloud.device_settings.update(fleet.o, device.id, product=fleet.p.id, firmware_updates_forced=True)
    fleet.release(fleet.o, fleet.p, 3)
    session = fleet.runs(device, fleet.p, 1)
    session.event(ENABLED, "false")
    session.event(FORCED, "false")
    assert (session.flashed, session.sent) == ([], [(FORCED, "true")]), "it has to be told again"
    assert fleet.now(device).firmware_updates_forced
    session.event(FORCED, "true")
    assert session.flashed == [fleet.v3]


@pytest.mark.rule("R90")
@pytest.mark.parametrize("how", ["standard", "intelligent", "locked"])
def test_an_offline_device_gets_its_version_when_it_is_back(fleet, how):
    device = fleet.member(fleet.o, fleet.p)
    fleet.runs(device, fleet.p, 1).leave()
    if how == "locked":
        change(fleet, device, desired_firmware_version=3)
    else:
        fleet.release(fleet.o, fleet.p, 3, intelligent=how == "intelligent")
    assert fleet.runs(device, fleet.p, 1).flashed == [fleet.v3]


@pytest.mark.rule("R92")
def test_an_application_says_the_lowest_device_os_it_needs(fleet):
    (needed,) = read_image(fleet.image(fleet.p, 9, needs=1512)).dependencies
    assert (needed.function, needed.version) == (ImageFunction.SYSTEM_PART, 1512)


def boron(function, index, version, *needs, valid=True):
    """A module of a Boron as described."""
    dependencies = tuple(ModuleDependency(*need) for need in needs)
    passed = Validity(30) if valid else HURT
    return DescribedModule(1 << 18, function=function, index=index, version=version, dependencies=dependencies, passed=passed)


@pytest.mark.rule("R93", "R95")
def test_a_device_in_safe_mode_is_healed_module_by_module_in_the_order_of_their_dependencies(world):
    o = world.user("o")
    product = world.product(o, BORON)
    system = Dependency(ImageFunction.SYSTEM_PART, 1, 0)
    needs = [Dependency(ImageFunction.BOOTLOADER, 0, 1200), Dependency(ImageFunction.RADIO_STACK, 0, 202)]
    images = {
        "a": build_module(BORON, ImageFunction.RADIO_STACK, 0, 202),
        "b": build_module(BORON, ImageFunction.BOOTLOADER, 0, 1200),
        "s": build_module(BORON, system.function, 1, 4200, dependencies=needs),
    }
    for image in images.values():
        world.cloud.library.add(image)
    device = world.member(o, product)
    heard = world.hear(o, "spark/", product=product.id)
    versions = {"a": 182, "b": 1101, "s": 4003}
    order = []
    for _ in range(4):
        session = world.connect(device, system_version=versions["s"], describe=False)
        session.event("spark/device/safemode", "")
        healthy = versions["s"] >= 4200
        session.describe(
            boron(ModuleFunction.BOOTLOADER, 0, versions["b"]),
            boron(ModuleFunction.RADIO_STACK, 0, versions["a"]),
            boron(ModuleFunction.SYSTEM_PART, 1, versions["s"]),
            boron(ModuleFunction.USER_PART, 2, 6, (ModuleFunction.SYSTEM_PART, 1, 4200), valid=healthy),
        )
        if session.flashed:
            (letter,) = (each for each, image in images.items() if image == session.flashed[0])
            order.append(letter)
            versions[letter] = {"a": 202, "b": 1200, "s": 4200}[letter]
        session.leave()
    assert order == ["b", "a", "s"]
    assert world.cloud.views.of(world.now(device)).system_firmware_version == "4.2.0"
    assert [name for name, _ in heard].count("spark/status/safe-mode") == 3
    assert [name for name, _ in heard].count("spark/safe-mode-updater/updating") == 3


@pytest.mark.rule("R93")
def test_an_argon_is_brought_the_firmware_of_its_network_processor_as_well(world):
    o = world.user("o")
    product = world.product(o, ARGON)
    processor = build_module(ARGON, ImageFunction.NCP, 0, 5)
    system = build_module(ARGON, ImageFunction.SYSTEM_PART, 1, 4200, dependencies=[Dependency(ImageFunction.NCP, 0, 5)])
    for image in (processor, system):
        world.cloud.library.add(image)
    device = world.member(o, product)
    versions = {processor: 3, system: 4003}
    order = []
    for _ in range(3):
        session = world.connect(device, system_version=versions[system], describe=False)
        session.describe(
            boron(ModuleFunction.NCP, 0, versions[processor]),
            boron(ModuleFunction.SYSTEM_PART, 1, versions[system]),
            boron(ModuleFunction.USER_PART, 2, 6, (ModuleFunction.SYSTEM_PART, 1, 4200), valid=versions[system] >= 4200),
        )
        for image in session.flashed:
            order.append(image)
            versions[image] = {processor: 5, system: 4200}[image]
        session.leave()
    assert order == [processor, system]
    assert world.cloud.views.of(world.now(device)).system_firmware_version == "4.2.0"


@pytest.mark.rule("R93")
def test_in_safe_mode_a_device_says_so(world):
    u1 = world.user()
    device, session = world.claimed(u1)
    session.event("spark/device/safemode", "")
    assert world.cloud.views.of(world.now(device)).status == "safe_mode"
    session.leave()
    world.connect(device)
    assert world.cloud.views.of(world.now(device)).status == "normal"


@pytest.mark.rule("R94")
def test_device_os_is_never_taken_down(world):
    o = world.user("o")
    product = world.product(o)
    world.cloud.library.add(build_module(PHOTON, ImageFunction.SYSTEM_PART, 1, 1512))
    image = world.upload(o, product, 3, needs=1512)
    world.release(o, product, 3)
    device = world.member(o, product)
    session = world.runs(device, product, 1)
    assert session.flashed == [image]
    session.leave()
    session = world.runs(device, product, 3, describe=False)
    session.describe(
        DescribedModule(1 << 18, function=ModuleFunction.SYSTEM_PART, index=1, version=2302),
        DescribedModule(
            1 << 17,
            function=ModuleFunction.USER_PART,
            index=1,
            version=6,
            dependencies=(ModuleDependency(ModuleFunction.SYSTEM_PART, 1, 1512),),
        ),
    )
    assert session.flashed == []
    assert world.cloud.views.of(world.now(device)).system_firmware_version == "2.3.1"


@pytest.mark.rule("R94")
@pytest.mark.parametrize(("bootloader", "brought"), [(1003, "s"), (1006, "s"), (1100, "s"), (501, "bs")])
def test_a_bootloader_that_is_newer_than_needed_is_not_taken_down_while_a_device_is_healed(world, bootloader, brought):
    o = world.user("o")
    product = world.product(o)
    lowest = build_module(PHOTON, ImageFunction.BOOTLOADER, 0, 1003)
    needs = [Dependency(ImageFunction.SYSTEM_PART, 1, 2302), Dependency(ImageFunction.BOOTLOADER, 0, 1003)]
    system = build_module(PHOTON, ImageFunction.SYSTEM_PART, 2, 2302, dependencies=needs)
    for image in (lowest, system):
        world.cloud.library.add(image)
    device = world.member(o, product)
    versions, order = {"b": bootloader, "s": 2101}, ""
    while True:
        session = world.connect(device, describe=False)
        session.describe(
            boron(ModuleFunction.BOOTLOADER, 0, versions["b"]),
            boron(ModuleFunction.SYSTEM_PART, 1, 2302),
            boron(ModuleFunction.SYSTEM_PART, 2, versions["s"], (ModuleFunction.BOOTLOADER, 0, 1003), valid=versions["b"] >= 1003),
            boron(ModuleFunction.USER_PART, 1, 6, (ModuleFunction.SYSTEM_PART, 2, 2302), valid=versions["s"] >= 2302),
        )
        if not session.flashed:
            break
        letter, version = {lowest: ("b", 1003), system: ("s", 2302)}[session.flashed[0]]
        assert version > versions[letter], "nothing is taken down"
        versions[letter] = version
        order += letter
        session.leave()
    assert (order, versions) == (brought, {"b": max(bootloader, 1003), "s": 2302})


@pytest.mark.rule("R96")
def test_a_development_device_is_left_alone_until_it_is_unmarked(fleet):
    fleet.release(fleet.o, fleet.p, 3, intelligent=True)
    device = fleet.member(fleet.o, fleet.p)
    change(fleet, device, development=True, desired_firmware_version=5)
    session = fleet.runs(device, fleet.p, 1)
    fleet.release(fleet.o, fleet.p, 3, intelligent=True)
    assert session.flashed == []
    change(fleet, device, development=False)
    assert session.flashed == [fleet.v5]


@pytest.mark.rule("R97")
def test_a_version_is_released_only_after_a_device_has_run_it(fleet):
    fleet.upload(fleet.o, fleet.p, 8, has_run=False)
    with pytest.raises(FirmwareNeverRun):
        fleet.release(fleet.o, fleet.p, 8)
    device = fleet.member(fleet.o, fleet.p)
    change(fleet, device, desired_firmware_version=8)
    assert len(fleet.runs(device, fleet.p, 1).flashed) == 1
    with pytest.raises(FirmwareNeverRun):
        fleet.release(fleet.o, fleet.p, 8)
    fleet.runs(device, fleet.p, 8)
    fleet.release(fleet.o, fleet.p, 8)
    assert fleet.cloud.releases.get(fleet.o, fleet.p.id, 8).product_default


@pytest.mark.rule("R97")
def test_a_strangers_device_does_not_make_a_version_releasable(fleet):
    fleet.upload(fleet.o, fleet.p, 8, has_run=False)
    fleet.runs(fleet.device(), fleet.p, 8)
    with pytest.raises(FirmwareNeverRun):
        fleet.release(fleet.o, fleet.p, 8)


@pytest.mark.rule("R97")
def test_the_firmware_of_another_product_does_not_make_a_version_releasable(fleet):
    fleet.upload(fleet.o, fleet.p, 8, has_run=False)
    fleet.runs(fleet.member(fleet.o, fleet.p), fleet.product(fleet.o), 8)
    with pytest.raises(FirmwareNeverRun):
        fleet.release(fleet.o, fleet.p, 8)


@pytest.mark.rule("R97")
def test_a_version_that_a_device_runs_already_can_be_released_once_it_is_uploaded(fleet):
    fleet.runs(fleet.member(fleet.o, fleet.p), fleet.p, 8)
    fleet.upload(fleet.o, fleet.p, 8, has_run=False)
    fleet.upload(fleet.o, fleet.p, 9, has_run=False)
    fleet.release(fleet.o, fleet.p, 8)
    with pytest.raises(FirmwareNeverRun):
        fleet.release(fleet.o, fleet.p, 9)


@pytest.mark.rule("R97")
def test_a_device_that_is_approved_has_run_what_it_runs(fleet):
    fleet.upload(fleet.o, fleet.p, 8, has_run=False)
    device = fleet.device()
    fleet.runs(device, fleet.p, 8)
    fleet.cloud.members.add(fleet.o, fleet.p.id, [device.id])
    fleet.release(fleet.o, fleet.p, 8)
    assert fleet.cloud.releases.get(fleet.o, fleet.p.id, 8).product_default


@pytest.mark.rule("R97")
def test_a_release_is_to_the_product_or_to_groups(fleet):
    release = fleet.cloud.releases.release
    fleet.cloud.groups.create(fleet.o, fleet.p.id, "a")
    with pytest.raises(Invalid):
        release(fleet.o, fleet.p.id, 3)
    with pytest.raises(Invalid):
        release(fleet.o, fleet.p.id, 3, product_default=True, groups=["a"])
    with pytest.raises(FirmwareUnknown):
        release(fleet.o, fleet.p.id, 4, product_default=True)
