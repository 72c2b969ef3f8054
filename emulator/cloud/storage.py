"""The cloud's state in a SQLite file.

One table per kind of record: its key and its record as JSON. The file is written through: each transaction of the domain is one of
SQLite, in write-ahead mode, done before the caller hears of it. So what was answered survives the end of the process, however it ends;
`synchronous` (SQLite's own word) says whether it must survive the end of power too.

One process owns the file at a time: its working set is in memory, so a second writer would be overwritten unseen.

`user_version` of the file is the schema's version. An older one is migrated step by step when it is opened, a newer one is refused.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from emulator.cloud.codec import dumps, loads
from emulator.cloud.errors import NotKept
from emulator.cloud.state import Key, Table

SCHEMA_VERSION = 4
APPLICATION_ID = 0x5048494C
"""Marks the file as ours ("PHIL"), so that somebody else's database is not written into."""

Migration = Callable[[sqlite3.Connection], None]
_OPENINGS = 'CREATE TABLE "openings" (count INTEGER NOT NULL)'


def _count_openings(connection: sqlite3.Connection) -> None:
    """Version 2: the file knows how often it was opened. One of version 1 was opened before."""
    connection.execute(_OPENINGS)
    connection.execute('INSERT INTO "openings" VALUES (1)')


def _keep_operations(_connection: sqlite3.Connection) -> None:
    """Version 3: data operations are kept. A file of version 2 has none to bring along: they were counted while it was open, no longer."""


def _remember_who_deactivated(connection: sqlite3.Connection) -> None:
    """Version 4: a SIM remembers who deactivated it. Before, what was deactivated in a product's hands was taken for the team's doing."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sims'").fetchone():
        connection.execute("""
            UPDATE "sims"
            SET body = json_set(body, '$.deactivated_by', iif(json_extract(body, '$.product_id') IS NULL, 'owner', 'team'))
            WHERE coalesce(json_extract(body, '$.product_id'), json_extract(body, '$.user_id')) IS NOT NULL
            AND 'deactivate' IN (json_extract(body, '$.pending'), json_extract(body, '$.last_status_change_action'))
        """)


MIGRATIONS: dict[int, Migration] = {1: _count_openings, 2: _keep_operations, 3: _remember_who_deactivated}
"""From version n to n + 1."""


_MEANINGS = {
    (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED): ("is in use", "end the program that uses it, or give another path"),
    (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT): ("is no state file, or a damaged one", "give another path"),
    (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR): ("cannot be written", "make room on its disk, or give another path"),
    (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH): (
        "cannot be opened for writing",
        "check that its folder is there and that both can be written, or give another path",
    ),
}
"""SQLite's primary error codes: what they mean for a state file, and what to do."""
_UNKNOWN = ("is not a usable state file", "give another path")


class StateFileError(Exception):
    """A state file cannot be used. The message names the file, what is wrong with it, and the remedy."""


class StateTooNew(StateFileError):
    """The file was written by a later version of this program."""


def _make_private(path: str) -> None:
    """Make the file, if there is none, so that only its owner can read it: it holds tokens and keys. SQLite's other files follow it."""
    if path == ":memory:":
        return
    with contextlib.suppress(OSError):  # it is there, or cannot be made, which SQLite will tell
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


class Storage:
    """A state file, or (`":memory:"`) a database that ends with the process."""

    def __init__(self, path: str | Path = ":memory:", *, synchronous: str = "NORMAL") -> None:
        self.path = str(path)
        self.openings: int
        """How often the file was opened before."""
        self._statements: dict[str, tuple[str, str]] = {}
        _make_private(self.path)
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=1.0)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        try:
            self._open(synchronous)
        except sqlite3.Error as error:
            self._connection.close()
            raise self._unusable(error) from error
        except BaseException:
            self._connection.close()
            raise

    def load(self, table: Table[Any]) -> Iterator[Any]:
        """See `Sink.load`.

        Raises:
            StateFileError: the file is damaged, or holds what is no record of that table. It is closed then.
        """
        try:
            self._prepare(table.name)
            for (body,) in self._connection.execute(f'SELECT body FROM "{table.name}"'):  # noqa: S608  # our own table names
                yield loads(table.kind, body)
        except sqlite3.Error as error:
            self.close()
            raise self._unusable(error) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.close()
            why = f"its table {table.name} holds what is no {table.kind.__name__} ({error})"
            raise StateFileError(f"{self.path}: damaged: {why}; give another path, or a copy from before") from error

    def write(self, changes: Iterable[tuple[Table[Any], Key]]) -> None:
        """See `Sink.write`.

        Raises:
            NotKept: the file cannot be written. It is as it was before.
        """
        try:
            self._write(changes)
        except sqlite3.Error as error:
            raise NotKept(f"the state file {self._unusable(error)}") from error

    def _write(self, changes: Iterable[tuple[Table[Any], Key]]) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            for table, key in changes:
                upsert, delete = self._statements[table.name]
                record = table.get(key)
                if record is None:
                    execute(delete, (key,))
                else:
                    execute(upsert, (key, dumps(record)))
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise

    def close(self) -> None:
        """See `Sink.close`. Closing twice does nothing."""
        self._connection.close()

    def _unusable(self, error: sqlite3.Error) -> StateFileError:
        """What SQLite says, what it means, and what to do."""
        what, remedy = next(
            (meaning for codes, meaning in _MEANINGS.items() if getattr(error, "sqlite_errorcode", 0) & 0xFF in codes), _UNKNOWN
        )
        return StateFileError(f"{self.path}: {what} ({error}); {remedy}")

    def _open(self, synchronous: str) -> None:
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        (marked,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and marked != APPLICATION_ID:
            raise StateFileError(f"{self.path}: is a database of some other program; give another path")
        if version > SCHEMA_VERSION:
            raise StateTooNew(
                f"{self.path}: its state has version {version}, this program knows up to {SCHEMA_VERSION}; use a later particle-hil",
            )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {synchronous}")
        self._migrate(version if tables else None)

    def _migrate(self, version: int | None) -> None:
        """Bring a file of some version (None: a new one) to ours, and count the opening."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            if version is None:
                execute(_OPENINGS)
                execute('INSERT INTO "openings" VALUES (0)')
            else:
                for step in range(version, SCHEMA_VERSION):
                    MIGRATIONS[step](self._connection)
            (self.openings,) = execute('SELECT count FROM "openings"').fetchone()
            execute('UPDATE "openings" SET count = count + 1')
            execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            execute(f"PRAGMA application_id = {APPLICATION_ID}")
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise

    def _prepare(self, name: str) -> None:
        self._connection.execute(f'CREATE TABLE IF NOT EXISTS "{name}" (key PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID')
        self._statements[name] = (
            f'INSERT INTO "{name}" VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body',  # noqa: S608  # our own names
            f'DELETE FROM "{name}" WHERE key = ?',  # noqa: S608  # our own names
        )
