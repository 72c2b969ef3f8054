"""Products, quarantine and releases with emulated boards: the whole way from Hello to the new firmware."""

import random

import pytest

from emulator.board.settings import StoredNetwork
from emulator.cloud import Principal
from emulator.factory import user_part
from particle_protocol.platforms import platform_by_name

PHOTON = platform_by_name("photon")
HOME = StoredNetwork("lab", 3, "secret123")
PRODUCT = 1234


@pytest.fixture
def cloud(bench):
    bench.lab.network.access_point("lab", "secret123")
    return bench.lab.cloud


@pytest.fixture
def owner(cloud) -> Principal:
    cloud.accounts.create("o@example.com", "secret")
    token = cloud.tokens.password_grant("particle", "particle", "o@example.com", "secret")
    return cloud.tokens.principal(token.token)


@pytest.fixture
def product(cloud, owner):
    return cloud.products.create(owner, "lamps", PHOTON.id, product_id=PRODUCT)


def standing(cloud, board, product):
    view = cloud.views.of(cloud.devices.by_id(board.device_id), product.id)
    return (view.device.product_id == product.id, view.quarantined, view.denied)


MEMBER, QUARANTINED, DENIED, NOTHING = (True, False, False), (False, True, False), (False, False, True), (False, False, False)


@pytest.mark.rule("R101", "R111")
def test_a_board_with_product_firmware_that_nobody_added_is_quarantined(bench, cloud, owner, product):
    board = bench.board(networks=[HOME], product=(PRODUCT, 1))
    bench.wait_led(board, "breathing cyan")
    assert cloud.devices.by_id(board.device_id).firmware_product_id == PRODUCT
    assert standing(cloud, board, product) == QUARANTINED


@pytest.mark.rule("R54", "R120")
def test_a_board_that_was_removed_comes_back_as_denied(bench, cloud, owner, product):
    board = bench.board(networks=[HOME], product=(PRODUCT, 1))
    cloud.members.add(owner, product.id, [board.device_id])
    bench.wait_led(board, "breathing cyan")
    cloud.members.remove(owner, product.id, board.device_id)
    board.power_off()
    bench.sleep(60)
    assert standing(cloud, board, product) == NOTHING
    board.power_on()
    bench.wait_led(board, "breathing cyan")
    assert standing(cloud, board, product) == DENIED


@pytest.mark.rule("R84", "R85", "R90", "R91")
@pytest.mark.parametrize(("running", "released"), [(1, 2), (2, 1)])
def test_a_board_is_brought_to_the_released_version_up_or_down(bench, cloud, owner, product, running, released):
    image = user_part(PHOTON, "2.3.1", product=(PRODUCT, released))
    cloud.releases.upload(owner, product.id, released, image)
    cloud.releases.seen_running(product.id, released)
    cloud.releases.release(owner, product.id, released, product_default=True)
    board = bench.board(networks=[HOME], product=(PRODUCT, running))
    cloud.members.add(owner, product.id, [board.device_id])
    told = []
    cloud.events.subscribe(owner, lambda event: told.append(event.data), "spark/flash/status", product=product.id)
    bench.wait_led(board, "breathing cyan")
    bench.lab.driver.wait(
        lambda: cloud.devices.by_id(board.device_id).firmware_version == released,
        [board.changed],
        timeout=300,
        awaited=f"version {released}",
        seen=lambda: str(told),
    )
    assert told == ["started", "success"]
    bench.wait_led(board, "breathing cyan")


@pytest.mark.rule("R22", "R58")
def test_claims_come_and_go_without_the_board_noticing(bench, cloud, owner):
    board = bench.board(networks=[HOME])
    bench.wait_led(board, "breathing cyan")
    shown = len(board.led.timeline)
    for _ in range(random.Random(1).randrange(3, 6)):
        cloud.claims.claim(owner, board.device_id)
        bench.sleep(30)
        cloud.claims.unclaim(owner, board.device_id)
        bench.sleep(30)
    assert len(board.led.timeline) == shown
    assert cloud.connections.online(board.device_id)
