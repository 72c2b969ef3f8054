"""The pytest plugin: fixtures `board`, `boards`, `cloud`, `account`, `wifi`, `clock`, the marker `start`, and what it adds to reports.

Loaded by `particle_hil.pytest_entry` when pytest starts, so importing it must stay cheap: everything that talks to boards is imported
when the first fixture is used.
"""

from __future__ import annotations

from harness.pytest_plugin.fixtures import account, board, boards, clock, cloud, particle_hil_bench, wifi
from harness.pytest_plugin.hooks import pytest_generate_tests, pytest_report_header, pytest_runtest_makereport

__all__ = [
    "account",
    "board",
    "boards",
    "clock",
    "cloud",
    "particle_hil_bench",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "wifi",
]
