"""The DCT: two copies, of which one is always complete."""

import pytest

from emulator.board.flash import CutPhase, Flash
from emulator.board.power import PowerCut
from emulator.board.settings import Settings, StoredNetwork
from emulator.factory import STM32F205_SECTORS
from particle_protocol.dct import DctField, SystemFlag


@pytest.fixture
def flash():
    return Flash(STM32F205_SECTORS)


@pytest.fixture
def settings(flash):
    return Settings(flash)


def test_a_new_dct_reads_as_erased(settings):
    assert settings.get(DctField.CLAIM_CODE) == b"\xff" * 63
    assert settings.flag(SystemFlag.STARTUP_MODE) == 0xFF
    assert settings.networks == ()


def test_fields_keep_what_they_are_given(settings, flash):
    settings.put(DctField.CLAIM_CODE, b"x" * 63)
    settings.put(DctField.CLAIMED, b"1")
    settings.put_flag(SystemFlag.STARTUP_MODE, 1)
    again = Settings(flash)
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


def test_networks_are_kept_newest_first_and_the_oldest_of_six_is_forgotten(settings):
    for number in range(6):
        settings.add_network(StoredNetwork(f"net{number}", 3, "password"))
    settings.add_network(StoredNetwork("net3", 0))
    assert [network.ssid for network in settings.networks] == ["net3", "net5", "net4", "net2", "net1"]
    assert settings.networks[0].security == 0
    settings.clear_networks()
    assert settings.networks == ()


def test_wiping_keeps_only_what_is_named(settings):
    settings.put(DctField.CLAIMED, b"1")
    settings.put(DctField.DEVICE_CODE, b"ABC234")
    settings.wipe(keep=(DctField.DEVICE_CODE,))
    assert settings.get(DctField.CLAIMED) == b"\xff"
    assert settings.get(DctField.DEVICE_CODE) == b"ABC234"


@pytest.mark.parametrize("phase", list(CutPhase))
@pytest.mark.parametrize("operation", range(4))
def test_a_power_cut_leaves_the_old_value_or_the_new_one(settings, flash, operation, phase):
    settings.put(DctField.CLAIM_CODE, b"a" * 63)
    settings.put(DctField.CLAIMED, b"0")
    flash.cut_power(operation, phase)
    with pytest.raises(PowerCut):
        settings.put(DctField.CLAIMED, b"1")
    again = Settings(flash)
    assert again.get(DctField.CLAIMED) in (b"0", b"1")
    assert again.get(DctField.CLAIM_CODE) == b"a" * 63
    again.put(DctField.CLAIMED, b"1")
    assert Settings(flash).get(DctField.CLAIMED) == b"1"
