"""The kit for product work: a fleet's life, from a tray of ids to a customer, in the words a test would use."""

from dataclasses import replace

import pytest

from firmware_images.module import read_module
from harness.board import Board
from harness.boards import open_boards
from harness.cloud import Cloud
from harness.errors import ChangesNotAllowed, CloudRefused, HarnessError, ImageRefused, NotReached
from harness.kit import Product, Standing, product_firmware
from harness.modes import Mode
from harness.releases import RealReleases
from harness.starting import Start


@pytest.fixture
def rig():
    (made,) = open_boards(["emu:photon"])
    yield made
    made.close()


@pytest.fixture
def board(rig):
    return rig.boards[0]


@pytest.fixture
def account(rig):
    cloud = Cloud(rig.cloud)
    yield cloud.own_account()
    cloud.close()


@pytest.fixture
def product(account):
    return Product.create(account, "Lamp", "photon")


def online(rig, board, account):
    board.account = account
    Start(Mode.ONLINE).bring(board, rig.wifi)


def test_a_product_is_found_by_its_slug_and_its_id(account, product):
    assert (product.slug, product.platform_id) == ("lamp", 6)
    for name in (product.slug, product.id):
        assert Product.find(account, name).id == product.id
    with pytest.raises(CloudRefused):
        Product.find(account, "nothing-v1")


def test_a_life_in_a_product(rig, board, account, product):
    """Pre-added, claimed while offline, versions 1 and 2, locked and flashed, unclaimed, removed."""
    product.add_devices(board.device_id)
    account.claim(board.device_id)
    application = board.releases.application()
    for version in (1, 2):
        assert product.upload(product.firmware(application, version), version).version == version
    online(rig, board, account)
    with board.updating():
        product.lock(board.device_id, 2, flash=True)
    board.wait_for(Mode.ONLINE)
    assert product.device(board.device_id).online
    assert [each.version for each in product.versions()] == [2, 1]
    product.release(2)
    assert [each.released for each in product.versions()] == [True, False]
    product.unlock(board.device_id)
    product.unclaim(board.device_id)
    assert product.device(board.device_id).owner is None
    product.remove_device(board.device_id)
    assert product.devices() == []


def test_what_a_device_is_to_a_product(rig, board, account, product):
    """A board whose firmware names a product that does not know it waits there until somebody lets it in, or turns it away."""
    assert product.standing(board.device_id) == Standing.NOTHING
    board.flash(product.firmware(board.releases.application(), 1))
    online(rig, board, account)
    assert product.standing(board.device_id) == "quarantined"
    product.remove_device(board.device_id, deny=True)
    assert product.standing(board.device_id) == Standing.DENIED
    product.add_devices(board.device_id)
    assert product.standing(board.device_id) == Standing.MEMBER
    product.remove_device(board.device_id)
    assert product.standing(board.device_id) == Standing.NOTHING


def test_a_version_is_waited_for_and_what_runs_instead_is_told(rig, board, account, product):
    product.add_devices(board.device_id)
    application = board.releases.application()
    for version in (1, 2):
        product.upload(product.firmware(application, version), version)
    board.flash(product.firmware(application, 1))
    online(rig, board, account)
    product.lock(board.device_id, 2)
    with pytest.raises(NotReached, match=r"to run version 2 of product lamp .*; seen: version 1, online"):
        product.wait_for_version(board.device_id, 2, timeout=30)
    product.lock(board.device_id, 2, flash=True)
    assert product.wait_for_version(board.device_id, 2).online


def test_a_product_without_quarantine_takes_whatever_names_it(rig, board, account):
    product = Product.create(account, "open", "photon", quarantine=False)
    board.flash(product.firmware(board.releases.application(), 1))
    online(rig, board, account)
    assert product.standing(board.device_id) == Standing.MEMBER


def test_what_a_product_does_not_take_is_named(product, board):
    with pytest.raises(HarnessError, match=r"did not take every device; seen: .*: not-an-id"):
        product.add_devices(board.device_id, "not-an-id")
    assert [device.id for device in product.devices()] == [board.device_id]


def test_groups_and_development_devices(product, board):
    product.add_devices(board.device_id)
    product.create_group("kitchen")
    product.set_groups(board.device_id, "kitchen")
    product.mark_development(board.device_id)
    assert product.account.request("GET", f"/v1/products/{product.id}/devices/{board.device_id}")["groups"] == ["kitchen"]


def test_a_team_sees_that_the_code_of_a_customer_was_used(rig, board, account, product):
    customer = product.sign_up("ann@example.com", "a long enough secret")
    product.add_devices(board.device_id)
    board.account = account
    board.set_claim_code(customer.claim_code())
    with pytest.raises(NotReached, match="its claim code to be used"):
        board.wait_for_code_used(timeout=1)
    online(rig, board, account)
    board.wait_for_code_used()
    assert product.device(board.device_id).owner == "ann@example.com"


def test_a_customer_claims_a_board_by_code(rig, board, account, product):
    customer = product.sign_up("ann@example.com", "a long enough secret")
    product.add_devices(board.device_id)
    code = customer.claim_code()
    board.set_claim_code(code)
    online(rig, board, account)
    board.wait_for_code_used()
    assert [device.id for device in customer.account.devices()] == [board.device_id]
    assert product.customers() == ["ann@example.com"]
    assert product.device(board.device_id).owner == "ann@example.com"


def test_an_image_gets_the_product_and_the_version(board):
    image = read_module(product_firmware(board.releases.application(), 1234, 7))
    assert (image.suffix.product_id, image.suffix.product_version, image.crc_ok) == (1234, 7, True)


class TestARealCloud:
    """Somebody else's cloud is changed only where that was allowed."""

    @pytest.fixture
    def account(self, rig):
        cloud = Cloud(rig.cloud)
        made = cloud.own_account()
        cloud.target = replace(cloud.target, ours=False, allow_changes=False)
        yield made
        cloud.close()

    def test_nothing_is_changed_without_being_allowed(self, account):
        with pytest.raises(ChangesNotAllowed, match="create product 'Lamp' in the cloud at"):
            Product.create(account, "Lamp", "photon")
        with pytest.raises(ChangesNotAllowed, match="PUT /v1/user in the cloud at"):
            account.request("PUT", "/v1/user", json={})
        assert account.request("GET", "/v1/user")["username"]

    def test_it_is_once_it_is(self, account):
        account.cloud.target = replace(account.cloud.target, allow_changes=True)
        assert Product.create(account, "Lamp", "photon").id


def test_a_file_is_as_good_as_its_bytes(rig, board, account, product, tmp_path):
    online(rig, board, account)
    account.claim(board.device_id)
    path = tmp_path / "lamp.bin"
    path.write_bytes(product.firmware(board.releases.application(), 1))
    assert product.upload(path, 1).version == 1
    account.flash(board.device_id, path)
    with pytest.raises(ImageRefused, match=r"none\.bin"):
        account.flash(board.device_id, tmp_path / "none.bin")


def test_a_board_without_releases_of_its_kind_has_the_real_ones(board):
    plain = Board(board.host, board.platform, board.device_id, moniker="x", port=board.port)
    assert isinstance(plain.releases, RealReleases)


def test_a_product_is_emptied_for_the_next_one(rig, board, account, product):
    customer = product.sign_up("ann@example.com", "a long enough secret")
    product.add_devices(board.device_id)
    board.set_claim_code(customer.claim_code())
    online(rig, board, account)
    board.wait_for_code_used()
    other = Product.create(account, "Other", "photon")
    with pytest.raises(HarnessError, match="did not take every device"):
        other.add_devices(board.device_id)
    product.empty()
    assert (product.devices(), customer.account.devices()) == ([], [])
    other.add_devices(board.device_id)
