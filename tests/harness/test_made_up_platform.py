"""A platform that nobody sells is a few rows in tables: the whole check passes on its board, without a line of code for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("particle_hil", "harness", "emulator", "firmware_images", "particle_protocol")

PLATFORM = """
[[platform]]
id = 201
name = "gadget"
display_name = "Gadget"
generation = 2
mcu = "stm32f2"
features = ["wifi", "tcp"]
usb_product = ["Gadget", "Gadget DFU Mode"]
dfu_alternates = ["stm32f2_internal", "dct", "p1_serial_flash"]
memory = "gadget"

[memory.gadget]
extends = "photon"
regions = [{ name = "filesystem", start = 0x0, size = 0x80000, external = true }]

[dfu_alternate]
"""
HARDWARE = """
[[board]]
platform = "gadget"
flashes = { internal = "stm32f205", external = "p1_serial" }
dct = { store = "file", flash = "external", regions = ["filesystem"] }
dfu = ["internal", "dct", "external"]
interfaces = ["wifi"]
otp = 512
server = { transport = "tcp", host = "gadget.example", port = 5683 }
device_os = "2.3.1"
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the packages with the platform in their tables."""
    made = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, made / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tools", made / "tools")
    change(made / "particle_protocol" / "platforms.toml", "[dfu_alternate]\n", PLATFORM)
    change(made / "particle_protocol" / "os_versions.toml", '"photon", "p1"', '"photon", "p1", "gadget"')
    hardware = made / "emulator" / "hardware" / "stm32f2.toml"
    hardware.write_text(hardware.read_text() + HARDWARE)
    subprocess.run([sys.executable, made / "tools" / "make_platform_slots.py"], check=True)
    return made


def change(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def run(tree, *words):
    command = [sys.executable, "-c", "from particle_hil.command import main; main()", *words]
    environment = os.environ | {"PYTHONPATH": str(tree), "NO_COLOR": "1", "COLUMNS": "140"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def test_the_whole_check_passes_on_the_board_of_a_made_up_platform(tree):
    done = run(tree, "check", "--board", "emu:gadget")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Gadget" in done.stdout
    assert "PASS" in done.stdout


def test_a_hole_in_its_table_is_named_before_a_board_is_made(tree, tmp_path):
    broken = tmp_path / "tree"
    shutil.copytree(tree, broken)
    change(broken / "emulator" / "hardware" / "stm32f2.toml", 'server = { transport = "tcp", host = "gadget.example", port = 5683 }\n', "")
    done = run(broken, "check", "--board", "emu:gadget")
    assert done.returncode != 0
    assert "stm32f2.toml: [[board]] gadget: server is missing; it says the cloud it connects to" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
