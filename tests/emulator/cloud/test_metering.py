"""Data operations: counted by month, kept in the state, and true whenever somebody was told of them."""

import shutil
import sqlite3
import time
from datetime import UTC, datetime

import pytest

from emulator.cloud import CloudSettings, Storage
from emulator.cloud.metering import UNWRITTEN, MonthOfOperations
from emulator.cloud.storage import SCHEMA_VERSION

JANUARY = 27 * 86_400
"""Seconds from the lab's epoch into February."""


@pytest.fixture
def opened(make_world, tmp_path):
    """Opens the state, again after each time it was closed."""
    worlds = []

    def opened(path=tmp_path / "s.db"):
        worlds.append(make_world(CloudSettings(), Storage(path)))
        return worlds[-1]

    yield opened
    for world in worlds:
        world.cloud.close()


def after_kill(tmp_path, opened):
    """The world that a restart finds if the process ends at this moment: what is in the files now."""
    folder = tmp_path / "killed"
    folder.mkdir(exist_ok=True)
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"s.db{suffix}", folder / f"s.db{suffix}")
    return opened(folder / "s.db")


def say(world, who, times, **where):
    for _ in range(times):
        world.cloud.events.publish(who, "temp", "20", **where)


def used(world, who):
    return world.cloud.agreements.of(who).operations


def stored(world):
    return {(row.account.partition(":")[0], row.month): row.count for row in world.cloud.core.state.tables["data_operations"]}


@pytest.mark.rule("R14")
def test_operations_are_there_when_the_state_is_opened_again(opened):
    world = opened()
    u1 = world.user()
    product = world.product(u1)
    say(world, u1, 3)
    say(world, u1, 4, product=product.id)
    world.cloud.close()
    world = opened()
    assert used(world, world.user()) == 7
    say(world, world.user(), 1)
    assert used(world, world.user()) == 8
    assert stored(world) == {("account", "2026-01"): 8, ("product", "2026-01"): 4}


@pytest.mark.rule("R14")
def test_a_plan_counts_by_the_month_and_what_was_is_kept(opened):
    world = opened()
    u1 = world.user()
    say(world, u1, 3)
    world.pass_time(JANUARY)
    assert used(world, u1) == 0
    say(world, u1, 2)
    assert used(world, u1) == 2
    assert stored(world) == {("account", "2026-01"): 3, ("account", "2026-02"): 2}


def test_a_year_ends_like_a_month(opened):
    world = opened()
    u1 = world.user()
    world.pass_time(360 * 86_400)
    say(world, u1, 3)
    world.pass_time(2 * 86_400)
    say(world, u1, 2)
    world.cloud.meter.write()
    assert stored(world) == {("account", "2026-12"): 3, ("account", "2027-01"): 2}


@pytest.fixture
def in_los_angeles(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "America/Los_Angeles")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_los_angeles")
def test_a_month_begins_at_midnight_in_utc_wherever_the_cloud_is(opened):
    world = opened()
    u1 = world.user()
    midnight = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    say(world, u1, 1)
    world.pass_time(midnight - 1 - world.cloud.core.now())
    say(world, u1, 1)
    world.pass_time(1)
    assert world.cloud.core.now() == midnight
    say(world, u1, 3)
    world.cloud.meter.write()
    assert stored(world) == {("account", "2026-01"): 2, ("account", "2026-02"): 3}


def test_what_somebody_was_told_outlives_the_process(opened, tmp_path):
    world = opened()
    u1 = world.user()
    say(world, u1, 5)
    assert used(world, u1) == 5
    say(world, u1, 1)
    again = after_kill(tmp_path, opened)
    assert used(again, again.user()) == 5, "the sixth was not told of, and may be lost"


def test_operations_are_written_along_with_the_next_change(opened, tmp_path):
    world = opened()
    u1 = world.user()
    say(world, u1, 5)
    world.product(u1)
    again = after_kill(tmp_path, opened)
    assert stored(again) == {("account", "2026-01"): 5}


def test_no_more_than_so_many_operations_are_at_stake(opened, tmp_path):
    world = opened()
    u1 = world.user()
    say(world, u1, UNWRITTEN - 1)
    assert stored(world) == {}, "to write each by itself would take too long"
    say(world, u1, 4)
    again = after_kill(tmp_path, opened)
    assert stored(again) == {("account", "2026-01"): UNWRITTEN}


def test_a_change_that_cannot_be_written_loses_no_operation(opened, monkeypatch):
    world = opened()
    u1 = world.user()
    say(world, u1, 5)

    def full(changes):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(world.cloud.core.state._sink, "write", full)
        with pytest.raises(OSError, match="disk full"):
            world.product(u1)
        with pytest.raises(OSError, match="disk full"):
            used(world, u1)
        say(world, u1, 1)
    assert used(world, u1) == 6


def test_operations_inside_of_a_change_that_is_refused_count(opened):
    world = opened()
    u1 = world.user()

    def change_half():
        with world.cloud.core.change():
            say(world, u1, UNWRITTEN)
            raise LookupError

    with pytest.raises(LookupError):
        change_half()
    assert used(world, u1) == UNWRITTEN


def test_a_month_that_ends_inside_of_a_change_is_written_with_it(opened):
    world = opened()
    u1 = world.user()
    with world.cloud.core.change():
        say(world, u1, 2)
        world.driver.clock.advance(JANUARY)
        say(world, u1, 3)
        world.cloud.core.state.tables["products"].put(world.product(u1))
    assert stored(world) == {("account", "2026-01"): 2, ("account", "2026-02"): 3}


def test_a_snapshot_brings_the_count_back(opened):
    world = opened()
    u1 = world.user()
    say(world, u1, 2)
    before = world.cloud.snapshot()
    say(world, u1, 5)
    world.cloud.restore(before)
    assert used(world, u1) == 2
    say(world, u1, 1)
    assert used(world, u1) == 3


def test_a_state_of_version_2_goes_on_without_the_operations_it_did_not_keep(opened, tmp_path):
    world = opened()
    u1 = world.user()
    product = world.product(u1)
    world.cloud.close()
    connection = sqlite3.connect(tmp_path / "s.db")
    connection.execute("DROP TABLE data_operations")
    connection.execute("PRAGMA user_version = 2")
    connection.commit()
    connection.close()
    world = opened()
    u1 = world.user()
    assert [each.id for each in world.cloud.products.list(u1)] == [product.id]
    say(world, u1, 2)
    assert used(world, u1) == 2
    world.cloud.close()
    connection = sqlite3.connect(tmp_path / "s.db")
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    connection.close()


def test_a_row_tells_whose_it_is():
    assert MonthOfOperations("user:abc", "2026-01", 3).key == "user:abc 2026-01"


def test_a_state_that_is_opened_again_begins_to_count_at_nothing_unwritten(opened):
    world = opened()
    u1 = world.user()
    world.cloud.close()
    world = opened()
    say(world, u1, UNWRITTEN - 1)
    assert stored(world) == {}
    say(world, u1, 1)
    assert stored(world) == {("account", "2026-01"): UNWRITTEN}
