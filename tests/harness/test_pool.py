"""Boards on USB as a pool, in pytest runs within this process: emulated boards behind pyusb's ordinary backend, in virtual time."""

import sys
import types
import xml.etree.ElementTree as ET

import pytest
import serial.tools.list_ports
import usb.backend.libusb1

from emulator.doors.serial_url import comports
from harness.boards import OpenOptions
from harness.host import RealHost
from harness.modes import Capability
from harness.pool.lease import take
from harness.pool.pool import Pool
from particle_protocol.messages.goodbye import ResetReason

SYSTEM_PART = 0x08020000


class Rack:
    """Some Photons in the ports of this computer."""

    def __init__(self, rig):
        self.host = rig.boards[0].host
        self.boards = [self.host.boards[board.port] for board in rig.boards]
        self.names = [f"usb:{board.port}" for board in rig.boards]

    @property
    def arguments(self):
        return [argument for name in self.names for argument in ("--board", name)]

    def erase(self, number):
        """Leave a board without Device OS: whatever it is told, its bootloader goes into DFU mode."""
        self.boards[number].flashes["internal"].erase(SYSTEM_PART)
        self.boards[number].reset(ResetReason.PIN_RESET)

    def unplug(self, number):
        self.boards[number].power_off()


@pytest.fixture
def rack(open_rig, monkeypatch, tmp_path):
    """`rack(3)`: three Photons. In tests it is the module `rack`."""

    def build(count, mode="dfu"):
        made = Rack(open_rig(*[f"emu:photon?mode={mode}"] * count))
        host = RealHost(made.host.clock)
        monkeypatch.setattr(usb.backend.libusb1, "get_backend", lambda *_, **__: made.host.backend)
        monkeypatch.setattr(serial.tools.list_ports, "comports", lambda *_, **__: comports(made.host.usb_host))
        monkeypatch.setattr("harness.boards.usb.RealHost", lambda: host)
        monkeypatch.setattr("harness.pool.pool.WallClock", lambda: made.host.clock)
        monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
        module = types.ModuleType("rack")
        module.rack = made
        monkeypatch.setitem(sys.modules, "rack", module)
        return made

    return build


MANY = """
    import pytest

    @pytest.mark.parametrize("number", range(6))
    def test_it(board, number):
        print("USED", board.port)
"""


def test_a_board_that_is_absent_or_stuck_is_passed_over(rack, run_inside):
    made = rack(3)
    made.erase(0)
    made.unplug(1)
    status, output = run_inside(MANY, *made.arguments, "--any-board", "-s")
    assert (status, "6 passed" in output) == (0, True), output
    assert output.count("USED 1-3") == 6
    assert "usb:1-1: 0 tests, 2 faults, set aside; the last: Photon" in output
    assert "it is stuck in DFU mode; seen: left DFU mode, and was back in it" in output
    assert "usb:1-2: 0 tests; not attached: usb:1-2" in output
    assert "1 of 3 boards set aside" in output


def test_what_no_board_can_serve_is_an_infrastructure_error_with_a_status_of_its_own(rack, run_inside):
    made = rack(2)
    made.erase(0)
    made.unplug(1)
    status, output = run_inside(MANY, *made.arguments, "--any-board")
    assert (status, "6 infrastructure" in output, "failed" in output.splitlines()[-1]) == (4, True, False), output
    assert "IIIIII" in output
    assert "INFRASTRUCTURE test_it.py::test_it[0] - no board of this run can be used; seen: usb:1-1: Photon" in output.replace("\n", " ")
    assert "usb:1-2: set aside, for it failed repeatedly; seen: not attached: usb:1-2" in output


def test_one_missing_board_disturbs_no_test_of_another(rack, run_inside):
    made = rack(2)
    made.unplug(1)
    status, output = run_inside(MANY, *made.arguments)
    assert (status, "6 passed, 6 infrastructure" in output) == (4, True), output


def test_failures_count_more_than_infrastructure_errors(rack, run_inside):
    made = rack(2)
    made.unplug(1)
    status, output = run_inside(MANY + "\n\n    def test_bad(): assert False\n", *made.arguments)
    assert (status, "1 failed, 6 passed, 6 infrastructure" in output) == (1, True), output


LIMITED = """
    import pytest

    @pytest.mark.parametrize("number", range(3))
    def test_it(board, number): pass

    def test_bad(): assert False
    def test_worse(): assert False
    def test_good(): pass
"""


@pytest.mark.parametrize(("limit", "failed", "passed"), [("-x", 1, 0), ("--maxfail=2", 2, 0), ("--maxfail=3", 2, 1)])
def test_infrastructure_errors_are_none_of_the_failures_that_end_a_run(rack, run_inside, limit, failed, passed):
    made = rack(1)
    made.unplug(0)
    status, output = run_inside(LIMITED, *made.arguments, limit)
    assert (status, f"{failed} failed" in output, "3 infrastructure" in output, "1 passed" in output) == (1, True, True, bool(passed)), (
        output
    )


@pytest.mark.soak
def test_they_are_none_under_xdist_either(run_pytest):
    pytest.importorskip("xdist", reason="needs pytest-xdist: pip install pytest-xdist")
    source = LIMITED.replace("range(3)", "range(2)").replace("    def test_bad(): assert False\n    def test_worse(): assert False\n", "")
    status, output = run_pytest(source, "-p", "xdist", "-n", "2", "-x", "--board", "usb:0123456789abcdef01234567")
    assert (status, "1 passed, 2 infrastructure" in output) == (4, True), output


FAULTS = """
    import pytest
    from rack import rack

    def number(board):
        return int(board.port[-1]) - 1

    def test_vanishes(board):
        rack.unplug(number(board))
        board.identify()

    def test_after(board):
        assert board.identify().os_version

    @pytest.fixture
    def vanished(board):
        rack.unplug(number(board))
        return board

    def test_vanishes_in_a_fixture(vanished):
        vanished.identify()

    def test_after_that(board):
        assert board.identify().os_version
"""


def test_a_board_that_vanishes_in_mid_test_fails_no_product(rack, run_inside, tmp_path):
    made = rack(3)
    status, output = run_inside(FAULTS, *made.arguments, "--any-board", f"--junitxml={tmp_path / 'junit.xml'}")
    assert (status, "2 passed, 2 infrastructure" in output) == (4, True), output
    assert "test_vanishes - harness.errors.BoardNotAvailable: Photon" in output
    suite = ET.parse(tmp_path / "junit.xml").getroot().find("testsuite")
    assert (suite.get("errors"), suite.get("failures")) == ("2", "0")
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    for name in ("test_vanishes", "test_vanishes_in_a_fixture"):
        assert cases[name].find("error") is not None
        assert {each.get("name"): each.get("value") for each in cases[name].iter("property")}["outcome_class"] == "rack"
    assert output.count("1 fault;") + output.count("2 faults") == 2


def test_a_board_that_never_comes_back_from_reset_is_not_used_again(rack, run_inside):
    source = """
        from rack import rack

        def test_reset(board):
            rack.boards[0].flashes["internal"].erase(0x08020000)
            board.reset()

        def test_after(board):
            assert board.port == "1-2"
    """
    made = rack(2, "listening")
    status, output = run_inside(source, *made.arguments, "--any-board")
    assert (status, "1 failed, 1 passed" in output) == (1, True), output
    assert "waited for normal-mode USB after a reset was asked for" in output
    assert "usb:1-1: 1 test, 1 fault; the last: Photon" in output


def test_a_board_that_answers_slowly_is_waited_for_and_one_that_never_does_is_passed_over(rack, run_inside):
    source = """
        def test_one(board):
            assert board.port == "1-2"
            assert board.identify().os_version
    """
    made = rack(2, "listening")
    slow_down(made, 0, 3600)
    slow_down(made, 1, 0.9)
    status, output = run_inside(source, *made.arguments, "--any-board")
    assert (status, "1 passed" in output) == (0, True), output
    assert "usb:1-1: its serial number cannot be read" in output or "1 fault" not in output


def slow_down(made, number, seconds):
    """Have every control transfer with a board take its time; one that takes longer than its time-out fails, as in the kernel."""
    transfer, clock = made.host.backend.ctrl_transfer, made.host.clock

    def slow(handle, request_type, request, value, index, data, timeout):
        if str(handle.device.path) == made.names[number].removeprefix("usb:"):
            clock.sleep(min(seconds, timeout / 1000))
            if seconds > timeout / 1000:
                raise usb.core.USBTimeoutError("Operation timed out", -7, 110)
        return transfer(handle, request_type, request, value, index, data, timeout)

    made.host.backend.ctrl_transfer = slow


def test_a_serial_number_that_lists_twice_is_nobodys_board(rack, run_inside):
    made = rack(2, "listening")
    made.host.usb_host.plug_in("1-7", made.boards[0].plug)
    status, output = run_inside(MANY, *made.arguments, "--any-board", "-s")
    assert (status, "6 passed" in output, output.count("USED 1-2")) == (0, True, 6), output
    assert "this serial number at the ports 1-1, 1-7" in output
    status, output = run_inside(MANY, "--board", f"usb:{made.boards[0].device_id}")
    assert (status, "6 infrastructure" in output) == (4, True), output
    assert "more than one board matches" in output


def test_a_board_that_somebody_has_is_waited_for_and_then_named(rack, run_inside, tmp_path):
    made = rack(1, "listening")
    lease = take(made.boards[0].device_id, tmp_path, test="test_theirs.py::test_long")
    status, output = run_inside("def test_it(board): pass", *made.arguments, "--board-wait", "0.01")
    assert (status, "1 infrastructure" in output) == (4, True), output
    assert "in use by another program: it is not free within 0.01 s; seen: process" in output
    assert "for test_theirs.py::test_long" in output
    assert "faults" not in output, "that is no fault of the board"
    lease.release()
    assert run_inside("def test_it(board): pass", *made.arguments)[0] == 0
    take(made.boards[0].device_id, tmp_path).release()


@pytest.mark.parametrize(("keep", "free"), [("test", [True, True]), ("module", [False, True]), ("session", [False, False])])
def test_a_lease_is_kept_as_long_as_was_said(rack, run_inside, tmp_path, keep, free):
    made = rack(1, "listening")
    (tmp_path / "tests" / "test_a.py").write_text("def test_one(board): pass\ndef test_two(looked): pass\n")
    (tmp_path / "tests" / "test_b.py").write_text("def test_three(looked): pass\n")
    (tmp_path / "tests" / "conftest.py").write_text(
        "import pathlib, pytest\nfrom harness.errors import BoardNotAvailable\nfrom harness.pool.lease import take\nfrom rack import rack\n"
        "@pytest.fixture\ndef looked(request):\n"
        "    try:\n        take(rack.boards[0].device_id).release()\n        print('LOOKED True')\n"
        "    except BoardNotAvailable:\n        print('LOOKED False')\n"
    )
    status, output = run_inside("", *made.arguments, "--board-lease", keep, "-s")
    assert (status, "3 passed" in output) == (0, True), output
    assert [line.endswith("True") for line in output.splitlines() if "LOOKED" in line] == free


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--board-wait", "soon"), "--board-wait soon: it is a number of seconds"),
        (("--board-wait", "-1"), "--board-wait -1: it is a number of seconds"),
        (("--board-lease", "year"), "--board-lease year: there are test, module, session"),
    ],
)
def test_options_that_make_no_sense_are_one_sentence(rack, run_inside, arguments, told):
    made = rack(1)
    status, output = run_inside("def test_it(board): pass", *made.arguments, *arguments)
    assert told in output
    assert (status, "Traceback" in output) == (1, False), output


def test_one_board_named_twice_is_refused(rack, run_inside):
    made = rack(1, "listening")
    status, output = run_inside("def test_it(boards): pass", *made.arguments, "--board", f"usb:{made.boards[0].device_id}")
    assert status == 1, output
    assert "are the same board" in output


def test_a_board_that_will_not_start_so_is_left_for_one_that_will(rack, run_inside):
    source = """
        import pytest

        @pytest.mark.start(mode="listening")
        @pytest.mark.parametrize("number", range(3))
        def test_it(board, number):
            assert board.port == "1-2"
    """
    made = rack(2, "dfu")
    made.erase(0)
    status, output = run_inside(source, *made.arguments, "--any-board", "--no-board-check")
    assert (status, "3 passed" in output) == (0, True), output
    assert "usb:1-1: 2 tests, 2 faults, set aside; the last: Photon" in output
    status, output = run_inside(source, "--board", "usb:1-1", "--no-board-check")
    assert (status, "3 infrastructure" in output) == (4, True), output
    assert "waited for normal-mode USB after leaving DFU mode was asked for" in output


AROUND = """
    import pytest
    from rack import rack

    @pytest.mark.faults(loss=0.1)
    def test_marked(board):
        pytest.fail("it runs")

    @pytest.mark.needs(capability="power_cuts")
    def test_needed(board):
        pytest.fail("it runs")

    def test_in_mid_test(board, faults):
        with faults(outage="network"):
            pytest.fail("it runs")

    def test_network(board, network):
        assert network.wifi.ssid == "workshop"
        network.access_point()

    @pytest.mark.faults(wrong_server_key=True)
    def test_key(board, faults):
        with faults(wrong_server_key=True):
            pass

    @pytest.mark.needs(capability="changes")
    def test_key_in_mid_test(board, faults):
        before = rack.boards[0].settings.read(0, 5000)
        with faults(wrong_server_key=True):
            assert rack.boards[0].settings.read(0, 5000) != before
        assert rack.boards[0].settings.read(0, 5000) == before
"""


@pytest.mark.parametrize("allowed", [(), ("--allow-changes",)])
def test_what_cannot_go_wrong_around_a_real_board_is_a_need_that_is_not_met(rack, run_inside, tmp_path, monkeypatch, allowed):
    monkeypatch.setenv("PARTICLE_HIL_STATE", str(tmp_path / "state"))
    made = rack(1, "listening")
    boots = made.boards[0].boots
    status, output = run_inside(
        AROUND, *made.arguments, "--wifi", "workshop:its password", *allowed, PARTICLE_HIL_STATE=str(tmp_path / "state")
    )
    passed = 2 if allowed else 0
    assert (status, f"{6 - passed} skipped" in output, f"{passed} passed" in output) == (0, True, bool(passed)), output
    for reason in ("network around it that a program can change", "power supply that a program can cut in the middle of a write"):
        assert f"what this test needs is not there: usb:1-1: it has no {reason}" in output.replace("\n", " "), output
    assert "Only the network of emulated boards can be changed by a program: run it on emu: boards" in output
    assert (made.boards[0].boots == boots) is not bool(allowed), "without permission it was not touched"


def test_what_no_board_on_usb_has_is_a_skip_though_one_is_not_there(rack, run_inside):
    source = """
        import pytest

        @pytest.mark.needs(capability="led")
        def test_led(board): pass

        @pytest.mark.faults(loss=0.2)
        def test_faults(board): pass
    """
    made = rack(2, "listening")
    made.unplug(1)
    before = made.host.clock.now()
    status, output = run_inside(source, *made.arguments, "--any-board")
    assert (status, "2 skipped" in output) == (0, True), output
    assert "usb:1-2: it has no LED that a program can see" in output.replace("\n", " ")
    assert made.host.clock.now() - before < 10, "nobody waits for it to come back"


def test_what_boards_on_usb_never_have_is_what_is_left_of_what_there_is(rack):
    made = rack(1, "listening")
    pool = Pool(made.names, OpenOptions())
    slot = pool.slot(made.names[0])
    pool.open(slot)
    of_the_run = {Capability.CLOUD, Capability.WIFI, Capability.CHANGES, Capability.MAILS}
    assert pool.offer(slot).capabilities | slot.never | of_the_run == set(Capability)
    assert not pool.offer(slot).capabilities & slot.never
    pool.close()
