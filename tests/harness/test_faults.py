"""Faults around boards, by mechanism: power, network, cloud; as a context, as a marker, and where they cannot be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.board import Board
from harness.cloud import Cloud
from harness.errors import CapabilityMissing, CloudRefused, CloudUnreachable, HarnessError, NotReached
from harness.fault_plan import MOST_WRITE, PHASES, WORDS, FaultPlan, WrongFault
from harness.kit import Faults, Network
from harness.modes import Capability, Mode

BOTH = pytest.mark.parametrize("kind", ["photon", "boron"])
"""Over TCP, by Wi-Fi; over UDP, by a cellular network."""


class Bed:
    """A board that is online, and what is around it."""

    def __init__(self, rig):
        self.rig = rig
        (self.board,) = rig.boards
        self.cloud = Cloud(rig.cloud)
        self.account = self.board.account = self.cloud.own_account()
        self.faults = Faults(lambda: rig.boards, seed=5, test="here")
        self.network = Network(lambda: rig.boards, lambda: self.board, rig.wifi)
        self.clock = self.board.host.clock

    def journal(self):
        return "\n".join(entry.text for entry in self.board.journal.entries)


@pytest.fixture
def bed(open_rig):
    beds = []

    def make(kind="photon", *more):
        beds.append(Bed(open_rig(f"emu:{kind}?claimed=1&mode=online", *more)))
        return beds[-1]

    yield make
    for each in beds:
        each.cloud.close()


@BOTH
def test_an_outage_of_the_network_ends_and_the_board_comes_back(bed, kind):
    here = bed(kind)
    with here.faults(outage="network"):
        here.board.wait_for(Mode.CONNECTING_NETWORK, timeout=60)
        assert not any(place.on_air for place in here.board.surroundings.places())
    here.board.wait_for(Mode.ONLINE)
    assert all(place.on_air for place in here.board.surroundings.places())


@BOTH
def test_in_an_outage_of_the_cloud_boards_keep_their_network_and_nobody_is_answered(bed, kind):
    here = bed(kind)
    with here.account.events() as stream, here.faults(outage="cloud"):
        with pytest.raises(CloudUnreachable, match="nothing answers"):
            here.account.devices()
        with pytest.raises(CloudUnreachable, match="ended while waiting"):
            stream.wait_for("anything", timeout=30)
        here.board.account = None
        here.board.reset()
        here.board.wait_for(Mode.CONNECTING_CLOUD, timeout=60)
    here.board.account = here.account
    here.board.wait_for(Mode.ONLINE)
    assert here.account.ping(here.board.device_id)


def test_what_the_board_says_while_the_cloud_is_out_arrives_later(bed):
    here = bed()
    with here.faults(outage="cloud"):
        here.clock.sleep(5)
    assert here.account.device(here.board.device_id).online
    assert here.account.ping(here.board.device_id)


@BOTH
def test_losses_are_lived_with(bed, kind):
    here = bed(kind)
    with here.faults(loss=0.3, duplication=0.2, reordering=0.2, seed=3):
        here.board.reset()
        here.board.wait_for(Mode.ONLINE, timeout=300)
        assert here.account.call(here.board.device_id, "digitalwrite", "D7 HIGH") == 1
    assert "loss 30%, duplication 20%, reordering 20% (seed 3)" in here.journal()


@BOTH
def test_a_delay_is_as_long_as_it_is_said_to_be(bed, kind):
    here = bed(kind)

    def takes():
        began = here.clock.now()
        assert here.account.ping(here.board.device_id)
        return here.clock.now() - began

    usual = takes()
    with here.faults(delay=2.0):
        assert takes() == pytest.approx(usual + 4.0, abs=0.5)
    assert takes() == pytest.approx(usual, abs=0.5)


def test_a_cloud_that_is_in_trouble_says_so_and_one_that_is_late_is_late(bed):
    here = bed()
    with here.faults(cloud_error=503):
        with pytest.raises(CloudRefused) as refused:
            here.account.devices()
        assert refused.value.status == 503
        assert here.cloud.request("GET", "/emulator/boards", token=here.account.token)
    with here.faults(cloud_delay=10):
        began = here.clock.now()
        here.account.devices()
        assert here.clock.now() - began == pytest.approx(10)
    with here.faults(cloud_delay=100), pytest.raises(CloudUnreachable, match="no answer in time"):
        here.account.devices()
    here.account.devices()


def test_a_share_of_the_requests_fails_and_the_seed_says_which(bed):
    here = bed()

    def outcomes(seed):
        seen = []
        with here.faults(cloud_error=(500, 0.4), seed=seed):
            for _ in range(30):
                try:
                    here.account.devices()
                except CloudRefused:
                    seen.append(False)
                else:
                    seen.append(True)
        return seen

    first = outcomes(1)
    assert {True, False} == set(first)
    assert outcomes(1) == first
    assert outcomes(2) != first


def test_a_full_disk_takes_no_change_and_gives_what_there_is(bed):
    here = bed()
    with here.faults(full_disk=True):
        with pytest.raises(CloudRefused, match="disk") as refused:
            here.account.rename(here.board.device_id, "lamp-1")
        assert refused.value.status == 507
        assert here.account.device(here.board.device_id).name != "lamp-1"
    here.account.rename(here.board.device_id, "lamp-1")
    assert here.account.device(here.board.device_id).name == "lamp-1"


@BOTH
def test_with_a_wrong_server_key_a_board_reaches_its_cloud_no_more_until_it_has_its_own_back(bed, kind):
    here = bed(kind)
    with here.faults(wrong_server_key=True), pytest.raises(NotReached):
        here.board.wait_for(Mode.ONLINE, timeout=40)
    here.board.wait_for(Mode.ONLINE)
    assert "gave it the key of another server than its cloud's" in here.journal()


@BOTH
@pytest.mark.parametrize("phase", PHASES)
def test_the_power_goes_away_in_the_write_that_was_named(bed, kind, phase):
    here = bed(kind)
    image = here.board.releases.application()
    with here.faults(power_cut=(2, phase), boards=here.board) as begun:
        here.board.enter_dfu()
        with pytest.raises(HarnessError):
            here.board.flash(image)
        assert begun.cut == [here.board]
    here.board.wait_for(Mode.OFF)
    assert f"its power went away in write 2 ({phase})" in here.journal()
    here.board.power.on()
    here.board.usb.wait_for(lambda entry: entry, timeout=10, awaited="it to come up")


def test_a_power_cut_that_did_not_come_is_told_and_does_not_come_later(bed):
    here = bed()
    with here.faults(power_cut=(500, "start")) as begun:
        here.board.reset()
        assert begun.cut == []
    assert "no power cut: it was to come in write 500, and there were 0" in here.journal()
    here.board.flash(here.board.releases.application())


def test_writes_are_counted_over_all_flashes_of_a_board(bed):
    """A board of generation 3 keeps its settings in another flash than its modules."""
    here = bed("boron")
    emulated = here.board.host.boards["1-1"]
    assert len(emulated.flashes) > 1
    ahead = here.board.surroundings.cut_power(here.board.device_id, 3, "end")
    external, internal = emulated.flashes["external"], emulated.flashes["internal"]
    sector = internal.sector_at(internal.start + internal.size - 1).start
    other = external.sector_at(external.start + external.size - 1).start
    emulated.enter(external.erase, (other,))
    emulated.enter(internal.erase, (sector,))
    assert (ahead.happened(), ahead.writes(), emulated.powered) == (False, 2, True)
    emulated.enter(external.erase, (other,))
    assert (ahead.happened(), emulated.powered) == (True, False)


def test_faults_add_up_and_end_in_any_order(bed):
    here = bed()
    outer = here.faults(outage="network")
    outer.__enter__()
    inner = here.faults(outage=["network", "cloud"], loss=0.5)
    inner.__enter__()
    outer.__exit__(None, None, None)
    assert not here.network.access_point().on_air
    inner.__exit__(None, None, None)
    assert here.network.access_point().on_air
    here.board.wait_for(Mode.ONLINE)


def test_what_was_off_before_an_outage_stays_off(bed):
    here = bed()
    other = here.network.add_access_point("next door", "a password of theirs")
    other.switch_off()
    with here.network.outage():
        assert not here.network.access_point().on_air
    assert here.network.access_point().on_air
    assert not other.on_air


def test_every_state_comes_back_with_no_faults_in_it(bed):
    """A test that is ended in the middle leaves the next one nothing."""
    here = bed()
    state = here.rig.snapshot()
    here.faults(outage=["network", "cloud"], loss=0.9, full_disk=True, cloud_error=500).__enter__()
    here.board.surroundings.cut_power(here.board.device_id, 1, "start")
    here.rig.restore(state)
    here.board.brought_back()
    here.board.wait_for(Mode.ONLINE)
    here.account.rename(here.board.device_id, "again")
    here.board.flash(here.board.releases.application())


# --- the network


@pytest.mark.parametrize("security", ["a password of theirs", ""])
def test_a_new_access_point_can_be_joined_as_it_says(bed, security):
    here = bed()
    wifi = here.network.add_access_point("next door", security, signal=-70).wifi
    with here.network.access_point().off():
        here.board.enter_listening()
        here.board.set_wifi(wifi.ssid, wifi.password, security=wifi.security)
        here.board.wait_for(Mode.ONLINE)


def test_after_a_change_of_password_the_old_one_is_wrong(bed):
    here = bed()
    wifi = here.network.access_point().set_password("another one than before")
    here.board.wait_for(Mode.CONNECTING_NETWORK)
    here.board.enter_listening()
    here.board.set_wifi(wifi.ssid, wifi.password)
    here.board.wait_for(Mode.ONLINE)


@pytest.mark.parametrize(("security", "password"), [("wep", "12345"), ("wpa", "a password of theirs"), ("open", "")])
def test_an_old_network_that_is_hidden_is_joined_until_it_is_out_of_reach(bed, security, password):
    here = bed()
    point = here.network.add_access_point("old", password, hidden=True, security=security)
    here.board.enter_listening()
    here.board.set_wifi(point.wifi.ssid, point.wifi.password, security=point.wifi.security)
    here.board.wait_for(Mode.ONLINE)
    here.network.access_point().switch_off()
    point.set_signal(-91)
    here.board.wait_for(Mode.CONNECTING_NETWORK, timeout=60)
    point.set_signal(-60)
    here.board.wait_for(Mode.ONLINE)


def test_a_network_that_leads_nowhere_is_joined_all_the_same(bed):
    here = bed()
    here.board.account = None
    with here.network.access_point().without_internet():
        here.board.reset()
        here.board.wait_for(Mode.CONNECTING_CLOUD)
    here.board.wait_for(Mode.ONLINE)


def test_the_cell_goes_away_and_comes_back(bed):
    here = bed("boron")
    cell = here.network.cell()
    with cell.off():
        here.board.wait_for(Mode.CONNECTING_NETWORK, timeout=60)
    here.board.wait_for(Mode.ONLINE)
    cell.set_signal(-110)
    assert cell.state.signal == -110
    here.network.forget_connections()
    assert not here.account.ping(here.board.device_id), "the cloud speaks to where it was"
    here.clock.sleep(1500)
    assert here.account.ping(here.board.device_id), "it has spoken since"


@pytest.mark.parametrize(
    ("do", "told"),
    [
        (lambda network: network.access_point("nowhere"), "there is no access point 'nowhere'; there are: particle-hil"),
        (lambda network: network.add_access_point("particle-hil"), "there is 'particle-hil' already"),
        (lambda network: network.add_access_point(""), "an SSID of 0 bytes"),
        (lambda network: network.add_access_point("x", "short"), "a Wi-Fi password of 5 bytes: it has 8 to 63"),
        (lambda network: network.add_access_point("x", "1234", security="wep"), "a WEP key of 4 bytes"),
        (
            lambda network: network.add_access_point("x", security="wpa3"),
            "there is no kind of network 'wpa3'",
        ),
        (lambda network: network.add_access_point("x", "secret123", security="open"), "an open network has no password"),
        (lambda network: network.access_point().set_password("short"), "a Wi-Fi password of 5 bytes"),
        (lambda network: network.access_point().set_signal(17), "a signal of 17: it is a whole number of dBm from -120 to 0"),
    ],
)
def test_what_no_network_can_be_is_refused(bed, do, told):
    with pytest.raises(HarnessError, match=told):
        do(bed().network)


# --- as data

WRONG = [
    ({"thunder": 1}, "there is no fault 'thunder'; there are: power_cut, loss, delay"),
    ({"loss": -0.1}, "loss=-0.1: it is a share from 0 to 0.9"),
    ({"loss": 1}, "loss=1: it is a share from 0 to 0.9, or 'any'; for a network that carries nothing there is outage='network'"),
    ({"loss": True}, "loss=True: it is a share"),
    ({"loss": "much"}, "loss='much': it is a share"),
    ({"duplication": float("nan")}, "duplication=nan: it is a share"),
    ({"delay": -1}, "delay=-1: it is a number of seconds"),
    ({"delay": [3, 1]}, "delay=[3, 1]: it is a number of seconds"),
    ({"power_cut": 0}, "power_cut=0: give the write, counted from 1"),
    ({"power_cut": (3, "noon")}, "there is no phase 'noon'; there are: start, middle, end, any"),
    ({"outage": "moon"}, "there is no outage 'moon'; there are: network, cloud"),
    ({"cloud_error": 404}, "give a status from 500 to 599"),
    ({"cloud_error": (500, 0)}, "give a status from 500 to 599"),
    ({"cloud_delay": 1e9}, "cloud_delay=1000000000.0: it is a number of seconds"),
    ({"full_disk": 1}, "full_disk=1: it is true or false"),
    ({"seed": "x"}, "seed='x': it is a whole number"),
]


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_is_no_fault_is_refused_with_what_there_is(words, told):
    with pytest.raises(WrongFault) as caught:
        FaultPlan.read(words)
    assert told in str(caught.value)
    with pytest.raises(HarnessError) as refused:
        Faults(tuple).plan(**words)
    assert told in str(refused.value)


def test_a_plan_is_made_by_its_class_as_well():
    plan = FaultPlan(loss=0.1, power_cut=3, seed=4)
    assert plan == FaultPlan.read({"loss": 0.1, "power_cut": 3}, 4)
    with pytest.raises(WrongFault, match="it is a share"):
        FaultPlan(loss=-1)


def test_what_is_no_plan_is_refused_in_a_sentence():
    faults = Faults(tuple)
    for arguments, words, told in (
        (("loss",), {}, "faults\\('loss'\\): this is no plan"),
        ((FaultPlan(loss=0.1),), {"loss": 0.1}, "give a plan or words, not both"),
        ((), {"loss": 0.1}, "there is no board for them"),
    ):
        with pytest.raises(HarnessError, match=told), faults(*arguments, **words):
            pytest.fail("it has begun")


@given(st.integers(), st.sets(st.sampled_from([word for word in WORDS if word not in ("wrong_server_key", "full_disk")])))
def test_whatever_is_drawn_is_what_could_have_been_said_and_is_drawn_again_from_its_seed(seed, words):
    drawn = FaultPlan.read(dict.fromkeys(words, "any"), seed)
    assert FaultPlan.read(dict.fromkeys(words, "any") | {"seed": drawn.seed}, 17) == drawn
    said = {word: getattr(drawn, word) for word in words}
    assert FaultPlan.read(json.loads(json.dumps(said)), seed) == drawn
    assert drawn.drawn == words
    if words:
        assert f"(seed {seed})" in str(drawn)
    if drawn.power_cut is not None:
        assert 1 <= drawn.power_cut[0] <= MOST_WRITE


def test_each_time_something_else_is_drawn_and_the_same_in_the_next_run():
    def drawn():
        faults = Faults(tuple, seed=1, test="test_x")
        return [faults.plan(power_cut="any") for _ in range(5)]

    assert drawn() == drawn()
    assert len({plan.power_cut for plan in drawn()}) > 1


# --- on boards around which nothing can be changed


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ({"power_cut": 1}, Capability.POWER_CUTS),
        ({"loss": 0.1}, Capability.AIR),
        ({"outage": "network"}, Capability.AIR),
        ({"outage": "cloud"}, Capability.CLOUD_FAULTS),
        ({"cloud_error": 500}, Capability.CLOUD_FAULTS),
        ({"full_disk": True}, Capability.CLOUD_FAULTS),
    ],
)
def test_a_real_board_lacks_a_capability_and_is_not_touched(bed, words, missing):
    board = bed().board
    real = Board(board.host, board.platform, board.device_id, moniker="usb:x", port=board.port)
    with pytest.raises(CapabilityMissing) as caught, Faults(lambda: [real])(**words):
        pytest.fail("it has begun")
    assert caught.value.capability is missing
    assert "emu:" in str(caught.value)
    assert real.journal.entries == []


def test_around_a_real_board_only_the_network_it_is_to_join_is_known(bed):
    here = bed()
    real = Board(here.board.host, here.board.platform, here.board.device_id, moniker="usb:x", port=here.board.port)
    network = Network(lambda: [real], lambda: real, here.rig.wifi)
    assert network.wifi == here.rig.wifi
    for do in (network.access_points, network.access_point, network.cell, network.forget_connections):
        with pytest.raises(CapabilityMissing, match="network around it that a program can change"):
            do()


# --- in pytest

MARKED = """
    import pytest

    @pytest.mark.start(mode="online", claimed=True)
    @pytest.mark.faults(outage="network")
    def test_out(board, faults):
        board.wait_for("connecting_network", timeout=60)
        with faults(power_cut="any"):
            pass

    @pytest.mark.start(mode="online", claimed=True)
    def test_back(board, network, account):
        assert network.access_point().on_air
        network.access_point().switch_off()

    def test_back_again(network):
        assert network.access_point().on_air

    @pytest.mark.faults(cloud_error=500)
    def test_no_board():
        pass

    @pytest.mark.faults(thunder=1)
    def test_no_such(board):
        pass

    @pytest.mark.faults(0.5)
    def test_no_word(board):
        pass
"""


def test_a_marker_has_faults_while_the_test_runs(run_inside):
    status, output = run_inside(MARKED, "--board", "emu:photon", "-rA")
    assert status == 1, output
    assert "3 passed, 1 failed, 2 errors" in output.replace("1 failed, 3 passed", "3 passed, 1 failed"), output
    assert "the marker faults(...): there is no board for them; take the fixture `board` or `boards`" in output
    assert "the marker faults(...): there is no fault 'thunder'; there are: power_cut" in output
    assert "the marker faults(...): it takes words with values, such as power_cut=3, not 0.5" in output
