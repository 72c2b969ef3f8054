"""Which way a board takes to its cloud, and which keys and servers it has for it."""

import pytest

from emulator.board_spec import BoardSpec
from emulator.device_os.cloud_transport import cloud_server, datagram_identity, stream_identity
from emulator.lab import Lab
from particle_protocol.cloud_profiles import Transport
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.dtls import PrivateKey
from particle_protocol.key_kinds import KeyKind


@pytest.fixture
def lab():
    with Lab() as made:
        yield made


def test_a_new_board_has_the_keys_of_its_transports_and_the_cloud_knows_them(lab):
    electron = lab.add_board(BoardSpec(platform="electron", mode="off"))
    boron = lab.add_board(BoardSpec(platform="boron", mode="off"))
    photon = lab.add_board(BoardSpec(mode="off"))
    known = lab.cloud.devices.by_id
    identity, _ = datagram_identity(electron)
    assert known(electron.device_id).key_of(KeyKind.P256) == identity.key.public_der
    assert known(electron.device_id).key_of(KeyKind.RSA) == stream_identity(electron).key.public_der
    assert known(electron.device_id).public_key == identity.key.public_der, "the usual one first"
    assert identity.server_key.der == lab.udp_server_key.public_der
    assert known(boron.device_id).key_of(KeyKind.RSA) is None
    assert known(photon.device_id).key_of(KeyKind.P256) is None
    assert photon.settings.get(DctField.ALT_DEVICE_PRIVATE_KEY)[0] == 0xFF


def test_a_key_that_is_missing_is_made_and_kept(lab):
    board = lab.add_board(BoardSpec(platform="boron", mode="off"))
    board.settings.write(DctField.ALT_DEVICE_PRIVATE_KEY.offset, b"\xff" * 192)
    made, _ = datagram_identity(board)
    assert PrivateKey.from_der(board.settings.get(DctField.ALT_DEVICE_PRIVATE_KEY)).public_der == made.key.public_der
    assert datagram_identity(board)[0].key.public_der == made.key.public_der


def test_the_server_is_the_one_in_the_settings_or_the_one_that_firmware_knows(lab):
    board = lab.add_board(BoardSpec(platform="electron", mode="off"))
    assert cloud_server(board, Transport.UDP, (2, 3, 1)) == (f"{board.device_id}.v2.udp.particle.io", 5684)
    assert cloud_server(board, Transport.TCP, (2, 3, 1)) == ("device.spark.io", 5683)
    field = DctField.ALT_SERVER_ADDRESS
    board.settings.write(field.offset, ServerAddress("$id.cloud.example").encode())
    assert cloud_server(board, Transport.UDP, (6, 2, 0)) == (f"{board.device_id}.v6.cloud.example", 5684)
    board.settings.write(field.offset, ServerAddress("192.0.2.7", 1234).encode())
    assert cloud_server(board, Transport.UDP, (6, 2, 0)) == ("192.0.2.7", 1234)


@pytest.mark.parametrize(
    ("platform", "transport", "says"),
    [("photon", Transport.UDP, "Photon speaks TCP"), ("boron", Transport.TCP, "cannot be told to speak TCP")],
)
def test_a_board_without_a_choice_cannot_be_told(lab, platform, transport, says):
    with pytest.raises(ValueError, match=says):
        lab.add_board(BoardSpec(platform=platform, transport=transport))


def test_a_foreign_clouds_key_has_to_be_of_the_transports_kind(lab):
    rsa, server = lab.server_key.public.der, ServerAddress("192.0.2.9", 5684)
    with pytest.raises(ValueError, match="Boron speaks UDP here, for which the server's public key has to be P-256"):
        lab.add_board(BoardSpec(platform="boron", server=server, server_key=rsa))
    electron = lab.add_board(BoardSpec(platform="electron", server=server, server_key=rsa, transport=Transport.TCP, mode="off"))
    assert ServerAddress.decode(electron.settings.get(DctField.SERVER_ADDRESS)) == server
