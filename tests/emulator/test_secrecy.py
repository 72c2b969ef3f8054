"""What is secret in a served Lab comes from the operating system; in virtual time all of it comes from the seed."""

from __future__ import annotations

import random

import pytest

from emulator.board_spec import BoardSpec
from emulator.cloud import Storage
from emulator.cloud.keys import KeptKey
from emulator.cloud.records import Owner, OwnerKind
from emulator.cloud.storage import StateFileError
from emulator.lab import Lab
from particle_protocol.dct import DctField


def secrets_of(lab):
    """One of each kind of secret that a Lab has, by what it is."""
    return lab.driver.call(_secrets_of, lab)


def _secrets_of(lab):
    cloud = lab.cloud
    user = cloud.accounts.create("u@example.com", "secret")
    client = cloud.tokens.client(*cloud.settings.known_clients[0])
    token = cloud.tokens.issue_user(client, user, expires_at=None)
    who = cloud.tokens.principal(token.token)
    product = cloud.products.create(who, "lamp", 6)
    board = next(iter(lab.boards.values()))
    cloud.claims.give(cloud.devices.by_id(board.device_id), Owner(OwnerKind.USER, user.id))
    stream = Stream()
    lab.ports[0].accept(stream)
    return {
        "server key": lab.server_key.der,
        "server key for UDP": lab.udp_server_key.der,
        "key that moves boards": lab.mover_key.der,
        "device key for UDP": lab.secrecy.udp_device_key(7).der,
        "device key": board.settings.get(DctField.DEVICE_PRIVATE_KEY),
        "mobile secret": board.identity.mobile_secret,
        "handshake nonce": bytes(stream.sent),
        "session keys": lab.device_service.rng.randbytes(40),
        "access token": token.token,
        "refresh token": token.refresh_token,
        "password salt": user.password_hash,
        "claim code": cloud.claim_codes.create(who).code,
        "client secret": cloud.clients.create(who, "app", product=product.id).secret,
        "second factor": cloud.accounts.mfa_begin(who).secret,
        "unprotection nonce": cloud.protection.prepare(who, board.device_id),
        "unprotection key": cloud.protection.key.private_numbers().private_value,
        "random seed of a device": cloud.core.names.token(),
    }


class Stream:
    """A connection that keeps what is sent to it."""

    peer = "192.0.2.9:1"

    def __init__(self):
        self.sent = bytearray()

    def write(self, data):
        self.sent += data

    def close(self):
        pass


def opened(**more):
    with Lab(seed=3, **more) as lab:
        lab.add_board(BoardSpec(mode="off"))
        return secrets_of(lab)


def test_no_secret_of_a_served_lab_comes_again_with_the_same_seed():
    first, second = opened(served=True), opened(served=True)
    assert [name for name in first if first[name] == second[name]] == []


def test_every_secret_comes_again_in_virtual_time():
    assert opened() == opened()


def generators(root):
    """Every `random.Random` in what belongs to the cloud, with the way to it."""
    seen, found, waiting = set(), [], [(root, "")]
    while waiting:
        each, way = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, random.Random):
            found.append((way, each))
        elif isinstance(each, dict):
            waiting += [(value, f"{way}[{key!r}]") for key, value in each.items()]
        elif isinstance(each, (list, tuple, set, frozenset)):
            waiting += [(value, f"{way}[]") for value in each]
        elif type(each).__module__.startswith("emulator.cloud"):
            names = [name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())]
            names += list(getattr(each, "__dict__", ()))
            waiting += [(getattr(each, name), f"{way}.{name}") for name in names if hasattr(each, name)]
    return found


DRAW_NO_SECRETS = {"[].trouble._rng"}
"""Generators that only say which requests a test's faults strike."""


@pytest.mark.parametrize("served", [True, False])
def test_nothing_in_a_served_cloud_holds_a_generator_that_a_seed_started(served):
    with Lab(served=served) as lab:
        found = generators([lab.cloud, lab.device_service])
    found = [(way, each) for way, each in found if way not in DRAW_NO_SECRETS]
    assert found
    seeded = {way for way, each in found if not isinstance(each, random.SystemRandom)}
    assert seeded == (set() if served else {way for way, _ in found})


def test_what_boards_and_people_were_given_is_kept_with_the_state(tmp_path):
    kept = []
    for _ in range(2):
        with Lab(seed=3, served=True, storage=Storage(tmp_path / "cloud.db")) as lab:
            board = lab.add_board(BoardSpec(mode="off"))
            kept.append((lab.server_key.public_der, board.identity.mobile_secret))
            assert lab.cloud.devices.by_id(board.device_id).mobile_secret == board.identity.mobile_secret
    assert kept[0] == kept[1]


def test_a_state_whose_server_key_is_damaged_is_refused(tmp_path):
    storage = Storage(tmp_path / "cloud.db")
    with Lab(served=True, storage=storage) as lab:
        lab.driver.call(_damage, lab.cloud)
    with pytest.raises(StateFileError, match="server key cannot be used"):
        Lab(served=True, storage=Storage(tmp_path / "cloud.db"))


def _damage(cloud):
    with cloud.core.change():
        cloud.core.state.tables["server_keys"].put(KeptKey("device service", b"nonsense"))
