"""Declared fields: what they take from which encoding, and what they refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.cloud.api.fields import MAX_INTEGER, MAX_TEXT, Field, FieldError, Kind, Where, read_fields

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def read(kind, value, **options):
    return Field("it", kind, **options).read(value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.TEXT, "a", "a"),
        (Kind.TEXT, 12, "12"),
        (Kind.TEXT, 1.5, "1.5"),
        (Kind.TEXT, True, "true"),
        (Kind.INTEGER, 3, 3),
        (Kind.INTEGER, "3", 3),
        (Kind.INTEGER, "-3", -3),
        (Kind.INTEGER, 3.0, 3),
        (Kind.NUMBER, "1.5", 1.5),
        (Kind.NUMBER, 2, 2.0),
        (Kind.FLAG, True, True),
        (Kind.FLAG, "true", True),
        (Kind.FLAG, "FALSE", False),
        (Kind.FLAG, 1, True),
        (Kind.FLAG, "0", False),
        (Kind.FLAG, "", False),
        (Kind.TEXTS, ["a", 1], ("a", "1")),
        (Kind.TEXTS, "a, b", ("a", "b")),
        (Kind.TEXTS, "", ()),
        (Kind.TEXTS, 7, ("7",)),
        (Kind.TEXTS, {"1": "b", "0": "a"}, ("a", "b")),
        (Kind.OBJECT, {"a": 1}, {"a": 1}),
        (Kind.OBJECT, '{"a": 1}', {"a": 1}),
        (Kind.TIME, "1970-01-01T00:01:00Z", 60.0),
        (Kind.TIME, "1970-01-01T01:01:00+01:00", 60.0),
        (Kind.TIME, "1970-01-01", 0.0),
        (Kind.TIME, "60", 60.0),
        (Kind.TIME, 60, 60.0),
        (Kind.ANY, None, FieldError),
        (Kind.ANY, [1], [1]),
    ],
)
def test_a_field_takes_its_kind_from_any_encoding(kind, value, expected):
    if expected is FieldError:
        with pytest.raises(FieldError):
            read(kind, value)
    else:
        assert read(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TEXT, None),
        (Kind.TEXT, {}),
        (Kind.TEXT, []),
        (Kind.TEXT, "x" * (MAX_TEXT + 1)),
        (Kind.INTEGER, True),
        (Kind.INTEGER, "1.5"),
        (Kind.INTEGER, 1.5),
        (Kind.INTEGER, "²"),
        (Kind.INTEGER, "--1"),
        (Kind.INTEGER, ""),
        (Kind.INTEGER, "9" * 30),
        (Kind.INTEGER, 10**30),
        (Kind.INTEGER, MAX_INTEGER + 1),
        (Kind.INTEGER, []),
        (Kind.NUMBER, "nan"),
        (Kind.NUMBER, "1e400"),
        (Kind.NUMBER, float("inf")),
        (Kind.NUMBER, True),
        (Kind.NUMBER, {}),
        (Kind.FLAG, "maybe"),
        (Kind.FLAG, 2),
        (Kind.FLAG, []),
        (Kind.FLAG, 1.0),
        (Kind.TEXTS, {"a": "b"}),
        (Kind.TEXTS, True),
        (Kind.TEXTS, [[]]),
        (Kind.OBJECT, "text"),
        (Kind.OBJECT, []),
        (Kind.OBJECT, "[" * 100_000),
        (Kind.OBJECT, '{"a":1e999}'),
        (Kind.OBJECT, '{"a":NaN}'),
        (Kind.OBJECT, '{"a":' * 65 + "1" + "}" * 65),
        (Kind.NUMBER, "-inf"),
        (Kind.TIME, "inf"),
        (Kind.TIME, "9" * 400),
        (Kind.TIME, "yesterday"),
        (Kind.TIME, -1),
        (Kind.TIME, "9999-12-31T23:59:59-10:00"),
        (Kind.TIME, "99999999999999999999"),
    ],
)
def test_a_field_refuses_what_it_cannot_hold_and_names_itself(kind, value):
    with pytest.raises(FieldError, match=r"^it must"):
        read(kind, value)


@given(st.sampled_from([kind for kind in Kind if kind is not Kind.FILE]), st.booleans(), JSON_VALUES)
def test_any_json_is_read_or_refused(kind, nullable, value):
    try:
        read(kind, value, nullable=nullable)
    except FieldError:
        pass


def test_null_is_a_value_where_it_is_declared_one():
    assert read(Kind.INTEGER, None, nullable=True) is None
    assert read(Kind.INTEGER, "", nullable=True) is None
    assert read(Kind.INTEGER, "null", nullable=True) is None
    assert read(Kind.TEXT, None, nullable=True) is None
    assert read(Kind.TEXT, "", nullable=True) == ""


def test_bounds_choices_and_lengths_are_kept():
    assert read(Kind.INTEGER, 5, least=1, most=5) == 5
    for value in (0, 6):
        with pytest.raises(FieldError, match="between 1 and 5"):
            read(Kind.INTEGER, value, least=1, most=5)
        with pytest.raises(FieldError, match="between 1 and 5"):
            read(Kind.NUMBER, value + 0.5 * (value > 1), least=1, most=5)
    with pytest.raises(FieldError, match="one of a, b"):
        read(Kind.TEXT, "c", choices=("a", "b"))
    with pytest.raises(FieldError, match="at most 2 characters"):
        read(Kind.TEXT, "abc", longest=2)


FIELDS = (
    Field("name", required=True, aliases=("title",)),
    Field("page", Kind.INTEGER, where=Where.QUERY, aliases=("per_page",)),
    Field("both", where=Where.EITHER),
    Field("file", Kind.FILE),
)


def test_fields_are_looked_for_where_they_belong():
    values = read_fields(FIELDS, {"per_page": "2", "both": "q", "name": "no"}, {"title": "yes", "page": "9", "extra": 1}, {"file": "f"})
    assert values == {"name": "yes", "page": 2, "both": "q", "file": "f"}
    assert read_fields(FIELDS, {"both": "q"}, {"name": "a", "both": "b"}, {})["both"] == "b"


def test_a_missing_field_is_missed_only_if_it_is_required():
    assert read_fields(FIELDS, {}, {"name": "a"}, {}) == {"name": "a"}
    with pytest.raises(FieldError, match="name is required"):
        read_fields(FIELDS, {}, {}, {})


def test_a_field_tells_its_schema():
    assert Field("n", Kind.INTEGER, least=1, most=9, about="how many").schema() == {
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "description": "how many",
    }
    assert Field("n", nullable=True, longest=5).schema() == {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]}
