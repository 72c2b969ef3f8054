"""docs/rest-api.md is what the table says."""

from pathlib import Path

from emulator.cloud.api.docs import rest_api


def test_the_page_is_up_to_date():
    page = Path(__file__).parents[4] / "docs" / "rest-api.md"
    assert page.read_text() == rest_api(), "run `python -m emulator.cloud.api.docs > docs/rest-api.md`"
