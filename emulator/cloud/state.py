"""The working set: tables of frozen records in memory, changed in transactions.

A record is never altered, only replaced. So a transaction that fails puts the old records back, a snapshot is a copy of dictionaries,
and whoever holds a record holds a true statement about one moment.

Reads come from memory only. When a transaction succeeds, the rows that it touched go to the `Sink` (SQLite) in one piece, before the
transaction ends: what a caller was told is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from emulator.cloud.errors import NotKept

R = TypeVar("R")
H = TypeVar("H", bound=Hashable)
Key = str | int


class Sink(Protocol):
    """Where changes go, durably."""

    openings: int
    """How often what it holds was opened before."""

    def load(self, table: Table[Any]) -> Iterable[Any]:
        """Every record of a table, in no particular order."""

    def write(self, changes: Iterable[tuple[Table[Any], Key]]) -> None:
        """Make the named rows as they are in memory now, all of them or none."""

    def close(self) -> None:
        """Release the file."""


class Companion(Protocol):
    """Something that is counted in memory, and goes to the sink along with whatever is written next."""

    def join(self) -> None:
        """Put its rows: a transaction is about to be written. It may be asked more than once before it hears `settled`."""

    def settled(self) -> None:
        """The tables say all there is to say: its rows were written, or the state went back in time."""


class Index(Generic[H]):
    """Which keys have a value: kept by its table, for look-ups that must not depend on the number of rows."""

    __slots__ = ("_keys", "of")

    def __init__(self, of: Callable[[Any], H | None]) -> None:
        self.of = of
        self._keys: dict[H, dict[Key, None]] = {}

    def keys(self, value: H) -> tuple[Key, ...]:
        """The keys with this value, in the order in which they came to have it."""
        return tuple(self._keys.get(value, ()))

    def first(self, value: H) -> Key | None:
        """One key with this value, or None."""
        return next(iter(self._keys.get(value, ())), None)

    def count(self, value: H) -> int:
        """How many rows have this value."""
        return len(self._keys.get(value, ()))

    def replace(self, key: Key, old: Any | None, new: Any | None) -> None:
        """Follow one row's change. Only its table calls this."""
        before = None if old is None else self.of(old)
        after = None if new is None else self.of(new)
        if before == after:
            return
        if before is not None:
            keys = self._keys[before]
            del keys[key]
            if not keys:
                del self._keys[before]
        if after is not None:
            self._keys.setdefault(after, {})[key] = None


class Table(Generic[R]):
    """Records of one kind by their key."""

    def __init__(self, state: State, name: str, kind: type[R], key: Callable[[R], Key]) -> None:
        self.name = name
        self.kind = kind
        self._state = state
        self._key = key
        self._rows: dict[Key, R] = {}
        self._indexes: list[Index[Any]] = []

    def index(self, of: Callable[[R], H | None]) -> Index[H]:
        """Keep an index on what `of` gives (None: not indexed)."""
        index: Index[H] = Index(of)
        for key, record in self._rows.items():
            index.replace(key, None, record)
        self._indexes.append(index)
        return index

    def get(self, key: Key | None) -> R | None:
        """The record, or None."""
        return None if key is None else self._rows.get(key)

    def __getitem__(self, key: Key) -> R:
        return self._rows[key]

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[R]:
        return iter(tuple(self._rows.values()))

    def where(self, index: Index[H], value: H) -> list[R]:
        """The records an index names, oldest first."""
        return [self._rows[key] for key in index.keys(value)]

    def first(self, index: Index[H], value: H) -> R | None:
        """One record an index names, or None."""
        key = index.first(value)
        return None if key is None else self._rows[key]

    def put(self, record: R) -> R:
        """Add or replace a record. Belongs inside `State.change()`."""
        key = self._key(record)
        self._set(key, record, self._rows.get(key))
        return record

    def remove(self, key: Key) -> R | None:
        """Take a record away, and return it. Belongs inside `State.change()`."""
        old = self._rows.get(key)
        if old is not None:
            self._set(key, None, old)
        return old

    def _set(self, key: Key, new: R | None, old: R | None) -> None:
        self._state.touched(self, key, old)
        self.place(key, new, old)

    def place(self, key: Key, new: R | None, old: R | None) -> None:
        """Set a row without noting the change. Only the state does this: to undo, to load, to restore."""
        for index in self._indexes:
            index.replace(key, old, new)
        if new is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = new

    def rows(self) -> dict[Key, R]:
        """A copy of the whole table."""
        return dict(self._rows)


class Change:
    """One transaction: a context manager. Inside another one, it is part of that; if it fails there, it alone is undone.

    Whoever opened the outer one may go on without it.
    """

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state = state

    def __enter__(self) -> None:
        self._state.begin()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        state = self._state
        try:
            if kind is not None:
                state.undo()
            elif state.depth == 1:
                state.flush()
        except BaseException:
            state.undo()
            raise
        finally:
            state.end()


class State:
    """All tables of one cloud, and the transaction that is open."""

    def __init__(self, sink: Sink | None = None) -> None:
        self.depth = 0
        """How many transactions are open, one inside the other."""
        self.tables: dict[str, Table[Any]] = {}
        self.companions: list[Companion] = []
        """They are asked to join before anything is written."""
        self.full = False
        """Whether nothing more can be written, as on a disk without room."""
        self._sink = sink
        self._before: list[dict[tuple[str, Key], Any]] = []
        """What the rows that each open transaction touched were before it."""

    def table(self, name: str, kind: type[R], key: Callable[[R], Key]) -> Table[R]:
        """Make a table, filled with what the sink has of it."""
        if name in self.tables:
            raise ValueError(f"table {name!r} exists")
        table = Table(self, name, kind, key)
        self.tables[name] = table
        if self._sink is not None:
            for record in self._sink.load(table):
                table.place(key(record), record, None)
        return table

    def change(self) -> Change:
        """Open a transaction: all that is done inside happens, or nothing of it."""
        return Change(self)

    def begin(self) -> None:
        """A transaction opens."""
        self.depth += 1
        self._before.append({})

    def end(self) -> None:
        """The innermost transaction is over: what it touched, the one around it has touched."""
        self.depth -= 1
        touched = self._before.pop()
        if touched and self._before:
            outer = self._before[-1]
            for place, old in touched.items():
                outer.setdefault(place, old)

    def touched(self, table: Table[Any], key: Key, old: Any | None) -> None:
        """Remember what a row was before this transaction.

        Raises:
            RuntimeError: no transaction is open.
        """
        if not self.depth:
            raise RuntimeError(f"{table.name} changed outside a transaction")
        self._before[-1].setdefault((table.name, key), old)

    def flush(self) -> None:
        """Hand what the outermost transaction touched to the sink, and forget how it was before.

        Raises:
            NotKept: it takes no more.
        """
        before = self._before[-1]
        if not before:
            return
        if self.full:
            raise NotKept("the disk that the state is kept on is full")
        for companion in self.companions:
            companion.join()
        if self._sink is not None:
            self._sink.write([(self.tables[name], key) for name, key in before])
        before.clear()
        for companion in self.companions:
            companion.settled()

    def undo(self) -> None:
        """Put every row that the innermost transaction touched back to what it was."""
        before = self._before[-1]
        for (name, key), old in reversed(before.items()):
            table = self.tables[name]
            table.place(key, old, table.get(key))
        before.clear()

    def snapshot(self) -> dict[str, dict[Key, Any]]:
        """Every table as it is now."""
        return {name: table.rows() for name, table in self.tables.items()}

    def restore(self, snapshot: dict[str, dict[Key, Any]]) -> None:
        """Make every table what it was at `snapshot()`."""
        for companion in self.companions:
            companion.settled()
        with self.change():
            for name, table in self.tables.items():
                rows = snapshot.get(name, {})
                for key in table.rows().keys() - rows.keys():
                    table.remove(key)
                for key, record in rows.items():
                    if table.get(key) is not record:
                        table.put(record)

    def close(self) -> None:
        """Release the sink."""
        if self._sink is not None:
            self._sink.close()
