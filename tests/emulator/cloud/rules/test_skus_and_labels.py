"""R122, R133-R134 and R145-R160: the SIMs of SKUs, and the identifiers on labels."""

from __future__ import annotations

import random

import pytest

from particle_protocol import identifiers, platforms, skus

ARGON, BORON, PHOTON = (platforms.platform_by_name(name) for name in ("argon", "boron", "photon"))


@pytest.mark.rule("R133", "R134", "R122")
def test_a_device_from_the_factory_has_the_sim_of_its_sku(world):
    world.device(BORON.id, sku="BRN402", iccid="8934076500002589174")
    world.device(10, sku="E260KIT", iccid="8934076500002589182")
    slow, plastic = (world.cloud.sims.by_iccid(iccid) for iccid in ("8934076500002589174", "8934076500002589182"))
    assert (slow.form, slow.activation) == (skus.SimForm.EMBEDDED, skus.ActivationClass.SOMETIMES_SLOW)
    assert (plastic.form, plastic.activation) == (skus.SimForm.PLASTIC, skus.ActivationClass.GENERALLY_FAST)


@pytest.mark.rule("R145")
def test_both_forms_of_serial_numbers():
    for text in ("P046AF451234567", "E310KMA12345678", "p046af451234567"):
        assert identifiers.parse_serial_number(text) == text.upper()
    for wrong in ("", "046AF4512345678", "PABCAF451234567", "P04"):
        with pytest.raises(identifiers.IdentifierError):
            identifiers.parse_serial_number(wrong)
    rng = random.Random(1)
    made = [identifiers.make_serial_number(rng, BORON) for _ in range(20)]
    assert [identifiers.parse_serial_number(each) for each in made] == made
    assert identifiers.parse_serial_number(identifiers.make_serial_number(rng, BORON, model="E310")).startswith("E310")


@pytest.mark.rule("R148", "R149")
def test_the_label_of_a_gen_3_board_says_serial_number_and_mobile_secret_that_of_others_the_serial_number():
    for text, secret in (("P046AF451234567 ABCDEFGHIJ12345", "ABCDEFGHIJ12345"), ("P046AF451234567", None)):
        label = identifiers.DataMatrix.parse(text)
        assert (label.serial_number, label.mobile_secret, str(label)) == ("P046AF451234567", secret, text)
    with pytest.raises(identifiers.IdentifierError):
        identifiers.DataMatrix.parse("P046AF451234567  ABCDEFGHIJ12345")


@pytest.mark.rule("R150")
def test_two_devices_may_share_a_mobile_secret_but_no_label(world):
    a = world.device(BORON.id, serial_number="P046AF451234567", mobile_secret="ABCDEFGHIJ12345")
    b = world.device(BORON.id, serial_number="P046AF451234568", mobile_secret="ABCDEFGHIJ12345")
    labels = {str(identifiers.DataMatrix(each.serial_number, each.mobile_secret)) for each in (a, b)}
    assert len(labels) == 2


@pytest.mark.rule("R151")
@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("8934076500002589174", True),
        ("89340765000025891741", True),
        ("893407650000258917412", True),
        ("8834076500002589174", False),
        ("893407650000258917", False),
        ("8934076500002589174123", False),
        ("893407650000258917X", False),
    ],
)
def test_an_iccid_has_19_to_21_digits_and_begins_with_89(world, text, good):
    if good:
        assert identifiers.parse_iccid(text) == text
        assert world.cloud.sims.make(text).iccid == text
        return
    with pytest.raises(identifiers.IdentifierError):
        identifiers.parse_iccid(text)
    with pytest.raises(Exception, match="89"):
        world.cloud.sims.make(text)


@pytest.mark.rule("R154")
def test_the_label_of_an_older_electron_says_its_imei():
    imei = identifiers.make_imei(random.Random(1))
    label = identifiers.DataMatrix.parse(imei)
    assert (label.serial_number, label.imei) == (None, imei)


@pytest.mark.rule("R159")
def test_a_wifi_board_has_a_mac_address_of_48_bits_and_a_cellular_one_none(world):
    mac = identifiers.make_mac_address(random.Random(1), ARGON)
    assert len(mac.raw) == 6
    assert not mac.locally_administered
    device = world.device(ARGON.id, mac_wifi=str(mac))
    assert identifiers.MacAddress.parse(world.now(device).mac_wifi) == mac
    assert world.device(BORON.id).mac_wifi is None


@pytest.mark.rule("R160")
def test_the_featherwings_address_is_made_up_and_may_repeat():
    first = identifiers.make_local_mac_address(random.Random(1))
    assert first.locally_administered
    assert not first.multicast
    assert identifiers.make_local_mac_address(random.Random(1)) == first
