"""JSON as the board reads it: one object of strings and plain values, whose strings stay as they were written.

The board has a tokenizer and no more: it takes a string for what stands between the quotes, escapes and all, and a number for what C's
`atoi` makes of it. What is no JSON leaves its tokens undefined (Device OS 2.3.1, hal/src/photon/softap.cpp:173-199, 312-388); here such a
request fails, as one with an unknown key or a value of the wrong type does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

_SPACE: Final = rb"[ \t\r\n]*"
_STRING: Final = re.compile(_SPACE + rb'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
_PLAIN: Final = re.compile(_SPACE + rb"(true|false|null|-?[0-9][0-9.eE+-]*)(?=[ \t\r\n,:\]}]|\Z)")
_MARK: Final = re.compile(_SPACE + rb"([{}:,]|\Z)")
_WHOLE: Final = re.compile(rb"-?[0-9]+")
_ESCAPE: Final = re.compile(rb'\\(["\\/bfnrt])')
_MEANT: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_LEAST, _MOST = -(1 << 31), (1 << 31) - 1


class FlatJsonError(ValueError):
    """A request that the board does not take. The text says why."""


def flat_pairs(text: bytes, types: Mapping[str, type[int | bytes]]) -> list[tuple[str, int | bytes]]:
    """The keys and values of an object, in the order in which they stand, of keys and types (int or bytes) in `types`.

    A text that is one string or plain value alone counts as an object without keys. What follows the first value is not looked at.

    Raises:
        FlatJsonError: no such object.
    """
    body = text.partition(b"\0")[0]
    if _STRING.match(body) or _PLAIN.match(body):
        return []
    found: list[tuple[str, int | bytes]] = []
    for name, value in _members(body):
        key = name.decode("latin-1")
        if key not in types:
            raise FlatJsonError(f"there is no key {key!r}; there are {', '.join(types)}")
        if not isinstance(value, types[key]):
            raise FlatJsonError(f"the value of {key!r} is {'a string' if isinstance(value, bytes) else 'no string'}")
        found.append((key, value))
    return found


def unescaped(text: bytes) -> bytes:
    """A string without its escapes, but for those of Unicode characters, which the board leaves as they are."""
    return _ESCAPE.sub(lambda escape: _MEANT.get(escape[1], escape[1]), text)


def _members(body: bytes) -> Iterator[tuple[bytes, int | bytes]]:
    at = _expect(body, 0, b"{")
    if _mark(body, at)[0] == b"}":
        return
    while True:
        name = _STRING.match(body, at)
        if name is None:
            raise FlatJsonError(f"there is no key at byte {at}")
        at = _expect(body, name.end(), b":")
        value, at = _value(body, at)
        yield name[1], value
        mark, at = _mark(body, at)
        if mark == b"}":
            return
        if mark != b",":
            raise FlatJsonError(f"the object does not go on at byte {at}")


def _value(body: bytes, at: int) -> tuple[int | bytes, int]:
    if (string := _STRING.match(body, at)) is not None:
        return string[1], string.end()
    if (plain := _PLAIN.match(body, at)) is not None:
        whole = _WHOLE.match(plain[1])
        return 0 if whole is None else min(max(_number(whole[0]), _LEAST), _MOST), plain.end()
    raise FlatJsonError(f"there is no string and no plain value at byte {at}")


def _number(digits: bytes) -> int:
    """A number of any length: Python itself refuses to read very long ones."""
    return int(digits[:12])


def _mark(body: bytes, at: int) -> tuple[bytes, int]:
    found = _MARK.match(body, at)
    return (b"", at) if found is None else (found[1], found.end())


def _expect(body: bytes, at: int, wanted: bytes) -> int:
    mark, end = _mark(body, at)
    if mark != wanted:
        raise FlatJsonError(f"{wanted.decode()} is missing at byte {at}")
    return end
