"""The DCT by its fields, and the Wi-Fi networks, whatever store is behind them."""

import pytest

from emulator.board.flash import Flash
from emulator.board.settings import Settings
from emulator.board.stored_networks import StoredNetwork, StoredNetworks
from emulator.board.wiced_store import WicedCopies
from emulator.hardware import hardware_of
from particle_protocol.dct import DctField, SystemFlag


@pytest.fixture
def flash():
    return Flash(hardware_of("photon").flashes["internal"].sectors)


@pytest.fixture
def opened(flash):
    """Opens the DCT anew, as a boot does."""
    return lambda: Settings(WicedCopies(flash, (0x08004000, 0x08008000)).application)


@pytest.fixture
def settings(opened):
    return opened()


@pytest.fixture
def networks(flash):
    return StoredNetworks(WicedCopies(flash, (0x08004000, 0x08008000)).platform)


def test_a_new_dct_reads_as_erased(settings):
    assert settings.get(DctField.CLAIM_CODE) == b"\xff" * 63
    assert settings.flag(SystemFlag.STARTUP_MODE) == 0xFF


def test_fields_keep_what_they_are_given(settings, opened):
    settings.put(DctField.CLAIM_CODE, b"x" * 63)
    settings.put(DctField.CLAIMED, b"1")
    settings.put_flag(SystemFlag.STARTUP_MODE, 1)
    again = opened()
    assert again.get(DctField.CLAIM_CODE) == b"x" * 63
    assert again.read(1825, 1) == b"1"
    assert again.flag(SystemFlag.STARTUP_MODE) == 1


def test_writing_what_is_there_costs_no_flash(settings, flash):
    settings.put(DctField.CLAIMED, b"1")
    before = flash.operations
    settings.put(DctField.CLAIMED, b"1")
    assert flash.operations == before


def test_a_field_that_is_too_long_is_refused(settings):
    with pytest.raises(ValueError, match="CLAIMED has 1 bytes, not 2"):
        settings.put(DctField.CLAIMED, b"11")


def test_reading_behind_the_end_gives_erased_bytes(settings):
    settings.put(DctField.CLAIMED, b"1")
    assert settings.read(0x3FF0, 16) == b"\xff" * 16
    with pytest.raises(ValueError, match="outside"):
        settings.write(0x3FF0, b"x")


def test_networks_are_kept_newest_first_and_the_oldest_of_six_is_forgotten(networks):
    for number in range(6):
        networks.add(StoredNetwork(f"net{number}", 3, "password"))
    networks.add(StoredNetwork("net3", 0))
    assert [network.ssid for network in networks.all] == ["net3", "net5", "net4", "net2", "net1"]
    assert networks.all[0].security == 0
    networks.clear()
    assert networks.all == ()


def test_what_a_photon_is_given_again_stays_in_its_place_and_enterprise_networks_make_way_for_each_other(networks):
    for number in range(6):
        networks.put(StoredNetwork(f"net{number}", 3, "password"))
    networks.put(StoredNetwork("net3", 0))
    assert [network.ssid for network in networks.all] == ["net5", "net4", "net3", "net2", "net1"]
    assert networks.all[2].security == 0
    networks.put(StoredNetwork("corp", 5))
    networks.put(StoredNetwork("work", 4))
    assert [network.ssid for network in networks.all] == ["work", "net5", "net4", "net3", "net2"]
    networks.put(StoredNetwork("net2", 5))
    assert [network.ssid for network in networks.all] == ["net5", "net4", "net3", "net2"]


def test_wiping_keeps_only_what_is_named(settings):
    settings.put(DctField.CLAIMED, b"1")
    settings.put(DctField.DEVICE_CODE, b"ABC234")
    settings.wipe(keep=(DctField.DEVICE_CODE,))
    assert settings.get(DctField.CLAIMED) == b"\xff"
    assert settings.get(DctField.DEVICE_CODE) == b"ABC234"
