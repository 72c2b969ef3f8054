"""Makes docs/claiming-rules.md from docs/claiming-rules.toml and the `rule` markers of the tests: `python docs/make_claiming_rules.py`."""

from __future__ import annotations

import ast
import enum
import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "docs" / "claiming-rules.toml"
BOOK = ROOT / "docs" / "claiming-rules.md"
TESTS = ("tests", "harness/suite")
BOARDS = ("tests/rules/", "tests/clients/", "tests/harness/", "tests/emulator/test_", "harness/suite/")
"""Tests in which an emulated board takes part."""
ALONE = ("tests/particle_protocol/", "tests/emulator/cloud/rules/test_skus_and_labels.py")
"""Tests of tables and of single numbers; all others script what a device does."""
HEAD = """# The rules of claiming

What Particle's device claiming guide says, as rules that can be checked: in our own words, in the order of the guide, each with the tests
that prove it. Whoever provisions boards can look up here what the emulated cloud does in a case, and read the test as its example.

Rules are proved in one of three ways, the first wherever a board has a part in it:

- **Board and cloud**: an emulated board and the cloud together, driven as users drive them: over USB, by the REST API, by particle-cli.
- **Scripted device**: the cloud is the same, but a script plays the device's side of its connection. Most rules have some such tests beside
  those with boards, for what boards seldom come to.
- **Without a device**: tables and numbers.

The table counts each rule where its best proof is.

*Choice* marks what the guide leaves open, and this project has decided ([cloud.md](cloud.md#choices) has all choices).
"""
FOOT = """---

This file is made by `python docs/make_claiming_rules.py` from `docs/claiming-rules.toml` and the `rule` markers of the tests. A test fails
when a rule has no test or this file is out of date, and a run of all tests fails when a rule has none that passed.
"""
Rule = dict[str, Any]


class Way(enum.Enum):
    """How a test proves a rule, the best first."""

    BOARD = "Board and cloud"
    SCRIPTED = "Scripted device"
    ALONE = "Without a device"


@dataclass(frozen=True)
class Proof:
    """One test that carries a rule's marker."""

    path: str
    name: str

    @property
    def way(self) -> Way:
        """How it proves the rule, which its place tells."""
        return Way.BOARD if self.path.startswith(BOARDS) else Way.ALONE if self.path.startswith(ALONE) else Way.SCRIPTED

    def __str__(self) -> str:
        return f"[{self.name.removeprefix('test_').replace('_', ' ')}](../{self.path})"


@functools.cache
def proofs() -> dict[str, list[Proof]]:
    """The tests of each rule, read from the sources, so that none has to be imported."""
    found: dict[str, list[Proof]] = {}
    for folder in TESTS:
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            for rule, name in _marked(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(rule, []).append(Proof(path.relative_to(ROOT).as_posix(), name))
    return found


def groups() -> list[Rule]:
    """The groups of rules, as written."""
    loaded: list[Rule] = tomllib.loads(RULES.read_text(encoding="utf-8"))["group"]
    return loaded


def rules() -> Iterator[Rule]:
    """Every rule, in order."""
    for group in groups():
        yield from group["rules"]


def way(proved: list[Proof]) -> Way | None:
    """The best way among some tests, or None if there are none."""
    return next((way for way in Way if any(proof.way is way for proof in proved)), None)


def book() -> str:
    """The whole text."""
    proved = proofs()
    lines = [HEAD, *_summary(proved), ""]
    for group in groups():
        lines += [f"## {group['title']}", ""]
        for rule in group["rules"]:
            lines += [*_entry(rule, proved.get(rule["id"], [])), ""]
    return "\n".join([*lines, FOOT])


def _summary(proved: dict[str, list[Proof]]) -> Iterator[str]:
    """How many rules of each group are proved in which way."""
    yield "| Rules | | " + " | ".join(each.value for each in Way) + " |"
    yield "|---|---|" + "---|" * len(Way)
    total = dict.fromkeys(Way, 0)
    for group in groups():
        ids = [rule["id"] for rule in group["rules"]]
        counts = dict.fromkeys(Way, 0)
        for each in ids:
            found = way(proved.get(each, []))
            if found is not None:
                counts[found] += 1
                total[found] += 1
        link = group["title"].lower().replace(" ", "-")
        yield f"| {ids[0]} to {ids[-1]} | [{group['title']}](#{link}) | " + " | ".join(str(count or "") for count in counts.values()) + " |"
    yield "| all | | " + " | ".join(map(str, total.values())) + " |"
    nothing = [rule["id"] for rule in rules() if rule["id"] not in proved]
    yield ""
    yield f"{', '.join(nothing)} asks nothing of anybody, and has no test."


def _entry(rule: Rule, proved: list[Proof]) -> Iterator[str]:
    yield f"**{rule['id']}** {rule['says']}{' *Choice.*' if rule.get('open') else ''}"
    if "silent" in rule:
        yield f"- Nothing to observe: {rule['silent']}."
    for each in Way:
        tests = [str(proof) for proof in proved if proof.way is each]
        if tests:
            yield f"- {each.value}: " + "; ".join(tests)


def _marked(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.rule":
                for argument in decorator.args:
                    assert isinstance(argument, ast.Constant), f"{node.name}: a rule is marked by its literal name"
                    yield str(argument.value), node.name


if __name__ == "__main__":
    BOOK.write_text(book(), encoding="utf-8")
