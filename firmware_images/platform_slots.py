"""Where each platform's modules live, in all Device OS versions, and what its microcontroller puts before their prefix.

Made from particle_protocol/platforms.toml by tools/make_platform_slots.py, as plain Python, so that a command which looks at one image
starts at once. Do not edit it: change the table, and run the tool.
"""

from typing import Final

from particle_protocol.functions import ModuleFunction as F

PLATFORM_NAMES: Final = {
    0: "core",
    3: "gcc",
    6: "photon",
    8: "p1",
    10: "electron",
    12: "argon",
    13: "boron",
    14: "xenon",
    15: "esomx",
    22: "asom",
    23: "bsom",
    24: "xsom",
    25: "b5som",
    26: "tracker",
    28: "trackerm",
    32: "p2",
    35: "msom",
    37: "electron2",
    38: "sulu",
    42: "tachyon",
    82: "oak",
    88: "duo",
    103: "bluz",
}

SLOTS: Final = (
    # platforms, ((function, index, lowest address, end, where modules in it may begin), ...)
    ((0,), (
        (F.MONOLITHIC, 0, 0x8005000, 0x8020000, (0x8005000,)),
        (F.MONOLITHIC, 1, 0x8005000, 0x8020000, (0x8005000,)),
    )),
    ((6, 8), (
        (F.BOOTLOADER, 0, 0x8000000, 0x8004000, (0x8000000,)),
        (F.SYSTEM_PART, 1, 0x8020000, 0x8060000, (0x8020000,)),
        (F.SYSTEM_PART, 2, 0x8060000, 0x80a0000, (0x8060000,)),
        (F.USER_PART, 1, 0x80a0000, 0x80c0000, (0x80a0000,)),
        (F.MONOLITHIC, 0, 0x8020000, 0x8080000, (0x8020000,)),
        (F.MONOLITHIC, 1, 0x8020000, 0x8080000, (0x8020000,)),
    )),
    ((10,), (
        (F.BOOTLOADER, 0, 0x8000000, 0x8004000, (0x8000000,)),
        (F.SYSTEM_PART, 1, 0x8020000, 0x8040000, (0x8020000,)),
        (F.SYSTEM_PART, 2, 0x8040000, 0x8060000, (0x8040000,)),
        (F.SYSTEM_PART, 3, 0x8060000, 0x8080000, (0x8060000,)),
        (F.USER_PART, 1, 0x8080000, 0x80a0000, (0x8080000,)),
        (F.MONOLITHIC, 0, 0x8020000, 0x8080000, (0x8020000,)),
        (F.MONOLITHIC, 1, 0x8020000, 0x8080000, (0x8020000,)),
    )),
    ((12,), (
        (F.NCP, 0, 0x0, 0x177000, (0x0,)),
        (F.RADIO_STACK, 0, 0x1000, 0x30000, (0x1000,)),
        (F.SYSTEM_PART, 1, 0x28000, 0xd4000, (0x30000, 0x28000)),
        (F.USER_PART, 1, 0xd4000, 0xf4000, (0xd4000,)),
        (F.USER_PART, 2, 0xb4000, 0xf4000, (0xb4000,)),
        (F.BOOTLOADER, 0, 0xf4000, 0x100000, (0xf4000,)),
        (F.MONOLITHIC, 0, 0x28000, 0xf4000, (0x30000, 0x28000)),
        (F.MONOLITHIC, 1, 0x28000, 0xf4000, (0x30000, 0x28000)),
    )),
    ((13, 14, 22, 23, 24, 37), (
        (F.RADIO_STACK, 0, 0x1000, 0x30000, (0x1000,)),
        (F.SYSTEM_PART, 1, 0x28000, 0xd4000, (0x30000, 0x28000)),
        (F.USER_PART, 1, 0xd4000, 0xf4000, (0xd4000,)),
        (F.USER_PART, 2, 0xb4000, 0xf4000, (0xb4000,)),
        (F.BOOTLOADER, 0, 0xf4000, 0x100000, (0xf4000,)),
        (F.MONOLITHIC, 0, 0x28000, 0xf4000, (0x30000, 0x28000)),
        (F.MONOLITHIC, 1, 0x28000, 0xf4000, (0x30000, 0x28000)),
    )),
    ((15, 25), (
        (F.RADIO_STACK, 0, 0x1000, 0x30000, (0x1000,)),
        (F.SYSTEM_PART, 1, 0x28000, 0xd4000, (0x30000, 0x28000)),
        (F.USER_PART, 1, 0xd4000, 0xf4000, (0xd4000,)),
        (F.USER_PART, 2, 0xb4000, 0xf4000, (0xb4000,)),
        (F.BOOTLOADER, 0, 0xf4000, 0x100000, (0xf4000,)),
        (F.MONOLITHIC, 0, 0x28000, 0xf4000, (0x30000, 0x28000)),
        (F.MONOLITHIC, 1, 0x28000, 0xf4000, (0x30000, 0x28000)),
    )),
    ((26,), (
        (F.NCP, 0, 0x0, 0x177000, (0x0,)),
        (F.RADIO_STACK, 0, 0x1000, 0x30000, (0x1000,)),
        (F.SYSTEM_PART, 1, 0x28000, 0xd4000, (0x30000, 0x28000)),
        (F.USER_PART, 1, 0xd4000, 0xf4000, (0xd4000,)),
        (F.USER_PART, 2, 0xb4000, 0xf4000, (0xb4000,)),
        (F.BOOTLOADER, 0, 0xf4000, 0x100000, (0xf4000,)),
        (F.MONOLITHIC, 0, 0x28000, 0xf4000, (0x30000, 0x28000)),
        (F.MONOLITHIC, 1, 0x28000, 0xf4000, (0x30000, 0x28000)),
    )),
    ((28, 32, 35, 38), (
        (F.BOOTLOADER, 1, 0x8000000, 0x8004000, (0x8000000,)),
        (F.BOOTLOADER, 0, 0x8004000, 0x8014000, (0x8004000,)),
        (F.BOOTLOADER, 2, 0x8014000, 0x805e000, (0x8014000,)),
        (F.SYSTEM_PART, 1, 0x8060000, 0x8260000, (0x8060000,)),
        (F.USER_PART, 1, 0x8400000, 0x8600000, ()),
    )),
)

FAMILIES: Final = (
    # name, platforms, where the prefix lies, mask of a stack pointer, or the two words of a signature
    ("STM32F2", (6, 8, 10, 88), 0x184, 0x2ff10000, None),
    ("nRF52840", (12, 13, 14, 15, 22, 23, 24, 25, 26, 37), 0x200, 0x2ffc0000, None),
    ("RTL872x", (28, 32, 35, 38), 0x20, None, (0x96969999, 0xfc66cc3f)),
    ("STM32F1", (0,), 0x10c, 0x2ff00000, None),
    ("nRF51", (103,), 0xc0, 0x2ff00000, None),
)
