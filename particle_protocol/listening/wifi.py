"""Wi-Fi credentials as the console asks for them."""

from __future__ import annotations

import enum
import string
from dataclasses import dataclass, replace

MAX_SSID = 32
MAX_PASSWORD = 64
MAX_IDENTITY = 64
MAX_CERTIFICATE = 4095
MAX_PRIVATE_KEY = 2047


class WifiSecurity(enum.IntEnum):
    """How an access point is protected, as the console numbers it (Device OS 2.3.1, hal/inc/wlan_hal.h: WLanSecurityType)."""

    OPEN = 0
    WEP = 1
    WPA = 2
    WPA2 = 3
    WPA_ENTERPRISE = 4
    WPA2_ENTERPRISE = 5
    WPA3 = 6
    """Device OS 6.2.0 takes it, but does not offer it."""

    @property
    def enterprise(self) -> bool:
        """Whether it takes an identity rather than a shared password."""
        return self in {WifiSecurity.WPA_ENTERPRISE, WifiSecurity.WPA2_ENTERPRISE}


SECURITIES = {"open": WifiSecurity.OPEN, "wep": WifiSecurity.WEP, "wpa": WifiSecurity.WPA, "wpa2": WifiSecurity.WPA2}
"""The kinds of networks with at most one password for all, by what people call them."""
_WEP_KEYS = {5: 10, 13: 26, 16: 32, 29: 58}
"""Bytes of a WEP key, and the hexadecimal digits it can be given in."""


def password_fault(security: WifiSecurity, password: str) -> str:
    """Why no network of that kind can have this password, in words; empty when one can (IEEE 802.11)."""
    size = len(to_wire(password))
    if security is WifiSecurity.OPEN:
        return "an open network has no password" if password else ""
    if security is WifiSecurity.WEP:
        digits = size in _WEP_KEYS.values() and all(each in string.hexdigits for each in password)
        return "" if size in _WEP_KEYS or digits else f"a WEP key of {size} bytes: it has 5 or 13, or 10 or 26 hexadecimal digits"
    if 8 <= size <= 63 or (size == 64 and all(each in string.hexdigits for each in password)):
        return ""
    return f"a Wi-Fi password of {size} bytes: it has 8 to 63"


class WifiCipher(enum.IntEnum):
    """The cipher of an access point, as the console numbers it (Device OS 2.3.1, hal/inc/wlan_hal.h: WLanSecurityCipher)."""

    NOT_SET = 0
    AES = 1
    TKIP = 2
    AES_TKIP = 3


class EapType(enum.IntEnum):
    """How an enterprise network knows its clients, as the console numbers it."""

    PEAP = 0
    TLS = 1


@dataclass(frozen=True, slots=True)
class WifiCredentials:
    """What it takes to join an access point.

    `identity` to `root_ca` are for enterprise networks; certificates and the key are PEM text with any line ends.
    Text that is no UTF-8 is carried in surrogates (PEP 383).
    """

    ssid: str
    password: str = ""
    security: WifiSecurity = WifiSecurity.WPA2
    cipher: WifiCipher = WifiCipher.AES
    eap: EapType | None = None
    identity: str = ""
    outer_identity: str = ""
    client_certificate: str = ""
    private_key: str = ""
    root_ca: str = ""

    def check(self) -> None:
        """See that a console could take these credentials as they are.

        Raises:
            ValueError: a text is too long, missing, or has a line break or a control character where there can be none.
        """
        if not self.ssid:
            raise ValueError("a Wi-Fi network needs a name (SSID)")
        for name, text, most in (
            ("SSID", self.ssid, MAX_SSID),
            ("password", self.password, MAX_PASSWORD),
            ("identity", self.identity, MAX_IDENTITY),
            ("outer identity", self.outer_identity, MAX_IDENTITY),
        ):
            if len(to_wire(text)) > most:
                raise ValueError(f"the {name} has {len(to_wire(text))} bytes; the board takes at most {most}")
            if any(byte in to_wire(text) for byte in b"\r\n\0\x08\x7f"):
                raise ValueError(f"the {name} has a line break or a control character in it")
        if self.security.enterprise and self.eap is None:
            raise ValueError(f"{self.security.name} needs an EAP type")

    def with_password(self, password: str) -> WifiCredentials:
        """The same with another password."""
        return replace(self, password=password)

    def __str__(self) -> str:
        return f"{self.ssid!r} ({self.security.name}, {self.cipher.name}, password {'*' * 8 if self.password else 'none'})"


def to_wire(text: str) -> bytes:
    """Text as the bytes on the line."""
    return text.encode("utf-8", "surrogateescape")


def from_wire(data: bytes) -> str:
    """Bytes on the line as text."""
    return data.decode("utf-8", "surrogateescape")
