"""Emulated boards for tests of the harness itself."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import httpx
import pytest
from click.testing import CliRunner

from harness.boards import OpenOptions, open_boards
from harness.cli.main import cli
from harness.firmware_store import FirmwareUnavailable, Reason, photon_release, tinker

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-c", "import sys; sys.argv[0] = 'particle-hil'; from particle_hil.command import main; main()"]


@pytest.fixture
def program(monkeypatch):
    """The command, to start in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return PROGRAM


@pytest.fixture(scope="session")
def served():
    """`with served(*arguments) as told`: the program serves meanwhile, and has said so. In the end it is stopped, and has to stop well."""

    @contextlib.contextmanager
    def serve(*arguments, ends_by=signal.SIGINT):
        command = [*PROGRAM, "serve", "--device-port", "0", "--json", *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                said = process.stdout.readline()
                assert said, process.stderr.read()
                yield json.loads(said)
            finally:
                process.send_signal(ends_by)
                assert process.wait(timeout=30) == 0, process.stderr.read()

    return serve


@pytest.fixture
def login():
    """`login(told)`: a client of the served cloud that is logged in as its user."""

    def log_in(told):
        form = {
            "username": told["username"],
            "password": told["password"],
            "grant_type": "password",
            "client_id": "particle",
            "client_secret": "particle",
        }
        token = httpx.post(f"{told['api']}/oauth/token", data=form).json()["access_token"]
        return httpx.Client(base_url=told["api"], headers={"Authorization": f"Bearer {token}"})

    return log_in


@pytest.fixture
def refused():
    """`refused(*arguments)`: the exit status and the error of a `serve` that does not come to serve.

    In this process: starting the program costs more than all that it refuses.
    """

    def refuse(*arguments):
        done = CliRunner().invoke(cli, ["serve", *arguments])
        assert isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stderr

    return refuse


@pytest.fixture
def open_rig():
    """Open boards by moniker: `open_rig("emu:photon", served=False)` gives their rig."""
    opened = []

    def open_one(*monikers, **options):
        (rig,) = open_boards(monikers, OpenOptions(**options))
        opened.append(rig)
        return rig

    yield open_one
    for rig in opened:
        rig.close()


@pytest.fixture
def board(open_rig):
    """A Photon out of its box: in listening mode, in virtual time."""
    return open_rig("emu:photon").boards[0]


@pytest.fixture
def photon_binaries():
    """Particle's own binaries for the Photon, in the user's cache; a skip where they cannot be had."""
    try:
        return [photon_release("2.1.0"), photon_release("2.2.0"), tinker("photon")]
    except FirmwareUnavailable as error:
        if error.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(error))
        raise


@pytest.fixture
def run_pytest(tmp_path):
    """Run pytest on a test file with the plugin loaded; gives its output and exit status."""
    tests = tmp_path / "tests"
    tests.mkdir()

    def run(source, *arguments, where=tests, path=(ROOT,), **variables):
        (tests / "test_it.py").write_text(dedent(source))
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "PARTICLE_HIL"))}
        environment |= variables
        environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        report = [] if "no:terminal" in arguments else ["-ra"]
        command = [sys.executable, "-m", "pytest", "-p", "particle_hil.pytest_entry", "-p", "no:cacheprovider", *report, *arguments]
        done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def run_inside(tmp_path, monkeypatch):
    """The same as `run_pytest` within this process, which takes a fraction of the time; for what does not depend on how pytest starts."""
    tests = tmp_path / "tests"
    tests.mkdir()
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.chdir(tests)
    for name in [name for name in os.environ if name.startswith("PARTICLE_HIL") or name in ("PYTEST_ADDOPTS", "CI", "BUILD_NUMBER")]:
        monkeypatch.delenv(name)

    def run(source, *arguments, **variables):
        (tests / "test_it.py").write_text(dedent(source))
        told = io.StringIO()
        fixed = ["-p", "particle_hil.pytest_entry", "-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={tests}", "-ra"]
        last = ["-W", "ignore:Module already imported", str(tests)]  # of filters the last one counts, also after `-W error`
        with monkeypatch.context() as context, contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            for name, value in variables.items():
                context.setenv(name, value)
            context.setattr(sys, "dont_write_bytecode", True)
            status = pytest.main([*fixed, "--capture=sys", *arguments, *last])
        for name in [name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(str(tests))]:
            del sys.modules[name]
        return int(status), told.getvalue()

    return run
