"""The LED theme that a program stored in the DCT, over the one that the board comes with.

64 bytes at `DctField.LED_THEME`: the version 1, then three for each of thirteen signals, in nibbles red, green, blue and pattern, and the
period in steps of 50 ms. So a stored colour has four bits a channel. (Device OS 6.2.0, system/src/system_led_signal.cpp:29-107.)
"""

from __future__ import annotations

from typing import Final

from emulator.board.settings import Settings
from emulator.board.status_led import LedSignal, LedStatus, LedTheme, Pattern
from particle_protocol.dct import DctField

_VERSION: Final = 1
_STEP: Final = 0.05
_PATTERNS: Final = {1: Pattern.SOLID, 2: Pattern.BLINK, 3: Pattern.FADE}
_SIGNALS: Final = (
    LedSignal.NETWORK_OFF,
    LedSignal.NETWORK_ON,
    LedSignal.NETWORK_CONNECTING,
    LedSignal.NETWORK_DHCP,
    LedSignal.NETWORK_CONNECTED,
    LedSignal.CLOUD_CONNECTING,
    LedSignal.CLOUD_HANDSHAKE,
    LedSignal.CLOUD_CONNECTED,
    LedSignal.SAFE_MODE,
    LedSignal.LISTENING_MODE,
    LedSignal.DFU_MODE,
    LedSignal.FIRMWARE_UPDATE,
)
"""In their order in the record; the thirteenth, for a board that is switched off, has nothing to show it here."""


def stored_theme(settings: Settings, usual: LedTheme) -> LedTheme:
    """The theme of a board: what its DCT says, and the usual look of every signal that it says nothing of."""
    record = settings.get(DctField.LED_THEME)
    if record[0] != _VERSION:
        return usual
    changed = {}
    for number, signal in enumerate(_SIGNALS):
        red_green, blue_pattern, steps = record[1 + 3 * number : 4 + 3 * number]
        pattern = _PATTERNS.get(blue_pattern & 0xF)
        if pattern is not None:
            channels = (red_green >> 4, red_green & 0xF, blue_pattern >> 4)
            colour = int.from_bytes(bytes(channel * 0x11 for channel in channels), "big")
            changed[signal] = LedStatus(colour, pattern, 0.0 if pattern is Pattern.SOLID else steps * _STEP)
    return {**usual, **changed}
