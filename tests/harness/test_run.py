"""Unmodified programs with emulated boards on their USB bus."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emulator.doors.umockdev import PreloadMissing, find_preload

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-c", "from particle_hil.command import main; main()"]


def needs(tool, package):
    found = shutil.which(tool) is not None
    return pytest.mark.skipif(not found, reason=f"needs {tool}: `apt-get install {package}`")


@pytest.fixture(autouse=True)
def preload():
    try:
        return find_preload()
    except PreloadMissing as error:
        pytest.skip(str(error))


def run(moniker, *command):
    return subprocess.run(
        [*PROGRAM, "run", "--board", moniker, "--", *command], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.tool("dfu-util")
@needs("dfu-util", "dfu-util")
def test_dfu_util_lists_a_board_in_dfu_mode():
    done = run("emu:photon?mode=dfu&id=0123456789abcdef01234567", "dfu-util", "-l")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Found DFU: [2b04:d006] ver=0250") == 2
    assert 'serial="0123456789abcdef01234567"' in done.stdout
    assert "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg" in done.stdout


@pytest.mark.tool("dfu-util")
@needs("dfu-util", "dfu-util")
@needs("lsusb", "usbutils")
def test_dfu_util_writes_reads_back_and_leaves(tmp_path):
    (tmp_path / "out.bin").write_bytes(os.urandom(20000))
    script = f"""
        set -e
        cd {tmp_path}
        dfu-util -a 0 -s 0x080A0000 -D out.bin
        dfu-util -a 0 -s 0x080A0000:20000 -U back.bin
        cmp out.bin back.bin
        dfu-util -a 0 -s 0x080A0000:leave -D out.bin
        for i in 1 2 3 4 5 6 7 8 9 10; do lsusb | grep -q 2b04:c006 && exit 0; sleep 0.5; done
        lsusb; exit 9
    """
    done = run("emu:photon?mode=dfu", "sh", "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.tool("lsusb")
@needs("lsusb", "usbutils")
def test_lsusb_describes_a_board():
    done = run("emu:photon", "lsusb", "-v", "-d", "2b04:")
    assert done.returncode == 0, done.stderr
    assert "iProduct                2 Photon" in done.stdout
    assert "bInterfaceClass         2 Communications" in done.stdout


def test_the_exit_status_is_the_programs():
    assert run("emu:photon?mode=dfu", "sh", "-c", "exit 7").returncode == 7


def test_the_boards_cloud_is_in_the_environment():
    done = run("emu:photon?mode=off", "sh", "-c", "echo $PARTICLE_HIL_CLOUD")
    assert done.stdout.startswith("http://127.0.0.1:")


def test_a_run_that_is_told_to_end_ends_its_program(tmp_path):
    mark = tmp_path / "mark"
    command = ["sh", "-c", f"trap 'echo ended > {mark}; exit 3' TERM; touch {mark}; while true; do sleep 0.1; done"]
    process = subprocess.Popen([*PROGRAM, "run", "--board", "emu:photon?mode=off", "--", *command], cwd=ROOT)
    _until(mark.exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 3
    assert mark.read_text() == "ended\n"


def test_a_lab_is_served_until_it_is_told_to_stop():
    command = [*PROGRAM, "serve", "--board", "emu:photon?mode=dfu", "--device-port", "0", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told = json.loads(process.stdout.readline())
        assert told["api"].startswith("http://127.0.0.1:")
        assert told["boards"][0]["port"] == "1-1"
        assert {"UMOCKDEV_DIR", "LD_PRELOAD"} <= set(told["environment"])
        folder = Path(told["environment"]["UMOCKDEV_DIR"])
        assert folder.is_dir()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == ""
    assert not folder.exists()


def _until(there):
    for _ in range(600):
        if there():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen within 30 s")
