"""The project in `examples/`: it passes as it stands, in a folder of its own, and needs nothing that the docs do not name."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import particle_hil

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
SOURCES = sorted(EXAMPLES.glob("*.py"))
OWN = {path.stem for path in SOURCES}


def trees():
    return [(path.name, ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES]


@pytest.fixture
def project(tmp_path):
    shutil.copytree(EXAMPLES, tmp_path / "lamps", ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))

    def run(*arguments):
        command = [sys.executable, "-m", "pytest", "-p", "particle_hil.pytest_entry", "-p", "no:cacheprovider", *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "PARTICLE_HIL"))}
        environment = kept | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        folder = tmp_path / "lamps"
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_every_test_passes_on_the_boards_that_the_project_names(project):
    status, output = project("-W", "error")
    assert status == 0, output
    assert re.search(r"^=+ 1\d passed in ", output, re.MULTILINE), "none is skipped, and there are not fewer than there were: " + output


@pytest.mark.soak
def test_on_another_board_what_it_lacks_is_a_skip(project):
    status, output = project("--board", "emu:argon", "-q")
    assert status == 0, output
    assert re.search(r"1\d passed, 3 skipped", output), output
    assert "emu:argon: it has no cellular network" in output


@pytest.mark.soak
@pytest.mark.parametrize("arguments", [("--board", "emu:electron"), ("--board", "emu:boron", "--board", "emu:p1", "--all-boards")])
def test_they_pass_on_other_boards(project, arguments):
    status, output = project(*arguments)
    assert status == 0, output


def test_only_public_names_are_imported():
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.module in {"particle_hil", *OWN}, f"{name} imports from {node.module}"
                if node.module == "particle_hil":
                    assert {each.name for each in node.names} <= {*particle_hil.__all__, "images"}, name
            elif isinstance(node, ast.Import):
                assert {each.name for each in node.names} <= {"pytest"}, name


def test_everything_that_is_used_is_named_in_the_docs():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    words = set(re.findall(r"\w+", " ".join(re.findall(r"```.*?```|`[^`\n]+`", pages, re.DOTALL))))
    nodes = [node for _, tree in trees() for node in ast.walk(tree)]
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    for name, tree in trees():
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        used |= {keyword.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords if keyword.arg}
        unnamed = used - words - own - {"parametrize", "value", "raises"}
        assert not unnamed, f"{name} uses {', '.join(sorted(unnamed))}, of which no page tells"
