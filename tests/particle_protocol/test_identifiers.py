import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol import identifiers as ids
from particle_protocol.identifiers import DataMatrix, IdentifierError, IdentifierKind, MacAddress, identify
from particle_protocol.platforms import platform_by_name, platforms

PHOTON, BORON, P2 = (platform_by_name(name) for name in ("photon", "boron", "p2"))
seeds = st.integers(0, 2**32).map(random.Random)


@pytest.mark.rule("R4")
@pytest.mark.parametrize("text", ["2d0032000f47343438323536", "E00FCE6819EF5F971EA9563A", " 0a10aced202194944a0012b4\r\n"])
def test_a_device_id_is_24_hex_digits_in_any_case(text):
    assert ids.parse_device_id(text) == text.strip().lower()


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    "text", ["", "2d0032000f4734343832353", "2d0032000f473434383235366", "2d0032000f4734343832353g", "٢d0032000f47343438323536"]
)
def test_what_is_no_device_id_is_refused(text):
    with pytest.raises(IdentifierError, match="24 hexadecimal digits"):
        ids.parse_device_id(text)


@given(seeds, st.sampled_from(platforms()))
def test_made_identifiers_are_valid_and_of_one_kind(rng, platform):
    for made, kind in (
        (ids.make_device_id(rng, platform), IdentifierKind.DEVICE_ID),
        (ids.make_serial_number(rng, platform), IdentifierKind.SERIAL_NUMBER),
        (ids.make_serial_number(rng, platform, model="E310"), IdentifierKind.SERIAL_NUMBER),
        (ids.make_iccid(rng), IdentifierKind.ICCID),
        (ids.make_imei(rng), IdentifierKind.IMEI),
    ):
        assert identify(made) is kind
        assert identify(f" {made} ") is kind
    assert ids.parse_mobile_secret(ids.make_mobile_secret(rng))
    assert ids.parse_claim_code(ids.make_claim_code(rng))
    assert ids.parse_device_name(ids.make_device_name(rng))


def test_a_seed_repeats_them():
    assert ids.make_device_id(random.Random(1), PHOTON) == ids.make_device_id(random.Random(1), PHOTON)
    assert len({ids.make_device_id(rng, PHOTON) for rng in [random.Random(2)] for _ in range(2000)}) == 2000


def test_device_ids_look_like_their_boards():
    assert ids.make_device_id(random.Random(3), BORON).startswith("e00fce68")
    assert ids.make_device_id(random.Random(3), P2).startswith("0a10aced2021")
    assert bytes.fromhex(ids.make_device_id(random.Random(3), PHOTON))[6:].isascii()


@pytest.mark.rule("R145")
@pytest.mark.parametrize("text", ["P046AF451234567", "E310KMA12345678", "B404AB133ABCDEF", "brn402ab1234567", "T523XYZ1"])
def test_serial_numbers_begin_with_p_and_three_digits_or_with_a_model(text):
    assert ids.parse_serial_number(text) == text.upper()


@pytest.mark.parametrize(
    "text", ["", "P04", "P04AF4512345678", "1234567890", "P046", "P046AF45 234567", "P046AF45123456789", "WAT", "NOPE"]
)
def test_what_is_no_serial_number_is_refused(text):
    with pytest.raises(IdentifierError, match="serial number"):
        ids.parse_serial_number(text)


@pytest.mark.rule("R149")
def test_a_gen_3_label_is_serial_number_space_mobile_secret():
    label = DataMatrix.parse("P046AF451234567 ABCDEFGH1234567\n")
    assert label == DataMatrix("P046AF451234567", "ABCDEFGH1234567")
    assert str(label) == "P046AF451234567 ABCDEFGH1234567"


@pytest.mark.rule("R149")
def test_any_other_label_is_the_serial_number():
    assert DataMatrix.parse("P020AF451234567") == DataMatrix("P020AF451234567")
    assert str(DataMatrix("P020AF451234567")) == "P020AF451234567"


@pytest.mark.rule("R154")
def test_an_old_electron_has_its_imei_on_the_label():
    assert DataMatrix.parse("490154203237518") == DataMatrix(None, imei="490154203237518")
    assert str(DataMatrix.parse("490154203237518")) == "490154203237518"


@pytest.mark.parametrize(
    "text", ["", " ", "P046AF451234567  ABCDEFGH1234567", "P046AF451234567 ABC", "P046AF451234567 ABCDEFGH1234567 X", "490154203237519"]
)
def test_what_is_no_label_is_refused(text):
    with pytest.raises(IdentifierError):
        DataMatrix.parse(text)


@pytest.mark.rule("R151")
@pytest.mark.parametrize("text", ["8934076500002589174", "89014103271226425043", "890141032712264250431", "8934 0765 0000 2589 174"])
def test_an_iccid_has_19_to_21_digits_that_begin_with_89(text):
    assert ids.parse_iccid(text) == text.replace(" ", "")


@pytest.mark.rule("R151")
@pytest.mark.parametrize("text", ["", "893407650000258917", "8901410327122642504312", "8834076500002589174", "89340765000025891x4"])
def test_what_is_no_iccid_is_refused(text):
    with pytest.raises(IdentifierError, match="19 to 21 digits"):
        ids.parse_iccid(text)


def test_the_check_digit_of_an_iccid_is_checked_on_request():
    assert ids.parse_iccid("8901260852290847433", check_digit=True)
    with pytest.raises(IdentifierError, match="check digit should be 3"):
        ids.parse_iccid("8901260852290847434", check_digit=True)


@pytest.mark.parametrize("digits", [19, 20, 21])
def test_made_iccids_have_a_check_digit(digits):
    made = ids.make_iccid(random.Random(4), digits=digits)
    assert len(made) == digits
    assert ids.parse_iccid(made, check_digit=True) == made
    with pytest.raises(ValueError, match="19 to 21"):
        ids.make_iccid(random.Random(4), digits=digits + 3)


def test_an_imei_has_15_digits_and_the_last_one_checks_the_others():
    assert ids.parse_imei("49-015420-323751-8") == "490154203237518"
    with pytest.raises(IdentifierError, match="check digit should be 8"):
        ids.parse_imei("490154203237517")
    for text in ("", "49015420323751", "4901542032375180", "49015420323751x"):
        with pytest.raises(IdentifierError, match="15 digits"):
            ids.parse_imei(text)


@given(st.text("0123456789", min_size=1, max_size=20), st.integers(0, 19), st.integers(1, 9))
def test_a_check_digit_finds_every_single_wrong_digit(body, place, by):
    number = f"{body}{ids.luhn_digit(body)}"
    assert ids.has_valid_check_digit(number)
    place %= len(number)
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not ids.has_valid_check_digit(wrong)


@pytest.mark.rule("R159")
@pytest.mark.parametrize("text", ["e0:4f:43:12:34:ab", "E04F431234AB", "e0-4f-43-12-34-ab", " e04f431234ab "])
def test_a_mac_address_is_12_hex_digits(text):
    mac = MacAddress.parse(text)
    assert str(mac) == "e0:4f:43:12:34:ab"
    assert not mac.locally_administered
    assert not mac.multicast


@pytest.mark.parametrize("text", ["", "e0:4f:43:12:34", "e0:4f:43:12:34:ab:cd", "e0:4f-43:12:34:ab", "e0:4f:43:12:34:ag", "e04f:431234ab"])
def test_what_is_no_mac_address_is_refused(text):
    with pytest.raises(IdentifierError, match="12 hexadecimal digits"):
        MacAddress.parse(text)
    with pytest.raises(IdentifierError, match="6 bytes"):
        MacAddress(b"\0")


@pytest.mark.rule("R160")
@given(seeds)
def test_the_ethernet_featherwing_makes_up_a_local_address(rng):
    made = ids.make_local_mac_address(rng)
    assert made.locally_administered
    assert not made.multicast
    assert not ids.make_mac_address(rng, platform_by_name("argon")).locally_administered


def test_a_claim_code_has_just_63_characters():
    code = ids.make_claim_code(random.Random(5))
    assert len(code) == 63
    assert ids.parse_claim_code(f"{code}\n") == code
    for text in ("", code[:-1], f"{code}a", f"{code[:-1]}-"):
        with pytest.raises(IdentifierError, match="63 characters"):
            ids.parse_claim_code(text)


def test_mobile_secrets_are_15_letters_and_digits():
    assert ids.parse_mobile_secret("abcdefgh1234567") == "ABCDEFGH1234567"
    for text in ("", "ABC", "ABCDEFGH123456-"):
        with pytest.raises(IdentifierError, match="15 letters"):
            ids.parse_mobile_secret(text)


def test_device_names_are_printable():
    assert ids.parse_device_name(" my lamp ") == "my lamp"
    for text in ("", "  ", "a" * 65, "a\nb"):
        with pytest.raises(IdentifierError, match="device name"):
            ids.parse_device_name(text)


@given(st.text(max_size=70))
def test_any_text_is_identified_or_refused(text):
    identify(text)
    for parse in (DataMatrix.parse, MacAddress.parse, ids.parse_claim_code, ids.parse_mobile_secret, ids.parse_device_name):
        with contextlib.suppress(IdentifierError):
            assert str(parse(text))
