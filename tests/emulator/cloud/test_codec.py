"""Records as text: what is written, what is left out, and that it comes back. Each test has a kind of record that was never seen before."""

import base64
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from typing import Any, Optional

import pytest

from emulator.cloud.codec import dumps, loads


class Color(Enum):
    RED = "r"
    BLUE = "b"


def kind_of(hint, default=None):
    """A kind of record with one field."""
    return make_dataclass("One", [("it", hint, default)], frozen=True)


@pytest.mark.parametrize(
    ("hint", "value", "text"),
    [
        (int, 5, "5"),
        (str, "ü", '"ü"'),
        (float | None, 1.5, "1.5"),
        (Optional[str], "x", '"x"'),  # noqa: UP045  # both ways to write it
        (Color, Color.BLUE, '"b"'),
        (Color | None, Color.RED, '"r"'),
        (bytes, b"\x00\xff", '"AP8="'),
        (bytes | None, b"x", f'"{base64.b64encode(b"x").decode()}"'),
        (tuple[str, ...], ("b", "a"), '["b","a"]'),
        (tuple[Color, ...], (Color.BLUE, Color.RED), '["b","r"]'),
        (tuple[bytes, ...], (b"x",), '["eA=="]'),
        (frozenset[str], frozenset("jihgfedcba"), '["a","b","c","d","e","f","g","h","i","j"]'),
        (frozenset[str] | None, frozenset({"b", "a"}), '["a","b"]'),
        (int | str, "either", '"either"'),
        (Color | str, "either", '"either"'),
        (int | str | None, 7, "7"),
        (Any, [1], "[1]"),
        (dict[str, int], {"a": 1}, '{"a":1}'),
    ],
)
def test_a_field_becomes_json_and_comes_back(hint, value, text):
    kind = kind_of(hint)
    record = kind(value)
    assert dumps(record) == f'{{"it":{text}}}'
    again = loads(kind, dumps(record))
    assert again == record
    assert type(again.it) is type(value)


@pytest.mark.parametrize("hint", [int | None, Color | None, bytes | None, tuple[Color, ...] | None])
def test_nothing_stays_nothing(hint):
    kind = kind_of(hint, field())
    assert dumps(kind(None)) == '{"it":null}'
    assert loads(kind, '{"it":null}') == kind(None)


def test_what_equals_the_default_is_left_out():
    @dataclass(frozen=True)
    class Inner:
        color: Color = Color.RED
        size: int = 0

    @dataclass(frozen=True)
    class Outer:
        name: str
        inner: Inner
        words: tuple[str, ...] = ()
        facts: dict = field(default_factory=dict)
        parts: tuple[Inner, ...] = field(default_factory=lambda: (Inner(),))

    plain = Outer("", Inner())
    assert dumps(plain) == '{"name":"","inner":{}}'
    assert loads(Outer, dumps(plain)) == plain
    full = Outer("x", Inner(Color.BLUE, 3), ("a",), {"b": 1}, ())
    assert dumps(full) == '{"name":"x","inner":{"color":"b","size":3},"words":["a"],"facts":{"b":1},"parts":[]}'
    assert loads(Outer, dumps(full)) == full
    assert loads(Outer, '{"name":"x","inner":{},"of a later version":1}') == Outer("x", Inner())


def test_what_is_no_record_is_refused():
    kind = kind_of(int, field())
    with pytest.raises(ValueError, match=r"^a One is a JSON object, not list$"):
        loads(kind, "[]")
    with pytest.raises(TypeError, match="it"):
        loads(kind, "{}")
