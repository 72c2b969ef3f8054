"""What a device, its SIM and its label are known by: read, check and make each kind of identifier.

`parse_*` take what a person may type or a scanner may give, return the one normal form, and raise `IdentifierError` with the reason.
`make_*` draw a plausible new one from a `random.Random`, so that a seed repeats them. `identify` tells the kinds apart.

Formats: Particle's claiming and provisioning documentation, "Device identifiers"; ITU-T E.118 (ICCID), 3GPP TS 23.003 (IMEI).
"""

from __future__ import annotations

import enum
import random
import re
from dataclasses import dataclass

from particle_protocol.platforms import McuFamily, Platform

CLAIM_CODE_LENGTH = 63
MOBILE_SECRET_LENGTH = 15
SERIAL_NUMBER_LENGTHS = range(8, 17)

_DEVICE_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)
_SERIAL = re.compile(r"(P[0-9]{3}|[A-Z]{1,4}[0-9]{3}X?)[0-9A-Z]+", re.ASCII)
_SECRET = re.compile(r"[0-9A-Z]+", re.ASCII)
_ICCID = re.compile(r"89[0-9]{17,19}", re.ASCII)
_IMEI = re.compile(r"[0-9]{15}", re.ASCII)
_MAC = re.compile(r"[0-9a-f]{2}(?:([:-]?)[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}", re.ASCII)
_CLAIM_CODE = re.compile(r"[0-9A-Za-z+/]+", re.ASCII)

_LABEL_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits and capitals without I and O, which nobody can read off a label."""
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class IdentifierError(ValueError):
    """This text is no identifier of the wanted kind. The message tells the text and what is wrong with it."""


class IdentifierKind(enum.Enum):
    """The kinds that may stand in a list of devices."""

    DEVICE_ID = "device id"
    ICCID = "ICCID"
    IMEI = "IMEI"
    SERIAL_NUMBER = "serial number"


def identify(text: str) -> IdentifierKind | None:
    """Which kind of identifier a line of a device list is, or None. The kinds do not overlap."""
    for kind, parse in (
        (IdentifierKind.DEVICE_ID, parse_device_id),
        (IdentifierKind.ICCID, parse_iccid),
        (IdentifierKind.IMEI, parse_imei),
        (IdentifierKind.SERIAL_NUMBER, parse_serial_number),
    ):
        try:
            parse(text)
        except IdentifierError:
            continue
        return kind
    return None


def parse_device_id(text: str) -> str:
    """A device id in lower case: 24 hex digits, every one significant.

    Raises:
        IdentifierError: it is none.
    """
    normal = text.strip().lower()
    if not _DEVICE_ID.fullmatch(normal):
        raise IdentifierError(f"{text!r} is no device id: expected 24 hexadecimal digits")
    return normal


def make_device_id(rng: random.Random, platform: Platform) -> str:
    """A new device id, in the manner of the platform.

    A Gen 2 board's is the serial number of its processor, which ends in text; later boards have a prefix of their maker.
    """
    if platform.mcu is McuFamily.STM32F2:
        x, y, z = rng.randrange(0x20, 0x60), rng.randrange(0x100), rng.randrange(0x40)
        lot = "34" + "".join(f"3{rng.randrange(10)}" for _ in range(5))
        return f"{x:02x}00{y:02x}00{z:02x}47{lot}"
    prefix = "0a10aced2021" if platform.mcu is McuFamily.RTL872X else "e00fce68"
    return prefix + f"{rng.getrandbits(4 * (24 - len(prefix))):0{24 - len(prefix)}x}"


def parse_serial_number(text: str) -> str:
    """A serial number in upper case: "P" and three digits, or a model like E310, then more letters and digits; 8 to 16 characters in all.

    Raises:
        IdentifierError: it is none.
    """
    normal = text.strip().upper()
    if len(normal) not in SERIAL_NUMBER_LENGTHS or not _SERIAL.fullmatch(normal):
        raise IdentifierError(
            f"{text!r} is no serial number: expected something like P046AF451234567 or E310KMA12345678, 8 to 16 characters"
        )
    return normal


def make_serial_number(rng: random.Random, platform: Platform, *, model: str | None = None) -> str:
    """A new serial number of 15 characters; it begins with the model ("E310") if one is given, else with P and three digits.

    The three digits are the platform's id, so that a reader of a log knows the boards apart. Real ones follow no rule that is known.
    """
    prefix = model.upper() if model else f"P{platform.id:03d}"
    return prefix + "".join(rng.choice(_LABEL_ALPHABET) for _ in range(15 - len(prefix)))


def parse_mobile_secret(text: str) -> str:
    """A mobile secret: 15 capitals and digits. It is not unique; together with the serial number it secures set-up over BLE.

    Raises:
        IdentifierError: it is none.
    """
    normal = text.strip().upper()
    if len(normal) != MOBILE_SECRET_LENGTH or not _SECRET.fullmatch(normal):
        raise IdentifierError(f"{text!r} is no mobile secret: expected {MOBILE_SECRET_LENGTH} letters and digits")
    return normal


def make_mobile_secret(rng: random.Random) -> str:
    """A new mobile secret."""
    return "".join(rng.choice(_LABEL_ALPHABET) for _ in range(MOBILE_SECRET_LENGTH))


@dataclass(frozen=True, slots=True)
class DataMatrix:
    """What the 2D code on a label says: a serial number, on Gen 3 boards with the mobile secret; on some old Electrons only an IMEI."""

    serial_number: str | None
    mobile_secret: str | None = None
    imei: str | None = None

    @classmethod
    def parse(cls, text: str) -> DataMatrix:
        """Read what a scanner gives.

        Raises:
            IdentifierError: it is no such label.
        """
        first, *rest = text.strip().split(" ")
        if not rest and _IMEI.fullmatch(first):
            return cls(None, imei=parse_imei(first))
        if len(rest) > 1:
            raise IdentifierError(f"{text!r} is no label: expected a serial number, and perhaps one space and a mobile secret")
        return cls(parse_serial_number(first), parse_mobile_secret(rest[0]) if rest else None)

    def __str__(self) -> str:
        if self.serial_number is None:
            return self.imei or ""
        return f"{self.serial_number} {self.mobile_secret}" if self.mobile_secret else self.serial_number


def parse_iccid(text: str, *, check_digit: bool = False) -> str:
    """The number of a SIM card: 19 to 21 digits that begin with 89. Blanks, in which it is printed, are taken out.

    `check_digit`: also hold the last digit against the others, which only cards that have one (most) pass.

    Raises:
        IdentifierError: it is none.
    """
    normal = text.replace(" ", "").strip()
    if not _ICCID.fullmatch(normal):
        raise IdentifierError(f"{text!r} is no ICCID: expected 19 to 21 digits that begin with 89")
    if check_digit and not has_valid_check_digit(normal):
        raise IdentifierError(f"{text!r} is no ICCID: its check digit should be {luhn_digit(normal[:-1])}")
    return normal


def make_iccid(rng: random.Random, *, digits: int = 20) -> str:
    """A new SIM card number with a valid check digit.

    Raises:
        ValueError: `digits` is not 19, 20 or 21.
    """
    if digits not in range(19, 22):
        raise ValueError(f"an ICCID has 19 to 21 digits, not {digits}")
    body = "89" + "".join(str(rng.randrange(10)) for _ in range(digits - 3))
    return f"{body}{luhn_digit(body)}"


def parse_imei(text: str) -> str:
    """The number of a cellular modem: 15 digits, the last one a check digit. Blanks and dashes are taken out.

    Raises:
        IdentifierError: it is none.
    """
    normal = re.sub(r"[ -]", "", text.strip())
    if not _IMEI.fullmatch(normal):
        raise IdentifierError(f"{text!r} is no IMEI: expected 15 digits")
    if not has_valid_check_digit(normal):
        raise IdentifierError(f"{text!r} is no IMEI: its check digit should be {luhn_digit(normal[:-1])}")
    return normal


def make_imei(rng: random.Random) -> str:
    """A new modem number with a valid check digit; it begins with 35, as those of European type approval do."""
    body = "35" + "".join(str(rng.randrange(10)) for _ in range(12))
    return f"{body}{luhn_digit(body)}"


def luhn_digit(body: str) -> int:
    """The check digit for a string of digits (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, character in enumerate(reversed(body)):
        digit = int(character)
        if place % 2 == 0:
            digit = digit * 2 - 9 * (digit > 4)
        total += digit
    return -total % 10


def has_valid_check_digit(number: str) -> bool:
    """Whether the last digit of a number is the check digit of the others."""
    return int(number[-1]) == luhn_digit(number[:-1])


@dataclass(frozen=True, slots=True)
class MacAddress:
    """The address of a Wi-Fi radio or an Ethernet FeatherWing: six bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != 6:
            raise IdentifierError(f"a MAC address has 6 bytes, not {len(self.raw)}")

    @classmethod
    def parse(cls, text: str) -> MacAddress:
        """Read 12 hex digits, with or without colons or dashes.

        Raises:
            IdentifierError: it is no MAC address.
        """
        normal = text.strip().lower()
        if not _MAC.fullmatch(normal):
            raise IdentifierError(f"{text!r} is no MAC address: expected 12 hexadecimal digits")
        return cls(bytes.fromhex(re.sub(r"[:-]", "", normal)))

    @property
    def locally_administered(self) -> bool:
        """Whether somebody made it up, as the FeatherWing does: such addresses need not be unique."""
        return bool(self.raw[0] & 0x02)

    @property
    def multicast(self) -> bool:
        """Whether it means a group, not one radio."""
        return bool(self.raw[0] & 0x01)

    def __str__(self) -> str:
        return self.raw.hex(":")


def make_mac_address(rng: random.Random, platform: Platform) -> MacAddress:
    """A new address of a platform's Wi-Fi radio, with a prefix of its maker: of the Photon's module, or of the ESP32."""
    return MacAddress((b"\x24\x0a\xc4" if platform.mcu is McuFamily.NRF52840 else b"\xe0\x4f\x43") + rng.randbytes(3))


def make_local_mac_address(rng: random.Random) -> MacAddress:
    """A new address as the Ethernet FeatherWing makes one up: random, locally administered, not a group's."""
    first, *rest = rng.randbytes(6)
    return MacAddress(bytes((first & 0xFC | 0x02, *rest)))


def parse_claim_code(text: str) -> str:
    """A claim code: 63 characters of the base64 alphabet, just what the board's settings have room for.

    Raises:
        IdentifierError: it is none.
    """
    normal = text.strip()
    if len(normal) != CLAIM_CODE_LENGTH or not _CLAIM_CODE.fullmatch(normal):
        raise IdentifierError(
            f"{text!r} is no claim code: expected {CLAIM_CODE_LENGTH} characters of the base64 alphabet, got {len(normal)}"
        )
    return normal


def make_claim_code(rng: random.Random) -> str:
    """A new claim code. Hand it a `random.SystemRandom` where it must be a secret."""
    return "".join(rng.choice(_BASE64) for _ in range(CLAIM_CODE_LENGTH))


DEVICE_NAME_LENGTH = range(1, 65)
"""Characters of a device name; the limit is our choice, for none is known."""

_ADJECTIVES = (
    "amber",
    "brisk",
    "copper",
    "dapper",
    "eager",
    "frosty",
    "gentle",
    "hasty",
    "ivory",
    "jolly",
    "lively",
    "mellow",
    "nimble",
    "quiet",
)
_NOUNS = (
    "anchor",
    "beacon",
    "comet",
    "dynamo",
    "ember",
    "falcon",
    "glider",
    "harbor",
    "iris",
    "kettle",
    "lantern",
    "magnet",
    "nebula",
    "otter",
)


def parse_device_name(text: str) -> str:
    """A device name without blanks around it. Whether it is free is for its owner's other devices to say.

    Raises:
        IdentifierError: it is empty, too long, or has control characters in it.
    """
    normal = text.strip()
    if len(normal) not in DEVICE_NAME_LENGTH or not normal.isprintable():
        raise IdentifierError(f"{text!r} is no device name: expected 1 to {DEVICE_NAME_LENGTH[-1]} printable characters")
    return normal


def make_device_name(rng: random.Random) -> str:
    """A new name of two words; not unique."""
    return f"{rng.choice(_ADJECTIVES)}_{rng.choice(_NOUNS)}"
