"""How and where a board reaches its cloud: the transport, the server's address, and the keys, as the DCT has them.

A board has what it needs for one transport or, where UDP can be given up for TCP, for both: two sets of fields in the DCT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from emulator.board.board import Board
from emulator.device_os.cloud_link import StreamIdentity
from emulator.device_os.device_key import device_key, has_key, stored_key
from emulator.hardware import Hardware, Transport
from particle_protocol import dtls, lightssl
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.key_kinds import KeyKind
from particle_protocol.platforms import OsVersion

KEY_KINDS: Final = {Transport.TCP: KeyKind.RSA, Transport.UDP: KeyKind.P256}
FORCE_TCP: Final = b"\x00"
"""In `DctField.CLOUD_TRANSPORT` (Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/inc/dct.h)."""
TCP_SERVER: Final = ("device.spark.io", 5683)
"""Where a board goes that was switched from UDP to TCP (particle-cli 3.49.2, src/cmd/keys.js:340-371)."""
_ID: Final = "$id"


@dataclass(frozen=True, slots=True)
class TransportFields:
    """The fields of the DCT that belong to one transport."""

    device_key: DctField
    server_key: DctField
    server: DctField


FIELDS: Final = {
    Transport.TCP: TransportFields(DctField.DEVICE_PRIVATE_KEY, DctField.SERVER_PUBLIC_KEY, DctField.SERVER_ADDRESS),
    Transport.UDP: TransportFields(DctField.ALT_DEVICE_PRIVATE_KEY, DctField.ALT_SERVER_PUBLIC_KEY, DctField.ALT_SERVER_ADDRESS),
}


def transports_of(hardware: Hardware) -> tuple[Transport, ...]:
    """The transports that boards of a platform can take, the usual one first. Boards of generation 2 that have UDP have TCP, too."""
    usual = hardware.server.transport
    return (usual,) if usual is Transport.TCP or hardware.platform.generation > 2 else (usual, Transport.TCP)


def check_transport(hardware: Hardware, chosen: Transport | None, server_key: bytes | None) -> None:
    """See that a board can take a transport (None: its usual one), and that the key of its server (None: the Lab's) is for that.

    Raises:
        ValueError: it cannot, or the key is of the other kind.
    """
    all_of_it = transports_of(hardware)
    name = hardware.platform.display_name
    if chosen is not None and chosen not in all_of_it:
        raise ValueError(f"{name} speaks {all_of_it[0].name} to its cloud, and cannot be told to speak {chosen.name}")
    transport = all_of_it[0] if chosen is None else chosen
    wanted = KEY_KINDS[transport]
    if server_key is not None and KeyKind.of(server_key) is not wanted:
        raise ValueError(f"{name} speaks {transport.name} here, for which the server's public key has to be {wanted.value}")


def cloud_transport(board: Board) -> Transport:
    """The transport that the next connection takes: the usual one, unless a byte in the DCT forces TCP on a board that has both."""
    usual, *others = transports_of(board.hardware)
    return others[0] if others and board.settings.get(DctField.CLOUD_TRANSPORT) == FORCE_TCP else usual


def cloud_server(board: Board, transport: Transport, version: OsVersion) -> tuple[str, int]:
    """Host and port of the server: those in the DCT, else the ones that the firmware knows.

    `$id` at the beginning of a name stands for the device's id and the major version (6.2.0, system_cloud_internal.cpp:795-817).
    """
    usual = board.hardware.server
    host, port = (usual.host, usual.port) if usual.transport is transport else TCP_SERVER
    stored = ServerAddress.decode(board.settings.get(FIELDS[transport].server))
    if stored is not None:
        host, port = stored.host, port if stored.port is None else stored.port
    return host.replace(_ID, f"{board.device_id}.v{version[0]}"), port


def any_device(host: str) -> str:
    """A server's name for every device, as `Network.names` takes it."""
    return host.replace(_ID, "*")


def lacks_key(board: Board) -> bool:
    """Whether the device key for the transport of the next connection is still to be made."""
    return not has_key(board, FIELDS[cloud_transport(board)].device_key)


def make_key(board: Board) -> None:
    """Make the key that is missing."""
    if cloud_transport(board) is Transport.TCP:
        device_key(board)
    else:
        _datagram_key(board)


def stream_identity(board: Board) -> StreamIdentity:
    """Who the board is over TCP. A key that is missing is made.

    Raises:
        lightssl.KeyFault: a key in the DCT cannot be read.
    """
    fields = FIELDS[Transport.TCP]
    server = lightssl.ServerPublicKey.from_der(board.settings.get(fields.server_key))
    return StreamIdentity(bytes.fromhex(board.device_id), device_key(board), server)


def datagram_identity(board: Board) -> tuple[dtls.DeviceIdentity, int]:
    """Who the board is over UDP, and what ties a session to its keys. A key that is missing is made.

    Raises:
        dtls.KeyFault: a key in the DCT cannot be read.
    """
    fields = FIELDS[Transport.UDP]
    private = _datagram_key(board)
    server = board.settings.get(fields.server_key)
    identity = dtls.DeviceIdentity(bytes.fromhex(board.device_id), dtls.PrivateKey.from_der(private), dtls.PublicKey.from_der(server))
    return identity, dtls.keys_checksum(server, private)


def _datagram_key(board: Board) -> bytes:
    return stored_key(board, FIELDS[Transport.UDP].device_key, lambda: dtls.PrivateKey.generate().der)
