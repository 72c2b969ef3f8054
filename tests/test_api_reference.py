"""The API reference is made from the docstrings, and says what they say today."""

import os
import subprocess
import sys
from pathlib import Path

import particle_hil
from particle_hil import images

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "api.md"


def test_the_page_was_made_from_the_docstrings_of_today():
    command = [sys.executable, ROOT / "docs" / "make_api_reference.py", "--check"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0, "run docs/make_api_reference.py"


def test_every_public_name_is_in_it_and_none_without_a_word():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    heads = {line.removeprefix("### ").partition("(")[0]: number for number, line in enumerate(lines) if line.startswith("### ")}
    assert {*particle_hil.__all__, *images.__all__} - heads.keys() == set()
    for name, number in heads.items():
        told = [line for line in lines[number + 1 : number + 6] if line and not line.startswith(("`", "#"))]
        assert told, f"{name} has no docstring"
