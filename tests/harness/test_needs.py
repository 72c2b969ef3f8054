"""The marker `needs(...)`: read, judged, and told before a board is touched."""

import pytest

from harness.modes import Capability
from harness.pool.needs import Needs, Offer
from particle_protocol.platforms import platform_by_name


def needs(**given):
    (read,) = Needs.of([pytest.mark.needs(**given).mark])
    return read


def offer(platform="photon", has=(), os="2.3.1"):
    return Offer(platform_by_name(platform), set(has), lambda: os)


@pytest.mark.parametrize(
    ("given", "unmet"),
    [
        ({}, ""),
        ({"platform": "photon"}, ""),
        ({"platform": ["boron", "Photon"]}, ""),
        ({"platform": "boron"}, "its platform is Photon, not Boron"),
        ({"platform": ("boron", "argon")}, "its platform is Photon, not Boron or Argon"),
        ({"generation": 2}, ""),
        ({"generation": [3, 4]}, "it is of generation 2, not 3 or 4"),
        ({"network": "wifi"}, ""),
        ({"network": "cellular"}, "it has no cellular network"),
        ({"network": ["wifi", "cellular"]}, ""),
        ({"capability": "usb"}, ""),
        ({"capability": Capability.USB}, ""),
        ({"capability": ["usb", "LED"]}, "it has no LED that a program can see"),
        ({"capability": "wifi"}, "it has no Wi-Fi network for it to join (name one with --wifi SSID:PASSWORD)"),
        ({"capability": "changes"}, "it has no permission to be changed for good (give --allow-changes)"),
        ({"os": "2.3.1"}, ""),
        ({"os": ">=2.0,<3"}, ""),
        ({"os": ">=2.3.1-rc.1"}, ""),
        ({"os": ">=3.0.0"}, "it has Device OS 2.3.1, not >=3.0.0"),
        ({"os": "2.3.0", "platform": "photon"}, "it has Device OS 2.3.1, not ==2.3.0"),
        ({"count": 2}, ""),
    ],
)
def test_needs_are_judged(given, unmet):
    assert needs(**given).unmet(offer(has={Capability.USB})) == unmet


def test_a_release_candidate_is_a_version():
    assert needs(os=">=0.8.0-rc.20").unmet(offer(os="0.8.0-rc.27")) == ""
    assert needs(os=">=0.8.0").unmet(offer(os="0.8.0-rc.27")) == "it has Device OS 0.8.0-rc.27, not >=0.8.0"


def test_a_board_that_does_not_tell_its_version_does_not_meet_one():
    assert needs(os=">=1.0").unmet(offer(os=None)) == "it does not tell its Device OS version, which has to be >=1.0"


def test_a_board_is_asked_for_its_version_only_where_all_else_fits():
    def ask():
        pytest.fail("it was asked")

    assert needs(os=">=1.0", platform="boron").unmet(Offer(platform_by_name("photon"), set(), ask)).startswith("its platform is Photon")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"colour": "red"}, "needs() takes platform=, generation=, network=, capability=, os=, count= only, not colour"),
        ({"platform": "toaster"}, "there is no platform 'toaster'; there are: "),
        ({"platform": 6}, "there is no platform 6"),
        ({"generation": 9}, "there is no generation 9; there are: "),
        ({"generation": True}, "there is no generation True"),
        ({"generation": "2"}, "there is no generation '2'"),
        ({"network": "ethernet"}, "there is no network 'ethernet'; there are: wifi, cellular"),
        ({"network": [["wifi"]]}, "there is no network ['wifi']"),
        ({"capability": "legs"}, "there is no capability 'legs'; there are: usb, serial"),
        ({"capability": None, "os": 2.3}, "needs(os=2.3): write a Device OS version"),
        ({"os": "newest"}, "needs(os='newest'): write a Device OS version"),
        ({"count": 0}, "needs(count=0): it is a number of boards, 1 or more"),
        ({"count": True}, "needs(count=True)"),
        ({"count": "2"}, "needs(count='2')"),
    ],
)
def test_what_makes_no_sense_is_refused(given, told):
    with pytest.raises(ValueError) as caught:
        needs(**given)
    assert told in str(caught.value)


EMU = ("--board", "emu:photon", "--board", "emu:electron?mode=listening")

TESTS = """
    import pytest
    from particle_hil import Mode

    seen = []

    @pytest.fixture
    def noted(request, board):
        seen.append((request.node.originalname, board.platform.name))
        return board

    pytestmark = pytest.mark.needs(capability="usb")

    @pytest.mark.needs(network="cellular")
    def test_cellular(noted): pass

    @pytest.mark.needs(platform="photon", os=">=2.0")
    @pytest.mark.start(mode="dfu")
    def test_photon(noted, wifi, cloud, clock): pass

    @pytest.mark.needs(platform="photon")
    @pytest.mark.start(claimed=False)
    def test_account(account, noted): pass

    @pytest.mark.needs(platform="boron")
    def test_boron(noted): pass

    @pytest.mark.needs(count=2)
    def test_two(boards):
        assert {board.platform.name for board in boards} == {"photon", "electron"}

    @pytest.mark.needs(count=2, generation=2, platform="photon")
    def test_two_photons(boards): pass

    @pytest.mark.needs(count=2)
    def test_two_in_one(board): pass

    @pytest.mark.needs(colour="red")
    def test_red(board): pass

    def test_in_the_end():
        print("SEEN", seen)
"""


def test_each_test_runs_once_on_a_board_that_meets_its_needs(run_inside):
    status, output = run_inside(TESTS, *EMU, "--any-board", "-s")
    assert (status, "5 passed, 2 skipped, 2 errors" in output) == (1, True), output
    assert "SEEN [('test_cellular', 'electron'), ('test_photon', 'photon'), ('test_account', 'photon')]" in output
    assert "emu:photon: its platform is Photon, not Boron; emu:electron?mode=listening: its platform is Electron, not Boron" in output
    assert "needs 2 boards; emu:photon: it could; emu:electron?mode=listening: its platform is Electron, not Photon" in output
    assert "the marker needs(count=2): ask for `boards`, for `board` is one" in output
    assert "the marker needs(...): needs() takes" in output
    assert "During handling" not in output
    assert "particle-hil: any of emu:photon, emu:electron?mode=listening" in output


def test_on_every_board_tests_are_skipped_where_the_board_does_not_meet_the_needs(run_inside):
    status, output = run_inside(TESTS, *EMU, "-k", "test_cellular or test_photon or test_boron", "-v")
    assert (status, "2 passed, 4 skipped" in output) == (0, True), output
    assert "what this test needs is not there: emu:photon: it has no cellular network" in output


def test_any_board_can_be_chosen_in_the_environment_and_the_ini_file(run_inside, tmp_path):
    source = "def test_it(board): pass"
    assert "1 passed" in run_inside(source, *EMU, PARTICLE_HIL_ANY_BOARD="yes")[1]
    assert "2 passed" in run_inside(source, *EMU, "--all-boards", PARTICLE_HIL_ANY_BOARD="yes")[1]
    assert "1 passed" in run_inside(source, *EMU, "-o", "particle_hil_any_board=true")[1]
    status, output = run_inside(source, *EMU, PARTICLE_HIL_ANY_BOARD="perhaps")
    assert (status, "PARTICLE_HIL_ANY_BOARD is 'perhaps'; write yes or no" in output) == (4, True), output


@pytest.mark.parametrize("count", ["0", "x", "", "99999", "-1", "10001"])
def test_a_number_of_boards_that_is_none_is_refused(run_inside, count):
    status, output = run_inside("def test_it(board): pass", "--board", f"emu:photon*{count}")
    assert (status, "what follows the star is a number of boards, from 1 to 10000" in output) == (4, True), output


def test_twenty_boards_are_named_at_once(run_inside):
    source = "def test_all(boards): assert len({board.device_id for board in boards}) == 20\ndef test_each(board): pass"
    status, output = run_inside(source, "--board", "emu:photon*20")
    assert (status, "21 passed" in output, "particle-hil: emu:photon*20" in output) == (0, True, True), output


def test_a_board_of_a_wider_scope_is_given_up_for_one_that_meets_the_needs(run_inside):
    source = """
        import pytest

        @pytest.fixture(scope="module")
        def lamp(board):
            return board

        def test_one(lamp):
            assert lamp.platform.name == "photon"

        @pytest.mark.needs(platform="electron")
        def test_two(lamp, board):
            assert lamp is board
            assert lamp.platform.name == "electron"

        def test_three(lamp, board):
            assert lamp is board
            assert lamp.platform.name == "electron"

        @pytest.mark.needs(platform="boron")
        def test_four(lamp, board): pass
    """
    status, output = run_inside(source, *EMU, "--any-board")
    assert (status, "3 passed, 1 skipped" in output) == (0, True), output
