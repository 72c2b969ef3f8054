"""Make particle_protocol/lightssl/insecure_test_keys.bin anew: `python tests/particle_protocol/make_lightssl_keys.py` (some seconds).

Every device key of the pool is one that Device OS can walk (see DeviceKey).
"""

import pathlib

from cryptography.hazmat.primitives.asymmetric import rsa

from particle_protocol.lightssl.keys import DeviceKey
from particle_protocol.lightssl.test_keys import POOL_SIZE

TARGET = pathlib.Path(__file__).parents[2] / "particle_protocol" / "lightssl" / "insecure_test_keys.bin"


def primes(numbers: rsa.RSAPrivateNumbers, size: int) -> bytes:
    return numbers.p.to_bytes(size) + numbers.q.to_bytes(size)


def main() -> None:
    out = primes(rsa.generate_private_key(65537, 2048).private_numbers(), 128)
    made = 0
    while made < POOL_SIZE:
        numbers = rsa.generate_private_key(65537, 1024).private_numbers()
        if DeviceKey(numbers).is_walkable:
            out += primes(numbers, 64)
            made += 1
    TARGET.write_bytes(out)


if __name__ == "__main__":
    main()
