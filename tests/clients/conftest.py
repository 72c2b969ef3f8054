"""particle-cli on a computer whose USB ports hold emulated boards, seen through the umockdev door."""

import json
import os
import subprocess

import pytest

from emulator.cloud.api import Api
from emulator.cloud.api.asgi import CloudApp
from emulator.doors.http import HttpDoor
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
def api(lab, tmp_path):
    """The cloud's REST API, which particle-cli is pointed at; nobody has logged in."""
    app = CloudApp(Api(lab.cloud).answer, lab.driver)
    door = HttpDoor(lab.driver, app, before_close=app.end_streams)
    door.open()
    (tmp_path / ".particle").mkdir()
    (tmp_path / ".particle" / "profile.json").write_text('{"name":"particle"}')
    (tmp_path / ".particle" / "particle.config.json").write_text(json.dumps({"apiUrl": door.url}))
    yield door
    door.close()


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

    def run(*arguments, status=0, folder=None):
        command = [node, program, *arguments]
        done = subprocess.run(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == status, f"particle {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    return run
