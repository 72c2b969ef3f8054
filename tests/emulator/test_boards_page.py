"""The page about boards is made of the tables, and says what they say today."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_was_made_from_the_tables_of_today():
    command = [sys.executable, ROOT / "docs" / "make_boards.py", "--check"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0, "run docs/make_boards.py"
