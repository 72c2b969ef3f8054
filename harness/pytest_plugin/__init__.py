"""The pytest plugin: fixtures `board`, `boards`, `cloud`, `account`, `wifi`, `clock`, the marker `start`, and what it adds to reports.

Loaded by `particle_hil.pytest_entry` when pytest starts, so importing it must stay cheap: everything that talks to boards is imported
when the first fixture is used.
"""

from __future__ import annotations

from harness.pytest_plugin.fixtures import account, board, boards, clock, cloud, particle_hil_bench, particle_hil_ground, wifi
from harness.pytest_plugin.hooks import (
    pytest_fixture_setup,
    pytest_generate_tests,
    pytest_report_header,
    pytest_runtest_call,
    pytest_runtest_makereport,
    pytest_runtest_protocol,
    pytest_runtest_setup,
    pytest_runtest_teardown,
)

__all__ = [
    "account",
    "board",
    "boards",
    "clock",
    "cloud",
    "particle_hil_bench",
    "particle_hil_ground",
    "pytest_fixture_setup",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
    "wifi",
]
