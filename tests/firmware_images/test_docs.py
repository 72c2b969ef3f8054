"""The documentation names every finding and every verb, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from firmware_images.findings import FindingName

PAGE = (Path(__file__).parents[2] / "docs" / "firmware-images.md").read_text(encoding="utf-8")


def test_every_finding_is_in_the_table() -> None:
    table = PAGE[PAGE.index("## Checks") : PAGE.index("### Product fields")]
    told = {name for row in table.splitlines() if row.startswith("|") for name in re.findall(r"`([a-z-]+)`", row)}
    assert told == {name.value for name in FindingName}


def test_every_finding_is_asserted_by_some_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].glob("*/test_*.py"))
    unproved = {name.value for name in FindingName if f'"{name.value}"' not in tests and f"FindingName.{name.name}" not in tests}
    assert unproved == set()
