"""The recipes and the CI page: what they say is run, as written."""

import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.doors.umockdev import PreloadMissing, find_preload

ROOT = Path(__file__).resolve().parents[2]
RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
CI = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
LAMP = """
    import pytest

    def test_it_tells_who_it_is(board):
        assert board.identify().device_id == board.device_id

    @pytest.mark.start(mode="online", claimed=True)
    def test_it_is_online(board, account):
        assert account.device(board.device_id).online
"""


def blocks(text, language):
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for name, block in fences if name == language]


class Shell:
    """A shell in the folder of a project, in which the commands of the pages are those of this checkout, and nothing is installed."""

    def __init__(self, folder):
        self.folder = folder
        self.tools = folder / "tools"
        self.tools.mkdir()
        plugins = "-p particle_hil.pytest_entry -p xdist -p no:cacheprovider"
        self._tool("pip", 'echo "pip $*" >>pip.log')
        self._tool("pytest", f'exec "{sys.executable}" -m pytest {plugins} "$@"')
        self._tool("particle-hil", f'exec "{sys.executable}" -c "from particle_hil.command import main; main()" "$@"')

    def _tool(self, name, script):
        tool = self.tools / name
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)

    def run(self, script, *, inside=(), **variables):
        """Run a script as CI systems do, as a program of `inside` if there is one; gives status and output."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "PARTICLE_HIL"))}
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        environment = kept | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": path} | variables
        command = [*inside, "bash", "-e", "-o", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest.fixture
def preload():
    try:
        return find_preload()
    except PreloadMissing as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(("number", "boards"), [(0, "emu:photon"), (1, "emu:argon"), (2, "emu:photon*20")])
def test_a_recipe_passes_on_the_boards_that_it_names(run_inside, number, boards):
    assert f"pytest --board {boards}" in RECIPES.replace("'", "")
    status, output = run_inside(blocks(RECIPES, "python")[number], "--board", boards)
    assert (status, "1 passed" in output) == (0, True), output


def test_every_recipe_is_run():
    assert len(blocks(RECIPES, "python")) == 3
    assert len(blocks(RECIPES, "")) == 1


@pytest.mark.soak
def test_a_rack_is_rehearsed_as_written(shell, preload):
    (shell.folder / "test_lamp.py").write_text("def test_it(board):\n    assert board.identify().os_version\n")
    (command,) = blocks(RECIPES, "")
    status, output = shell.run(command)
    assert (status, "1 passed" in output) == (0, True), output


class TestTheCiFiles:
    @pytest.fixture(autouse=True)
    def project(self, shell):
        self.yaml = pytest.importorskip("yaml", reason="needs PyYAML: pip install pyyaml")
        self.github, self.gitlab = (self.yaml.safe_load(block) for block in blocks(CI, "yaml"))
        (rack,) = blocks(CI, "toml")
        (shell.folder / "rack.toml").write_text(rack)
        (shell.folder / "test_lamp.py").write_text("\n".join(line[4:] for line in LAMP.splitlines()))

    def test_they_are_what_those_systems_read(self):
        for job in self.github["jobs"].values():
            assert {"runs-on", "steps"} <= job.keys()
            assert all(("run" in step) != ("uses" in step) for step in job["steps"])
            assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in job["steps"] if "uses" in step)
        for job in self.gitlab.values():
            assert job.keys() <= {"image", "tags", "needs", "variables", "script", "retry", "allow_failure", "artifacts"}
            assert all(isinstance(line, str) for line in job["script"])

    @property
    def scripts(self):
        """What the jobs of both systems run, by their names."""
        found = {f"github-{name}": [step["run"] for step in job["steps"] if "run" in step] for name, job in self.github["jobs"].items()}
        return found | {f"gitlab-{name}": job["script"] for name, job in self.gitlab.items()}

    def test_what_the_jobs_on_emulated_boards_ask_of_pytest_is_what_it_takes(self, run_inside, shell):
        install, line = self.scripts["github-emulated"]
        assert self.scripts["gitlab-emulated"] == [install, line]
        words = shlex.split(line.replace("-n 2 ", ""))
        status, output = run_inside(LAMP, *words[1:])
        assert (status, words[0], "4 passed" in output) == (0, "pytest", True), output

    @pytest.mark.soak
    def test_the_jobs_on_emulated_boards_pass_as_written(self, shell):
        lines = self.scripts["github-emulated"]
        status, output = shell.run("\n".join(lines))
        assert (status, "4 passed" in output) == (0, True), output
        assert (shell.folder / "junit.xml").exists()
        assert (shell.folder / "pip.log").read_text() == "pip install -r requirements.txt\n"

    def rehearsed(self, shell, boards, lines):
        run = [shell.tools / "particle-hil", "run", *(word for board in boards for word in ("--board", board)), "--"]
        return shell.run("\n".join(lines), inside=run, RACK_WIFI="its password")

    @pytest.mark.soak
    def test_the_jobs_on_a_rack_pass_as_written(self, shell, preload):
        lines = self.scripts["github-rack"]
        assert self.scripts["gitlab-rack"][-1] in "\n".join(lines)
        status, output = self.rehearsed(shell, ["emu:photon*2"], lines)
        assert (status, "2 passed" in output, "::warning" in output) == (0, True, False), output

    @pytest.mark.soak
    def test_the_job_on_a_rack_without_boards_tries_again_and_ends_with_4(self, shell, preload):
        status, output = self.rehearsed(shell, ["emu:photon?mode=off", "emu:photon?firmware=none"], self.scripts["github-rack"])
        assert (status, output.count("::warning title=rack::infrastructure errors")) == (4, 2), output
