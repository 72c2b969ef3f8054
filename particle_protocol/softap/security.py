"""How SoftAP numbers the security of a Wi-Fi network: a mask of bits, and the kinds of EAP.

Source: Device OS 2.3.1, hal/src/photon/wiced/WWD/include/wwd_constants.h:144-170 and wlan_hal.cpp (`toSecurityType`).
"""

from __future__ import annotations

from typing import Final

from particle_protocol.listening.wifi import EapType, WifiCipher, WifiSecurity

WEP: Final = 0x0000_0001
TKIP: Final = 0x0000_0002
AES: Final = 0x0000_0004
WPA: Final = 0x0020_0000
WPA2: Final = 0x0040_0000
ENTERPRISE: Final = 0x0200_0000
UNKNOWN: Final = -1

EAP_NUMBERS: Final = {EapType.TLS: 13, EapType.PEAP: 25}
"""The numbers of the IANA's registry of EAP methods."""
_CIPHERS: Final = {WifiCipher.NOT_SET: 0, WifiCipher.AES: AES, WifiCipher.TKIP: TKIP, WifiCipher.AES_TKIP: AES | TKIP}
_KINDS: Final = {
    WifiSecurity.WPA: WPA,
    WifiSecurity.WPA2: WPA2,
    WifiSecurity.WPA_ENTERPRISE: WPA | ENTERPRISE,
    WifiSecurity.WPA2_ENTERPRISE: WPA2 | ENTERPRISE,
}


def security_mask(security: WifiSecurity, cipher: WifiCipher) -> int:
    """The mask by which a scan reports a network. The radio of these boards knows nothing of WPA3."""
    if security is WifiSecurity.OPEN:
        return 0
    if security is WifiSecurity.WEP:
        return WEP
    return _KINDS[security] | _CIPHERS[cipher] if security in _KINDS else UNKNOWN


def security_of(mask: int) -> WifiSecurity | None:
    """What the board takes a mask for; None: nothing it knows, so that a scan has to tell. Ciphers are dropped."""
    if mask == 0:
        return WifiSecurity.OPEN
    if mask & WEP:
        return WifiSecurity.WEP
    for kind in (WifiSecurity.WPA2_ENTERPRISE, WifiSecurity.WPA_ENTERPRISE, WifiSecurity.WPA, WifiSecurity.WPA2):
        if mask & _KINDS[kind] == _KINDS[kind]:
            return kind
    return None


def cipher_of(mask: int) -> WifiCipher:
    """The ciphers of a mask."""
    return next(cipher for cipher, bits in _CIPHERS.items() if bits == mask & (AES | TKIP))


def eap_of(number: int) -> EapType | None:
    """The kind of EAP with this number, if the board knows it."""
    return next((kind for kind, known in EAP_NUMBERS.items() if known == number), None)
