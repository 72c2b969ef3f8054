"""What the checks share: a network to join, images to flash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_images.build import build_module
from firmware_images.fields import Dependency
from firmware_images.module import read_module
from harness.board import Board
from harness.cloud import Account, WifiNetwork
from harness.errors import ImageRefused
from harness.kit import Customer, Product, Standing
from harness.loading import load
from harness.modes import Capability, UsbState
from harness.releases import application_file
from particle_protocol.platforms import ModuleFunction, ModuleKey


@pytest.fixture
def network(request: pytest.FixtureRequest, board: Board) -> WifiNetwork | None:
    """What the run has for the board to join: a Wi-Fi network, unless its interface needs none."""
    lacking = board.network.lacks(None)
    if lacking is None or lacking.capability is not Capability.WIFI:
        if lacking is not None and lacking.capability is Capability.CLOUD:
            request.getfixturevalue("account")
        return None
    found: WifiNetwork = request.getfixturevalue("wifi")
    return found


@pytest.fixture
def product(board: Board, account: Account) -> Iterator[Product]:
    """A product for boards like this one. Products are not deleted, so an account gets one for each platform, and checks take it again."""
    name = f"hil-check-{board.platform.name}"
    found = next((each for each in Product.all(account) if each.slug == name), None)
    product = found if found is not None else Product.create(account, name, board.platform.name)
    yield product
    if product.standing(board.device_id) is not Standing.NOTHING:
        product.remove_device(board.device_id)


@pytest.fixture
def customer(board: Board, product: Product) -> Iterator[Customer]:
    """A customer of that product, who is gone after the check."""
    email = f"hil-{board.device_id}@example.com"
    if email in product.customers():
        product.delete_customer(email)
    yield product.sign_up(email, "a long enough secret")
    product.delete_customer(email)


@pytest.fixture
def application(board: Board) -> bytes | Path:
    """An application for this board: Tinker."""
    try:
        return application_file(board)
    except ImageRefused as error:
        pytest.skip(str(error))


@pytest.fixture
def application_key(application: bytes | Path) -> ModuleKey:
    """Which user part that application is: where it belongs depends on the Device OS that it is for."""
    prefix = read_module(load(application)[1]).prefix
    return ModuleKey(prefix.function, prefix.index)


@pytest.fixture
def unmet_application(board: Board, application_key: ModuleKey) -> bytes:
    """An empty application in its place that asks for a system part which nobody has: it is flashed, and never runs."""
    needs = Dependency(ModuleFunction.SYSTEM_PART, 1, 0xFFFE)
    return build_module(board.platform.id, application_key.function, application_key.index, 6, dependencies=(needs,), body=b"unmet")


@pytest.fixture
def application_restored(board: Board, application: bytes | Path) -> Iterator[None]:
    """Put the application back afterwards, whatever became of the check."""
    yield
    if board.usb.state() is not UsbState.ABSENT:
        board.flash(application)
