"""What a board's own network is called, and where its set-up service is found on it.

Source: Device OS 2.3.1, hal/src/photon/softap.cpp (`fetch_or_generate_ssid_prefix`, `setup_soft_ap_credentials`), softap_ip.c, and
hal/src/stm32f2xx/device_code.cpp:7-73.
"""

from __future__ import annotations

import re
from typing import Final

from particle_protocol.platforms import OsVersion

ADDRESS: Final = "192.168.0.1"
"""Of the board on its own network. Its name server gives it for every name that it is asked for."""
TCP_PORT: Final = 5609
HTTP_PORT: Final = 80
CHANNEL: Final = 11
DEFAULT_PREFIX: Final = b"Photon"
"""Of Photon and P1."""
MAX_PREFIX: Final = 25
CODE_LENGTH: Final = 6
OLD_CODE_LENGTH: Final = 4
LONG_CODES_SINCE: Final = (0, 7, 0)
"""Characters of a device code: devices that got theirs from an older release have the old length (hal/src/stm32f2xx/device_code.cpp)."""
_SYMBOLS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_NAME: Final = re.compile(rf".+-[{_SYMBOLS}]{{{OLD_CODE_LENGTH},{CODE_LENGTH}}}", re.DOTALL)


def make_device_code(number: int, version: OsVersion = LONG_CODES_SINCE) -> str:
    """The device code that a random number of 32 bits gives in a release: five bits for each character, the lowest first."""
    length = CODE_LENGTH if version >= LONG_CODES_SINCE else OLD_CODE_LENGTH
    return "".join(_SYMBOLS[number >> 5 * place & 31] for place in range(length))


def stored_prefix(field: bytes) -> bytes | None:
    """The prefix in its field of the DCT, behind its length; None where there is none, and the board stores `DEFAULT_PREFIX`."""
    length = field[0]
    return field[1 : 1 + length] if 0 < length <= MAX_PREFIX else None


def stored_code(field: bytes) -> bytes | None:
    """The device code in its field of the DCT; None where there is none, and the board draws one.

    It has four characters where the fifth byte cannot be printed, as on the devices of old.
    """
    if not 0 < field[0] < 0x80:
        return None
    return field[: CODE_LENGTH if 0x20 <= field[OLD_CODE_LENGTH] < 0x7F else OLD_CODE_LENGTH].partition(b"\0")[0]


def network_name(prefix: bytes, code: bytes) -> str:
    """The name (SSID) of the network."""
    return (prefix + b"-" + code).decode("utf-8", "surrogateescape")


def may_be_a_board(name: str) -> bool:
    """Whether a network's name has the form of those that boards open for their set-up."""
    return _NAME.fullmatch(name) is not None
