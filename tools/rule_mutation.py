"""Which of a claiming rule's own tests can fail: small changes near the rule, and only the tests that are marked with it.

The whole run (`mutation.py run`) asks whether any test notices a change. A rule's test that passes whatever the cloud does would
not show there, as others notice in its place. Here each rule stands alone. The changes are a few in each of the functions that its
tests come by most and the tests of other rules least.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any, Final

import mutmut.__main__ as mutmut_main
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name

SELECTION: Final = ["-m", "rule and not soak and not slow and not tool", "tests"]
ARGUMENTS: Final = ["-p", "no:cacheprovider"]
STATS: Final = Path("mutants/mutmut-stats.json")
PER_FUNCTION: Final = 8
ALIVE: Final = 0


@dataclass
class Outcome:
    """What a rule's tests made of the changes near it."""

    rule: str
    tests: int
    noticed: list[str] = field(default_factory=list)
    live: list[str] = field(default_factory=list)

    @property
    def proves_nothing(self) -> bool:
        """Whether there were changes, and its tests noticed none."""
        return bool(self.live) and not self.noticed

    def __str__(self) -> str:
        if not self.noticed and not self.live:
            return f"{self.rule:6} {self.tests:3} tests, which come by nothing that is changed here"
        total = len(self.noticed) + len(self.live)
        verdict = "  NOTHING NOTICED" if self.proves_nothing else ""
        return f"{self.rule:6} {self.tests:3} tests {len(self.noticed):4} of {total:3} changes noticed{verdict}"


def prepare(runner: Any, children: int) -> None:
    """Make the changes, and see which function each rule's test comes by. The list that a whole run keeps of that is thrown away."""
    runner.test_runner.choose(SELECTION, ARGUMENTS)
    set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    with mutmut_main.CatchOutput(spinner_title="Generating mutants"):
        mutmut_main.copy_src_dir()
        mutmut_main.copy_also_copy_files()
        mutmut_main.setup_source_paths()
        mutmut_main.store_lines_covered_by_tests()
        mutmut_main.create_mutants(children)
    try:
        mutmut_main.run_stats_collection(runner)
    finally:
        STATS.unlink(missing_ok=True)
    set_mutant_under_test("")


def near(tests: set[str], mutants: dict[str, list[str]], most: int) -> dict[str, list[str]]:
    """The changes nearest to these tests, each with those of them that come by it."""
    visits = state().tests_by_mangled_function_name
    others = max(len(state().duration_by_test) - len(tests), 1)

    def lift(function: str) -> float:
        """How much more often the rule's tests come by a function than others do: 1 if all of them do, and nobody else."""
        return len(visits[function] & tests) / len(tests) - len(visits[function] - tests) / others

    functions = sorted((name for name in mutants if visits.get(name, set()) & tests), key=lambda name: (-lift(name), name))
    found: dict[str, list[str]] = {}
    for function in functions:
        step = ceil(len(mutants[function]) / PER_FUNCTION)
        for mutant in mutants[function][::step][: most - len(found)]:
            found[mutant] = sorted(visits[function] & tests)
    return found


def try_rules(runner: Any, chosen: list[str], most: int, show: Callable[[Outcome], None]) -> list[Outcome]:
    """Try the rules one after the other, all where none is chosen; `show` gets each outcome at once."""
    mutants: defaultdict[str, list[str]] = defaultdict(list)
    for _, name, _ in mutmut_main.collect_source_file_mutation_data(mutant_names=())[0]:
        mutants[mangled_name_from_mutant_name(name)].append(name)
    runner.startup()
    try:
        rules = runner.test_runner.rules
        unknown = sorted(set(chosen) - rules.keys())
        if unknown:
            raise SystemExit(f"no test is marked with {', '.join(unknown)}")
        outcomes = []
        for rule in sorted(chosen or rules, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]):
            outcomes.append(_try(runner, Outcome(rule, len(rules[rule])), near(set(rules[rule]), mutants, most)))
            show(outcomes[-1])
    finally:
        runner.shutdown()
    return outcomes


def _try(runner: Any, outcome: Outcome, changes: dict[str, list[str]]) -> Outcome:
    def drain() -> None:
        result = runner.wait_for_result()
        (outcome.live if result.exit_code == ALIVE else outcome.noticed).append(result.mutant_name)

    for mutant, tests in changes.items():
        while not runner.has_capacity():
            drain()
        seconds = sum(state().duration_by_test[test] for test in tests)
        limit = ceil((seconds + config().timeout_constant) * config().timeout_multiplier * 2)
        runner.submit(mutant, tests, limit, seconds)
    while runner.pending_count():
        drain()
    return outcome
