"""Device OS releases and their numbers."""

from particle_protocol.os_versions import OS_VERSIONS, os_version_name, os_version_number
from particle_protocol.platforms import parse_os_version


def test_a_number_has_a_name_and_a_name_its_number():
    assert os_version_name(2302) == "2.3.1"
    assert os_version_number("2.3.1") == 2302
    assert [os_version_number(name) for name in OS_VERSIONS.values()] == list(OS_VERSIONS)


def test_what_was_never_released_has_neither():
    assert os_version_name(2300) is None
    assert os_version_name(None) is None
    assert os_version_number("9.9.9") is None


def test_later_releases_of_one_line_have_higher_numbers():
    versions = [parse_os_version(name) for name in OS_VERSIONS.values()]
    assert versions == sorted(versions)
    assert list(OS_VERSIONS) == sorted(OS_VERSIONS)
