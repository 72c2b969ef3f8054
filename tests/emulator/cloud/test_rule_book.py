"""The book of claiming rules is complete, and up to date."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "docs" / "make_claiming_rules.py"


@pytest.fixture(scope="module")
def maker():
    return SimpleNamespace(**runpy.run_path(str(SOURCE)))


def test_there_are_164_rules_each_once(maker):
    ids = [rule["id"] for rule in maker.rules()]
    expected = {f"R{number}" for number in range(1, 161)} | {"R2a", "R17a", "R80a", "R131a"}
    assert len(ids) == len(set(ids)) == 164
    assert set(ids) == expected


def test_every_rule_has_a_test(maker):
    proved = maker.proofs()
    missing = [rule["id"] for rule in maker.rules() if rule["id"] not in proved and "silent" not in rule]
    assert missing == []


def test_no_test_marks_a_rule_that_there_is_not(maker):
    assert set(maker.proofs()) <= {rule["id"] for rule in maker.rules()}


def test_the_book_is_up_to_date(maker):
    assert maker.BOOK.read_text(encoding="utf-8") == maker.book(), "run `python docs/make_claiming_rules.py`"
