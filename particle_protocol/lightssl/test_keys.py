"""Keys for labs, shipped because making RSA keys costs time. INSECURE: anybody can read them. Never use them outside a lab.

`insecure_test_keys.bin` holds primes only, made by `tests/particle_protocol/make_lightssl_keys.py`: 128 + 128 bytes of the server's, then
64 + 64 of each device key.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Final

from particle_protocol.lightssl.keys import DEVICE_MODULUS, SERVER_MODULUS, DeviceKey, ServerKey

POOL_SIZE: Final = 256
"""How many device keys there are."""


@functools.cache
def _primes() -> bytes:
    return resources.files(__package__).joinpath("insecure_test_keys.bin").read_bytes()


def _pair(at: int, size: int) -> tuple[int, int]:
    data = _primes()
    return int.from_bytes(data[at : at + size // 2]), int.from_bytes(data[at + size // 2 : at + size])


@functools.cache
def _device_key(place: int) -> DeviceKey:
    return DeviceKey.from_primes(*_pair(SERVER_MODULUS + place * DEVICE_MODULUS, DEVICE_MODULUS))


def lab_device_key(number: int) -> DeviceKey:
    """A device key out of the pool, the same for the same number (which may be any: it is taken modulo `POOL_SIZE`)."""
    return _device_key(number % POOL_SIZE)


@functools.cache
def lab_server_key() -> ServerKey:
    """The server key of every lab. INSECURE, as all of them."""
    return ServerKey.from_primes(*_pair(0, SERVER_MODULUS))
