"""Names, codes, and times of the day."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import pytest

from emulator.cloud.basics import Names, hash_password, iso, month_of, password_fits


class Extreme(random.Random):
    """Gives the largest numbers, or zeros only."""

    bit = 1

    def getrandbits(self, k):
        return self.bit * ((1 << k) - 1)


@pytest.mark.parametrize(("bit", "digit"), [(0, "0"), (1, "f")])
def test_names_have_as_many_digits_as_they_have_whatever_is_drawn(bit, digit):
    rng = Extreme()
    rng.bit = bit
    names = Names(rng)
    assert (names.object_id(), names.token(), names.short()) == (digit * 24, digit * 40, digit * 10)
    assert names.salt().hex() == digit * 32


def test_a_time_is_shown_in_whole_milliseconds():
    assert [iso(when) for when in (0.0, 1_767_603_600.5, 0.9999)] == [
        "1970-01-01T00:00:00.000Z",
        "2026-01-05T09:00:00.500Z",
        "1970-01-01T00:00:00.999Z",
    ]


@pytest.fixture
def far_east(monkeypatch):
    """A machine whose own day begins fourteen hours before that of UTC."""
    monkeypatch.setenv("TZ", "<+14>-14")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_times_and_months_are_those_of_utc_wherever_the_cloud_runs():
    last_of_the_year = datetime(2026, 12, 31, 23, tzinfo=UTC).timestamp()
    assert iso(last_of_the_year) == "2026-12-31T23:00:00.000Z"
    assert [iso(each) for each in month_of(last_of_the_year)] == ["2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"]
    assert [iso(each) for each in month_of(0.0)] == ["1970-01-01T00:00:00.000Z", "1970-02-01T00:00:00.000Z"]


def test_a_hash_is_that_of_rfc_7914():
    hashed = hash_password("pleaseletmein", b"SodiumChloride", 14)
    assert hashed == f"14${b'SodiumChloride'.hex()}$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    assert password_fits("pleaseletmein", hashed)


def test_a_hash_may_cost_more_memory_than_openssl_gives_by_itself():
    assert hash_password("secret", bytes(16), 15).startswith("15$")
