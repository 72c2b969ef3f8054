"""What a connection brings along: who may connect, what a device says of itself, and what it asks."""

from __future__ import annotations

import pytest

from emulator.cloud import CloudSettings, HelloFacts
from emulator.cloud.errors import DeviceUnknown, Invalid
from particle_protocol.describe import DescribedModule, ModuleFunction
from particle_protocol.key_kinds import KeyKind

PHOTON, BORON = 6, 13
IMEI = "352753090041680"
ICCID = "8934076500002589174"
SYSTEM = DescribedModule(1 << 18, function=ModuleFunction.SYSTEM_PART, index=1, version=2302)


@pytest.fixture
def lamp(world):
    """`world` with a connected device `d` of `u1`, named lamp."""
    world.u1 = world.user("u1")
    world.d, world.s = world.claimed(world.u1)
    world.cloud.device_settings.update(world.u1, world.d.id, name="lamp")
    return world


def test_a_connection_tells_when_and_whence(lamp):
    now = lamp.cloud.core.now()
    device = lamp.now(lamp.d)
    assert (device.last_handshake_at, device.first_online_at, device.last_ip_address) == (now, now, "10.0.0.7")
    lamp.s.leave()
    lamp.pass_time(50)
    lamp.connect(device)
    device = lamp.now(lamp.d)
    assert (device.last_handshake_at, device.first_online_at) == (now + 50, now)
    lamp.pass_time(5)
    assert lamp.cloud.connections.presence(device.id).last_heard == now + 50
    lamp.cloud.connections.link(device.id).session.event("x")
    assert lamp.cloud.connections.presence(device.id).last_heard == now + 55


def test_coming_and_going_are_events(lamp):
    heard = lamp.hear(lamp.u1, "spark/status")
    lamp.s.leave()
    session = lamp.connect(lamp.d)
    assert heard == [("spark/status", "offline"), ("spark/status", "online")]
    again = lamp.connect(lamp.d)
    assert session.closed
    assert not again.closed
    assert heard[2:] == [("spark/status", "offline"), ("spark/status", "online")], "the connection that it had is over, and that is said"
    assert lamp.cloud.connections.online(lamp.d.id)


def test_what_an_old_connection_still_says_does_not_count(lamp):
    old = lamp.s
    heard = lamp.hear(lamp.u1)
    lamp.connect(lamp.d)
    heard.clear()
    old.event("late")
    old.describe()
    lamp.cloud.arrivals.session_closed(old, "late")
    assert heard == []
    assert lamp.cloud.connections.online(lamp.d.id)


def test_a_device_that_nobody_made_is_turned_away(world):
    session = type(world.online()[1])(world, "0" * 24, HelloFacts(6, 0xFFFF, 6))
    world.cloud.arrivals.session_opened(session)
    assert (session.closed, session.close_reason) == (True, "nobody made a device of this id")
    assert world.cloud.arrivals.public_key("0" * 24, KeyKind.RSA) is None
    assert not world.cloud.arrivals.learn_key("0" * 24, b"key")


@pytest.mark.parametrize("platform_id", [PHOTON, 3])
def test_unknown_devices_can_be_let_in_and_so_can_device_os_as_a_program(make_world, platform_id):
    world = make_world(CloudSettings(register_unknown_devices=True))
    session = type(world.online()[1])(world, "AB" * 12, HelloFacts(platform_id, 0xFFFF, platform_id))
    world.cloud.arrivals.session_opened(session)
    assert not session.closed
    assert world.now("ab" * 12).platform_id == platform_id


def test_an_unknown_devices_key_waits_for_its_hello(make_world):
    world = make_world(CloudSettings(register_unknown_devices=True))
    arrivals, stranger = world.cloud.arrivals, "ab" * 12
    assert arrivals.learn_key(stranger, b"its key")
    assert arrivals.public_key(stranger, KeyKind.RSA) is None, "nobody made it yet"
    assert not arrivals.learn_key("no device id", b"key")
    arrivals.session_opened(type(world.online()[1])(world, stranger, HelloFacts(6, 0xFFFF, 6)))
    assert arrivals.public_key(stranger, KeyKind.RSA) == b"its key"
    assert not arrivals.learn_key(stranger, b"another")


def test_few_keys_of_unknown_devices_are_kept(make_world):
    world = make_world(CloudSettings(register_unknown_devices=True))
    arrivals = world.cloud.arrivals
    first, *others = (f"{number:024x}" for number in range(1001))
    for device_id in (first, *others):
        assert arrivals.learn_key(device_id, b"key")
    session = type(world.online()[1])
    for device_id in (first, others[-1]):
        arrivals.session_opened(session(world, device_id, HelloFacts(6, 0xFFFF, 6)))
    assert (arrivals.public_key(first, KeyKind.RSA), arrivals.public_key(others[-1], KeyKind.RSA)) == (None, b"key")


def test_a_key_for_a_device_that_nobody_made_makes_it_where_that_is_allowed(world, make_world):
    stranger = "ab" * 12
    with pytest.raises(DeviceUnknown):
        world.cloud.factory.provision_key(world.user(), stranger, b"key", 6)
    lenient = make_world(CloudSettings(register_unknown_devices=True))
    for wrong, platform in (("no id", 6), (stranger, None)):
        with pytest.raises(DeviceUnknown) as refused:
            lenient.cloud.factory.provision_key(lenient.user(), wrong, b"key", platform)
        assert refused.value.given == wrong
    made = lenient.cloud.factory.provision_key(lenient.user(), stranger, b"key", 6)
    assert (made.id, made.platform_id, made.public_key) == (stranger, 6, b"key")


def test_a_key_is_learnt_once_if_at_all(world, make_world):
    device = world.device()
    arrivals = world.cloud.arrivals
    assert arrivals.public_key(device.id, KeyKind.RSA) is None
    assert arrivals.learn_key(device.id.upper(), b"first")
    assert arrivals.public_key(device.id, KeyKind.RSA) == b"first"
    assert arrivals.learn_key(device.id, b"first")
    assert not arrivals.learn_key(device.id, b"second")
    world.cloud.factory.register_key(device.id, b"third")
    assert arrivals.public_key(device.id, KeyKind.RSA) == b"third"
    strict = make_world(CloudSettings(trust_first_key=False))
    assert not strict.cloud.arrivals.learn_key(strict.device().id, b"first")
    with pytest.raises(Invalid):
        world.cloud.factory.register_key("0" * 24, b"key")


def test_device_os_is_known_from_hello_or_the_modules(world):
    def shown(device):
        return world.cloud.views.of(world.now(device)).system_firmware_version

    device = world.device()
    assert shown(device) is None
    session = world.connect(device, describe=False)
    assert shown(device) is None
    session.describe()
    assert shown(device) == "2.3.1"
    session.leave()
    world.connect(device, system_version=3302, describe=False).leave()
    assert shown(device) == "3.3.1"
    world.connect(device, describe=False).leave()
    assert shown(device) is None, "the short Hello is older than 3.0, and nothing newer is believed"
    world.connect(device, system_version=9999, describe=False)
    assert shown(device) == "9999"


def test_a_new_application_is_an_event(lamp):
    heard = lamp.hear(lamp.u1, "spark/device/app-hash")

    def modules(digest):
        return [
            DescribedModule(1 << 18, function=ModuleFunction.SYSTEM_PART, index=1, version=2302),
            DescribedModule(1 << 17, function=ModuleFunction.USER_PART, index=1, version=6, sha256=digest),
        ]

    for digest in (bytes([1]) * 32, bytes([1]) * 32, bytes([0xAB]) * 32):
        lamp.s.describe(*modules(digest))
    assert heard == [("spark/device/app-hash", "01" * 32), ("spark/device/app-hash", "AB" * 32)]


def test_what_the_firmware_says_of_updates_is_kept_and_told(lamp):
    heard = lamp.hear(lamp.u1, "particle/device/updates")
    lamp.s.event("particle/device/updates/enabled", "false")
    lamp.s.event("particle/device/updates/forced", "true")
    device = lamp.now(lamp.d)
    assert (device.firmware_updates_enabled, device.firmware_updates_forced) == (False, False)
    assert lamp.s.sent == [("particle/device/updates/forced", "false")], "that is not the device's to say"
    assert len(heard) == 2


@pytest.mark.parametrize("name", ["spark/device/claim/code", "spark/device/safemode", "spark/device/ident/0", "spark/hardware/max_binary"])
def test_what_is_for_the_cloud_alone_is_told_to_nobody(lamp, name):
    heard = lamp.hear(lamp.u1)
    lamp.s.event(name, "x")
    assert heard == []


def test_a_device_can_ask_who_it_is(lamp):
    for name in ("name", "ip", "random"):
        lamp.s.event(f"particle/device/{name}")
    answers = dict(lamp.s.sent)
    assert answers["particle/device/name"] == "lamp"
    assert answers["particle/device/ip"] == "10.0.0.7"
    assert len(answers["particle/device/random"]) == 40


def test_what_a_device_is_known_by_after_its_hello(lamp):
    now = lamp.cloud.core.now()
    known = lamp.now(lamp.d)
    assert (known.firmware_product_id, known.firmware_version, known.system_version, known.safe_mode) == (6, None, 2302, False)
    lamp.s.event("spark/device/safemode", "{}")
    assert lamp.now(lamp.d).safe_mode is True
    lamp.connect(lamp.d, product_id=0xFFFF, product_version=3, describe=False)
    known = lamp.now(lamp.d)
    assert (known.firmware_product_id, known.firmware_version, known.safe_mode, known.last_handshake_at) == (None, 3, False, now)
    lamp.connect(lamp.d, product_id=0xFFFF, describe=False)
    assert lamp.now(lamp.d).firmware_version is None


@pytest.mark.parametrize(("peer", "address"), [("10.0.0.7:40000", "10.0.0.7"), ("fd00::7:40000", "fd00::7"), ("a socket", None)])
def test_an_address_is_all_before_the_port(world, peer, address):
    session = type(world.online()[1])(world, world.device().id, HelloFacts(6, 0xFFFF, 6))
    session.peer = peer
    world.cloud.arrivals.session_opened(session)
    device = world.now(session.device_id)
    assert device.last_ip_address == address
    world.cloud.claims.claim(world.user(), device.id)
    session.event("particle/device/ip")
    assert session.sent == [("particle/device/ip", address or "")]


def test_a_device_without_a_name_is_told_an_empty_one(world):
    _, session = world.claimed(world.user())
    session.event("particle/device/name")
    assert (session.sent, session.sent_with) == ([("particle/device/name", "")], [(60, False)])


def test_a_key_that_was_registered_since_stays(make_world):
    world = make_world(CloudSettings(register_unknown_devices=True))
    arrivals, stranger = world.cloud.arrivals, "ab" * 12
    assert arrivals.learn_key(stranger, b"shown")
    world.cloud.factory.manufacture(stranger, 6)
    world.cloud.factory.register_key(stranger, b"registered")
    world.connect(stranger)
    assert arrivals.public_key(stranger, KeyKind.RSA) == b"registered"


def test_an_update_ends_with_the_connection_that_another_one_replaces(lamp):
    heard = lamp.hear(lamp.u1, "spark/flash")
    lamp.s.silent = True
    image = lamp.image(lamp.product(lamp.u1), 1)
    lamp.cloud.operations.flash(lamp.u1, "lamp", image)
    again = lamp.connect(lamp.d)
    assert (lamp.s.close_reason, again.close_reason) == ("replaced by a later connection of the same device", None)
    assert [data for _, data in heard] == ["started ", "failed "]
    lamp.cloud.operations.flash(lamp.u1, "lamp", image)
    assert again.flashed == [image]


def test_whoever_waits_for_a_modem_hears_its_device_come_online(world):
    u1 = world.user()
    world.cloud.claim_codes.create(u1, imei=IMEI)
    heard = world.hear(u1, "spark/status")
    world.connect(world.device(BORON, imei=IMEI))
    assert heard == [("spark/status", "online")]


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        ("ICCID", {"iccid": "123"}),
        ("ICCID", {"iccid": "8800340765000025891"}),
        ("ICCID", {"iccid": "8934076500002589174123"}),
        ("IMEI", {"imei": "abc"}),
        ("IMEI", {"imei": IMEI[:-1] + str((int(IMEI[-1]) + 1) % 10)}),
        ("IMEI", {"imei": IMEI[:-1]}),
    ],
)
def test_a_number_that_cannot_be_is_not_taken_over_and_noted(world, fact, told):
    device, session = world.online(BORON)
    session.describe(SYSTEM, extra=told)
    assert (world.now(device).iccid, world.now(device).imei) == (None, None)
    (noted,) = world.cloud.device_log.disbelieved
    (value,) = told.values()
    assert (noted.device_id, noted.fact, noted.value) == (device.id, fact, value)
    assert str(noted).startswith(f"10.0.0.7:40000, device {device.id}: its {fact} was not taken over: '{value}' is no {fact}: ")
    session.describe(SYSTEM, extra={"iccid": ICCID, "imei": IMEI})
    assert (world.now(device).iccid, world.now(device).imei) == (ICCID, IMEI), "what is wrong once does not stay"


def test_an_identity_that_is_no_iccid_is_noted(world):
    device, session = world.online(BORON)
    session.event("spark/device/ident/0", "123")
    assert world.now(device).iccid is None
    assert [noted.value for noted in world.cloud.device_log.disbelieved] == ["123"]


@pytest.mark.parametrize("told", [{"iccid": ICCID}, {"imei": IMEI}])
def test_a_sim_or_modem_that_is_a_claim_code_claims_the_device_that_turns_out_to_have_it(world, told):
    u1 = world.user()
    offer = world.cloud.claim_codes.create(u1, **told)
    device, session = world.online(BORON, describe=False)
    session.describe(extra={})
    assert (offer.code, world.owner(device)) == (next(iter(told.values())), None)
    session.describe(extra=told)
    assert world.owner(device) == "u1@example.com"


def test_a_device_connects_though_a_code_for_its_modem_is_too_old(world):
    world.cloud.claim_codes.create(world.user(), imei=IMEI)
    world.pass_time(86_400)
    device = world.device(BORON, imei=IMEI)
    assert not world.connect(device).closed
    assert world.owner(device) is None


def test_a_banned_modem_is_told_why_it_gets_no_further(world):
    device = world.device(BORON, imei=IMEI)
    world.cloud.factory.ban_imei(IMEI)
    session = world.connect(device)
    assert (session.closed, session.close_reason) == (True, "the modem's IMEI is banned from the network")


def test_a_description_is_a_sign_of_life(world):
    device, session = world.online(describe=False)
    world.pass_time(5)
    session.describe()
    assert world.cloud.connections.presence(device.id).last_heard == world.cloud.core.now()


def test_what_a_description_leaves_out_is_as_it_was_known(lamp):
    heard = lamp.hear(lamp.u1, "spark/device/app-hash")
    for left in (DescribedModule(1 << 17, function=ModuleFunction.USER_PART, index=1, version=6), SYSTEM):
        lamp.s.describe(left)
        known = lamp.now(lamp.d)
        assert (known.system_version, known.app_hash) == (2302, "00" * 32)
    assert heard == []


def test_a_first_description_without_an_application_is_no_event(world):
    u1 = world.user()
    device, session = world.online(describe=False)
    world.cloud.claims.claim(u1, device.id)
    heard = world.hear(u1)
    session.describe(SYSTEM)
    assert (world.now(device).app_hash, heard) == (None, [])


def test_the_modem_of_a_device_stays_and_its_sim_may_be_another(world):
    device, session = world.online()
    for iccid, imei in (("8934076500002589174", IMEI), ("8934076500002589182", "356938035643809")):
        session.describe(SYSTEM, extra={"iccid": iccid, "imei": imei})
    known = world.now(device)
    assert (known.iccid, known.last_iccid, known.imei) == ("8934076500002589182", "8934076500002589174", IMEI)


def test_a_short_hello_leaves_an_old_device_os_as_it_was_known(world):
    device = world.device()
    for system, believed in ((2302, 2302), (2999, 2999), (3000, None)):
        world.cloud.devices.learn(world.now(device), system_version=system)
        world.connect(device, describe=False).leave()
        assert world.now(device).system_version == believed
