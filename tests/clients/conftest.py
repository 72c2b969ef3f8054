"""particle-cli on a computer whose USB ports hold emulated boards, seen through the umockdev door."""

import os
import subprocess

import pytest

from emulator.doors.umockdev import PreloadMissing, UmockdevDoor
from emulator.doors.usb_host import UsbHost
from emulator.lab import Lab


@pytest.fixture
def lab():
    with Lab(seed=1, served=True) as made:
        made.driver.call(made.network.access_point, "lab", "secret123")
        yield made


@pytest.fixture
def usb(lab):
    """The computer the boards are plugged into, as unmodified programs see it: `usb.plug_in(port, board.plug)`, then `usb.environment`."""
    host = UsbHost(lab.driver)
    try:
        door = UmockdevDoor(lab.driver, host)
    except PreloadMissing as missing:
        pytest.skip(str(missing))
    with door:
        host.environment = door.environment()
        yield host


@pytest.fixture
def cli(clients, node, usb, tmp_path):
    """Runs particle-cli with a home of its own, and gives what it printed."""
    program = clients / "node_modules" / "particle-cli" / "src" / "index.js"
    environment = {
        **os.environ,
        **usb.environment,
        "HOME": str(tmp_path),
        "FORCE_COLOR": "0",
        "NODE_COMPILE_CACHE": str(clients / "compiled"),
    }

    def run(*arguments, status=0):
        command = [node, program, *arguments]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, f"particle {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    return run
