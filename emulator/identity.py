"""What a board is given in the factory and keeps for life, drawn from a Lab's seed."""

from __future__ import annotations

import random


def make_device_id(rng: random.Random, platform_id: int) -> str:
    """A device id: 24 hexadecimal digits. Those of Gen 3 boards on begin with e00fce68; a Photon's are its processor's serial number."""
    return f"{rng.getrandbits(96):024x}"


def make_serial_number(rng: random.Random, platform_id: int) -> str:
    """A serial number of 15 characters."""
    return f"P{platform_id:03d}{rng.randrange(10**11):011d}"


def make_mobile_secret(rng: random.Random) -> str:
    """A mobile secret of 15 characters."""
    return "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(15))


def make_mac(rng: random.Random) -> bytes:
    """The MAC address of a Photon's radio, six bytes, under a prefix that real ones have."""
    return bytes((0xE0, 0x4F, 0x43)) + rng.randbytes(3)
