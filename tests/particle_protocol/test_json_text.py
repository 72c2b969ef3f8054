"""JSON as it is taken in: what is refused, and that what is not can be passed on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from particle_protocol.json_text import MAX_DEPTH, MAX_SIZE, JsonError, finite, parse_json


@pytest.mark.parametrize(("opening", "closing", "levels"), [("[", "]", 1), ('{"a":', "}", 1), ('[{"b":', "}]", 2)])
def test_so_deep_and_no_deeper(opening, closing, levels):
    times = MAX_DEPTH // levels
    text = opening * times + "1" + closing * times
    assert parse_json(text) == json.loads(text)
    for deeper in (f"[{text}]", opening * 400 + "1" + closing * 400, opening * 100_000):
        with pytest.raises(JsonError, match=r"nested more than 64 deep"):
            parse_json(deeper)


def test_brackets_in_texts_are_no_levels():
    assert parse_json(json.dumps(["[[[" * 100, "{" * 100])) == ["[[[" * 100, "{" * 100]


def test_so_long_and_no_longer():
    assert parse_json('"' + "x" * (MAX_SIZE - 2) + '"')
    with pytest.raises(JsonError, match="has 1048577 bytes, and at most 1048576 are taken"):
        parse_json('"' + "x" * (MAX_SIZE - 1) + '"')


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity", "1" * 309, "-" + "1" * 5000, "1.0e+400"])
@pytest.mark.parametrize("form", ["{}", "[1,{}]", '{{"a":{{"b":{}}}}}'])
def test_a_number_that_is_none_is_refused(number, form):
    with pytest.raises(JsonError, match=r"passed on|no JSON"):
        parse_json(form.format(number))


@pytest.mark.parametrize("text", ["", " ", "{", "nonsense", b"\xff", b'"\xc3"', "[1,]", "{'a':1}", "1 2", '{"a":1}x', "+1", ".5"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(JsonError, match="is not valid JSON"):
        parse_json(text)


def test_a_mark_of_the_byte_order_is_passed_over():
    assert parse_json(b"\xef\xbb\xbf {} ") == {}


def test_numbers_that_are_not_finite_become_null():
    assert finite({"a": [1.5, float("nan"), (float("inf"), 2)], "b": "x"}) == {"a": [1.5, None, [None, 2]], "b": "x"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


def takes_what_can_be_passed_on(text):
    try:
        value = parse_json(text)
    except JsonError:
        return
    json.dumps(value, allow_nan=False)


TEXTS = VALUES.map(json.dumps) | st.text(alphabet='[]{}",:0123456789eE+-.NaInfitrul ', max_size=60) | st.binary(max_size=40)


@given(TEXTS)
def test_whatever_is_taken_can_be_passed_on(text):
    takes_what_can_be_passed_on(text)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None)
@given(TEXTS)
def test_whatever_is_taken_can_be_passed_on_in_full(text):
    takes_what_can_be_passed_on(text)
