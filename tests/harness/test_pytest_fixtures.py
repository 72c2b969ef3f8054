"""Who gets the boards, for how long, and when something that is missing is a skip: in pytest runs of their own."""

EMU = ("--board", "emu:photon")

ASKS = """
    import unittest
    import pytest
    from particle_hil import Mode

    def test_asks_by_name(request):
        board = request.getfixturevalue("board")
        assert board.mode() is Mode.LISTENING
        board.enter_dfu()

    def test_asks_by_name_again(request):
        assert request.getfixturevalue("board").mode() is Mode.LISTENING

    class TestOneEach(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def _get(self, board):
            self.board = board

        def test_one(self):
            assert self.board.mode() is Mode.LISTENING
            self.board.enter_dfu()

        def test_two(self):
            assert self.board.mode() is Mode.LISTENING

    @pytest.mark.usefixtures("lamp")
    class TestForTheClass(unittest.TestCase):
        @pytest.fixture(autouse=True, scope="class")
        def _get(self, request, board):
            request.cls.board = board

        def test_one(self):
            self.board.enter_dfu()

        def test_two(self):
            assert self.board.mode() is Mode.DFU

    @pytest.fixture
    def lamp():
        pass
"""


def test_every_way_to_ask_for_the_one_board_gets_it(run_inside):
    status, output = run_inside(ASKS, *EMU)
    assert (status, "6 passed" in output, "skipped" in output) == (0, True, False), output


def test_where_a_test_cannot_be_repeated_two_boards_are_an_error_that_says_why(run_inside):
    status, output = run_inside(ASKS, *EMU, "--board", "emu:photon?mode=dfu")
    assert status == 1, output
    assert "passed" not in output
    assert "it cannot be run once for each" in output
    assert "the run has 2 boards: emu:photon, emu:photon?mode=dfu" in output
    assert "fixtures.py" not in output


def test_a_test_names_boards_itself(run_inside):
    source = """
        import pytest
        from particle_hil import Mode

        ids = set()

        @pytest.mark.parametrize("board", ["emu:photon?mode=dfu", "emu:photon?os=2.1.0", "emu:photon"], indirect=True)
        def test_own(account, board, wifi):
            if board.mode() is not Mode.DFU:
                board.set_wifi(wifi.ssid, wifi.password)
                board.wait_for("online")
                account.claim(board.device_id)
            ids.add(board.device_id)

        @pytest.mark.parametrize("board", ["emu:toaster"], indirect=True)
        def test_none(board): pass

        def test_after():
            assert len(ids) == 3
    """
    for arguments in (EMU, ()):
        status, output = run_inside(source, *arguments)
        assert (status, "4 passed, 1 error" in output) == (1, True), output
        assert "StopIteration" not in output
        assert "no platform is called 'toaster'" in output


def test_boards_named_alike_are_two(run_inside):
    source = """
        ids = set()

        def test_each(board):
            ids.add(board.device_id)

        def test_after():
            assert len(ids) == 2
    """
    status, output = run_inside(source, *EMU, *EMU, "-v")
    assert status == 0, output
    assert "test_each[emu:photon#2] PASSED" in output


SCOPES = """
    import pytest
    from particle_hil import Mode

    begun = []

    class TestOfAClass:
        @pytest.fixture(scope="class")
        def lamp(self, board, account, wifi):
            begun.append(board)
            board.set_wifi(wifi.ssid, wifi.password)
            board.wait_for(Mode.ONLINE)
            account.claim(board.device_id)
            return board

        def test_one(self, lamp, account):
            assert account.ping(lamp.device_id)
            account.rename(lamp.device_id, "lamp")

        def test_two(self, lamp, account, board):
            assert board is lamp
            assert account.device("lamp").id == lamp.device_id

        @pytest.mark.start(mode="dfu")
        def test_three(self, lamp):
            assert lamp.mode() is Mode.DFU
            assert lamp.journal.entries == []

        def test_four(self, lamp):
            assert lamp.mode() is Mode.DFU

    def test_first_state(board, account):
        assert board.mode() is Mode.LISTENING
        assert account.devices() == []
        board.enter_dfu()

    @pytest.fixture(scope="module")
    def module_lamp(request):
        board = request.getfixturevalue("board")
        begun.append(board)
        return board

    @pytest.mark.start(mode="dfu")
    def test_module_one(module_lamp):
        assert module_lamp.mode() is Mode.DFU

    def test_module_two(module_lamp):
        assert len(begun) == 2

    def test_first_state_again(cloud):
        assert True
"""


def test_fixtures_of_a_wider_scope_keep_the_board_for_themselves(run_inside):
    status, output = run_inside(SCOPES, *EMU)
    assert (status, "8 passed" in output) == (0, True), output


def test_a_fixture_of_the_session_keeps_the_board(run_inside, tmp_path):
    (tmp_path / "tests" / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def lamp(board):\n"
        "    board.enter_dfu()\n"
        "    yield board\n"
        "    print('SAW', board.mode())\n"
    )
    (tmp_path / "tests" / "test_more.py").write_text("def test_three(lamp):\n    assert lamp.mode().name == 'DFU'\n")
    source = """
        def test_one(lamp):
            lamp.leave_dfu()

        def test_two(lamp):
            assert lamp.usb.state().name == "NORMAL"
            lamp.enter_dfu()
    """
    status, output = run_inside(source, *EMU, "-s")
    assert (status, "3 passed" in output, output.count("SAW DFU mode")) == (0, True, 1), output


def test_two_boards_for_a_fixture_of_the_module_take_turns(run_inside):
    source = """
        import pytest
        from particle_hil import Mode

        begun = []

        @pytest.fixture(scope="module")
        def lamp(board, account):
            assert board.mode() is Mode.LISTENING
            begun.append(board.device_id)
            board.enter_dfu()
            return board

        def test_one(lamp, account):
            assert account.devices() == []
        def test_two(lamp):
            assert lamp.mode() is Mode.DFU
        def test_after():
            assert len(begun) == len(set(begun)) == 2
    """
    status, output = run_inside(source, *EMU, *EMU)
    assert (status, "5 passed" in output) == (0, True), output


def test_the_cloud_is_in_its_first_state_too_and_the_account_valid_in_any_order(run_inside):
    source = """
        def test_one(account):
            account.cloud.sign_up("somebody@example.com", "a long enough secret")

        def test_two(account):
            account.cloud.sign_up("somebody@example.com", "a long enough secret")

        def test_three(account, board, wifi):
            board.set_wifi(wifi.ssid, wifi.password)
            board.wait_for("online")
            account.claim(board.device_id)
    """
    status, output = run_inside(source, *EMU)
    assert (status, "3 passed" in output) == (0, True), output


def test_what_is_missing_after_a_change_is_no_skip(run_inside):
    source = """
        import pytest
        from harness.board import Board

        @pytest.fixture
        def real(board):
            return Board(board.host, board.platform, board.device_id, moniker="usb:x", port="1-1")

        def test_after_a_reset(real):
            real.reset()
            real.enter_listening("button")

        def test_after_a_change_in_the_cloud(real, account):
            account.claim_code()
            _ = real.led

        def test_change_refused_after_a_change(real):
            real.enter_dfu()
            real.flash(b"")  # refused as no module first
        def test_change_refused_after_another(real):
            real.enter_dfu()
            real.must_allow_changes("flash it")

        @pytest.fixture
        def dfu(real):
            real.enter_dfu()
            return real.led

        def test_in_a_fixture(dfu): pass

        def test_questions_change_nothing(real, account, cloud):
            real.identify(), real.mode(), real.mac(), real.requests.modules(), account.devices()
            real.enter_listening("button")

        @pytest.mark.start(mode="off")
        def test_before_anything(real):
            _ = real.power
    """
    status, output = run_inside(source, *EMU)
    assert (status, "4 failed, 2 skipped, 1 error" in output) == (1, True), output
    assert (
        "this is no skip, for something was changed before: control request RESET (40)" in output
        or "something was changed before" in output
    )
    assert output.count("this is no skip") >= 4


def test_a_thread_that_uses_virtual_time_fails_its_test(run_inside):
    source = """
        import asyncio
        from concurrent.futures import ThreadPoolExecutor
        import serial, serial.threaded

        class Keep(serial.threaded.Protocol):
            def data_received(self, data):
                pass

        def test_reader(board):
            with serial.serial_for_url(board.usb.serial_entry().name, timeout=1) as port:
                reader = serial.threaded.ReaderThread(port, Keep)
                reader.start()
                reader.join()

        def test_asyncio(board):
            asyncio.run(asyncio.to_thread(board.identify))

        def test_swallowed(board, account):
            with ThreadPoolExecutor() as pool:
                pool.submit(account.devices)

        def test_nobody_waits(board, clock):
            with ThreadPoolExecutor() as pool:
                pool.submit(clock.sleep, 1)

        def test_next(board):
            board.identify()
    """
    status, output = run_inside(source, *EMU)
    assert (status, "4 failed, 1 passed" in output) == (1, True), output
    assert output.count("E   harness.errors.NotServed") + output.count("E           harness.errors.NotServed") >= 4, output
    assert "Give --served" in output
    assert "WrongThread" not in output


def test_a_thread_that_ends_in_an_error_of_the_harness_fails_its_test(run_inside):
    source = """
        import threading
        from particle_hil import HarnessError

        def fail():
            raise HarnessError("nothing at USB port 1-1")

        def test_it():
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
    """
    status, output = run_inside(source)
    assert (status, "1 failed" in output) == (1, True), output
    assert "nothing at USB port 1-1" in output
    assert "warning" not in output


def test_boards_cloud_and_network_are_named_in_three_places(run_inside, tmp_path):
    source = """
        def test_it(board, wifi, request):
            print("RUN ON", board.moniker, board.device_id[-2:], "WITH", request.config.getini("particle_hil_wifi"))
    """
    (tmp_path / "tests" / "pytest.ini").write_text(
        "[pytest]\nparticle_hil_board = emu:photon?os=2.1.0\nparticle_hil_cloud = https://api.particle.io\n"
    )
    ini = run_inside(source, "-s")
    environment = run_inside(
        source, "-s", PARTICLE_HIL_BOARD="emu:photon?os=2.2.0 emu:photon?os=2.3.1", PARTICLE_HIL_CLOUD="https://x.example"
    )
    line = run_inside(source, "-s", "--board", "emu:photon", PARTICLE_HIL_BOARD="emu:photon?os=2.2.0")
    assert "RUN ON emu:photon?os=2.1.0" in ini[1], ini[1]
    assert "RUN ON emu:photon?os=2.2.0" in environment[1]
    assert "RUN ON emu:photon?os=2.3.1" in environment[1]
    assert "os=2.1.0" not in environment[1]
    assert "RUN ON emu:photon " in line[1]
    status, output = run_inside(source, "--board", "emu:photon", "--cloud", "https://api.particle.io")
    assert (status, "emulated boards have a cloud of their own" in output) == (1, True), output


def test_the_seed_is_called_so_everywhere(run_inside):
    source = "def test_it(board): print('ID', board.device_id)"
    told = [run_inside(source, *EMU, "-s", *more, **names)[1].split("ID ")[1][:24] for more, names in (
        ((), {}), (("--seed", "3"), {}), ((), {"PARTICLE_HIL_SEED": "3"}), (("--seed", "0"), {"PARTICLE_HIL_SEED": "3"}))]  # fmt: skip
    assert told[0] == told[3] != told[1] == told[2]
    status, output = run_inside(source, *EMU, PARTICLE_HIL_SEED="three")
    assert status != 0
    assert "the seed 'three' is no whole number" in output


def test_a_failed_set_up_shows_nothing_of_the_test_before(run_inside):
    source = """
        import pytest
        from harness.board import Board

        def test_before(board):
            board.enter_dfu()
            assert False

        @pytest.fixture
        def broken(board):
            board.identify()
            raise RuntimeError("broken")

        def test_after(broken): pass
    """
    _, output = run_inside(source, *EMU)
    after = output[output.index("ERROR at setup of test_after") : output.index("FAILURES")]
    assert "asked the board who it is" in after
    assert "DFU mode" not in after


def test_a_failure_shows_the_lines_of_the_test_and_none_of_the_harness(run_inside):
    source = """
        from particle_hil import DeveloperClaim

        def test_wait(board):
            board.wait_for("dfu", timeout=1)

        def test_flow(board, account, wifi):
            wifi = type(wifi)(wifi.ssid, "not the password")
            verdict = DeveloperClaim(board, account, wifi).run()
            assert verdict.passed, verdict

        def test_own_mistake(board):
            board.wait_for("sleeping")

        def test_cause(board, wifi):
            board.leave_listening()
            board.set_wifi(wifi.ssid)
    """
    status, output = run_inside(source, *EMU)
    assert status == 1
    wait, rest = output[output.index("_ test_wait") :].split("_ test_flow", 1)
    flow, rest = rest.split("_ test_own_mistake", 1)
    mistake, cause = rest.split("_ test_cause", 1)
    assert '>       board.wait_for("dfu", timeout=1)' in wait
    for place in ("harness/board.py", "harness/host.py", "contextlib", "meanwhile.py"):
        assert place not in wait
    assert "AssertionError: developer claim of Photon" in flow
    assert "Verdict(" not in flow
    assert "verdict: developer claim of Photon" in flow, "in full: pytest shortens what it shows of an assertion"
    assert "Check the network's name and password, and that it is within reach" in flow
    assert "there is no mode 'sleeping'; there are: off, dfu, listening" in mistake
    assert "dialogue.CredentialsRefused: waited for" in cause
    assert "The above exception was the direct cause" in cause
    assert "dialogue.py" not in cause
    _, whole = run_inside(source, *EMU, "--full-trace", "-k", "cause")
    assert "dialogue.py" in whole


def test_a_marker_that_asks_for_what_there_is_not_is_one_sentence(run_inside):
    source = """
        import pytest

        @pytest.mark.start(mode="sleeping")
        def test_mode(board): pass

        @pytest.mark.start(claimed="no")
        def test_claimed(board): pass

        @pytest.mark.start(os=2.3)
        def test_os(board): pass

        @pytest.fixture(scope="class")
        def lamp(board): pass

        @pytest.mark.usefixtures("lamp")
        class TestWithTheBoardHeld:
            def test_one(self): pass

            @pytest.mark.start(mode="sleeping")
            def test_two(self, board): pass
    """
    status, output = run_inside(source, *EMU)
    assert (status, "1 passed, 4 errors" in output) == (1, True), output
    assert output.count("the marker start(...): there is no mode 'sleeping'; there are: off, dfu") == 2
    assert "start(claimed='no'): it is True or False" in output
    assert "start(os=2.3): it is a Device OS version as a text" in output
    assert "preparing.py" not in output


def test_a_start_that_takes_an_account_has_the_one_of_the_run_though_the_test_asks_for_none(run_inside):
    source = """
        import pytest

        @pytest.mark.start(mode="online")
        def test_it(board):
            assert board.led.describe() == "breathing cyan"
    """
    for platform in ("electron", "boron"):
        status, output = run_inside(source, "--board", f"emu:{platform}")
        assert (status, "1 passed" in output) == (0, True), output
