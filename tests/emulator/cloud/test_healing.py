"""Which modules a device in safe mode is sent, and in which order."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.cloud.healing import Library, missing_dependencies
from emulator.cloud.remedy import first_to_send, next_to_send, remedy
from emulator.cloud.sessions import Refused
from emulator.factory import built_releases, device_os_release
from firmware_images.build import build_module
from firmware_images.fields import Dependency, ModuleFunction
from firmware_images.stand_in import stand_in_dependencies
from particle_protocol.describe import DescribedModule, Description, ModuleDependency, ModuleStore, SystemDescribe, Validity
from particle_protocol.functions import ModuleFunction as Described
from particle_protocol.os_versions import os_release
from particle_protocol.platforms import platform_by_id, platform_by_name

PHOTON = 6
BOOT, ONE, TWO = ("b", 0), ("s", 1), ("s", 2)
FUNCTIONS = {"b": ModuleFunction.BOOTLOADER, "s": ModuleFunction.SYSTEM_PART}


def image(place, version, needs=(), *, stand_in=False):
    """A module that needs (place, version) pairs; two at most, as in a real one."""
    dependencies = [Dependency(FUNCTIONS[letter], index, lowest) for (letter, index), lowest in dict(needs).items()]
    if stand_in:
        dependencies = stand_in_dependencies(dependencies)
    return build_module(PHOTON, FUNCTIONS[place[0]], place[1], version, dependencies=dependencies)


def library(*modules):
    made = Library()
    for module in modules:
        made.add(image(*module))
    return made


def chosen(made, needs, installed):
    found = remedy(needs, installed, lambda place: made.shelf(PHOTON, place, stand_ins=True))
    return None if found is None else {module.place: module.facts.version for module in found}


OLD = {BOOT: 1, ONE: 1, TWO: 1}


def test_the_lowest_version_that_will_do_is_taken():
    made = library((TWO, 5), (TWO, 3), (TWO, 2), (TWO, 4))
    assert chosen(made, {TWO: 3}, OLD) == {TWO: 3}
    assert chosen(made, {TWO: 1}, OLD) == {}
    assert chosen(made, {TWO: 6}, OLD) is None


def test_a_version_whose_own_needs_cannot_be_met_is_passed_over():
    made = library((TWO, 3, {ONE: 3}), (TWO, 4, {ONE: 4}), (ONE, 4, {BOOT: 9}), (TWO, 5, {BOOT: 2}), (BOOT, 2))
    assert chosen(made, {TWO: 3}, OLD) == {TWO: 5, BOOT: 2}


def test_needs_of_needs_are_met_from_versions_that_go_together():
    made = library((TWO, 2, {ONE: 2}), (ONE, 2, {TWO: 9}), (ONE, 3, {BOOT: 2}), (BOOT, 2), (BOOT, 3))
    assert chosen(made, {TWO: 2}, OLD) == {TWO: 2, ONE: 3, BOOT: 2}


def test_fewer_modules_are_better_than_lower_versions():
    made = library((TWO, 2, {ONE: 2}), (ONE, 2, {TWO: 3}), (TWO, 3, {ONE: 2}), (ONE, 3, {BOOT: 2}), (BOOT, 2))
    assert chosen(made, {TWO: 2}, OLD) == {TWO: 3, ONE: 2}


def test_two_that_need_each_other_come_together():
    made = library((TWO, 2, {ONE: 2}), (ONE, 2, {TWO: 2}))
    assert chosen(made, {TWO: 2}, OLD) == {TWO: 2, ONE: 2}


def test_what_is_needed_twice_is_sent_once_in_the_higher_version():
    made = library((TWO, 2), (TWO, 3), (ONE, 2, {TWO: 3}))
    assert chosen(made, {TWO: 2, ONE: 2}, OLD) == {TWO: 3, ONE: 2}


def test_a_module_goes_out_when_what_it_needs_is_there():
    made = library((TWO, 2, {ONE: 2, BOOT: 2}), (ONE, 2), (BOOT, 2))
    found = remedy({TWO: 2}, OLD, lambda place: made.shelf(PHOTON, place, stand_ins=True))
    have, order = dict(OLD), []
    while found:
        module = first_to_send(found, have)
        found.remove(module)
        order.append(module.place)
        have[module.place] = module.facts.version
    assert order == [ONE, BOOT, TWO], "what it needs before it, as it lists that"


def test_a_need_of_version_0_is_met_by_any_version_but_not_by_none():
    made = library((TWO, 0), (TWO, 1), (ONE, 1, {TWO: 0}))
    assert chosen(made, {ONE: 1}, {}) == {ONE: 1, TWO: 0}
    assert chosen(made, {TWO: 0, ONE: 1}, {}) == {ONE: 1, TWO: 0}
    assert chosen(made, {TWO: 0}, OLD) == {}


@pytest.mark.parametrize(
    ("modules", "installed", "first"),
    [
        ([(ONE, 2), (TWO, 2)], OLD, ONE),
        ([(ONE, 2, {TWO: 2}), (TWO, 2)], OLD, TWO),
        ([(ONE, 2, {TWO: 1}), (TWO, 2)], OLD, ONE),
        ([(ONE, 2, {TWO: 1}), (TWO, 2)], {}, TWO),
        ([(ONE, 2, {TWO: 2, BOOT: 2}), (TWO, 2, {ONE: 2})], OLD, TWO),
    ],
)
def test_of_two_modules_the_one_that_misses_less_goes_first_and_else_the_lower_one(modules, installed, first):
    made = library(*modules)
    found = [module for place in (ONE, TWO) for module in made.shelf(PHOTON, place, stand_ins=True)]
    assert first_to_send(found, installed).place == first


def test_a_release_is_handed_out_with_its_own_bootloader_or_not_at_all():
    release = os_release(platform_by_id(PHOTON), "2.3.1")
    made = library((ONE, 2302), (BOOT, 1003), (BOOT, 1006), (BOOT, 1100))

    def held():
        return [(module.place, module.facts.version) for module in made.release(platform_by_id(PHOTON), release)]

    assert held() == [], "without part 2 nothing of it is handed out"
    made.add(image(TWO, 2301))
    assert held() == []
    made.add(image(TWO, 2302))
    assert held() == [(ONE, 2302), (TWO, 2302), (BOOT, 1006)]
    assert not made.release(platform_by_id(13), release)


def test_stand_ins_are_handed_out_only_where_that_was_asked_for_and_never_in_one_release_with_real_modules():
    photon = platform_by_id(PHOTON)
    release, made = os_release(photon, "2.3.1"), Library()
    for module in device_os_release(photon, "2.3.1"):
        made.add(module)
    assert not made.release(photon, release)
    made.hands_out_stand_ins = True
    assert [module.image for module in made.release(photon, release)] == list(device_os_release(photon, "2.3.1"))
    made.add(image(TWO, 2302))
    assert all(module.facts.stand_in for module in made.release(photon, release))
    made.add(image(ONE, 2302))
    made.add(image(BOOT, 1006))
    assert not any(module.facts.stand_in for module in made.release(photon, release))


PLACES = st.sampled_from([BOOT, ONE, TWO])
NEEDS = st.dictionaries(PLACES, st.integers(1, 4), max_size=2)


@example(
    [(BOOT, 1, {}), (ONE, 1, {}), (ONE, 2, {}), (TWO, 2, {}), (TWO, 1, {ONE: 2})],
    {BOOT: 1, ONE: 1, TWO: 1},
    {},
)
@given(
    st.lists(st.tuples(PLACES, st.integers(1, 4), NEEDS), max_size=10),
    st.dictionaries(PLACES, st.integers(1, 4), min_size=1),
    st.dictionaries(PLACES, st.integers(0, 3)),
)
def test_sending_one_at_a_time_heals_and_takes_nothing_down(modules, needs, installed):
    made = library(*modules)

    def shelf(place):
        return made.shelf(PHOTON, place, stand_ins=True)

    found = remedy(needs, installed, shelf)
    possible = possible_at_all(modules, needs, installed)
    assert (found is not None) == possible
    if found is None:
        return
    have, every = dict(installed), dict(needs)
    for count in range(len(found), 0, -1):
        missing = {place: version for place, version in every.items() if have.get(place, -1) < version}
        left = remedy(missing, have, shelf)
        assert 0 < len(left) <= count
        module = first_to_send(left, have)
        assert module.facts.version > have.get(module.place, -1)
        have[module.place] = module.facts.version
        for place, version in module.needs.items():
            every[place] = max(version, every.get(place, 0))
    assert all(have.get(place, -1) >= version for place, version in every.items())


def possible_at_all(modules, needs, installed):
    """Whether any choice of modules at all meets the needs: every combination is looked at."""
    by_place = {place: {} for place in (BOOT, ONE, TWO)}
    for place, version, wants in modules:
        by_place[place][version] = wants
    options = [[(place, None, {}), *((place, version, wants) for version, wants in by_place[place].items())] for place in by_place]
    for first in options[0]:
        for second in options[1]:
            for third in options[2]:
                have, every = dict(installed), dict(needs)
                for place, version, wants in (first, second, third):
                    if version is None or version <= installed.get(place, -1):
                        continue
                    have[place] = version
                    for key, lowest in wants.items():
                        every[key] = max(lowest, every.get(key, 0))
                if all(have.get(place, -1) >= version for place, version in every.items()):
                    return True
    return False


def described(function, index, version, *needs, intact=True):
    passed = Validity(30) if intact else Validity(28)
    return DescribedModule(1 << 17, function=function, index=index, version=version, passed=passed, dependencies=needs)


def part(index, version):
    return ModuleDependency(Described.SYSTEM_PART, index, version)


def user(*needs):
    return described(Described.USER_PART, 1, 6, *(part(index, version) for index, version in needs))


@pytest.fixture
def ill(world):
    """A claimed device; gives what it is sent when it describes itself."""
    u1 = world.user()
    device, session = world.claimed(u1)
    session.leave()

    def connects(*modules, refusing="", silent=False):
        session = world.connect(device, describe=False)
        session.silent, session.refuses = silent, Refused(refusing) if refusing else None
        session.describe(*modules)
        session.leave()
        return list(session.flashed)

    connects.device = device
    return connects


def test_what_only_stands_for_a_real_module_goes_to_those_that_may_have_it(world, ill):
    stand_in, real = image(TWO, 2, stand_in=True), image(TWO, 3)
    modules = (described(Described.SYSTEM_PART, 2, 1), user((2, 2)))
    world.cloud.library.add(stand_in)
    assert ill(*modules) == []
    world.cloud.library.add(real)
    assert ill(*modules) == [real]
    world.cloud.updates.takes_stand_ins = {ill.device.id}.__contains__
    assert ill(*modules) == [stand_in]
    same = image(TWO, 2, {ONE: 0})
    world.cloud.library.add(same)
    assert ill(described(Described.SYSTEM_PART, 1, 1), *modules) == [same], "of two of one version the real one is sent"


def test_a_damaged_module_is_as_good_as_none(world, ill):
    two = image(TWO, 2)
    world.cloud.library.add(two)
    assert ill(described(Described.SYSTEM_PART, 2, 2), user((2, 2))) == []
    assert ill(described(Described.SYSTEM_PART, 2, 2, intact=False), user((2, 2))) == [two]


def test_what_can_be_healed_is_and_the_rest_is_told(world, ill):
    one = image(ONE, 2)
    world.cloud.library.add(one)
    modules = (described(Described.SYSTEM_PART, 1, 1), described(Described.SYSTEM_PART, 2, 1), user((1, 2), (2, 9)))
    assert ill(*modules) == [one]
    session = world.connect(ill.device, describe=False)
    session.describe(*modules)
    assert world.cloud.healing.lacks(ill.device) == [part(2, 9)]
    session.leave()
    assert world.cloud.healing.lacks(ill.device) == []


def test_the_needs_of_the_system_come_before_those_of_the_application():
    system = SystemDescribe(PHOTON, (user((2, 2)), described(Described.SYSTEM_PART, 1, 1, part(2, 1))))
    assert missing_dependencies(system) == [part(2, 1), part(2, 2)]


def test_what_lies_in_store_neither_counts_nor_needs_anything():
    spare = DescribedModule(1 << 17, ModuleStore.FACTORY, function=Described.SYSTEM_PART, index=2, version=9, dependencies=(part(3, 1),))
    assert missing_dependencies(SystemDescribe(PHOTON, (spare, user((2, 2))))) == [part(2, 2)]


def test_the_highest_of_several_needs_of_one_module_counts(world, ill):
    low, high = image(TWO, 2), image(TWO, 3)
    for module in (low, high):
        world.cloud.library.add(module)
    assert ill(described(Described.SYSTEM_PART, 1, 1, part(2, 3)), user((2, 2))) == [high]


def test_a_module_of_version_0_is_sent_to_whom_it_will_do(world, ill):
    lowest = image(TWO, 0)
    for module in (lowest, image(TWO, 1)):
        world.cloud.library.add(module)
    assert ill(user((2, 0))) == [lowest]


def test_what_is_wrong_with_a_device_is_told_and_what_it_is_sent(world, ill):
    heard = world.hear(world.user(), "spark/s")
    modules = (described(Described.SYSTEM_PART, 2, 1), user((2, 2)))
    safe_mode = ("spark/status/safe-mode", Description(SystemDescribe(PHOTON, modules)).encode().decode())
    ill(*modules)
    given_up = ("spark/safe-mode-updater/failed", '{"reason":"it misses system part 2 version 2 or later, which is not in the library"}')
    assert [each for each in heard if "safe-mode" in each[0]] == [safe_mode, given_up]
    world.cloud.library.add(image(TWO, 2))
    ill(*modules)
    updating = ("spark/safe-mode-updater/updating", '{"function":"s","index":2,"version":2}')
    assert [each for each in heard if "safe-mode" in each[0]] == [safe_mode, given_up, safe_mode, updating]


def test_a_device_is_ill_whether_or_not_there_is_something_to_send(world, ill):
    heal = world.cloud.healing.heal
    assert not heal(ill.device), "offline, nothing is known"
    session = world.connect(ill.device, describe=False)
    assert not heal(ill.device), "it has said nothing yet"
    modules = (described(Described.SYSTEM_PART, 2, 1), user((2, 2)))
    session.describe(*modules)
    assert heal(ill.device) is True
    assert session.flashed == []
    world.cloud.library.add(image(TWO, 2))
    session.silent = True
    assert [heal(ill.device) for _ in range(2)] == [True, True]
    assert session.flashed == [image(TWO, 2)], "one update at a time"
    session.describe(described(Described.SYSTEM_PART, 2, 2), user((2, 2)))
    assert heal(ill.device) is False


def test_a_module_that_a_device_refuses_is_sent_three_times_and_then_the_reason_is_told(world, ill):
    heard = world.hear(world.user(), "spark/safe-mode-updater/")
    world.cloud.library.add(image(TWO, 2))
    modules = (described(Described.SYSTEM_PART, 2, 1), user((2, 2)))
    why = f"system part 2 version 2, which it needs, was sent 3 times in vain: device {ill.device.id}: refuses the update: -1340"
    for _ in range(3):
        assert ill(*modules, refusing="-1340") == [image(TWO, 2)]
    for _ in range(2):
        assert ill(*modules) == []
    assert [name.rpartition("/")[2] for name, _ in heard] == ["updating"] * 3 + ["failed"] * 2
    assert heard[-1][1] == json.dumps({"reason": why}, separators=(",", ":"))
    session = world.connect(ill.device, describe=False)
    session.describe(*modules)
    assert world.cloud.healing.trouble(ill.device) == why
    session.leave()
    world.cloud.library.add(image(TWO, 3))
    assert ill(described(Described.SYSTEM_PART, 2, 1), user((2, 3))) == [image(TWO, 3)], "another one is another matter"
    assert ill(described(Described.SYSTEM_PART, 2, 3), user((2, 3))) == []
    assert world.cloud.healing.trouble(ill.device) == ""


def test_what_a_device_said_it_took_and_has_not_got_counts_as_in_vain(world, ill):
    world.cloud.library.add(image(TWO, 2))
    modules = (described(Described.SYSTEM_PART, 2, 1), user((2, 2)))
    assert [ill(*modules) for _ in range(5)] == [[image(TWO, 2)]] * 3 + [[]] * 2


def test_a_connection_that_is_lost_speaks_against_no_module(world, ill):
    world.cloud.library.add(image(TWO, 2))
    modules = (described(Described.SYSTEM_PART, 2, 1), user((2, 2)))
    assert [ill(*modules, silent=True) for _ in range(9)] == [[image(TWO, 2)]] * 9


def heals(platform, installed, needs):
    """Which modules go to a board with these, one after another, each taken as a board takes it."""
    made, have, sent = Library(), dict(installed), []
    for module in built_releases(platform_by_name(platform)):
        made.add(module)

    def shelf(place):
        return made.shelf(platform_by_name(platform).id, place, stand_ins=True)

    while (left := remedy(needs, have, shelf)) and len(sent) < 9:
        module = next_to_send(needs, left, have, shelf)
        assert all(have.get(place, -1) >= version for place, version in module.blocking), f"{module.place} is refused"
        have[module.place] = module.facts.version
        sent.append(f"{module.facts.function.letter}{module.facts.index}@{module.facts.version}")
    return sent


@pytest.mark.parametrize(
    ("platform", "installed", "needs", "sent"),
    [
        ("argon", {("s", 1): 4006, ("b", 0): 501, ("a", 0): 111, ("c", 0): 5}, ("s", 1, 5400), ["a0@202", "b0@2002", "s1@5400"]),
        ("boron", {("s", 1): 4006, ("b", 0): 501, ("a", 0): 111}, ("s", 1, 5400), ["b0@2002", "a0@202", "s1@5400"]),
        ("tracker", {("s", 1): 2302, ("b", 0): 501, ("a", 0): 202, ("c", 0): 5}, ("s", 1, 4006), ["c0@7", "b0@1101", "s1@4006"]),
        # Stepping stones: the radio stack needs a system part of 1.3.1, which needs no radio stack; 5.6.0 on a Tracker one of 3.0.
        ("boron", {("s", 1): 403, ("b", 0): 300}, ("s", 1, 2302), ["b0@1005", "s1@1321", "a0@202", "s1@2302"]),
        ("tracker", {("s", 1): 2302, ("b", 0): 1006, ("a", 0): 202, ("c", 0): 7}, ("s", 1, 5600), ["s1@3005", "b0@2300", "s1@5600"]),
    ],
)
def test_what_the_boards_of_gen_3_are_sent_one_after_another(platform, installed, needs, sent):
    letter, index, version = needs
    assert heals(platform, installed, {(letter, index): version}) == sent


def test_a_device_that_starts_anew_in_a_session_that_goes_on_is_sent_the_module_again(world, ill):
    """It says that it is in safe mode, and does not describe itself again."""
    world.cloud.library.add(image(TWO, 2))
    session = world.connect(ill.device, describe=False)
    session.refuses = Refused("no")
    session.describe(described(Described.SYSTEM_PART, 2, 1), user((2, 2)))
    session.event("spark/device/safemode", "")
    assert session.flashed == [image(TWO, 2)]
    session.event("spark/device/safemode", "")
    assert session.flashed == [image(TWO, 2)] * 2


def test_a_device_that_describes_itself_twice_is_sent_a_module_once(world, ill):
    world.cloud.library.add(image(TWO, 2))
    session = world.connect(ill.device, describe=False)
    for _ in range(2):
        session.describe(described(Described.SYSTEM_PART, 2, 1), user((2, 2)))
    assert session.flashed == [image(TWO, 2)]
