"""The LED theme that a program stored in the DCT, over the one that the board comes with.

64 bytes at `DctField.LED_THEME`: the version 1, then three for each of thirteen signals, in nibbles red, green, blue and pattern, and the
period in steps of 50 ms. So a stored colour has four bits a channel. (Device OS 6.2.0, system/src/system_led_signal.cpp:29-107.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from emulator.board.led_patterns import LedStatus, Pattern
from emulator.board.settings import Settings
from emulator.board.status_led import LedSignal, LedTheme
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
    LedSignal.POWER_OFF,
)
"""In their order in the record."""
_COLOURED_AS: Final = {LedSignal.CLEAR_CREDENTIALS: LedSignal.LISTENING_MODE, LedSignal.MAKING_KEY: LedSignal.NETWORK_OFF}
"""What takes its colour from another signal, and has a pattern of its own (6.2.0, system_network_internal.h:280-308, main.cpp:573-606)."""
_BOOTLOADER_COLOURS: Final = {
    LedSignal.FIRMWARE_UPDATE: LedSignal.FIRMWARE_UPDATE,
    LedSignal.HOLD_SAFE_MODE: LedSignal.SAFE_MODE,
    LedSignal.HOLD_DFU_MODE: LedSignal.DFU_MODE,
    LedSignal.DFU_MODE: LedSignal.DFU_MODE,
}
"""What the bootloader reads of the theme: colours, whatever their pattern (6.2.0, bootloader/src/led_signal.c)."""


def stored_theme(settings: Settings, usual: LedTheme) -> LedTheme:
    """The theme of a board: what its DCT says, and the usual look of every signal that it says nothing of."""
    changed = {}
    for signal, colour, pattern, period in _stored(settings):
        if pattern is not None:
            changed[signal] = LedStatus(colour, pattern, 0.0 if pattern is Pattern.SOLID else period)
    return _coloured({**usual, **changed}, usual, _COLOURED_AS) if changed else usual


def bootloader_theme(settings: Settings, usual: LedTheme) -> LedTheme:
    """How the bootloader shows its signals: with the colours of the DCT, and its own patterns."""
    colours = {signal: LedStatus(colour) for signal, colour, _, _ in _stored(settings)}
    return {**usual, **_coloured({}, usual, _BOOTLOADER_COLOURS, colours)} if colours else usual


def _coloured(
    theme: dict[LedSignal, LedStatus],
    usual: LedTheme,
    sources: Mapping[LedSignal, LedSignal],
    colours: Mapping[LedSignal, LedStatus] | None = None,
) -> LedTheme:
    """`theme`, where each signal of `sources` looks as usual, but for the colour that its source has."""
    found = theme if colours is None else colours
    return {**theme, **{signal: replace(usual[signal], colour=found[source].colour) for signal, source in sources.items()}}


def _stored(settings: Settings) -> Iterator[tuple[LedSignal, int, Pattern | None, float]]:
    """What the DCT has of each signal: colour, pattern (None: it says nothing of it), and period in seconds."""
    record = settings.get(DctField.LED_THEME)
    if record[0] != _VERSION:
        return
    for number, signal in enumerate(_SIGNALS):
        red_green, blue_pattern, steps = record[1 + 3 * number : 4 + 3 * number]
        channels = (red_green >> 4, red_green & 0xF, blue_pattern >> 4)
        colour = int.from_bytes(bytes(channel * 0x11 for channel in channels), "big")
        yield signal, colour, _PATTERNS.get(blue_pattern & 0xF), steps * _STEP
