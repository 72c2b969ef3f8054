"""Tables, indexes and transactions in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from emulator.cloud.state import State


@dataclass(frozen=True)
class Fruit:
    name: str
    colour: str | None = None


class Failing:
    """A sink that refuses to write."""

    openings = 0

    def load(self, table):
        return ()

    def write(self, changes):
        raise OSError("disk full")

    def close(self):
        pass


def orchard(sink=None):
    state = State(sink)
    table = state.table("fruits", Fruit, lambda fruit: fruit.name)
    return state, table, table.index(lambda fruit: fruit.colour)


def test_what_is_put_is_found_by_key_and_by_index():
    state, table, by_colour = orchard()
    with state.change():
        table.put(Fruit("apple", "red"))
        table.put(Fruit("cherry", "red"))
        table.put(Fruit("water"))
    assert table["apple"].colour == "red"
    assert "apple" in table
    assert len(table) == 3
    assert [fruit.name for fruit in table.where(by_colour, "red")] == ["apple", "cherry"]
    assert by_colour.count("red") == 2
    assert by_colour.keys("blue") == ()
    assert table.first(by_colour, "blue") is None
    assert table.get("pear") is None
    assert table.get(None) is None


def test_an_index_follows_a_change_and_a_removal():
    state, table, by_colour = orchard()
    with state.change():
        table.put(Fruit("apple", "red"))
        table.put(Fruit("apple", "green"))
    assert (by_colour.keys("red"), by_colour.keys("green")) == ((), ("apple",))
    with state.change():
        assert table.remove("apple") == Fruit("apple", "green")
        assert table.remove("apple") is None
    assert by_colour.count("green") == 0


def test_an_index_made_later_knows_what_was_there_before():
    state, table, _ = orchard()
    with state.change():
        table.put(Fruit("apple", "red"))
    assert table.index(lambda fruit: len(fruit.name)).keys(5) == ("apple",)


def test_a_failed_transaction_leaves_nothing_behind():
    state, table, by_colour = orchard()
    with state.change():
        table.put(Fruit("apple", "red"))

    def half_done():
        with state.change():
            table.put(Fruit("apple", "green"))
            table.put(Fruit("pear", "green"))
            with state.change():
                table.remove("apple")
            raise LookupError

    with pytest.raises(LookupError):
        half_done()
    assert [*table] == [Fruit("apple", "red")]
    assert (by_colour.keys("red"), by_colour.keys("green")) == (("apple",), ())


def test_what_the_sink_refuses_did_not_happen():
    state, table, by_colour = orchard(Failing())
    with pytest.raises(OSError, match="disk full"), state.change():
        table.put(Fruit("apple", "red"))
    assert len(table) == 0
    assert by_colour.count("red") == 0


def test_a_change_outside_a_transaction_is_a_mistake():
    _, table, _ = orchard()
    with pytest.raises(RuntimeError, match="outside a transaction"):
        table.put(Fruit("apple"))


def test_a_name_is_used_once():
    state, _, _ = orchard()
    with pytest.raises(ValueError, match="fruits"):
        state.table("fruits", Fruit, lambda fruit: fruit.name)


def test_a_snapshot_comes_back():
    state, table, by_colour = orchard()
    with state.change():
        table.put(Fruit("apple", "red"))
        table.put(Fruit("pear", "green"))
    before = state.snapshot()
    with state.change():
        table.put(Fruit("apple", "brown"))
        table.remove("pear")
        table.put(Fruit("plum", "blue"))
    state.restore(before)
    assert state.snapshot() == before
    assert (by_colour.keys("red"), by_colour.keys("brown"), by_colour.keys("blue")) == (("apple",), (), ())


class Orchard(RuleBasedStateMachine):
    """Whatever is done to a table, failed transactions included, its index says what the rows say."""

    def __init__(self):
        super().__init__()
        self.state, self.table, self.index = orchard()
        self.expected: dict[str, Fruit] = {}

    names = st.sampled_from("abcd")
    colours = st.sampled_from(["red", "green", None])

    @rule(name=names, colour=colours)
    def put(self, name, colour):
        with self.state.change():
            self.table.put(Fruit(name, colour))
        self.expected[name] = Fruit(name, colour)

    @rule(name=names)
    def remove(self, name):
        with self.state.change():
            self.table.remove(name)
        self.expected.pop(name, None)

    @rule(steps=st.lists(st.tuples(names, st.sampled_from(["red", "green", "gone"])), max_size=6))
    def fail(self, steps):
        with pytest.raises(ZeroDivisionError):
            self.half_done(steps)

    def half_done(self, steps):
        with self.state.change():
            for name, colour in steps:
                if colour == "gone":
                    self.table.remove(name)
                else:
                    self.table.put(Fruit(name, colour))
            raise ZeroDivisionError

    @invariant()
    def the_index_is_right(self):
        assert self.table.rows() == self.expected
        for colour in ("red", "green"):
            assert set(self.index.keys(colour)) == {fruit.name for fruit in self.expected.values() if fruit.colour == colour}


TestOrchard = Orchard.TestCase


@given(st.lists(st.sampled_from(["red", "green"]), min_size=1, max_size=20))
def test_an_index_keeps_the_order_in_which_rows_came_to_have_a_value(colours):
    state, table, by_colour = orchard()
    with state.change():
        for number, colour in enumerate(colours):
            table.put(Fruit(str(number), colour))
        kept = by_colour.keys("red")
        for key in kept:
            table.put(replace(table[key], colour="red"))
    assert by_colour.keys("red") == kept == tuple(str(number) for number, colour in enumerate(colours) if colour == "red")


class Noting:
    """A sink that notes the rows it was given."""

    openings = 0

    def __init__(self):
        self.written = []

    def load(self, table):
        return ()

    def write(self, changes):
        self.written += [key for _, key in changes]


def test_only_what_changed_is_written_when_a_snapshot_comes_back():
    sink = Noting()
    state, table, _ = orchard(sink)
    with state.change():
        for name in ("apple", "pear", "plum"):
            table.put(Fruit(name))
    before = state.snapshot()
    with state.change():
        table.put(Fruit("pear", "green"))
    sink.written.clear()
    state.restore(before)
    assert sink.written == ["pear"]


def test_a_table_that_came_after_the_snapshot_is_empty_afterwards():
    state, _, _ = orchard()
    before = state.snapshot()
    later = state.table("vegetables", Fruit, lambda fruit: fruit.name)
    with state.change():
        later.put(Fruit("leek"))
    state.restore(before)
    assert len(later) == 0
