"""RSA as lightssl uses it: PKCS #1 v1.5 padding, exponent 65537, keys as the DER that boards keep in flash.

The DER is read and written by hand: Device OS takes fields from fixed places in it, so the exact form matters, and a private key of our
own pool need not be proved prime again each time one of a thousand boards boots.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers, RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo

PKCS1: Final = PKCS1v15()
"""The padding of RFC 8017, 7.2 (block type 2, to encrypt) and 8.2 (block type 1, to sign)."""
NO_DIGEST_INFO: Final = NoDigestInfo()
EXPONENT: Final = 65537

_SPKI_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")


class DerFault(ValueError):
    """Bytes that are no RSA key in the expected DER form."""


def private_integers(der: bytes) -> tuple[int, ...]:
    """The nine integers of a PKCS #1 RSAPrivateKey: version, n, e, d, p, q, d mod p-1, d mod q-1, q^-1 mod p.

    What lies behind the key is ignored: flash slots are larger than keys.

    Raises:
        DerFault: no such structure, or numbers that do not belong together. Whether p and q are prime is not checked.
    """
    at, end = _header(der, 0, 0x30)
    numbers: list[int] = []
    while at < end:
        start, at = _header(der, at, 0x02)
        numbers.append(int.from_bytes(der[start:at], signed=True))
    if at != end or len(numbers) != 9 or min(numbers[1:]) <= 0:
        raise DerFault("not the nine numbers of an RSA private key")
    _, n, e, d, p, q, dp, dq, qinv = numbers
    if (
        e != EXPONENT
        or p * q != n
        or d * e % (p - 1) != 1
        or d * e % (q - 1) != 1
        or (dp, dq) != (d % (p - 1), d % (q - 1))
        or qinv * q % p != 1
    ):
        raise DerFault("the numbers of the private key do not belong together")
    return tuple(numbers)


def private_der(numbers: RSAPrivateNumbers) -> bytes:
    """A PKCS #1 RSAPrivateKey."""
    public = numbers.public_numbers
    fields = (0, public.n, public.e, numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    return _element(0x30, b"".join(map(_integer, fields)))


def private_numbers(p: int, q: int) -> RSAPrivateNumbers:
    """All the numbers of the key with these primes."""
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    return RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), RSAPublicNumbers(EXPONENT, p * q))


def private_key(numbers: RSAPrivateNumbers) -> RSAPrivateKey:
    """The key, unchecked: for numbers that we made, or that `private_integers` has found to belong together."""
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def public_der(modulus: int) -> bytes:
    """A SubjectPublicKeyInfo with exponent 65537."""
    key = _element(0x30, _integer(modulus) + _integer(EXPONENT))
    return _element(0x30, _SPKI_ALGORITHM + _element(0x03, b"\0" + key))


def public_modulus(der: bytes, size: int) -> int:
    """The modulus of a SubjectPublicKeyInfo with exponent 65537 and a modulus of `size` bytes, its first bit set.

    Raises:
        DerFault: any other bytes. What lies behind the key is ignored.
    """
    start = len(public_der((1 << size * 8) - 1)) - size - 5
    modulus = int.from_bytes(der[start : start + size])
    if modulus >> (size * 8 - 1) != 1 or not der.startswith(public_der(modulus)):
        raise DerFault(f"not the public key of RSA-{size * 8} with exponent {EXPONENT}")
    return modulus


def public_key(modulus: int) -> RSAPublicKey:
    """The public key with this modulus.

    Raises:
        DerFault: no modulus of an RSA key (an even number).
    """
    try:
        return RSAPublicNumbers(EXPONENT, modulus).public_key()
    except ValueError as error:
        raise DerFault(f"not the modulus of an RSA key: {error}") from None


def open_padded(key: RSAPrivateKey, ciphertext: bytes) -> bytes | None:
    """What was encrypted for this key, or None when `ciphertext` was not; such a number may also be too large for the key.

    OpenSSL hides wrong padding by giving random bytes (implicit rejection), where a board says that it is wrong. So this does the
    arithmetic in the open: slow, and only fit for test keys.
    """
    numbers = key.private_numbers()
    size = key.key_size // 8
    plain = pow(int.from_bytes(ciphertext), numbers.d, numbers.public_numbers.n).to_bytes(size)
    end = plain.find(b"\0", 2)
    return plain[end + 1 :] if plain.startswith(b"\0\2") and end >= 10 else None


def _integer(value: int) -> bytes:
    return _element(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def _header(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Start and end of the content of the element at `at`."""
    if len(der) < at + 2 or der[at] != tag:
        raise DerFault(f"DER element {tag:#04x} expected at byte {at}")
    size, start = der[at + 1], at + 2
    if size > 0x80:
        width = size & 0x7F
        size = int.from_bytes(der[start : start + width])
        start += width
    if size == 0 or start + size > len(der):
        raise DerFault(f"the DER element at byte {at} does not end")
    return start, start + size
