"""What a module of firmware is for: the numbers that module prefixes, describe messages and control requests share."""

from __future__ import annotations

import enum
from typing import Self


class ModuleFunction(enum.IntEnum):
    """What a module is for (Device OS 6.2.0, dynalib/inc/module_info.h:89-133).

    A number the firmware does not define becomes a member named `UNKNOWN_n`, so that reading never fails.
    """

    NONE = 0
    RESOURCE = 1
    BOOTLOADER = 2
    MONOLITHIC = 3
    SYSTEM_PART = 4
    USER_PART = 5
    SETTINGS = 6
    NCP = 7
    RADIO_STACK = 8
    ASSET = 9

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFF:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    @property
    def known(self) -> bool:
        """Whether Device OS defines this number, NONE included."""
        return self <= ModuleFunction.ASSET

    @property
    def has_letter(self) -> bool:
        """Whether a describe message can tell of it."""
        return self.letter != "_"

    @property
    def letter(self) -> str:
        """The letter a describe message uses (Device OS 6.2.0, system/inc/system_info.h:29-52); `_` for those without one."""
        return "nrbmsu_ca_"[self] if self.known else "_"

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")
