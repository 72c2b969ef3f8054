"""Mails, deliveries of webhooks and events as things to wait for: bounded, each given once, with what was seen instead."""

import pytest

from harness.cloud import Cloud
from harness.errors import CloudRefused, CloudUnreachable, NotReached
from harness.fault_plan import FaultPlan
from harness.kit import Product, Webhook
from harness.modes import Mode
from particle_hil import images


@pytest.fixture
def rig(open_rig):
    return open_rig("emu:photon?claimed=1&mode=online")


@pytest.fixture
def cloud(rig):
    made = Cloud(rig.cloud)
    yield made
    made.close()


@pytest.fixture
def account(cloud):
    return cloud.own_account()


@pytest.fixture
def board(rig):
    return rig.boards[0]


def test_mails_are_waited_for_and_each_is_given_once(cloud, board, account):
    for name in ("ann", "ben"):
        friend = cloud.sign_up(f"{name}@example.com", "a long enough secret")
        friend.request("POST", "/v1/devices", json={"id": board.device_id, "request_transfer": True})
    first = account.mails.wait_for("transfer")
    assert (first.facts.keys() >= {"token"}, board.device_id in first.facts.values()) == (True, True)
    second = account.mails.wait_for("transfer", where=lambda mail: mail["token"] != first["token"])
    assert (second["token"] != first["token"], second.id > first.id) == (True, True)
    account.mails.answer(first, accept=True)
    assert account.find(board.device_id) is None
    with pytest.raises(CloudRefused) as refused:
        account.mails.answer(first, accept=True)
    assert refused.value.status == 404
    with pytest.raises(NotReached) as caught:
        account.mails.wait_for("transfer", timeout=5)
    assert f"waited for a mail to {account.username} about 'transfer', but not within 5 s; seen: mails about " in str(caught.value)


def test_deliveries_of_a_webhook_are_waited_for_with_what_came_of_them(account):
    hook = Webhook.create(account, "said", "https://hooks.example/said", requestType="POST")
    with pytest.raises(NotReached, match=r"waited for a delivery of the webhook for 'said', but not within 3 s; seen: no deliveries"):
        hook.wait_for(timeout=3)
    for data in ("one", "two", "two"):
        account.publish("said/it", data)
    found = [hook.wait_for() for _ in range(3)]
    assert [("one" in each.body, each.event, each.status, each.method) for each in found] == [
        (True, "said/it", 200, "POST"),
        (False, "said/it", 200, "POST"),
        (False, "said/it", 200, "POST"),
    ]
    account.publish("said/it", "three")
    assert "three" in hook.wait_for(where=lambda delivery: "three" in delivery.body).body
    hook.delete()


def test_a_product_has_events_and_webhooks_of_its_own(rig, board, account):
    product = Product.create(account, "lamp", "photon")
    product.add_devices(board.device_id)
    hook = product.webhook("spark/status", "https://hooks.example/status")
    with product.events("spark/") as events, account.events() as own:
        board.reset()
        board.wait_for(Mode.ONLINE)
        event = events.wait_for("spark/status", timeout=60, where=lambda event: event.data == "online")
        assert event.device_id == board.device_id
        assert "spark/status" in {each.name for each in own.heard("spark/")}
        assert events.heard("nothing") == []
    assert hook.wait_for().event == "spark/status"


def test_a_stream_that_has_ended_says_so(rig, account):
    stream = account.events()
    account.publish("a")
    stream.wait_for("a", timeout=5)
    rig.boards[0].surroundings.begin(FaultPlan(outage=("cloud",)))()
    with pytest.raises(CloudUnreachable, match="ended"):
        stream.heard()
    stream.close()


def test_images_are_public(board):
    module = images.read_module(board.releases.application())
    newer = images.read_module(images.edit_module(module, images.Changes(product_id=20123, product_version=4)))
    assert (newer.suffix.product_id, newer.suffix.product_version) == (20123, 4)
    built = images.build_module(board.platform.id, images.ModuleFunction.USER_PART, version=7, body=b"x" * 64)
    assert images.is_sound(images.check_image(images.read_image(built), images.Target(platform_id=board.platform.id)))
    for name in images.__all__:
        assert getattr(images, name) is not None
