"""The shared suite passes on emulated boards: in virtual time, and on the same board seen as a real one on USB."""

import json
import subprocess
from types import SimpleNamespace

import pytest
import serial.tools.list_ports
import usb.backend.libusb1
from click.testing import CliRunner

from emulator.doors.serial_url import comports
from emulator.hardware import emulated_platforms
from harness.cli.check import check
from harness.host import RealHost
from particle_protocol.os_versions import known_releases
from particle_protocol.platforms import platform_by_name

real_time = pytest.mark.slow("takes a minute of real time")


NO_MODEM = {"it has no cellular network", "it has no SIM slot that a program can reach"}
"""Why a Photon is not checked for its SIM."""


def run_check(*arguments):
    result = CliRunner().invoke(check, [*arguments, "--json"], standalone_mode=False)
    assert result.exception is None, result.output
    return result.return_value, json.loads(result.output)


def test_the_suite_passes_on_an_emulated_photon():
    status, report = run_check("--board", "emu:photon")
    assert [(check["name"], check["reason"]) for check in report["checks"] if check["outcome"] == "failed"] == []
    assert skipped(report) == NO_MODEM
    assert report["passed"]
    assert status == 0


def skipped(report):
    """Why checks were skipped: what the board has not."""
    return {check["reason"].rpartition(": ")[2] for check in report["checks"] if check["outcome"] == "skipped"}


def passes(moniker, *arguments):
    status, report = run_check("--board", moniker, *arguments)
    assert [(check["name"], check["reason"]) for check in report["checks"] if check["outcome"] == "failed"] == []
    assert status == 0


@pytest.mark.parametrize("moniker", ["emu:p1", "emu:electron", "emu:electron?protocol=tcp", "emu:argon?os=6.2.0", "emu:boron"])
def test_the_suite_passes_on_a_board_of_every_kind(moniker):
    """Another flash; an Electron with its SIM, over DTLS and over TCP; Wi-Fi and cellular boards of Gen 3."""
    passes(moniker)


@pytest.mark.parametrize("moniker", ["emu:tracker?sku=ONE523MEA", "emu:esomx", "emu:electron?sku=E404KIT"])
def test_sims_of_every_kind_are_checked(moniker):
    """One that takes days to be active again, one of a board that never listens by itself, and one that is built into an Electron."""
    passes(moniker, "-k", "test_7_sims")


def ends(platform):
    releases = known_releases(platform_by_name(platform))
    return [f"emu:{platform}?os={release.version}" for release in (releases[0], releases[-1])]


@pytest.mark.soak
@pytest.mark.parametrize("moniker", [moniker for platform in emulated_platforms() for moniker in ends(platform)])
def test_the_suite_passes_on_the_oldest_and_the_newest_release_of_every_platform(moniker):
    passes(moniker)


def test_a_board_on_a_cable_is_not_checked_for_what_its_sim_does():
    status, report = run_check("--board", "emu:boron?ethernet=1&os=6.2.0", "-k", "test_the_whole_sequence or test_7_sims")
    assert (status, report["passed"]) == (0, True)
    assert "it has Ethernet, and is online by that whatever becomes of its SIM" in skipped(report)


def test_the_report_tells_steps_with_the_led():
    _, report = run_check("--board", "emu:photon", "-k", "dfu_mode_is_entered and request")
    (told,) = report["checks"]
    assert told["board"] == "emu:photon"
    assert {"kind": "did", "text": "asked for DFU mode (control request 50)"}.items() <= told["steps"][-2].items()
    assert told["steps"][-1]["led"] == "blinking yellow"


@pytest.mark.parametrize("moniker", ["emu:toaster", "emu:photon?mode=asleep"])
def test_a_board_that_cannot_be_opened_ends_the_command(moniker):
    from harness.errors import BoardNotAvailable

    with pytest.raises(BoardNotAvailable):
        CliRunner().invoke(check, ["--board", moniker], standalone_mode=False, catch_exceptions=False)


@pytest.fixture
def computer(open_rig, monkeypatch, tmp_path, as_real):
    """This computer with an emulated board in a USB port: behind pyusb's ordinary backend and pyserial's ordinary list of ports."""

    def plug(moniker="emu:photon", **options):
        rig = open_rig(moniker, **options)
        emulated, built = rig.boards[0].host, rig.boards[0].releases
        monkeypatch.setattr(usb.backend.libusb1, "get_backend", lambda *_, **__: emulated.backend)
        monkeypatch.setattr(serial.tools.list_ports, "comports", lambda *_, **__: comports(emulated.usb_host))
        monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
        monkeypatch.setattr("harness.releases.release", lambda _, version: SimpleNamespace(files=[*map(as_real, built.device_os(version))]))
        monkeypatch.setattr("harness.releases.tinker", lambda _: as_real(built.application()))
        monkeypatch.setattr("harness.pytest_plugin.bench.cloud_from_environment", lambda *_, **__: rig.cloud)
        return rig

    return plug


def check_as_a_real_one(rig, *arguments):
    changes = ("--allow-changes", "--wifi", f"{rig.wifi.ssid}:{rig.wifi.password}")
    status, report = run_check("--board", f"usb:{rig.boards[0].device_id}", *changes, *arguments)
    failed = [(check["name"], check["reason"]) for check in report["checks"] if check["outcome"] == "failed"]
    assert failed == []
    assert status == 0
    return [check["reason"] for check in report["checks"] if check["outcome"] == "skipped"]


def test_the_suite_passes_on_the_same_board_as_a_real_one_on_usb(computer, monkeypatch):
    rig = computer()
    host = RealHost(rig.boards[0].host.clock)
    monkeypatch.setattr("harness.boards.usb.RealHost", lambda: host)
    skipped = check_as_a_real_one(rig)
    assert skipped
    assert all("has no" in reason for reason in skipped)


def test_of_a_real_boards_sims_one_that_nobody_has_activated_is_activated_for_the_account_and_no_more(computer, monkeypatch):
    rig = computer("emu:boron")
    host = RealHost(rig.boards[0].host.clock)
    monkeypatch.setattr("harness.boards.usb.RealHost", lambda: host)
    lab = rig.boards[0].host.lab
    (board,) = lab.boards.values()
    _, report = run_check("--board", f"usb:{board.device_id}", "-k", "test_7_sims")
    assert {check["outcome"] for check in report["checks"]} == {"skipped"}
    assert lab.cloud.sims.by_iccid(board.sim).activations_count == 0
    check_as_a_real_one(rig, "-k", "test_7_sims")
    sim = lab.cloud.sims.by_iccid(board.sim)
    assert (sim.active, sim.activations_count, sim.deactivations_count, sim.product_id) == (True, 1, 0, None)
    assert lab.cloud.accounts.by_id(sim.user_id).username == rig.cloud.username


def test_identity_is_checked_on_usb_in_real_time(computer):
    """The same with nothing handed in: the wall clock, polling, HTTP."""
    assert check_as_a_real_one(computer(served=True), "-k", "identity") == []


class ServedCheck:
    """A check of a served board in a process of its own: over real sockets, at real time, most of which it waits."""

    def __init__(self, program, moniker, *arguments):
        self.process = subprocess.Popen(
            [*program, "check", "--board", moniker, "--served", "--json", *arguments], stdout=subprocess.PIPE, text=True
        )

    def passes(self):
        """Wait for its end; gives whether nothing was left out but what the board cannot do."""
        report = json.loads(self.process.communicate(timeout=3600)[0])
        assert [(check["name"], check["reason"]) for check in report["checks"] if check["outcome"] == "failed"] == []
        assert self.process.returncode == 0
        return all("has no" in check["reason"] for check in report["checks"] if check["outcome"] == "skipped")


@pytest.fixture
def served_check(program):
    made = []

    def start(*arguments):
        made.append(ServedCheck(program, *arguments))
        return made[-1]

    yield start
    for each in made:
        with each.process as process:
            process.kill()


@real_time
def test_the_suite_passes_in_real_time_on_usb_and_on_served_boards(computer, served_check):
    """All at once. A Boron, which takes minutes to come online a dozen times, is only taken out of its box and asked a little."""
    photon, argon = served_check("emu:photon"), served_check("emu:argon?os=6.2.0")
    boron = served_check("emu:boron", "-k", "whole_sequence or function")
    assert all("has no" in reason for reason in check_as_a_real_one(computer(served=True)))
    assert all((photon.passes(), argon.passes(), boron.passes()))


@pytest.mark.soak
@pytest.mark.parametrize("moniker", ["emu:electron", "emu:argon", "emu:boron", "emu:boron?os=6.2.0", "emu:tracker"])
def test_the_suite_passes_over_real_sockets_on_a_served_board_of_every_kind(served_check, moniker):
    assert served_check(moniker).passes()


@pytest.mark.usefixtures("photon_binaries")
def test_the_suite_passes_with_particles_own_binaries():
    status, report = run_check("--board", "emu:photon?firmware=real&os=2.1.0")
    assert [(check["name"], check["reason"]) for check in report["checks"] if check["outcome"] == "failed"] == []
    assert skipped(report) == NO_MODEM
    assert status == 0
    told = "\n".join(step["text"] for check in report["checks"] for step in check["steps"])
    assert "handed bootloader 0 version" in told
    assert "wrote user part 1 version 3 (tinker-0.4.5-photon.bin" in told
