"""SIM activation: which number gets a board past blinking green, how long it takes, and who may have it done."""

import pytest

from emulator.cloud import CloudSettings
from particle_protocol.identifiers import DataMatrix
from particle_protocol.skus import SimForm

ELECTRON, BORON = 10, 13
HOUR, DAY = 3600.0, 86_400.0
BUILT_IN = [
    ("boron", "BRN404X"),
    ("bsom", "B404XMEA"),
    ("b5som", "B524MEA"),
    ("electron", "E404XTRAY50"),
    ("electron", "ELC402TY"),
    ("tracker", "ONE404MEA"),
]
"""A Boron, B-Series SoMs, an E-Series, an Electron LTE and a Tracker."""
PLASTIC = ["E350KIT", "E260KIT", "E270KIT", "ELC314TY"]
"""The kits of the Electrons G350, U260 and U270, and the ELC314."""


@pytest.fixture
def sure(make_bench):
    """A world in which no activation is late by rare chance."""
    return make_bench(cloud_settings=CloudSettings(sim_rare_delay_chance=0))


@pytest.fixture
def borons(bench):
    """A product of Borons, and its owner, `borons.owner`."""
    return bench.fleet(bench.developer("owner"), "meters", platform_id=BORON)


@pytest.fixture
def electrons(bench):
    """A product of Electrons."""
    return bench.fleet(bench.developer("owner"), "meters", platform_id=ELECTRON)


def until_green(bench, *boards):
    for board in boards:
        bench.until(lambda board=board: board.led.describe() == "blinking green", "blinking green")


def take(bench, person, action, boards, within):
    """Have SIMs activated, and let time pass: after how many seconds each of their boards was online by itself."""
    until_green(bench, *boards)
    since = bench.lab.clock.now
    for board in boards:
        answer = person.order(action, board)
        assert answer.status_code == 202, answer.text
    bench.sleep(within)
    return [bench.comes_online(board, since) for board in boards]


@pytest.mark.rule("R121", "R127")
@pytest.mark.parametrize(("platform", "sku"), BUILT_IN)
def test_the_serial_number_on_the_label_brings_a_board_with_a_built_in_sim_online(bench, u1, platform, sku):
    board, other = bench.cellular(platform, sku=sku), bench.cellular(platform, sku=sku)
    until_green(bench, board, other)
    serial = DataMatrix.parse(board.label).serial_number
    found = u1.get(f"/v1/serial_numbers/{serial}").json()
    assert (found["device_id"], found["iccid"]) == (board.device_id, board.sim)
    answer = u1.order("activate", serial.lower())
    assert (answer.status_code, answer.json()["sim"]["iccid"]) == (202, board.sim)
    bench.settle(board)
    assert u1.sim(board)["last_device_id"] == board.device_id
    assert u1.order("activate", "P013AF451239999").status_code == 404, "on no label"
    bench.stays(other, "blinking green", HOUR)


@pytest.mark.rule("R122", "R152", "R126")
@pytest.mark.parametrize("sku", PLASTIC)
def test_only_the_number_on_its_card_brings_a_board_with_a_plastic_sim_online(bench, u1, sku):
    board = bench.cellular("electron", sku=sku)
    until_green(bench, board)
    found = u1.get(f"/v1/serial_numbers/{board.label.lower()}").json()
    assert (found["device_id"], "iccid" in found) == (board.device_id, False), "which card is in it, the label cannot say"
    refused = u1.order("activate", board.label)
    assert (refused.status_code, "plastic" in refused.text) == (409, True)
    bench.stays(board, "blinking green", HOUR)
    assert u1.get("/v1/sims").json()["sims"] == []
    assert u1.order("activate", board.sim).status_code == 202
    bench.until(lambda: board.led.describe() == "breathing cyan", "breathing cyan", timeout=DAY)


@pytest.mark.rule("R123")
@pytest.mark.parametrize(("platform", "sku"), BUILT_IN)
def test_a_board_with_a_built_in_sim_is_online_by_being_added_to_a_product(bench, u1, platform, sku):
    board = bench.cellular(platform, sku=sku)
    fleet = bench.fleet(u1, "meters", platform_id=board.platform.id)
    until_green(bench, board)
    fleet.add(board)
    assert u1.sim(board)["status"] == "never_before_activated"
    bench.settle(board)
    assert fleet.sims() == {board.sim: "active"}
    assert u1.get("/v1/sims").json()["sims"] == [], "the product has it"


@pytest.mark.rule("R123", "R131a")
def test_a_board_whose_owner_had_deactivated_its_sim_is_online_again_by_joining_a_product(bench, borons):
    owner, board = borons.owner, bench.cellular()
    owner.order("activate", board)
    bench.settle(board)
    owner.order("deactivate", board)
    until_green(bench, board)
    bench.stays(board, "blinking green", DAY)
    borons.add(board)
    bench.settle(board)
    assert borons.sims() == {board.sim: "active"}


@pytest.mark.rule("R124", "R126", "R152")
@pytest.mark.parametrize("sku", PLASTIC)
def test_a_member_with_a_plastic_sim_blinks_green_until_the_sim_is_imported_itself(bench, electrons, sku):
    board = bench.cellular("electron", sku=sku)
    electrons.add(board)
    until_green(bench, board)
    bench.stays(board, "blinking green", DAY)
    assert (electrons.standing(board), electrons.sims()) == ("member", {})
    assert electrons.import_sims(board).status_code == 202
    bench.until(lambda: board.led.describe() == "breathing cyan", "breathing cyan", timeout=DAY)
    assert electrons.sims() == {board.sim: "active"}


@pytest.mark.rule("R125", "R152")
def test_the_cards_of_an_imported_pack_bring_whatever_boards_they_are_put_into_online(bench, electrons):
    boards = [bench.cellular("electron", has_sim=False, user=electrons.firmware(1)) for _ in range(3)]
    for board in boards:
        bench.settle(board, "blinking dark blue")
    pack = [bench.lab.insert_sim(board.device_id) for board in boards]
    pack += [bench.cloud.sims.make(f"8934076500002589{number:03d}", SimForm.PLASTIC).iccid for number in range(47)]
    path = f"{electrons.path}/sims"
    unknown = electrons.owner.post(path, files={"file": ("sims.txt", "\n".join([*pack, "8934076500009999991"]).encode())})
    assert (unknown.status_code, electrons.sims()) == (404, {}), "one number is nobody's, and none is imported"
    assert electrons.owner.post(path, files={"file": ("sims.txt", ("\r\n".join(pack) + "\r\n").encode())}).status_code == 202
    bench.sleep(60)
    assert electrons.sims() == dict.fromkeys(pack, "active")
    for board in boards:
        board.power_off()
        board.power_on()
        bench.settle(board)


@pytest.mark.rule("R126", "R45", "R127")
@pytest.mark.parametrize(("platform", "sku"), [("electron", "ELC314TY"), ("boron", "BRN404X")], ids=["plastic", "built in"])
def test_one_sim_is_activated_by_its_number_in_and_outside_of_products(bench, u1, platform, sku):
    ours, mine = bench.cellular(platform, sku=sku), bench.cellular(platform, sku=sku)
    fleet = bench.fleet(u1, "meters", platform_id=mine.platform.id)
    until_green(bench, ours, mine)
    assert u1.head(f"/v1/sims/{mine.sim}").status_code == 204, "it can be activated"
    assert u1.order("activate", mine.sim).status_code == 202
    assert fleet.import_sims(ours.sim).status_code == 202
    bench.settle(ours)
    bench.settle(mine)
    assert (u1.sim(mine)["owner"], u1.sim(mine)["product_id"], fleet.sims()) == (u1.username, None, {ours.sim: "active"})
    assert (u1.owned(), fleet.standing(ours), fleet.standing(mine)) == (set(), "member", "nothing"), "its device is imported with it"
    assert u1.head(f"/v1/sims/{mine.sim}").status_code == 205, "it is active"


@pytest.mark.rule("R127", "R131", "R131a")
def test_a_board_goes_off_and_comes_back_with_its_sim_and_a_released_one_is_anybodys(bench, u1, u2):
    board = bench.cellular("electron")
    u1.order("activate", board)
    bench.settle(board)
    u1.claim(board)
    assert u1.order("deactivate", board).status_code == 202
    until_green(bench, board)
    assert u1.device(board)["online"] is False, "and the cloud knows it at once"
    assert u1.sim(board)["status"] == "inactive_user_deactivated"
    bench.stays(board, "blinking green", 3 * DAY)
    assert u2.order("activate", board).status_code == 403, "it is still the other's"
    assert u1.order("reactivate", board).status_code == 202
    bench.settle(board)
    assert u1.delete(f"/v1/sims/{board.sim}").status_code == 202
    until_green(bench, board)
    bench.stays(board, "blinking green", DAY)
    assert u1.get("/v1/sims").json()["sims"] == []
    assert u2.order("activate", board).status_code == 202
    bench.settle(board)


@pytest.mark.rule("R131a")
def test_what_the_team_deactivated_waits_whatever_is_imported(bench, borons):
    owner, board = borons.owner, bench.cellular()
    borons.add(board)
    bench.settle(board)
    assert owner.order("deactivate", board, f"{borons.path}/sims").status_code == 202
    until_green(bench, board)
    assert borons.import_sims(board).json()["inactive_sims"] == [board.sim]
    assert borons.add(board)["existingDeviceIds"] == [board.device_id]
    borons.remove(board)
    borons.add(board)
    bench.stays(board, "blinking green", DAY)
    assert borons.sims() == {board.sim: "inactive_user_deactivated"}
    assert owner.order("reactivate", board, f"{borons.path}/sims").status_code == 202
    bench.settle(board)


@pytest.mark.rule("R130")
@pytest.mark.parametrize("way", ["the sim", "its board"])
def test_a_team_members_sim_moves_into_the_product_and_the_board_notices_nothing(bench, borons, u1, u2, way):
    bench.join_team(borons, u1)
    ours, theirs = bench.cellular(), bench.cellular()
    for person, board in ((u1, ours), (u2, theirs)):
        person.order("activate", board)
        bench.settle(board)
    session, shown = bench.session(ours), len(ours.led.timeline)
    bring = borons.import_sims if way == "the sim" else borons.add
    bring(ours)
    moved = bring(theirs)
    if way == "the sim":
        assert moved.status_code == 403, "a stranger's"
    bench.sleep(DAY)
    assert borons.sims() == {ours.sim: "active"}
    assert u2.sim(theirs)["owner"] == u2.username
    assert borons.owner.sim(ours)["activations_count"] == 1
    assert bench.session(ours) is session
    assert len(ours.led.timeline) == shown
    assert theirs.led.describe() == "breathing cyan"


@pytest.mark.rule("R135")
def test_while_an_activation_is_under_way_the_api_says_so_and_the_board_blinks_green(make_bench):
    bench = make_bench(cloud_settings=CloudSettings(activation_speed=100))
    u1, board = bench.developer("u1"), bench.cellular()
    until_green(bench, board)
    u1.order("activate", board)
    bench.stays(board, "blinking green", 60)
    told = u1.get(f"/v1/sims/{board.sim}/status").json()
    assert (told["meta"]["state"], told["sim_status"]["status_code"]) == ("pending", None)
    assert u1.sim(board)["status"] == "never_before_activated"
    assert u1.order("activate", board).status_code == 409, "it is being done"
    bench.settle(board)
    u1.get(f"/v1/sims/{board.sim}/status")
    bench.sleep(60)
    told = u1.get(f"/v1/sims/{board.sim}/status").json()
    assert (told["meta"]["state"], told["sim_status"]) == (
        "complete",
        {"status_code": "active", "connected": True, "registration_recommendation": None},
    )


@pytest.mark.rule("R132", "R129")
@pytest.mark.parametrize(("platform", "sku"), [("boron", "BRN404X"), ("b5som", "B524MEA"), ("electron", "ELC314TY")])
def test_of_the_class_fast_a_board_is_online_within_seconds_the_first_time_and_again(bench, u1, platform, sku):
    board = bench.cellular(platform, sku=sku)

    def seconds(action):
        return take(bench, u1, action, [board], HOUR)[0]

    assert seconds("activate") < 45, "seconds, and the modem's next look"
    assert u1.order("deactivate", board).status_code == 202
    bench.sleep(60)
    assert seconds("reactivate") < 45
    assert u1.delete(f"/v1/sims/{board.sim}").status_code == 202
    bench.sleep(60)
    assert seconds("activate") < 45


@pytest.mark.rule("R133", "R129")
def test_of_the_class_generally_fast_most_boards_are_online_within_a_minute_and_one_of_many_a_day_later(make_bench):
    times = {}
    for chance in (0, 1):
        bench = make_bench(cloud_settings=CloudSettings(sim_rare_delay_chance=chance))
        u1 = bench.developer("u1")
        boards = [bench.cellular("electron", sku="E310KIT") for _ in range(5)]
        times[chance] = take(bench, u1, "activate", boards, DAY + 60)
        u1.order("deactivate", boards[0])
        bench.sleep(60)
        assert take(bench, u1, "reactivate", boards[:1], HOUR)[0] < 120, "only a first activation is ever late"
    assert max(times[0]) < 120, "up to a minute, and the modem's next look"
    assert len({round(each / 5) for each in times[0]}) > 1, "not all the same"
    assert all(60 < each < DAY + 60 for each in times[1])
    assert max(times[1]) > HOUR


@pytest.mark.rule("R134", "R129")
@pytest.mark.parametrize(("platform", "sku"), [("boron", "BRN402"), ("b5som", "B523MEA"), ("tracker", "ONE523MEA"), ("electron", "E313EA")])
@pytest.mark.parametrize("end", ["deactivated", "released"])
def test_of_the_class_sometimes_slow_a_board_is_back_tens_of_minutes_to_days_later(sure, platform, sku, end):
    u1, board = sure.developer("u1"), sure.cellular(platform, sku=sku)

    def seconds(action, within):
        return take(sure, u1, action, [board], within)[0]

    assert seconds("activate", HOUR) < 45
    assert (u1.order("deactivate", board) if end == "deactivated" else u1.delete(f"/v1/sims/{board.sim}")).status_code == 202
    sure.sleep(60)
    assert 600 < seconds("reactivate" if end == "deactivated" else "activate", 3 * DAY + 60) < 3 * DAY + 60
