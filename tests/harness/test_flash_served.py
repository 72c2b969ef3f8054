"""`particle-hil flash` in a process of its own, on boards that `serve` shows as devices of this machine."""

import json
import os
import subprocess

import pytest

from emulator.doors.umockdev import PreloadMissing, find_preload
from firmware_images.build import build_module
from particle_protocol.platforms import ModuleFunction

PHOTON, ARGON = "0123456789abcdef01234567", "0123456789abcdef0123aaaa"


@pytest.fixture
def bench(served, login, program, tmp_path):
    """`flash(*words, platform=)`: the program in the environment that `serve` prints; and a client that lays hands on the boards."""
    try:
        find_preload()
    except PreloadMissing as error:
        pytest.skip(str(error))

    class Bench:
        def __init__(self, told, client):
            account = {"CLOUD": told["api"], "USER": told["username"], "PASSWORD": told["password"]}
            self._environment = os.environ | told["environment"] | {f"PARTICLE_HIL_{name}": value for name, value in account.items()}
            self._client = client

        def set(self, device_id, **change):
            self._client.put(f"/emulator/boards/{device_id}", json=change).raise_for_status()

        def start(self, board, *words, platform=6, size=2000):
            path = tmp_path / f"{platform}-{size}.bin"
            path.write_bytes(build_module(platform, ModuleFunction.USER_PART, 1, 5, body=bytes(range(250)) * (size // 250)))
            command = [*program, "flash", str(path), "--board", f"usb:{board}", "--allow-changes", *words]
            return subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    boards = ["--board", f"emu:photon?id={PHOTON}", "--board", f"emu:argon?id={ARGON}&claimed=1&mode=online"]
    with served(*boards) as told, login(told) as client:
        yield Bench(told, client)


def test_served_boards_are_flashed_and_unplugged_meanwhile(bench):
    """One over DFU, with the cable pulled out in the middle; another one over the air at the same time."""
    with bench.start(ARGON, "--by", "ota", "--json", platform=12) as sent, bench.start(PHOTON, size=120000) as process:
        while "wrote" not in process.stdout.readline():
            assert process.poll() is None, process.stderr.read()
        bench.set(PHOTON, plugged=False)
        assert "the link broke while writing 6-120000.bin" in process.stdout.readline()
        bench.set(PHOTON, plugged=True)
        rest, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        assert "it is back: DFU-mode USB" in rest
        assert "user part 1 version 5  (flashed now)" in rest
        assert "its LED should be blinking dark blue" in rest

        out, errors = sent.communicate(timeout=100)
    assert (sent.returncode, errors) == (0, "")
    (told,) = json.loads(out)["boards"]
    assert told["flashed"] == [{"module": "user part 1", "version": 5, "file": "12-2000.bin", "bytes": 2068}]
    assert (told["mode"], told["led_expected"], told["rehearsal"]) == ("online", "breathing cyan", False)
