"""The state file: what is written comes back, an older one is migrated, a newer or foreign one refused."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.cloud import Cloud, CloudSettings, storage
from emulator.cloud.codec import JsonText, dumps, loads
from emulator.cloud.errors import NotKept
from emulator.cloud.sim_records import Deactivator, Sim, SimAction, SimStatus
from emulator.cloud.state import State
from emulator.cloud.storage import StateFileError, StateTooNew, Storage


class Colour(Enum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Stone:
    weight: float


@dataclass(frozen=True)
class Everything:
    key: str
    number: int | None = None
    flag: bool = False
    data: bytes = b""
    colour: Colour = Colour.RED
    names: tuple[str, ...] = ()
    colours: frozenset[Colour] = field(default_factory=frozenset)
    document: JsonText | None = None
    words: frozenset[str] = frozenset()
    stone: Stone | None = None
    stones: tuple[Stone, ...] = ()


STONES = st.builds(Stone, st.floats(allow_nan=False, allow_infinity=False))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@given(
    st.builds(
        Everything,
        key=TEXT,
        number=st.none() | st.integers(-(2**70), 2**70),
        flag=st.booleans(),
        data=st.binary(max_size=20),
        colour=st.sampled_from(Colour),
        names=st.lists(TEXT, max_size=3).map(tuple),
        words=st.frozensets(TEXT, max_size=3),
        stone=st.none() | STONES,
        stones=st.lists(STONES, max_size=3).map(tuple),
    ),
)
def test_a_record_comes_back_from_its_text(record):
    assert loads(Everything, dumps(record)) == record


def test_what_equals_the_default_is_left_out():
    assert dumps(Everything("a")) == '{"key":"a"}'
    assert dumps(Everything("a", 0, flag=True)) == '{"key":"a","number":0,"flag":true}'


def test_a_text_that_is_no_record_is_refused():
    with pytest.raises(ValueError, match="JSON object"):
        loads(Everything, "[]")
    with pytest.raises(TypeError):
        loads(Everything, "{}")


def test_members_that_are_no_fields_any_more_are_passed_over():
    assert loads(Everything, '{"key":"a","formerly":1}') == Everything("a")


def write_two(state, table):
    """The second of these cannot be written."""
    with state.change():
        table.put(Everything("b", 2))
        table.put(Everything("a", object()))


def filled(path):
    sink = Storage(path)
    state = State(sink)
    table = state.table("things", Everything, lambda record: record.key)
    return state, table


def test_rows_are_there_when_the_file_is_opened_again(tmp_path):
    state, table = filled(tmp_path / "s.db")
    with state.change():
        table.put(Everything("a", 1))
        table.put(Everything("b", 2))
    with state.change():
        table.put(Everything("a", 3))
        table.remove("b")
        table.put(Everything("c", data=b"\0\xff"))
    state.close()
    _, table = filled(tmp_path / "s.db")
    assert table.rows() == {"a": Everything("a", 3), "c": Everything("c", data=b"\0\xff")}


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    state, table = filled(tmp_path / "s.db")
    with state.change():
        table.put(Everything("a", 1))
    with pytest.raises(TypeError):
        write_two(state, table)
    assert table.rows() == {"a": Everything("a", 1)}
    with state.change():
        table.put(Everything("c", 3))
    state.close()
    _, table = filled(tmp_path / "s.db")
    assert table.rows() == {"a": Everything("a", 1), "c": Everything("c", 3)}


def test_a_file_belongs_to_one_process_at_a_time(tmp_path):
    state, table = filled(tmp_path / "s.db")
    with state.change():
        table.put(Everything("a"))
    with pytest.raises(StateFileError, match=r"s\.db.*in use .*locked.*end the program"):
        Storage(tmp_path / "s.db")
    state.close()
    Storage(tmp_path / "s.db").close()


def test_an_older_state_is_migrated(tmp_path, monkeypatch):
    state, table = filled(tmp_path / "s.db")
    with state.change():
        table.put(Everything("a", 1))
    state.close()

    def double(connection):
        connection.execute("UPDATE things SET body = json_set(body, '$.number', json_extract(body, '$.number') * 2)")

    monkeypatch.setattr(storage, "SCHEMA_VERSION", storage.SCHEMA_VERSION + 2)
    monkeypatch.setattr(storage, "MIGRATIONS", {storage.SCHEMA_VERSION - 2: double, storage.SCHEMA_VERSION - 1: double})
    for _ in range(2):
        state, table = filled(tmp_path / "s.db")
        assert table["a"].number == 4
        state.close()


def test_the_sims_of_version_3_remember_who_deactivated_them(tmp_path):
    off = SimStatus.DEACTIVATED
    sims = (
        Sim("1", status=off, user_id="u", last_status_change_action=SimAction.DEACTIVATE),
        Sim("2", status=off, product_id=7, last_status_change_action=SimAction.DEACTIVATE),
        Sim("3", status=off, last_status_change_action=SimAction.RELEASE),
        Sim("4", status=SimStatus.ACTIVE, user_id="u", pending=SimAction.DEACTIVATE, last_status_change_action=SimAction.DEACTIVATE),
        Sim("5", status=SimStatus.ACTIVE, user_id="u", last_status_change_action=SimAction.REACTIVATE),
        Sim("6", product_id=7),
    )
    path = tmp_path / "s.db"
    state = State(Storage(path))
    table = state.table("sims", Sim, lambda sim: sim.iccid)
    with state.change():
        for sim in sims:
            table.put(sim)
    state.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    state = State(Storage(path))
    read = state.table("sims", Sim, lambda sim: sim.iccid)
    owner, team = Deactivator.OWNER, Deactivator.TEAM
    assert [sim.deactivated_by for sim in sorted(read, key=lambda sim: sim.iccid)] == [owner, team, None, owner, None, None]
    state.close()


def test_a_state_of_version_1_is_read(tmp_path):
    path = tmp_path / "s.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE things (key PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID")
    connection.execute("""INSERT INTO things VALUES ('a', '{"key":"a","number":1}')""")
    connection.execute(f"PRAGMA application_id = {storage.APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    state, table = filled(path)
    assert table.rows() == {"a": Everything("a", 1)}
    state.close()
    sink = Storage(path)
    assert sink.openings == 2
    sink.close()


def test_a_lab_that_is_opened_again_does_not_draw_the_same_names_again(make_world, tmp_path):
    drawn = []
    for _ in range(3):
        world = make_world(CloudSettings(), Storage(tmp_path / "s.db"))
        drawn.append(world.user("u").token)
        world.cloud.close()
    assert len(set(drawn)) == 3


@pytest.mark.parametrize("rng", [random.Random(7), random.SystemRandom()], ids=["lab", "served"])
def test_a_new_state_and_a_served_cloud_draw_from_the_very_source_they_are_given(world, tmp_path, rng):
    for again in (False, True):
        cloud = Cloud(world.driver.clock, rng, world.driver.reply, Storage(tmp_path / "s.db"))
        served = isinstance(rng, random.SystemRandom)
        assert (cloud.core.rng is rng) is (served or not again)
        cloud.close()
    assert Cloud(world.driver.clock, rng, world.driver.reply).core.rng is rng


def test_a_lab_that_is_opened_again_draws_what_its_seed_and_the_count_of_openings_say(make_world, tmp_path):
    drawn = []
    for name in ("a.db", "b.db"):
        make_world(CloudSettings(), Storage(tmp_path / name)).cloud.close()
        world = make_world(CloudSettings(), Storage(tmp_path / name))
        drawn.append(world.user("u").token)
        world.cloud.close()
    assert drawn[0] == drawn[1]


def test_a_migration_that_fails_changes_nothing(tmp_path, monkeypatch):
    state, table = filled(tmp_path / "s.db")
    with state.change():
        table.put(Everything("a", 1))
    state.close()

    def half(connection):
        connection.execute("DELETE FROM things")
        connection.execute("SELECT key FROM nowhere")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "SCHEMA_VERSION", storage.SCHEMA_VERSION + 1)
        patched.setattr(storage, "MIGRATIONS", {storage.SCHEMA_VERSION - 1: half})
        with pytest.raises(StateFileError, match="no such table: nowhere"):
            Storage(tmp_path / "s.db")
    _, table = filled(tmp_path / "s.db")
    assert table["a"].number == 1


def test_a_newer_state_is_refused(tmp_path):
    filled(tmp_path / "s.db")[0].close()
    connection = sqlite3.connect(tmp_path / "s.db")
    connection.execute(f"PRAGMA user_version = {storage.SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StateTooNew, match="later particle-hil"):
        Storage(tmp_path / "s.db")


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE users (name)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StateFileError, match="some other program"):
        Storage(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one" * 100, b"SQLite format 3\0" + bytes(500)])
def test_a_file_that_is_no_database_is_refused(tmp_path, content):
    path = tmp_path / "x.db"
    path.write_bytes(content)
    with pytest.raises(StateFileError, match=r"x\.db"):
        Storage(path)


def test_a_path_that_cannot_be_opened_is_named(tmp_path):
    path = tmp_path / "nowhere" / "s.db"
    with pytest.raises(StateFileError) as told:
        Storage(path)
    remedy = "check that its folder is there and that both can be written, or give another path"
    assert str(told.value) == f"{path}: cannot be opened for writing (unable to open database file); {remedy}"


TABLES = """
assets binaries claim_codes customers data_operations devices documents firmware groups ledger_versions libraries library_archives locations
mails members oauth_clients organizations pending_secrets products quarantine removals server_keys sims tokens transfers usage_reports users
vitals webhooks
"""


def test_a_clouds_tables_are_called_as_in_every_state_file_so_far(world):
    assert sorted(world.cloud.snapshot().tables) == TABLES.split()


def test_a_whole_cloud_comes_back_and_goes_on(make_world, tmp_path):
    path = tmp_path / "s.db"
    world = make_world(CloudSettings(), Storage(path))
    o = world.user("o")
    product = world.product(o)
    world.upload(o, product, 3)
    world.cloud.sims.make("8934076500002589174")
    world.cloud.sims.activate(o, "8934076500002589174")
    device, _ = world.claimed(o)
    assert world.cloud.connections.online(device.id)
    world.cloud.close()

    again = make_world(CloudSettings(), Storage(path))
    assert again.owner(device.id) == "o@example.com"
    assert not again.cloud.connections.online(device.id), "what is true only while connected is not stored"
    assert again.cloud.tokens.principal(o.token) == o
    assert again.cloud.releases.binary(o, product.id, 3) == world.cloud.core.state.tables["binaries"][f"{product.id}:3"].data
    again.pass_time(60)
    assert again.cloud.sims.by_iccid("8934076500002589174").status is SimStatus.ACTIVE, "what was in progress goes on"
    assert again.product(o, name="another").id == product.id + 1
    again.cloud.close()


def test_a_file_that_was_closed_is_of_no_use(tmp_path):
    sink = Storage(tmp_path / "s.db")
    sink.close()
    with pytest.raises(StateFileError, match=r"s\.db: is not a usable state file \(.*closed.*\); give another path"):
        State(sink).table("things", Everything, lambda record: record.key)


DEEP = "[" * 1000 + "]" * 1000


@pytest.mark.parametrize(
    "row",
    ["[]", DEEP, f'{{"key":{DEEP}}}', '{"key":"a","number":1e999}', '{"key":"a","number":NaN}']
    + [json.dumps({"key": "a", "document": text}) for text in (DEEP, '{"a":1e999}', "nonsense", 5)],
)
def test_a_row_that_is_no_record_is_told_with_its_table(tmp_path, row):
    path = tmp_path / "s.db"
    filled(path)[0].close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO things VALUES ('a', ?)", (row,))
    connection.commit()
    connection.close()
    with pytest.raises(StateFileError) as told:
        filled(path)
    assert str(told.value).startswith(f"{path}: damaged: its table things holds what is no Everything (")
    assert str(told.value).endswith("); give another path, or a copy from before")


@pytest.mark.parametrize(("asked", "synchronous"), [({}, 1), ({"synchronous": "FULL"}, 2)])
def test_how_a_file_is_opened(tmp_path, asked, synchronous):
    sink = Storage(tmp_path / "s.db", **asked)
    pragmas = {"locking_mode": "exclusive", "journal_mode": "wal", "busy_timeout": 1000, "synchronous": synchronous}
    assert {name: sink._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas} == pragmas
    sink.close()


def test_a_file_is_written_from_whichever_thread_the_cloud_runs_in(tmp_path):
    state, table = filled(tmp_path / "s.db")

    def write():
        with state.change():
            table.put(Everything("a", 1))

    with ThreadPoolExecutor(1) as threads:
        threads.submit(write).result()
    state.close()
    assert filled(tmp_path / "s.db")[1].rows() == {"a": Everything("a", 1)}


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_only_its_owner_can_read_a_state_file(tmp_path):
    before = os.umask(0)
    try:
        state, _ = filled(tmp_path / "s.db")
        assert {path.name: f"{path.stat().st_mode & 0o777:o}" for path in tmp_path.iterdir()} == {"s.db": "600", "s.db-wal": "600"}
        state.close()
        (tmp_path / "s.db").chmod(0o640)
        filled(tmp_path / "s.db")[0].close()
        assert (tmp_path / "s.db").stat().st_mode & 0o777 == 0o640, "what its owner has allowed since stays allowed"
    finally:
        os.umask(before)


def test_what_cannot_be_written_has_not_happened(tmp_path):
    state, table = filled(tmp_path / "s.db")
    with state.change():
        table.put(Everything("a", 1))
    (pages,) = state._sink._connection.execute("PRAGMA page_count").fetchone()
    state._sink._connection.execute(f"PRAGMA max_page_count = {pages}")

    def too_much():
        with state.change():
            table.put(Everything("a", 2))
            table.put(Everything("b", 3, data=bytes(100_000)))

    with pytest.raises(NotKept) as told:
        too_much()
    assert str(told.value) == (
        f"the state file {tmp_path / 's.db'}: cannot be written (database or disk is full); make room on its disk, or give another path"
    )
    assert table.rows() == {"a": Everything("a", 1)}
    state._sink._connection.execute("PRAGMA max_page_count = 1000000")
    with state.change():
        table.put(Everything("b", 4, data=bytes(100_000)))
    state.close()
    again, rows = filled(tmp_path / "s.db")
    assert {key: record.number for key, record in rows.rows().items()} == {"a": 1, "b": 4}
    again.close()


FIELDS = ["key", "number", "data", "colour", "names", "colours", "stone", "document", "x"]
ROWS = st.one_of(
    st.text(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["key", "number", "data", "colour", "names", "colours", "stone", "document", "x"]), inner, max_size=5
            )
        ),
        max_leaves=12,
    ).map(json.dumps),
)


def is_a_record_or_refused(row):
    """Whatever stands in a row: it is read, or refused as what it is."""
    try:
        record = loads(Everything, row)
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    assert loads(Everything, dumps(record)) == record


@given(ROWS)
def test_a_row_is_a_record_or_refused(row):
    is_a_record_or_refused(row)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None)
@given(ROWS)
def test_a_row_is_a_record_or_refused_in_full(row):
    is_a_record_or_refused(row)
