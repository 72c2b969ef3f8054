"""Makes docs/claiming-rules.md from docs/claiming-rules.toml and the `rule` markers of the tests: `python docs/make_claiming_rules.py`."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "docs" / "claiming-rules.toml"
BOOK = ROOT / "docs" / "claiming-rules.md"
TESTS = ("tests", "harness/suite")
BOARDS = ("tests/rules/", "tests/harness/", "tests/emulator/test_", "harness/suite/")
"""Tests in which an emulated board takes part; the others script what a device does."""
HEAD = """# The rules of claiming

What Particle's device claiming guide says, as rules that can be checked, in our own words and in the order of the guide; and for each
rule the tests that prove it. A test with **board** in front drives an emulated board and the cloud together; the others script the
device's side of its connection. *Choice* marks what the guide leaves open.

This file is made by `python docs/make_claiming_rules.py` from `docs/claiming-rules.toml` and the `rule` markers of the tests. A test fails
when a rule has no test, or when this file is out of date.
"""


@dataclass(frozen=True)
class Proof:
    """One test that carries a rule's marker."""

    path: str
    name: str

    def __str__(self) -> str:
        board = "**board** " if self.path.startswith(BOARDS) else ""
        return f"{board}[{self.name.removeprefix('test_').replace('_', ' ')}](../{self.path})"


def proofs() -> dict[str, list[Proof]]:
    """The tests of each rule, read from the sources, so that none has to be imported."""
    found: dict[str, list[Proof]] = {}
    for folder in TESTS:
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            for rule, name in _marked(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(rule, []).append(Proof(path.relative_to(ROOT).as_posix(), name))
    return found


def groups() -> list[dict[str, object]]:
    """The groups of rules, as written."""
    loaded: list[dict[str, object]] = tomllib.loads(RULES.read_text(encoding="utf-8"))["group"]
    return loaded


def rules() -> Iterator[dict[str, object]]:
    """Every rule, in order."""
    for group in groups():
        listed = group["rules"]
        assert isinstance(listed, list)
        yield from listed


def book() -> str:
    """The whole text."""
    proved = proofs()
    lines = [HEAD]
    for group in groups():
        lines += [f"## {group['title']}", ""]
        listed = group["rules"]
        assert isinstance(listed, list)
        for rule in listed:
            choice = " *Choice.*" if rule.get("open") else ""
            silent = f" Nothing to observe: {rule['silent']}." if "silent" in rule else ""
            lines.append(f"**{rule['id']}** {rule['says']}{choice}{silent}")
            lines += [f"- {proof}" for proof in proved.get(str(rule["id"]), [])]
            lines.append("")
    return "\n".join(lines)


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
