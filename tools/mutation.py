"""mutmut with its tests collected once, and for each mutant first the tests that killed its neighbours.

mutmut starts pytest anew for each mutant, and runs all tests that come by the mutated function, the fastest first; in
the heart of a cloud these are a thousand, and collecting them costs more than running most of them. Here pytest
collects once and stops before its first test; each mutant is a fork of that process. A mutant that dies mostly dies
of a test that killed another one of its function or module, so these are asked first. The verdicts are mutmut's own.
At the end it tells what lives in each module, and fails when that is too much.

    python tools/mutation.py run --max-children 2
    python tools/mutation.py rules R18 R42 --live       # each rule's own tests alone; all rules when none is named
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable

import mutmut.__main__ as mutmut_main
import pytest
from greenlet import getcurrent, greenlet
from mutmut.configuration import config
from mutmut.mutation import trampoline
from mutmut.runners.harness import PytestRunner
from mutmut.utils.file_utils import change_cwd
from mutmut.workers.isolation import ForkRunner, MutantResult
from rule_mutation import Outcome, prepare, try_rules

GOAL = 0.9  # of the mutants are killed
ALIVE = (0, 33)  # mutmut's words for "all tests pass" and "no test comes by"
NEIGHBOURS = 20  # of a module's killers, how many are asked before the fastest tests
ADDED = ["-q", "--capture=no", "-p", "no:randomly", "-p", "no:random-order"]


class CollectedRunner(PytestRunner):
    """A pytest session that has collected its tests and waits, in a greenlet of its own, to be told which to run."""

    def __init__(self) -> None:
        super().__init__()
        self.killers = Killers()
        self.report_to = -1  # in the fork that runs a mutant: a pipe for the name of the test that kills it
        self.scratch = ""  # and a folder for its files
        self.rules: defaultdict[str, list[str]] = defaultdict(list)  # the tests that are marked with each claiming rule
        self._main = getcurrent()
        self._pytest = greenlet(self._collect)

    def choose(self, selection: list[str], arguments: list[str]) -> None:
        """Run other tests than those that pyproject.toml names."""
        self._pytest_add_cli_args_test_selection = selection
        self._pytest_add_cli_args = arguments

    def collect(self) -> None:
        """Start the session; it stops before its first test."""
        with change_cwd("mutants"):
            self._pytest.switch()

    def _collect(self) -> None:
        self.execute_pytest(ADDED + self._pytest_add_cli_args_test_selection, plugins=[self])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what the runner says, in whichever process it says so, and answer with the name of the test that failed."""
        by_name = {item.nodeid: item for item in session.items}
        for item in session.items:
            for rule in {rule for marker in item.iter_markers("rule") for rule in marker.args}:
                self.rules[rule].append(item.nodeid)
        names = self._main.switch()
        while names is not None:
            names = self._main.switch(self._run([by_name[name] for name in names if name in by_name]))
        return True

    def _run(self, items: list[pytest.Item]) -> str | None:
        for item, following in itertools.zip_longest(items, items[1:]):
            self._failed = False
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                return item.nodeid
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep whether the test failed, or what it was set up with."""
        self._failed = self._failed or report.failed

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        """1 when one of `tests` fails with the mutant, which ends the run; 0 when all pass."""
        if mutant_name is None:
            return super().run_tests(mutant_name=None, tests=tests)
        trampoline.get_mutant_under_test = lambda: mutant_name  # mutmut asks the environment at each call: a third of the time
        os.environ["PYTEST_DEBUG_TEMPROOT"] = self.scratch  # pytest would number a folder among thousands
        with change_cwd("mutants"):
            killer = self._pytest.switch(self.killers.first(mutant_name, list(tests)))
        if killer is None:
            return 0
        os.write(self.report_to, killer.encode())
        return 1


class Killers:
    """Which tests killed which function's mutants so far."""

    def __init__(self) -> None:
        self._of_function: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._of_module: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, mutant: str, test: str) -> None:
        """`test` has killed `mutant`."""
        function = mutant.rpartition("__mutmut_")[0]
        self._of_function[function][test] += 1
        self._of_module[function.rpartition(".")[0]][test] += 1

    def first(self, mutant: str, tests: list[str]) -> list[str]:
        """`tests` with those in front that are most likely to kill `mutant`."""
        function = mutant.rpartition("__mutmut_")[0]
        likely = [name for name, _ in self._of_function[function].most_common()]
        likely += [name for name, _ in self._of_module[function.rpartition(".")[0]].most_common(NEIGHBOURS)]
        known = set(tests)
        return list(dict.fromkeys([name for name in likely if name in known] + tests))


class KillersFirst(ForkRunner):
    """mutmut's runner of one fork for each mutant, over tests that are collected already."""

    test_runner: CollectedRunner

    def __init__(self, max_workers: int = 1) -> None:
        super().__init__(max_workers, CollectedRunner(), config().debug)
        self._runs: dict[str, tuple[int, str]] = {}

    def startup(self) -> None:
        """Collect before the first fork."""
        self.test_runner.collect()
        super().startup()

    def submit(self, mutant_name: str, tests: list[str], cpu_time_limit: int, estimated_time: float) -> None:
        """Begin with a mutant."""
        report, self.test_runner.report_to = os.pipe()
        self.test_runner.scratch = tempfile.mkdtemp(prefix="mutant-")
        self._runs[mutant_name] = report, self.test_runner.scratch
        super().submit(mutant_name, tests, cpu_time_limit, estimated_time)
        os.close(self.test_runner.report_to)

    def wait_for_result(self, timeout: float | None = None) -> MutantResult:
        """The next verdict, and what is to be learnt from it."""
        result = super().wait_for_result(timeout)
        pipe, scratch = self._runs.pop(result.mutant_name)
        with os.fdopen(pipe, "rb") as report:
            killer = report.read().decode()
        shutil.rmtree(scratch, ignore_errors=True)  # here, as a mutant that runs out of time cannot
        if killer:
            self.test_runner.killers.add(result.mutant_name, killer)
        return result


def score() -> float:
    """Print how many mutants each module has and how many live; the share that does not, of those that were run."""
    data = mutmut_main.collect_source_file_mutation_data(mutant_names=())[1]
    ran = lived = unrun = 0
    for path, module in sorted(data.items()):
        codes = list(module.exit_code_by_key.values())
        if not codes:
            continue
        alive = sum(code in ALIVE for code in codes)
        unrun += codes.count(None)
        ran += len(codes) - codes.count(None)
        lived += alive
        print(f"{len(codes):6} mutants {alive:4} live  {path}")
    killed = 1 - lived / max(ran, 1)
    print(f"{ran:6} mutants {lived:4} live, {killed:.1%} killed; {unrun} not run")
    return killed


def run_rules(words: list[str]) -> None:
    """The mode of rules; ends with an error when some rule's tests notice nothing."""
    parser = argparse.ArgumentParser(prog="mutation.py rules")
    parser.add_argument("rules", nargs="*", help="as in R18; all when none is named")
    parser.add_argument("--most", type=int, default=20, help="changes for each rule")
    parser.add_argument("--live", action="store_true", help="name the changes that were not noticed")
    parser.add_argument("--max-children", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args(words)
    runner = KillersFirst(options.max_children)
    prepare(runner, options.max_children)

    def show(outcome: Outcome) -> None:
        print(f"\n{outcome}", flush=True)  # pytest's own dots stand before it
        for name in outcome.live if options.live else ():
            print(f"         {name}")

    nothing = [each.rule for each in try_rules(runner, options.rules, options.most, show) if each.proves_nothing]
    if nothing:
        sys.exit(f"the tests of {', '.join(nothing)} notice nothing")


if __name__ == "__main__":
    if sys.argv[1:2] == ["rules"]:
        run_rules(sys.argv[2:])
        sys.exit()
    mutmut_main.get_mutant_runner = KillersFirst
    mutmut_main.cli(standalone_mode=False)
    if sys.argv[1:2] == ["run"] and score() < GOAL:
        sys.exit(f"fewer than {GOAL:.0%} of the mutants are killed")
