"""What the board's network is called, and how the security of networks is numbered."""

import pytest

from particle_protocol.listening.wifi import WifiCipher, WifiSecurity
from particle_protocol.softap import cipher_of, names, security_mask, security_of


def test_a_device_code_is_five_bits_a_character_the_lowest_first():
    assert names.make_device_code(0) == "222222"
    assert names.make_device_code(1) == "322222"
    assert names.make_device_code(31 << 25 | 30) == "Y2222Z"
    assert names.make_device_code(0xFFFFFFFF) == "ZZZZZZ"
    assert names.make_device_code(0xFFFFFFFF, (0, 6, 3)) == "ZZZZ"


@pytest.mark.parametrize(
    ("prefix", "code", "name"),
    [
        (b"\x06Photon", b"AB23CD", "Photon-AB23CD"),
        (b"\x06Photon", b"AB23\xff\xff", "Photon-AB23"),
        (b"\x06Photon", b"AB23\0\0", "Photon-AB23"),
        (b"\x19" + b"P" * 25, b"AB23CD", "P" * 25 + "-AB23CD"),
        (b"\xff" * 26, b"AB23CD", None),
        (b"\x00" * 26, b"AB23CD", None),
        (b"\x1a" + b"P" * 25, b"AB23CD", None),
        (b"\x06Photon", b"\xff" * 6, None),
        (b"\x06Photon", b"\0" * 6, None),
    ],
)
def test_the_name_is_the_prefix_and_the_code_of_the_dct(prefix, code, name):
    kept = names.stored_prefix(prefix.ljust(26, b"\xff")), names.stored_code(code)
    assert (None if None in kept else names.network_name(*kept)) == name


def test_a_name_tells_whether_a_board_may_be_behind_it():
    assert all(map(names.may_be_a_board, ("Photon-AB23CD", "Photon-AB23", "Lamp-of mine-ZZZZZZ")))
    assert not any(map(names.may_be_a_board, ("Photon", "Photon-", "Photon-AB23C0", "Photon-ab23cd", "-AB23CD", "home")))


@pytest.mark.parametrize(
    ("mask", "security", "cipher"),
    [
        (0, WifiSecurity.OPEN, WifiCipher.NOT_SET),
        (1, WifiSecurity.WEP, WifiCipher.NOT_SET),
        (0x00200002, WifiSecurity.WPA, WifiCipher.TKIP),
        (0x00200004, WifiSecurity.WPA, WifiCipher.AES),
        (0x00200006, WifiSecurity.WPA, WifiCipher.AES_TKIP),
        (0x00400002, WifiSecurity.WPA2, WifiCipher.TKIP),
        (0x00400004, WifiSecurity.WPA2, WifiCipher.AES),
        (0x00400006, WifiSecurity.WPA2, WifiCipher.AES_TKIP),
        (0x02200004, WifiSecurity.WPA_ENTERPRISE, WifiCipher.AES),
        (0x02400006, WifiSecurity.WPA2_ENTERPRISE, WifiCipher.AES_TKIP),
    ],
)
def test_masks_and_what_they_mean(mask, security, cipher):
    assert security_mask(security, cipher) == mask
    assert (security_of(mask), cipher_of(mask)) == (security, cipher)


def test_masks_that_a_board_reads_in_its_own_way():
    assert security_of(0x8001) is WifiSecurity.WEP, "shared keys, too"
    assert security_of(0x00600004) is WifiSecurity.WPA, "a network of both kinds counts as the older one"
    assert security_of(0x02600004) is WifiSecurity.WPA2_ENTERPRISE, "but not where it is an enterprise's"
    assert security_of(0x02000000) is security_of(6) is None
    assert security_mask(WifiSecurity.WPA3, WifiCipher.AES) == -1
