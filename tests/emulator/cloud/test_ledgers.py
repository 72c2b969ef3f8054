"""Ledgers: what is kept of them and their instances, and by whom."""

from __future__ import annotations

import pytest

from emulator.cloud.documents import Place
from emulator.cloud.ledgers import LedgerExists, LedgerVersion
from emulator.cloud.storage import Storage

HERE = Place.of_user("u")


@pytest.fixture
def ledgers(world):
    """The ledgers of a world, where `ada` made `lamps`."""
    world.cloud.ledgers.create("ada", HERE, "lamps", "Device", "Upstream", "all lamps")
    return world.cloud.ledgers


def test_a_ledgers_name_is_taken_even_by_an_archived_one(ledgers):
    ledgers.archive("bob", HERE, "lamps")
    with pytest.raises(LedgerExists) as refused:
        ledgers.create("ada", HERE, "lamps", "Owner", "Downstream", "")
    assert (refused.value.what, str(refused.value)) == ("lamps", "ledger lamps exists")


def test_archived_ledgers_are_listed_only_when_they_are_asked_for(ledgers):
    ledgers.create("ada", HERE, "doors", "Owner", "Downstream", "")
    ledgers.archive("ada", HERE, "lamps")
    assert [each.name for each in ledgers.list(HERE)] == ["doors"]
    assert [each.name for each in ledgers.list(HERE, archived=True)] == ["lamps"]


def test_a_description_stays_unless_another_is_given(ledgers):
    assert ledgers.describe("bob", HERE, "lamps", None).values["description"] == "all lamps"
    assert ledgers.describe("bob", HERE, "lamps", "").values["description"] == ""


def test_who_changed_a_ledger_last_is_noted(ledgers):
    for changed in (ledgers.describe("bob", HERE, "lamps", "some"), ledgers.archive("bob", HERE, "lamps")):
        assert (changed.created_by, changed.updated_by) == ("ada", "bob")
        ledgers.describe("ada", HERE, "lamps", None)


def test_instances_belong_to_one_ledger(ledgers):
    ledgers.create("ada", HERE, "lamps2", "Owner", "Downstream", "")
    ledgers.set("ada", HERE, "lamps", "x", {"n": 1})
    ledgers.set("ada", HERE, "lamps2", "y", {"n": 2})
    assert [each.name for each in ledgers.instances(HERE, "lamps")] == ["lamps/x"]
    assert [each.name for each in ledgers.instances(HERE, "lamps2")] == ["lamps2/y"]


def test_versions_are_numbered_on_and_on_also_by_a_cloud_that_was_restarted(make_world, tmp_path):
    path = tmp_path / "ledgers.db"
    for round_ in range(2):
        world = make_world(storage=Storage(path))
        ledgers = world.cloud.ledgers
        if round_ == 0:
            ledgers.create("ada", HERE, "lamps", "Owner", "Downstream", "")
        for number in range(2):
            ledgers.set("ada", HERE, "lamps", "x", {"n": 2 * round_ + number})
        found = [(version.id, version.values["n"]) for version in ledgers.versions(HERE, "lamps", "x")]
        world.cloud.close()
    assert found == [(0, 3), (3, 2), (2, 1), (1, 0)]


def test_an_instance_is_replaced_unless_it_is_merged_into(ledgers):
    first = ledgers.set("ada", HERE, "lamps", "x", {"n": 1}, merge=True)
    assert (first.values, first.created_by) == ({"n": 1}, "ada")
    merged = ledgers.set("bob", HERE, "lamps", "x", {"m": 2}, merge=True)
    assert (merged.values, merged.created_by, merged.updated_by) == ({"n": 1, "m": 2}, "ada", "bob")
    assert ledgers.set("bob", HERE, "lamps", "x", {"k": 3}).values == {"k": 3}


def test_a_version_says_when_it_counted_and_is_found_by_when_it_was_replaced(world, ledgers):
    times = []
    for number in range(3):
        times.append(world.cloud.core.now())
        made = ledgers.set("ada", HERE, "lamps", "x", {"n": number})
        world.pass_time(10)
    start, second, third = times
    newest, middle, oldest = (
        LedgerVersion(0, made.key, '{"n":2}', start, third),
        LedgerVersion(2, made.key, '{"n":1}', start, second, third),
        LedgerVersion(1, made.key, '{"n":0}', start, start, second),
    )

    def of(after=None, before=None):
        return list(ledgers.versions(HERE, "lamps", "x", replaced_after=after, replaced_before=before))

    assert of() == [newest, middle, oldest]
    assert of(after=start) == of(before=third + 1) == [middle, oldest]
    assert of(after=second) == [middle]
    assert of(before=third) == [oldest]
    assert of(after=second, before=third) == []
