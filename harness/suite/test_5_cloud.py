"""What a board does in its cloud: for this it needs no USB, only an account that may claim it."""

from __future__ import annotations

import pytest

from harness.board import Board
from harness.cloud import Account
from harness.errors import CloudRefused
from harness.modes import Capability, Mode
from particle_protocol.platforms import Feature, parse_os_version

MISSING = "no_such_thing_1"
"""The name of a function and a variable that no application has."""


GOODBYE_SINCE = (2, 0, 0)
"""Device OS that tells the cloud when it leaves."""

TYPES = {"int32": (int,), "double": (int, float), "bool": (bool,), "string": (str,)}
"""What the values of a variable's types are."""


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_the_cloud_knows_what_it_is(board: Board, account: Account) -> None:
    """The cloud knows its platform and its Device OS version, and that it runs its application."""
    device = account.device(board.device_id)
    assert device.online
    assert device.platform_id == board.platform.id
    assert device.os_version == board.os_version()
    assert not device.in_safe_mode
    assert account.ping(board.device_id)


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_functions_are_called(board: Board, account: Account) -> None:
    """Functions of its application can be called; one that it has not is refused."""
    with pytest.raises(CloudRefused) as caught:
        account.call(board.device_id, MISSING)
    assert caught.value.status in (404, 408)
    device = account.device(board.device_id)
    if "digitalread" not in device.functions:
        pytest.skip(f"its application is not Tinker; it has the functions {', '.join(device.functions) or 'none'}")
    assert account.call(board.device_id, "digitalread", "D0") in (0, 1)


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_variables_are_read(board: Board, account: Account) -> None:
    """Each variable of its application is read as what it was announced; one that it has not is refused."""
    for name, kind in account.device(board.device_id).variables.items():
        assert isinstance(account.read(board.device_id, name), TYPES[kind]), name
    with pytest.raises(CloudRefused) as caught:
        account.read(board.device_id, MISSING)
    assert caught.value.status == 404


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_it_is_given_up_and_claimed_again(board: Board, account: Account) -> None:
    """An account gives it up and claims it again, while it stays online."""
    account.unclaim(board.device_id)
    assert account.find(board.device_id) is None
    account.claim(board.device_id)
    device = account.device(board.device_id)
    assert (device.owner, device.online) == (account.username, True)


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_it_is_found_by_its_name(board: Board, account: Account) -> None:
    """It is renamed, found by its new name, and given its old one back."""
    before, name = account.device(board.device_id).name, f"hil-{board.device_id[:8]}"
    account.rename(board.device_id, name)
    assert account.device(name).id == board.device_id
    if before:
        account.rename(board.device_id, before)


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_it_is_told_to_signal(board: Board, account: Account) -> None:
    """It takes the request to show a rainbow, and to stop it."""
    account.signal(board.device_id, on=True)
    if Capability.LED in board.capabilities:
        assert board.led.describe() == "rainbow"
    account.signal(board.device_id, on=False)
    board.wait_for(Mode.ONLINE)


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_status_events(board: Board, account: Account) -> None:
    """The cloud tells by events that a board comes online."""
    version = account.device(board.device_id).os_version
    if board.platform.has(Feature.UDP) and version is not None and parse_os_version(version) < GOODBYE_SINCE:
        pytest.skip("over UDP Device OS before 2.0.0 leaves without a word and goes on with its session: the cloud notices nothing")
    with account.events("spark/status") as events:
        board.reset()
        events.wait_for("spark/status", timeout=120, where=lambda event: event.device_id == board.device_id and event.data == "online")
