"""The pytest plugin: its fixtures, the marker `start`, and what it adds to reports.

Loaded by `particle_hil.pytest_entry` when pytest starts, so importing it must stay cheap: everything that talks to boards is imported
when the first fixture is used.
"""

from __future__ import annotations

from harness.pytest_plugin.fixtures import (
    account,
    board,
    boards,
    clock,
    cloud,
    customer,
    faults,
    network,
    particle_hil_bench,
    particle_hil_ground,
    product,
    wifi,
)
from harness.pytest_plugin.hooks import (
    pytest_configure,
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
    "customer",
    "faults",
    "network",
    "particle_hil_bench",
    "particle_hil_ground",
    "product",
    "pytest_configure",
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
