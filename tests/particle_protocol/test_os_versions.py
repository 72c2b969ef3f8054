"""Device OS releases: the one table of their numbers, what they are made of, and who had them."""

import pytest

from particle_protocol.os_versions import (
    OS_VERSIONS,
    NoSuchRelease,
    known_releases,
    os_release,
    os_releases,
    os_version_name,
    os_version_number,
)
from particle_protocol.platforms import parse_os_version, platform_by_name, platforms

PHOTON = platform_by_name("photon")


def made_of(platform, version):
    modules = os_release(platform_by_name(platform), version).modules(platform_by_name(platform))
    return {
        f"{each.key.function.letter}{each.key.index}@{each.version}": [
            f"{need.key.function.letter}{need.key.index}>={need.version}" for need in each.needs
        ]
        for each in modules
    }


def test_a_number_has_a_name_and_a_name_its_number():
    assert os_version_name(2302) == "2.3.1"
    assert os_version_number("2.3.1") == 2302
    assert [os_version_number(name) for name in OS_VERSIONS.values()] == list(OS_VERSIONS)
    assert [os_version_name(number) for number in (207, 1104, 1406, 2011, 2021, 6305)] == [
        "0.7.0", "1.1.1", "1.4.4", "2.0.1", "2.0.2", "6.3.4",
    ]  # fmt: skip


def test_what_was_never_released_has_neither():
    assert os_version_name(2300) is None
    assert os_version_name(None) is None
    assert os_version_number("9.9.9") is None


def test_later_releases_of_one_line_have_higher_numbers():
    versions = [parse_os_version(name) for name in OS_VERSIONS.values()]
    assert versions == sorted(versions)
    assert list(OS_VERSIONS) == sorted(OS_VERSIONS)


@pytest.mark.parametrize(
    ("platform", "version", "modules"),
    [
        ("photon", "0.4.9", {"s1@11": [], "s2@11": ["s1>=11"], "b0@7": []}),
        ("p1", "0.6.3", {"s1@109": [], "s2@109": ["s1>=109", "b0>=11"], "b0@11": []}),
        ("photon", "1.4.0", {"s1@1401": ["s2>=204"], "s2@1401": ["s1>=1401", "b0>=400"], "b0@500": []}),
        ("photon", "1.4.4", {"s1@1406": ["s2>=207"], "s2@1406": ["s1>=1406", "b0>=400"], "b0@501": []}),
        ("photon", "2.0.1", {"s1@2011": ["s2>=207"], "s2@2011": ["s1>=2011", "b0>=1003"], "b0@1005": []}),
        ("photon", "2.3.1", {"s1@2302": ["s2>=207"], "s2@2302": ["s1>=2302", "b0>=1003"], "b0@1006": []}),
        ("electron", "0.6.4", {"s1@110": [], "s2@110": ["s1>=110", "b0>=11"], "b0@11": []}),
        ("electron", "2.3.1", {"s3@2302": ["s2>=110"], "s1@2302": ["s3>=2302"], "s2@2302": ["s1>=2302", "b0>=1003"], "b0@1006": []}),
        ("xenon", "0.9.0", {"b0@300": [], "s1@403": ["b0>=101"]}),
        ("boron", "1.5.0", {"a0@202": ["b0>=501", "s1>=1321"], "b0@501": ["s1>=1102"], "s1@1502": ["b0>=501", "a0>=202"]}),
        ("b5som", "1.5.2", {"a0@202": ["b0>=501", "s1>=1321"], "b0@502": [], "s1@1512": ["b0>=502", "a0>=202"]}),
        ("argon", "3.3.1", {"a0@202": ["b0>=501", "s1>=1321"], "b0@1100": [], "s1@3302": ["a0>=202", "b0>=1100"]}),
        ("tracker", "2.3.1", {"a0@202": ["b0>=501", "s1>=1321"], "b0@1006": [], "s1@2302": ["b0>=1006", "a0>=202"]}),
        ("tracker", "5.5.0", {"a0@202": ["b0>=501", "s1>=1321"], "b0@2300": [], "s1@5501": ["b0>=2300", "c0>=7"]}),
        ("tracker", "6.2.0", {"a0@202": ["b0>=501", "s1>=1321"], "b0@3100": [], "s1@6200": ["b0>=3100", "s1>=3001"]}),
        ("p2", "5.8.2", {"b1@2": [], "b2@8": [], "b0@2601": ["b2>=8"], "s1@5802": ["b0>=2601"]}),
        ("boron", "5.8.2", {"a0@202": ["b0>=501", "s1>=1321"], "b0@2601": [], "s1@5802": ["b0>=2300", "a0>=202"]}),
    ],
)
def test_what_a_release_is_made_of(platform, version, modules):
    assert made_of(platform, version) == modules


@pytest.mark.parametrize(
    ("platform", "version"),
    [("photon", "9.9.9"), ("photon", "6.2.0"), ("photon", "4.2.0"), ("photon", "0.0.1"), ("photon", "0.9.0"), ("photon", "0.6.4")],
)
def test_what_a_platform_never_had_is_refused_with_the_list(platform, version):
    with pytest.raises(NoSuchRelease, match=rf"Device OS {version} was never released for the Photon; there are: 0\.4\.0, .*, 3\.3\.1$"):
        os_release(platform_by_name(platform), version)


def test_what_nobody_knows_the_modules_of_is_refused_as_such():
    with pytest.raises(NoSuchRelease, match=r"Device OS 6\.3\.4 for the Boron is made of is not known; there are: 0\.9\.0, .*6\.2\.0$"):
        os_release(platform_by_name("boron"), "6.3.4")
    with pytest.raises(NoSuchRelease, match="there are: none whose modules are known"):
        os_release(platform_by_name("core"), "1.4.4")


@pytest.mark.parametrize(
    ("platform", "first", "last"),
    [
        ("photon", "0.4.0", "3.3.1"),
        ("electron", "0.4.9", "3.3.1"),
        ("xenon", "0.9.0", "1.5.2"),
        ("asom", "1.1.0", "1.4.4"),
        ("boron", "0.9.0", "6.2.0"),
        ("tracker", "2.0.0", "6.2.0"),
        ("esomx", "4.0.0", "6.2.0"),
        ("p2", "5.0.0", "6.2.0"),
        ("msom", "5.5.0", "6.2.0"),
    ],
)
def test_from_which_release_to_which_a_platform_was_made(platform, first, last):
    known = known_releases(platform_by_name(platform))
    assert (known[0].version, known[-1].version) == (first, last)


def test_what_the_modules_of_a_release_need_is_in_it():
    """But for the Tracker's network processor, whose firmware comes by itself."""
    for platform in platforms():
        for release in known_releases(platform):
            modules = release.modules(platform)
            there = {module.key: module.version for module in modules}
            assert len(there) == len(modules)
            for need in (need for module in modules for need in module.needs):
                assert there.get(need.key, 7 if need.key.function.letter == "c" else -1) >= need.version, (platform.name, release.version)
            assert there[release.user_part_need(platform).key] == release.system


def test_all_releases_are_a_superset_of_those_of_each_platform():
    assert {release.version for platform in platforms() for release in os_releases(platform)} == set(OS_VERSIONS.values())
    assert os_release(PHOTON, "v2.3.1").version == "2.3.1"
