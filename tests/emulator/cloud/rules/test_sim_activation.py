"""R121-R135: SIMs, and how long the network takes."""

from __future__ import annotations

import random

import pytest

from emulator.cloud.errors import PermissionDenied, SimForeign, SimRefused, SimUnknown
from emulator.cloud.members import parse_entries
from emulator.cloud.settings import CloudSettings
from emulator.cloud.sim_records import DAY, Deactivator, Sim, SimAction, SimStatus, network_delay
from particle_protocol.skus import ActivationClass, SimForm

ELECTRON, BORON = 10, 13
ICCID = "8934076500002589174"
OTHER = "8934076500002589182"


def status(world, iccid=ICCID):
    return world.cloud.sims.by_iccid(iccid).status


@pytest.mark.rule("R121")
def test_a_built_in_sim_is_activated_by_the_serial_number(world):
    u1 = world.user()
    world.cloud.sims.make(ICCID)
    world.device(BORON, serial_number="P046AB2345ABCDE", iccid=ICCID)
    sim = world.cloud.sims.activate(u1, "p046ab2345abcde")
    assert (sim.iccid, sim.pending) == (ICCID, SimAction.ACTIVATE)
    world.pass_time(60)
    assert status(world) is SimStatus.ACTIVE
    with pytest.raises(SimUnknown):
        world.cloud.sims.activate(u1, "P046AB2345ABCDF")


@pytest.mark.rule("R122", "R152")
def test_a_plastic_sim_is_activated_by_its_number_only(world):
    u1 = world.user()
    world.cloud.sims.make(ICCID, SimForm.PLASTIC)
    world.device(ELECTRON, serial_number="E260KMA12345678", iccid=ICCID)
    with pytest.raises(SimRefused):
        world.cloud.sims.activate(u1, "E260KMA12345678")
    assert world.cloud.sims.by_iccid(ICCID).pending is None
    world.cloud.sims.activate(u1, ICCID)
    world.pass_time(60)
    assert status(world) is SimStatus.ACTIVE


@pytest.mark.rule("R123")
def test_adding_a_device_to_a_product_activates_its_built_in_sim(world):
    o = world.user("o")
    product = world.product(o, BORON)
    world.cloud.sims.make(ICCID)
    world.member(o, product, iccid=ICCID)
    assert world.cloud.sims.by_iccid(ICCID).product_id == product.id
    world.pass_time(60)
    sim = world.cloud.sims.by_iccid(ICCID)
    assert (sim.status, sim.activations_count, sim.last_activated_via) == (SimStatus.ACTIVE, 1, "product")


@pytest.mark.rule("R123")
def test_the_sim_stays_behind_when_asked_to(world):
    o = world.user("o")
    product = world.product(o, BORON)
    world.cloud.sims.make(ICCID)
    device = world.device(BORON, iccid=ICCID)
    world.cloud.members.add(o, product.id, [device.id], import_sims=False)
    assert world.standing(device, product) == "member"
    assert world.cloud.sims.by_iccid(ICCID).pending is None


@pytest.mark.rule("R124", "R152")
def test_a_plastic_sim_needs_a_step_of_its_own(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    world.cloud.sims.make(ICCID, SimForm.PLASTIC)
    world.member(o, product, iccid=ICCID)
    world.pass_time(3600)
    assert status(world) is SimStatus.NEVER_ACTIVATED
    world.cloud.sims.import_sims(o, product.id, [ICCID])
    world.pass_time(60)
    sim = world.cloud.sims.by_iccid(ICCID)
    assert (sim.status, sim.product_id) == (SimStatus.ACTIVE, product.id)


@pytest.mark.rule("R125")
def test_a_pack_of_fifty_is_imported_as_a_file(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    numbers = [f"89340765000025{number:05d}" for number in range(50)]
    for number in numbers:
        world.cloud.sims.make(number, SimForm.PLASTIC)
    world.cloud.sims.import_sims(o, product.id, parse_entries("\r\n".join(numbers) + "\r\n"))
    world.pass_time(60)
    assert [sim.iccid for sim in world.cloud.sims.list(o, product.id) if sim.active] == numbers


@pytest.mark.rule("R126", "R127")
@pytest.mark.parametrize("form", SimForm)
def test_a_single_sim_is_activated_by_its_number_in_a_product_or_outside(world, form):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    world.cloud.sims.make(ICCID, form)
    world.cloud.sims.make(OTHER, form)
    world.cloud.sims.import_sims(o, product.id, [ICCID])
    world.cloud.sims.activate(o, OTHER, country="DE", mb_limit=10)
    world.pass_time(60)
    assert (status(world), status(world, OTHER)) == (SimStatus.ACTIVE, SimStatus.ACTIVE)
    mine = world.cloud.sims.get(o, OTHER)
    assert (mine.user_id, mine.product_id, mine.base_country_code, mine.mb_limit) == (o.account, None, "DE", 10)
    assert [sim.iccid for sim in world.cloud.sims.list(o)] == [OTHER]


@pytest.mark.rule("R126")
def test_an_imported_sim_takes_its_device_along_if_that_fits(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    world.cloud.sims.make(ICCID, SimForm.PLASTIC)
    world.cloud.sims.make(OTHER)
    fits, wrong = world.device(ELECTRON, iccid=ICCID), world.device(BORON, iccid=OTHER)
    world.cloud.sims.import_sims(o, product.id, [ICCID, OTHER])
    assert (world.standing(fits, product), world.standing(wrong, product)) == ("member", "nothing")


@pytest.mark.rule("R43", "R45")
def test_setup_activates_the_sim_and_claims_the_device_once_it_is_online(world):
    u1 = world.user()
    world.cloud.sims.make(ICCID)
    device = world.device(BORON, iccid=ICCID, serial_number="P046AB2345ABCDE")
    world.cloud.sims.activate(u1, "P046AB2345ABCDE")
    world.pass_time(60)
    world.connect(device)
    world.cloud.claims.claim(u1, device.id)
    world.cloud.device_settings.update(u1, device.id, name="tracker")
    sim = world.cloud.sims.get(u1, ICCID)
    assert (sim.user_id, sim.product_id, sim.active) == (u1.account, None, True)
    assert (world.owner(device), world.now(device).name) == ("u1@example.com", "tracker")


@pytest.mark.rule("R130")
def test_a_team_members_sim_moves_into_the_product_without_leaving_the_network(world):
    o = world.user("o")
    product = world.product(o, BORON)
    t = world.teammate(o, product)
    world.cloud.sims.make(ICCID)
    device = world.device(BORON, iccid=ICCID)
    world.cloud.sims.activate(t, ICCID)
    world.pass_time(60)
    session = world.connect(device)
    before = world.cloud.sims.by_iccid(ICCID)
    world.cloud.sims.import_sims(o, product.id, [ICCID])
    after = world.cloud.sims.by_iccid(ICCID)
    assert (after.product_id, after.user_id, after.status, after.pending) == (product.id, None, SimStatus.ACTIVE, None)
    assert (after.activations_count, after.deactivations_count) == (before.activations_count, before.deactivations_count)
    world.pass_time(3600)
    assert not session.closed


@pytest.mark.rule("R130")
def test_a_strangers_sim_does_not_move_and_nothing_is_imported_with_it(world):
    o, stranger = world.user("o"), world.user("stranger")
    product = world.product(o, BORON)
    world.cloud.sims.make(ICCID)
    world.cloud.sims.make(OTHER)
    world.cloud.sims.activate(stranger, ICCID)
    with pytest.raises(SimForeign):
        world.cloud.sims.import_sims(o, product.id, [OTHER, ICCID])
    assert world.cloud.sims.list(o, product.id) == []
    device = world.member(o, product, iccid=ICCID)
    assert world.standing(device, product) == "member"
    assert world.cloud.sims.by_iccid(ICCID).user_id == stranger.account


@pytest.mark.rule("R131")
def test_a_device_whose_sim_is_deactivated_drops_off_the_network(world):
    u1 = world.user()
    world.cloud.sims.make(ICCID)
    world.cloud.sims.activate(u1, ICCID)
    world.pass_time(60)
    device, session = world.online(BORON, iccid=ICCID)
    world.cloud.sims.deactivate(u1, ICCID)
    assert not session.closed
    world.pass_time(60)
    assert (session.closed, session.close_reason) == (True, f"SIM {ICCID} is not active any more")
    assert world.connect(device).closed


@pytest.mark.rule("R131")
@pytest.mark.parametrize("stopped", [SimStatus.DATA_LIMIT, SimStatus.INVALID_PAYMENT])
def test_a_sim_that_the_operator_stops_is_off_too_until_reactivated(world, stopped):
    u1 = world.user()
    world.cloud.sims.make(ICCID)
    world.cloud.sims.activate(u1, ICCID)
    world.pass_time(60)
    device, session = world.online(BORON, iccid=ICCID)
    sim = world.cloud.sims.suspend(ICCID, stopped)
    assert session.closed
    assert (status(world), sim.deactivated_on, sim.updated_at) == (stopped, world.cloud.core.now(), world.cloud.core.now())
    world.cloud.sims.reactivate(u1, ICCID, mb_limit=100)
    world.pass_time(60)
    assert not world.connect(device).closed
    assert world.cloud.sims.get(u1, ICCID).mb_limit == 100


def test_the_data_limit_of_a_sim_is_set_where_the_sim_is(world):
    o = world.user("o")
    product = world.product(o, BORON)
    world.cloud.sims.make(ICCID)
    world.member(o, product, iccid=ICCID)
    world.pass_time(60)
    assert world.cloud.sims.limit(o, ICCID, 5).mb_limit == 5, "through the team"
    limited = world.cloud.sims.limit(o, ICCID, 7, product=product.id)
    assert (limited.mb_limit, limited.updated_at) == (7, world.cloud.core.now())
    with pytest.raises(SimUnknown):
        world.cloud.sims.limit(o, ICCID, 9, product=world.product(o, BORON).id)


@pytest.mark.rule("R131a")
def test_a_deactivated_sim_waits_for_its_reactivation(world):
    o = world.user("o")
    product = world.product(o, BORON)
    world.cloud.sims.make(ICCID)
    device = world.member(o, product, iccid=ICCID)
    world.pass_time(60)
    world.cloud.sims.deactivate(o, ICCID, product=product.id)
    world.pass_time(60)
    world.cloud.members.remove(o, product.id, device.id)
    world.cloud.members.add(o, product.id, [device.id])
    world.pass_time(60)
    assert status(world) is SimStatus.DEACTIVATED
    world.cloud.sims.reactivate(o, ICCID, product=product.id)
    world.pass_time(60)
    sim = world.cloud.sims.by_iccid(ICCID)
    assert (sim.status, sim.activations_count, sim.deactivations_count) == (SimStatus.ACTIVE, 2, 1)


@pytest.mark.rule("R131a")
def test_a_released_sim_is_deactivated_and_free_for_somebody_else(world):
    u1, u2 = world.user("u1"), world.user("u2")
    world.cloud.sims.make(ICCID)
    world.cloud.sims.activate(u1, ICCID)
    world.pass_time(60)
    with pytest.raises(SimForeign):
        world.cloud.sims.activate(u2, ICCID)
    with pytest.raises(SimForeign):
        world.cloud.sims.check(u2, ICCID)
    world.cloud.sims.release(u1, ICCID)
    world.pass_time(60)
    sim = world.cloud.sims.check(u2, ICCID)
    assert (sim.status, sim.owned) == (SimStatus.DEACTIVATED, False)
    world.cloud.sims.activate(u2, ICCID)
    world.pass_time(60)
    assert world.cloud.sims.get(u2, ICCID).active
    with pytest.raises(SimForeign):
        world.cloud.sims.get(u1, ICCID)


@pytest.mark.rule("R131a")
def test_a_sim_that_was_released_before_it_was_ever_active_is_simply_free(world):
    u1 = world.user("u1")
    product = world.product(u1, ELECTRON)
    world.cloud.sims.make(ICCID)
    world.cloud.sims.import_sims(u1, product.id, [ICCID])
    world.pass_time(60)
    world.cloud.sims.deactivate(u1, ICCID, product=product.id)
    world.pass_time(60)
    freed = world.cloud.sims.release(u1, ICCID, product=product.id)
    assert (freed.owned, freed.pending, freed.status) == (False, None, SimStatus.DEACTIVATED)
    world.cloud.sims.import_sims(u1, product.id, [ICCID])
    world.pass_time(60)
    assert status(world) is SimStatus.ACTIVE


@pytest.mark.rule("R123", "R126", "R131a")
@pytest.mark.parametrize("way", ["the sim", "its device"])
def test_a_sim_that_is_just_being_released_is_activated_by_whoever_takes_it_into_a_product(world, way):
    u1, o = world.user("u1"), world.user("o")
    product = world.product(o, BORON)
    world.cloud.sims.make(ICCID)
    device = world.device(BORON, iccid=ICCID)
    world.cloud.sims.activate(u1, ICCID)
    world.pass_time(60)
    session = world.connect(device)
    world.cloud.sims.release(u1, ICCID)
    if way == "the sim":
        world.cloud.sims.import_sims(o, product.id, [ICCID])
    else:
        world.cloud.members.add(o, product.id, [device.id])
    world.pass_time(60)
    sim = world.cloud.sims.get(o, ICCID, product.id)
    assert (sim.status, sim.activations_count, sim.deactivations_count) == (SimStatus.ACTIVE, 2, 1)
    assert (sim.pending, sim.last_activated_via) == (None, "product")
    assert session.closed, "the release came first"
    assert not world.connect(device).closed


@pytest.mark.rule("R126", "R131a")
def test_a_sim_that_was_stopped_and_then_released_is_activated_by_an_import(world):
    u1, o = world.user("u1"), world.user("o")
    product = world.product(o, ELECTRON)
    world.cloud.sims.make(ICCID)
    world.cloud.sims.activate(u1, ICCID)
    world.pass_time(60)
    world.cloud.sims.suspend(ICCID, SimStatus.DATA_LIMIT)
    world.cloud.sims.release(u1, ICCID)
    world.cloud.sims.import_sims(o, product.id, [ICCID])
    world.pass_time(60)
    assert world.cloud.sims.get(o, ICCID, product.id).active


@pytest.mark.rule("R130")
def test_a_team_members_sim_that_the_operator_stopped_moves_as_it_is(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    world.cloud.sims.make(ICCID)
    world.cloud.sims.activate(o, ICCID)
    world.pass_time(60)
    world.cloud.sims.suspend(ICCID, SimStatus.DATA_LIMIT)
    (moved,) = world.cloud.sims.import_sims(o, product.id, [ICCID])
    world.pass_time(60)
    assert (moved.stays_inactive, status(world)) == (True, SimStatus.DATA_LIMIT)


def take_in(world, o, product, device, way):
    """Have a SIM taken into a product: by itself, with its device, or its device with nothing else asked for."""
    if way == "the sim":
        world.cloud.sims.import_sims(o, product.id, [device.iccid])
    else:
        world.cloud.members.add(o, product.id, [device.id])


@pytest.mark.rule("R123", "R126", "R131a")
@pytest.mark.parametrize("when", ["long ago", "just now"])
@pytest.mark.parametrize("way", ["the sim", "its device"])
def test_a_sim_that_its_owner_deactivated_is_activated_by_joining_a_product(world, way, when):
    o = world.user("o")
    product = world.product(o, BORON)
    t = world.teammate(o, product)
    world.cloud.sims.make(ICCID)
    device = world.device(BORON, iccid=ICCID)
    world.cloud.sims.activate(t, ICCID)
    world.pass_time(60)
    session = world.connect(device)
    world.cloud.sims.deactivate(t, ICCID)
    assert world.cloud.sims.by_iccid(ICCID).deactivated_by is Deactivator.OWNER
    if when == "long ago":
        world.pass_time(60)
        assert status(world) is SimStatus.DEACTIVATED
    take_in(world, o, product, device, way)
    assert not world.cloud.sims.by_iccid(ICCID).stays_inactive
    world.pass_time(60)
    sim = world.cloud.sims.get(o, ICCID, product.id)
    assert (sim.status, sim.pending, sim.deactivated_by) == (SimStatus.ACTIVE, None, None)
    assert (sim.activations_count, sim.deactivations_count, sim.last_activated_via) == (2, 1, "product")
    assert session.closed, "the deactivation came first"
    assert not world.connect(device).closed


@pytest.mark.rule("R123", "R126", "R131a")
@pytest.mark.parametrize("when", ["long ago", "just now"])
@pytest.mark.parametrize("way", ["the sim", "its device"])
def test_a_sim_that_the_team_deactivated_stays_inactive_when_it_is_imported_again(world, way, when):
    o = world.user("o")
    product = world.product(o, BORON)
    support = world.teammate(o, product, "support", "Support")
    world.cloud.sims.make(ICCID)
    device = world.member(o, product, iccid=ICCID)
    world.pass_time(60)
    world.cloud.sims.deactivate(support, ICCID)
    assert world.cloud.sims.by_iccid(ICCID).deactivated_by is Deactivator.TEAM
    if when == "long ago":
        world.pass_time(60)
    world.cloud.members.remove(o, product.id, device.id)
    take_in(world, o, product, device, way)
    assert world.standing(device, product) == "member"
    assert world.cloud.sims.by_iccid(ICCID).stays_inactive
    world.pass_time(30 * DAY)
    assert status(world) is SimStatus.DEACTIVATED
    world.cloud.sims.reactivate(o, ICCID, product=product.id)
    assert not world.cloud.sims.by_iccid(ICCID).stays_inactive
    world.pass_time(60)
    assert world.cloud.sims.by_iccid(ICCID).active


@pytest.mark.rule("R131a")
def test_a_sim_forgets_who_deactivated_it_once_it_is_reactivated_released_or_stopped(world):
    u1, sims = world.user(), world.cloud.sims

    def deactivated():
        sims.deactivate(u1, ICCID)
        world.pass_time(60)
        assert sims.by_iccid(ICCID).deactivated_by is Deactivator.OWNER

    sims.make(ICCID)
    for again in (sims.activate, sims.reactivate, lambda *_: (sims.release(u1, ICCID), sims.activate(u1, ICCID))):
        if not sims.by_iccid(ICCID).owned:
            sims.activate(u1, ICCID)
            world.pass_time(60)
        deactivated()
        again(u1, ICCID)
        assert sims.by_iccid(ICCID).deactivated_by is None
        world.pass_time(60)
    deactivated()
    assert sims.release(u1, ICCID).deactivated_by is None
    assert sims.suspend(ICCID, SimStatus.INVALID_PAYMENT).deactivated_by is None


@pytest.mark.rule("R125", "R130")
def test_an_import_names_every_number_that_it_cannot_take_in(world):
    o, stranger = world.user("o"), world.user("stranger")
    product = world.product(o, ELECTRON)
    numbers = [f"89340765000025{number:05d}" for number in range(30)]
    for number in numbers[:15]:
        world.cloud.sims.make(number, SimForm.PLASTIC)
    for number in numbers[:2]:
        world.cloud.sims.activate(stranger, number)

    def refusal(*given):
        return world.refusal(lambda: world.cloud.sims.import_sims(o, product.id, given))

    assert refusal(*numbers[:15]) == f"SimForeign: SIM {numbers[0]}, {numbers[1]} belongs to somebody else"
    assert refusal(*numbers[:16]) == f"SimUnknown: no SIM '{numbers[15]}'"
    assert refusal(*numbers[:27]) == f"SimUnknown: no SIM '{', '.join(numbers[15:25])} and 2 more'"
    assert refusal(numbers[2], "123", numbers[20], numbers[0]) == f"SimUnknown: no SIM '123 (no ICCID), {numbers[20]}'"
    world.cloud.sims.import_sims(o, product.id, [numbers[2], f" {numbers[2][:4]} {numbers[2][4:]} ", numbers[3]])
    assert [sim.iccid for sim in world.cloud.sims.list(o, product.id)] == numbers[2:4], "blanks as on the card do not matter"


@pytest.mark.rule("R131a")
def test_one_thing_at_a_time_is_done_to_a_sim(world):
    u1 = world.user()
    world.cloud.sims.make(ICCID)
    world.cloud.sims.activate(u1, ICCID)
    for again in (
        lambda: world.cloud.sims.activate(u1, ICCID),
        lambda: world.cloud.sims.release(u1, ICCID),
        lambda: world.cloud.sims.deactivate(u1, ICCID),
        lambda: world.cloud.sims.reactivate(u1, ICCID),
    ):
        with pytest.raises(SimRefused):
            again()
    world.pass_time(60)
    with pytest.raises(SimRefused):
        world.cloud.sims.activate(u1, ICCID)
    with pytest.raises(SimRefused):
        world.cloud.sims.reactivate(u1, ICCID)


@pytest.mark.rule("R131a")
def test_sims_of_a_product_are_for_its_team(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    support = world.teammate(o, product, "support", "Support")
    world.cloud.sims.make(ICCID)
    world.cloud.sims.import_sims(o, product.id, [ICCID])
    world.pass_time(60)
    for stranger in (world.user("stranger"), world.customer(o, product)):
        with pytest.raises((SimForeign, PermissionDenied)):
            world.cloud.sims.deactivate(stranger, ICCID)
        with pytest.raises(PermissionDenied):
            world.cloud.sims.deactivate(stranger, ICCID, product=product.id)
    with pytest.raises(PermissionDenied):
        world.cloud.sims.release(support, ICCID, product=product.id)
    world.cloud.sims.deactivate(support, ICCID)
    with pytest.raises(SimUnknown):
        world.cloud.sims.get(o, OTHER, product.id)


def delays(kind, *, again, seed=1, count=2000, **settings):
    rng, chosen = random.Random(seed), CloudSettings(**settings)
    sim = Sim(ICCID, activation=kind, activations_count=int(again))
    action = SimAction.REACTIVATE if again else SimAction.ACTIVATE
    return [network_delay(sim, action, rng, chosen) for _ in range(count)]


@pytest.mark.parametrize("action", [SimAction.DEACTIVATE, SimAction.RELEASE])
def test_to_deactivate_takes_seconds(action):
    rng, slow = random.Random(1), Sim(ICCID, activation=ActivationClass.SOMETIMES_SLOW, activations_count=1)
    times = [network_delay(slow, action, rng, CloudSettings()) for _ in range(2000)]
    assert 1 <= min(times) < 1.1
    assert 9.9 < max(times) <= 10


@pytest.mark.rule("R129")
def test_the_time_depends_on_the_class_and_on_whether_it_is_the_first(world):
    means = {(kind, again): sum(delays(kind, again=again)) / 2000 for kind in ActivationClass for again in (False, True)}
    assert len({round(mean) for mean in means.values()}) >= 4
    assert means[ActivationClass.SOMETIMES_SLOW, True] > 600 > means[ActivationClass.SOMETIMES_SLOW, False]


@pytest.mark.rule("R129")
def test_the_same_seed_gives_the_same_times():
    assert delays(ActivationClass.GENERALLY_FAST, again=False, seed=3) == delays(ActivationClass.GENERALLY_FAST, again=False, seed=3)
    assert delays(ActivationClass.FAST, again=False, activation_speed=0) == [0.0] * 2000


@pytest.mark.rule("R132")
@pytest.mark.parametrize("again", [False, True])
def test_fast_takes_seconds(again):
    times = delays(ActivationClass.FAST, again=again)
    assert 1 <= min(times) < 1.1
    assert 9.9 < max(times) <= 10


@pytest.mark.rule("R133")
def test_generally_fast_takes_up_to_a_minute_and_now_and_then_up_to_a_day_the_first_time():
    first, again = delays(ActivationClass.GENERALLY_FAST, again=False), delays(ActivationClass.GENERALLY_FAST, again=True)
    assert 1 <= min(again) < 1.5
    assert 59.5 < max(again) <= 60
    rare = [delay for delay in first if delay > 60]
    assert 0 < len(rare) < 60
    assert max(rare) <= DAY
    assert all(1 <= delay <= 60 for delay in delays(ActivationClass.GENERALLY_FAST, again=False, sim_rare_delay_chance=0))


@pytest.mark.rule("R134")
def test_sometimes_slow_is_quick_the_first_time_and_takes_minutes_to_days_again():
    assert all(1 <= delay <= 10 for delay in delays(ActivationClass.SOMETIMES_SLOW, again=False))
    again = delays(ActivationClass.SOMETIMES_SLOW, again=True)
    assert 600 <= min(again) < 610
    assert 2.9 * DAY < max(again) <= 3 * DAY


@pytest.mark.rule("R134")
def test_a_slow_sim_is_slow_after_a_release_too(world):
    u1, u2 = world.user("u1"), world.user("u2")
    world.cloud.sims.make(ICCID, activation=ActivationClass.SOMETIMES_SLOW)
    world.cloud.sims.activate(u1, ICCID)
    world.pass_time(60)
    world.cloud.sims.release(u1, ICCID)
    world.pass_time(60)
    world.cloud.sims.activate(u2, ICCID)
    world.pass_time(599)
    assert status(world) is not SimStatus.ACTIVE
    world.pass_time(3 * DAY)
    assert status(world) is SimStatus.ACTIVE


@pytest.mark.rule("R135")
def test_while_an_activation_is_in_progress_the_sim_is_not_active(world):
    u1 = world.user()
    world.cloud.sims.make(ICCID)
    device = world.device(BORON, iccid=ICCID)
    sim = world.cloud.sims.activate(u1, ICCID)
    assert (sim.pending, sim.status) == (SimAction.ACTIVATE, SimStatus.NEVER_ACTIVATED)
    assert world.connect(device).closed
    world.pass_time(60)
    sim = world.cloud.sims.get(u1, ICCID)
    assert (sim.pending, sim.status) == (None, SimStatus.ACTIVE)
    assert not world.connect(device).closed
