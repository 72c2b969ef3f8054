"""Ways to claim a board: by its id, on a production line, by the code that a set-up program gives it."""

import pytest

from emulator.cloud import CloudSettings
from emulator.device_os.startup import SETUP_DONE, SETUP_NOT_DONE
from emulator.factory import device_os_release
from harness.board import Board as Hands
from harness.board import By
from harness.errors import HarnessError
from particle_protocol.dct import DctField
from particle_protocol.identifiers import DataMatrix
from particle_protocol.platforms import platform_by_name


@pytest.mark.rule("R47", "R107")
def test_a_program_adds_looks_up_claims_and_names_a_board(bench, fleet):
    owner = fleet.owner
    board = bench.online(user=fleet.firmware(1))
    assert fleet.add(board)["updatedDeviceIds"] == [board.device_id]
    seen = owner.get(f"/v1/devices/{board.device_id}").json()
    assert (seen["product_id"], seen["online"], seen["owner"]) == (fleet.id, True, None)
    assert owner.claim(board).status_code == 200
    named = owner.put(f"{fleet.path}/devices/{board.device_id}", json={"name": "lamp", "development": True})
    assert (named.json()["name"], named.json()["development"]) == ("lamp", True)
    assert owner.get("/v1/devices/lamp").json()["id"] == board.device_id


@pytest.mark.rule("R48", "R8")
@pytest.mark.parametrize("added", [True, False])
def test_a_customer_sets_a_new_board_up_and_it_is_in_the_product(bench, fleet, added):
    fleet.prove(2)
    fleet.release(2)
    customer = bench.customer(fleet, "c1")
    board = bench.board(networks=[], user=bench.lamp(1))
    bench.settle(board, "blinking dark blue")
    if added:
        fleet.add(board)
    offer = customer.post(f"{fleet.path}/device_claims").json()
    assert offer["device_ids"] == []
    bench.set_up(board, offer["claim_code"])
    assert customer.owned() == {board.device_id}
    assert fleet.standing(board) == "member"
    fleet.reaches(board, 2)
    assert customer.call(board, "version") == 2
    assert customer.post(f"{fleet.path}/device_claims").json()["device_ids"] == [board.device_id]


@pytest.mark.rule("R48", "R111", "R112")
@pytest.mark.parametrize("deny", [False, True])
def test_a_customers_claim_code_gets_no_board_past_the_quarantine(bench, fleet, deny):
    customer = bench.customer(fleet, "c1")
    board = bench.board(networks=[], user=fleet.firmware(1))
    bench.settle(board, "blinking dark blue")
    code = customer.post(f"{fleet.path}/device_claims").json()["claim_code"]
    bench.set_up(board, code)
    assert (fleet.standing(board), bench.owner(board)) == ("quarantined", None)
    if deny:
        fleet.remove(board, deny=True)
        bench.reboot(board)
        assert (fleet.standing(board), bench.owner(board)) == ("denied", None)
    assert (board_code(board), bench.claimed_bit(board)) == (code, False), "it goes on offering it"
    fleet.add(board)
    bench.reboot(board)
    assert (fleet.standing(board), customer.owned()) == ("member", {board.device_id})


@pytest.mark.rule("R43", "R44", "R45", "R128")
@pytest.mark.parametrize(
    ("platform", "sku"), [("boron", "BRN404X"), ("tracker", "ONE404MEA"), ("tracker", "T524MEA"), ("electron", "E260KIT")]
)
def test_guided_set_up_of_a_cellular_board_activates_its_sim_claims_and_names_it(bench, u1, platform, sku):
    board = bench.cellular(platform, sku=sku, user=bench.lamp(1, platform=platform_by_name(platform)))
    bench.until(lambda: board.led.describe() == "blinking green", "blinking green")
    printed = board.sim if sku == "E260KIT" else DataMatrix.parse(board.label).serial_number
    assert u1.head(f"/v1/sims/{board.sim}").status_code == 204
    assert u1.order("activate", printed).status_code == 202
    assert u1.claim(board).status_code == 404, "not online yet"
    bench.until(lambda: board.led.describe() == "breathing cyan", "breathing cyan", timeout=86_400)
    bench.sleep(3)
    assert u1.owned() == set(), "its SIM is mine, the board is not"
    assert u1.claim(board).json()["connected"] is True
    assert u1.put(f"/v1/devices/{board.device_id}", json={"name": "meter"}).json()["name"] == "meter"
    assert u1.sim(board)["last_device_name"] == "meter"
    assert u1.device(board)["product_id"] == board.platform.id, "a developer device"
    assert u1.post("/v1/devices/meter/version").json()["return_value"] == 1


@pytest.mark.rule("R48", "R77")
def test_a_customers_claim_code_claims_no_board_that_the_product_cannot_take(bench, u1):
    fleet = bench.fleet(u1, platform_id=8)
    customer = bench.customer(fleet, "c1")
    board = bench.board(networks=[])
    bench.settle(board, "blinking dark blue")
    bench.set_up(board, customer.post(f"{fleet.path}/device_claims").json()["claim_code"])
    assert (bench.owner(board), fleet.standing(board)) == (None, "nothing")


@pytest.mark.rule("R48")
def test_a_claim_code_is_used_once_and_the_board_remembers_only_that_it_was_claimed(bench, u1):
    code = u1.post("/v1/device_claims").json()["claim_code"]
    first, second = bench.online(), bench.online()
    bench.set_up(first, code)
    assert board_code(first) == ""
    assert bench.claimed_bit(first)
    bench.set_up(second, code)
    assert u1.owned() == {first.device_id}
    assert (board_code(second), bench.claimed_bit(second)) == (code, False)


@pytest.mark.rule("R48")
def test_a_claim_code_that_is_too_old_claims_nothing_and_the_board_goes_on_offering_it(make_bench):
    bench = make_bench(cloud_settings=CloudSettings(claim_code_lifetime=3600.0))
    u1 = bench.developer("u1")
    code = u1.post("/v1/device_claims").json()["claim_code"]
    board = bench.online()
    bench.sleep(3600)
    bench.set_up(board, code)
    bench.reboot(board)
    assert bench.owner(board) is None
    assert (board_code(board), bench.claimed_bit(board)) == (code, False)
    assert u1.claim(board).status_code == 200, "by its id it works all the same"


@pytest.mark.rule("R34")
@pytest.mark.parametrize("bench", ["argon"], indirect=True)
@pytest.mark.parametrize(("marked", "then"), [(True, "breathing cyan"), (False, "blinking dark blue")])
def test_the_last_step_of_the_sequence_is_what_keeps_an_argon_from_listening_again(bench, u1, marked, then):
    board = bench.board(os="2.1.0", new=True)
    bench.settle(board, "blinking dark blue")
    hands = bench.hands(board)
    device_id = hands.identify().device_id
    hands.enter_dfu()
    hands.update_device_os(device_os_release(bench.platform, "3.3.1"))
    bench.settle(board, "blinking dark blue")
    hands.set_wifi("lab", "secret123")
    bench.settle(board)
    assert u1.claim(device_id).status_code == 200
    assert u1.put(f"/v1/devices/{device_id}", json={"name": "lamp"}).status_code == 200
    if marked:
        hands.setup_done()
    hands.reset()
    bench.sleep(2)
    bench.settle(board, then)
    mine = u1.device(board)
    assert (mine["name"], mine["online"], mine["system_firmware_version"]) == ("lamp", marked, "3.3.1")


@pytest.mark.rule("R35")
@pytest.mark.parametrize(
    ("bench", "os", "shown"),
    [
        *[("argon", "3.3.1", "blinking dark blue"), ("boron", "3.3.1", "blinking dark blue")],
        *[("argon", "6.2.0", "blinking dark blue"), ("boron", "4.0.0", "blinking green"), ("tracker", "6.2.0", "blinking green")],
    ],
    indirect=["bench"],
)
@pytest.mark.parametrize("by", [By.REQUEST, By.BUTTON])
def test_a_new_board_of_gen_3_listens_but_for_cellular_ones_of_device_os_4_which_are_asked_to(bench, os, shown, by):
    board = bench.board(os=os, new=True)
    bench.sleep(30)
    assert bench.shown(board)[-1] == shown
    assert ("blinking dark blue" in bench.shown(board)) is (shown == "blinking dark blue")
    bench.hands(board).enter_listening(by)
    assert board.led.describe() == "blinking dark blue"


@pytest.mark.rule("R42")
@pytest.mark.parametrize("bench", ["argon", "boron"], indirect=True)
def test_the_mark_of_a_set_up_board_is_the_boards_alone(bench, u1):
    board = bench.online(os="3.3.1")
    u1.claim(board)
    tables, requests = bench.cloud.snapshot().tables, bench.hands(board).requests
    for done, then in ((False, "blinking dark blue"), (True, "breathing cyan")):
        requests.set_setup_done(done=done)
        assert board.settings.get(DctField.SETUP_DONE) == (SETUP_DONE if done else SETUP_NOT_DONE)
        assert bench.cloud.snapshot().tables == tables
        bench.hands(board).reset()
        bench.sleep(2)
        bench.settle(board, then)
        tables = bench.cloud.snapshot().tables
    assert bench.owner(board) == u1.username


@pytest.mark.rule("R42")
@pytest.mark.parametrize(("bench", "os"), [("argon", "4.0.2"), ("boron", "6.2.0")], indirect=["bench"])
def test_from_device_os_4_on_a_board_has_the_mark_and_does_not_give_it_back(bench, os):
    board = bench.online(os=os)
    requests, stored = bench.hands(board).requests, board.settings.get(DctField.SETUP_DONE)
    bench.hands(board).setup_done()
    with pytest.raises(HarnessError, match="not supported"):
        requests.set_setup_done(done=False)
    assert board.settings.get(DctField.SETUP_DONE) == stored
    bench.reboot(board)


@pytest.mark.rule("R42")
@pytest.mark.parametrize("bench", ["boron"], indirect=True)
def test_a_real_board_is_marked_only_where_that_is_allowed(bench):
    board = bench.board(new=True)
    bench.settle(board, "blinking dark blue")
    port = bench.hands(board).port
    for allowed in (False, True):
        hands = Hands(bench.host, board.platform, board.device_id, moniker=f"usb:{board.device_id}", port=port, allow_changes=allowed)
        if allowed:
            hands.setup_done()
        else:
            with pytest.raises(HarnessError, match="allow"):
                hands.setup_done()
        assert board.settings.get(DctField.SETUP_DONE) == (SETUP_DONE if allowed else SETUP_NOT_DONE)


def board_code(board):
    """The claim code that a board still has."""
    stored = board.settings.get(DctField.CLAIM_CODE)
    return "" if stored[0] in (0x00, 0xFF) else stored.decode()
