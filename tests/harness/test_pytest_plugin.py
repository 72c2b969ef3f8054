"""The pytest plugin, in pytest processes of their own, as users have it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_without_a_board_tests_that_need_one_are_skipped_with_the_reason(run_inside):
    status, output = run_inside("def test_it(board): pass\ndef test_all(boards): pass\ndef test_other(): pass")
    assert status == 0
    assert "1 passed, 2 skipped" in output
    assert "run with --board emu:photon, or with --board usb:DEVICE-ID" in output


def test_a_test_drives_an_emulated_board(run_inside):
    status, output = run_inside(
        """
        import pytest
        from particle_hil import Board, Mode

        @pytest.mark.start(mode=Mode.DFU)
        def test_dfu(board: Board, clock):
            assert board.mode() is Mode.DFU
            begun = clock.now()
            clock.sleep(3600)
            assert clock.now() >= begun + 3600

        @pytest.mark.start(mode="listening", os="2.1.0")
        def test_listening(board):
            assert board.mode() is Mode.LISTENING
            assert board.os_version() == "2.1.0"
        """,
        "--board",
        "emu:photon",
        "-W",
        "error",
    )
    assert (status, "2 passed" in output) == (0, True), output
    assert "particle-hil: emu:photon" in output


def test_a_board_is_brought_back_between_tests(run_inside):
    status, output = run_inside(
        """
        from particle_hil import Mode

        def test_changes(board):
            board.set_wifi("elsewhere")
            board.wait_for(Mode.RUNNING)
            board.power.off()

        def test_sees_nothing_of_it(board):
            assert board.mode() is Mode.LISTENING
            assert board.journal.entries == []
        """,
        "--board",
        "emu:photon",
    )
    assert (status, "2 passed" in output) == (0, True), output


@pytest.mark.parametrize(("source", "ends"), [("built", "ONLINE"), ("none", "SAFE")])
def test_boards_are_healed_with_what_the_run_names(run_inside, source, ends):
    status, output = run_inside(
        f"""
        from emulator.factory import user_part
        from particle_hil import Mode

        def test_it(board, clock):
            board.flash(user_part(board.platform, "2.3.1"))
            clock.sleep(300)
            board.wait_for(Mode.{ends})
        """,
        *("--board", "emu:photon?claimed=1&os=2.1.0", "--device-os", source),
    )
    assert (status, "1 passed" in output) == (0, True), output


def test_a_source_that_is_none_fails_the_test_in_one_sentence(run_inside):
    status, output = run_inside("def test_it(board): pass", "--board", "emu:photon", "--device-os", "nowhere.bin")
    assert (status, "--device-os nowhere.bin: No such file or directory" in output) == (1, True), output
    assert "Traceback" not in output


def test_a_test_runs_once_per_board_and_has_them_all_when_it_asks(run_inside):
    status, output = run_inside(
        """
        def test_each(board): pass
        def test_all(boards): assert len({board.device_id for board in boards}) == 2
        """,
        *("--board", "emu:photon", "--board", "emu:photon?mode=dfu", "-v"),
    )
    assert status == 0, output
    assert "test_each[emu:photon] PASSED" in output
    assert "test_each[emu:photon?mode=dfu] PASSED" in output
    assert "3 passed" in output


def test_a_failure_comes_with_what_was_done_and_seen(run_inside):
    status, output = run_inside("def test_it(board):\n    board.enter_dfu()\n    assert False", "--board", "emu:photon")
    assert status == 1
    assert "what was done to Photon" in output
    assert "did  asked for DFU mode (control request 50)" in output
    assert "(LED: blinking yellow)" in output


def test_what_a_board_cannot_do_is_a_skip_with_the_reason(run_inside):
    status, output = run_inside(
        """
        from harness.board import Board

        def test_it(board):
            real = Board(board.host, board.platform, board.device_id, moniker="usb:x", port="1-1")
            real.enter_listening("button")

        def test_change(board):
            real = Board(board.host, board.platform, board.device_id, moniker="usb:x", port="1-1")
            real.set_wifi("x")
        """,
        *("--board", "emu:photon"),
    )
    assert (status, "2 skipped" in output) == (0, True), output
    assert "this board has no buttons that a program can press" in output
    assert "refused to store Wi-Fi credentials" in output


def test_a_board_that_cannot_be_opened_is_one_sentence(run_inside):
    test = "def test_it(board): pass\ndef test_cloud(cloud): pass\ndef test_other(): pass"
    status, output = run_inside(test, "--board", "emu:toaster")
    assert (status, "1 passed, 2 errors" in output) == (1, True), output
    assert "no platform is called 'toaster'" in output
    assert "bench.py" not in output, "no frames of ours"


def test_a_marker_with_other_arguments_is_refused(run_inside):
    status, output = run_inside("import pytest\n@pytest.mark.start(colour='red')\ndef test_it(board): pass", "--board", "emu:photon")
    assert status == 1
    assert "start() takes mode=, claimed= and os= only, not colour" in output


def test_a_test_may_choose_boards_itself(run_inside):
    status, output = run_inside(
        "import pytest\n@pytest.mark.parametrize('board', ['red', 'blue'])\ndef test_it(board): assert board in ('red', 'blue')",
        "--board",
        "emu:photon",
    )
    assert (status, "2 passed" in output) == (0, True), output


@pytest.mark.parametrize("arguments", [("--help",), ("-p", "no:logging"), ("-p", "no:terminal"), ("--markers",), ("--fixtures",)])
def test_unrelated_runs_are_left_alone(run_pytest, arguments):
    status, output = run_pytest("def test_it(): pass", *arguments)
    assert status == 0, output
    if arguments == ("--help",):
        assert "--board=MONIKER" in output


def is_installed(name, folder):
    """Whether a Python that knows nothing of this working tree finds the package."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return (
        subprocess.run([sys.executable, "-c", f"import {name}"], cwd=folder, env=environment, capture_output=True, check=False).returncode
        == 0
    )


@pytest.mark.parametrize("name", ["harness", "emulator", "firmware_images"])
@pytest.mark.parametrize("kind", ["package", "module", "namespace"])
def test_somebody_elses_package_of_the_same_name_leaves_the_plugin_inert(run_pytest, tmp_path, name, kind):
    if kind == "namespace" and is_installed(name, tmp_path):
        pytest.skip("particle-hil is installed here: Python puts its packages before any folder without an __init__.py")
    theirs = tmp_path / "theirs"
    (theirs / name).mkdir(parents=True)
    match kind:
        case "package":
            (theirs / name / "__init__.py").write_text("MINE = True")
        case "module":
            (theirs / name).rmdir()
            (theirs / f"{name}.py").write_text("MINE = True")
        case "namespace":
            (theirs / name / "part.py").write_text("MINE = True")
    part = ".part" if kind == "namespace" else ""
    path = (theirs, ROOT) if kind != "namespace" else (theirs, tmp_path / "face")
    if kind == "namespace":
        (tmp_path / "face").mkdir()
        (tmp_path / "face" / "particle_hil").symlink_to(ROOT / "particle_hil", target_is_directory=True)
    status, output = run_pytest(f"import {name}{part} as theirs\ndef test_it(): assert theirs.MINE", path=path)
    assert status == 0, output
    assert output.count("particle-hil: inert, because") == 1
    assert f"particle-hil: inert, because {name} is another package here" in output or kind == "namespace"


def test_a_package_of_the_same_name_beside_the_tests_leaves_the_plugin_inert(run_pytest, tmp_path):
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("MINE = True")
    (tmp_path / "conftest.py").write_text("")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    status, output = run_pytest("import harness\ndef test_it(): assert harness.MINE", where=tmp_path)
    assert status == 0, output
    assert "particle-hil: inert, because harness is another package here" in output


def test_an_inert_plugin_refuses_a_board(run_pytest, tmp_path):
    (tmp_path / "harness.py").write_text("")
    status, output = run_pytest("def test_it(): pass", "--board", "emu:photon", path=(tmp_path, ROOT))
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "inert, because harness is another package here" in output


@pytest.mark.parametrize("where", ["plugin", "conftest"])
def test_somebody_elses_option_of_the_same_name_leaves_the_plugin_inert(run_pytest, tmp_path, where):
    source = "def pytest_addoption(parser): parser.addoption('--board', default='theirs')"
    (tmp_path / "other_plugin.py").write_text(source if where == "plugin" else "")
    (tmp_path / "tests" / "conftest.py").write_text(source if where == "conftest" else "")
    test = "def test_it(request): assert request.config.getoption('--board') == 'theirs'"
    status, output = run_pytest(test, "-p", "other_plugin", path=(tmp_path, ROOT))
    assert (status, "1 passed" in output) == (0, True), output
    assert "particle-hil: inert, because another plugin has the same option" in output


def test_loading_the_plugin_imports_nothing_heavy():
    code = (
        "import sys, pytest, harness.pytest_plugin, particle_hil.pytest_entry\n"
        "heavy = {'usb', 'serial', 'httpx', 'emulator', 'firmware_images', 'particle_protocol', 'cryptography', 'rich', 'click'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_imported():
    import particle_hil

    for name in particle_hil.__all__:
        assert getattr(particle_hil, name) is not None
    assert set(particle_hil.__all__) == set(particle_hil._HOMES)
    with pytest.raises(AttributeError, match="no attribute 'Toaster'"):
        _ = particle_hil.Toaster


def test_the_examples_of_the_documentation_pass(run_inside):
    text = (ROOT / "docs" / "writing-tests.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in text.split("```python\n")[1:]]
    examples = [block for block in blocks if "def test_" in block]
    status, output = run_inside("\n".join(examples), "--board", "emu:photon", "--board", "emu:boron", "--any-board")
    tests = sum(block.count("def test_") for block in examples)
    assert (status, f"{tests} passed" in output) == (0, True), output


def test_the_suite_can_be_mixed_with_tests_of_ones_own(run_inside):
    status, output = run_inside("", "--pyargs", "harness.suite", "--board", "emu:photon", "-k", "tells_who_it_is")
    assert (status, "1 passed" in output) == (0, True), output
