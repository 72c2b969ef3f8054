"""Requests about the configuration in the DCT: claim code, keys, servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.device_os.cloud_transport import FORCE_TCP, cloud_transport
from emulator.device_os.control.handlers import NO_SUCH_FEATURE, Handler, Refused
from emulator.hardware import Transport
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import config_pb2
from particle_protocol.control_requests.messages import decode_message
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.identifiers import CLAIM_CODE_LENGTH

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

_KEYS = {
    1: DctField.DEVICE_PRIVATE_KEY,
    2: DctField.DEVICE_PUBLIC_KEY,
    3: DctField.SERVER_PUBLIC_KEY,
    4: DctField.ALT_DEVICE_PRIVATE_KEY,
    5: DctField.ALT_DEVICE_PUBLIC_KEY,
    6: DctField.ALT_SERVER_PUBLIC_KEY,
}
_SERVERS: dict[int, DctField] = {config_pb2.TCP_PROTOCOL: DctField.SERVER_ADDRESS, config_pb2.UDP_PROTOCOL: DctField.ALT_SERVER_ADDRESS}


class ConfigRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._board = system.board
        self.handlers: dict[int, Handler] = {
            RequestType.SET_CLAIM_CODE: self._set_claim_code,
            RequestType.IS_CLAIMED: self._is_claimed,
        }

    def _set_claim_code(self, request: Request) -> None:
        code = decode_message(config_pb2.SetClaimCodeRequest, request.payload).code.encode()
        if not code:
            self._board.settings.write(DctField.CLAIM_CODE.offset, b"\0")
        elif len(code) != CLAIM_CODE_LENGTH:
            raise Refused(Result.INVALID_ARGUMENT)
        else:
            self._board.settings.put(DctField.CLAIM_CODE, code)
        request.reply(Result.OK)

    def _is_claimed(self, request: Request) -> None:
        request.reply(Result.OK, b"\x08\x01" if self._board.settings.get(DctField.CLAIMED) == b"1" else b"")


class ServerRequests:
    """Keys and servers, which Gen 2 takes by request and later boards over DFU only; by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._board = system.board
        self.handlers: dict[int, Handler] = {
            RequestType.SET_SECURITY_KEY: self._set_key,
            RequestType.GET_SECURITY_KEY: self._get_key,
            RequestType.SET_SERVER_ADDRESS: self._set_server,
            RequestType.GET_SERVER_ADDRESS: self._get_server,
            RequestType.SET_SERVER_PROTOCOL: self._set_protocol,
            RequestType.GET_SERVER_PROTOCOL: self._get_protocol,
        }

    def _set_key(self, request: Request) -> None:
        wanted = decode_message(config_pb2.SetSecurityKeyRequest, request.payload)
        field = _key_field(wanted.type)
        if len(wanted.data) > field.size:
            raise Refused(Result.TOO_LARGE)
        self._board.settings.write(field.offset, wanted.data)
        request.reply(Result.OK)

    def _get_key(self, request: Request) -> None:
        wanted = decode_message(config_pb2.GetSecurityKeyRequest, request.payload)
        reply = config_pb2.GetSecurityKeyReply(data=self._board.settings.get(_key_field(wanted.type)))
        request.reply(Result.OK, reply.SerializeToString())

    def _set_server(self, request: Request) -> None:
        wanted = decode_message(config_pb2.SetServerAddressRequest, request.payload)
        try:
            record = ServerAddress(wanted.address, wanted.port or None).encode()
        except ValueError:
            raise Refused(Result.INVALID_ARGUMENT) from None
        self._board.settings.write(_server_field(wanted.protocol).offset, record)
        request.reply(Result.OK)

    def _get_server(self, request: Request) -> None:
        wanted = decode_message(config_pb2.GetServerAddressRequest, request.payload)
        address = ServerAddress.decode(self._board.settings.get(_server_field(wanted.protocol)))
        if address is None:
            raise Refused(Result.NOT_FOUND)
        reply = config_pb2.GetServerAddressReply(address=address.host, port=address.port or 0)
        request.reply(Result.OK, reply.SerializeToString())

    def _set_protocol(self, request: Request) -> None:
        """Which protocol a board speaks to the cloud can be chosen where UDP is its own; to others, both are features they have not."""
        wanted = decode_message(config_pb2.SetServerProtocolRequest, request.payload).protocol
        if wanted not in _SERVERS:
            raise Refused(Result.NOT_SUPPORTED)
        if self._board.hardware.server.transport is not Transport.UDP:
            raise Refused(NO_SUCH_FEATURE)
        forced = wanted == config_pb2.TCP_PROTOCOL
        self._board.settings.put(DctField.CLOUD_TRANSPORT, FORCE_TCP if forced else b"\xff")
        request.reply(Result.OK)

    def _get_protocol(self, request: Request) -> None:
        tcp = cloud_transport(self._board) is Transport.TCP
        reply = config_pb2.GetServerProtocolReply(protocol=config_pb2.TCP_PROTOCOL if tcp else config_pb2.UDP_PROTOCOL)
        request.reply(Result.OK, reply.SerializeToString())


def _key_field(kind: int) -> DctField:
    field = _KEYS.get(kind)
    if field is None:
        raise Refused(Result.INVALID_ARGUMENT)
    return field


def _server_field(protocol: int) -> DctField:
    field = _SERVERS.get(protocol)
    if field is None:
        raise Refused(Result.INVALID_ARGUMENT)
    return field
