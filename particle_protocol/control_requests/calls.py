"""Requests with their messages, for the host: each is one generator that returns what was asked for (see `particle_protocol.usb`).

`call` carries out any request that has a message; the others are those a provisioning flow needs most, by their own name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.errors import RequestError
from particle_protocol.control_requests.host import DEFAULT_TIMEOUT, request
from particle_protocol.control_requests.messages import decode_message, decode_string, encode_string
from particle_protocol.usb import HostSteps

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from particle_protocol.control_requests.generated.storage_pb2 import GetAssetInfoReply, GetModuleInfoReply

    R = TypeVar("R", bound=Message)
else:
    R = TypeVar("R")


def call(request_type: int, message: Message | None, reply: type[R], *, timeout: float = DEFAULT_TIMEOUT) -> HostSteps[R]:
    """Carry out a request with a message, and read the reply as one of type `reply`.

    Raises:
        BadMessage: the reply is no such message.
        ControlRequestError: as `host.request`.
    """
    payload = b"" if message is None else message.SerializeToString()
    return decode_message(reply, (yield from request(request_type, payload, timeout=timeout)))


def get_device_id() -> HostSteps[str]:
    """The device id, 24 lower-case hex digits."""
    return decode_string((yield from request(RequestType.GET_DEVICE_ID)))


def get_serial_number() -> HostSteps[str]:
    """The serial number, up to 16 characters; empty on a board that has none."""
    return decode_string((yield from request(RequestType.GET_SERIAL_NUMBER)))


def get_system_version() -> HostSteps[str]:
    """The Device OS version: "2.3.1"."""
    return decode_string((yield from request(RequestType.GET_SYSTEM_VERSION)))


def is_listening() -> HostSteps[bool]:
    """Whether the board is in listening mode (request GET_DEVICE_MODE)."""
    from particle_protocol.control_requests.generated.system_pb2 import LISTENING_MODE, GetDeviceModeReply

    reply = yield from call(RequestType.GET_DEVICE_MODE, None, GetDeviceModeReply)
    return bool(reply.mode == LISTENING_MODE)


def start_listening() -> HostSteps[None]:
    """Enter listening mode. That the board listens already is no error."""
    try:
        yield from request(RequestType.START_LISTENING)
    except RequestError as error:
        if error.result != Result.INVALID_STATE:
            raise


def stop_listening() -> HostSteps[None]:
    """Leave listening mode."""
    yield from request(RequestType.STOP_LISTENING)


def reset() -> HostSteps[None]:
    """Reset the board. It acts one second after the answer; so do the other requests that reset."""
    yield from request(RequestType.RESET)


def factory_reset() -> HostSteps[None]:
    """Restore the factory firmware, where there is one."""
    yield from request(RequestType.FACTORY_RESET)


def enter_dfu_mode() -> HostSteps[None]:
    """Reset into DFU mode. The board comes back with another USB identity."""
    yield from request(RequestType.DFU_MODE)


def enter_safe_mode() -> HostSteps[None]:
    """Reset into safe mode."""
    yield from request(RequestType.SAFE_MODE)


def set_setup_done(done: bool = True) -> HostSteps[None]:
    """Mark the board as set up, or as not; boards answer NOT_SUPPORTED where the mark means nothing."""
    from particle_protocol.control_requests.generated.system_pb2 import SetDeviceSetupDoneRequest

    yield from request(RequestType.SET_DEVICE_SETUP_DONE, SetDeviceSetupDoneRequest(done=done).SerializeToString())


def set_claim_code(code: str) -> HostSteps[None]:
    """Hand the board a claim code, which it gives to the cloud when it connects next."""
    yield from request(RequestType.SET_CLAIM_CODE, encode_string(code))


def get_security_key(kind: int) -> HostSteps[bytes]:
    """What the board keeps of a key, with what stands behind it in its field. `kind`: 1 to 6 (config.proto, SecurityKeyType)."""
    from particle_protocol.control_requests.generated.config_pb2 import GetSecurityKeyReply, GetSecurityKeyRequest

    message = GetSecurityKeyRequest(type=kind)  # type: ignore[arg-type]  # an enum is a number on the wire
    return bytes((yield from call(RequestType.GET_SECURITY_KEY, message, GetSecurityKeyReply)).data)


def set_security_key(kind: int, data: bytes) -> HostSteps[None]:
    """Have the board keep other bytes of a key, from the beginning of its field on."""
    from particle_protocol.control_requests.generated.config_pb2 import SetSecurityKeyRequest

    message = SetSecurityKeyRequest(type=kind, data=data)  # type: ignore[arg-type]
    yield from request(RequestType.SET_SECURITY_KEY, message.SerializeToString())


def uses_tcp() -> HostSteps[bool]:
    """Whether a board that has UDP was told to use TCP."""
    from particle_protocol.control_requests.generated.config_pb2 import TCP_PROTOCOL, GetServerProtocolReply

    return bool((yield from call(RequestType.GET_SERVER_PROTOCOL, None, GetServerProtocolReply)).protocol == TCP_PROTOCOL)


def use_tcp(tcp: bool) -> HostSteps[None]:
    """Tell a board that has UDP to use TCP, or its own way again."""
    from particle_protocol.control_requests.generated.config_pb2 import TCP_PROTOCOL, UDP_PROTOCOL, SetServerProtocolRequest

    message = SetServerProtocolRequest(protocol=TCP_PROTOCOL if tcp else UDP_PROTOCOL)
    yield from request(RequestType.SET_SERVER_PROTOCOL, message.SerializeToString())


def is_claimed() -> HostSteps[bool]:
    """Whether the board believes that it is claimed; the cloud may know better."""
    from particle_protocol.control_requests.generated.config_pb2 import IsClaimedReply

    return bool((yield from call(RequestType.IS_CLAIMED, None, IsClaimedReply)).claimed)


def get_module_info() -> HostSteps[GetModuleInfoReply]:
    """The modules on the board: `legacy_modules` before Device OS 5.6.0, `modules` since."""
    from particle_protocol.control_requests.generated.storage_pb2 import GetModuleInfoReply

    return (yield from call(RequestType.GET_MODULE_INFO, None, GetModuleInfoReply))


def get_asset_info() -> HostSteps[GetAssetInfoReply]:
    """The assets that the board has (`available`), and those that its application asks for (`required`). Since Device OS 5.6.0."""
    from particle_protocol.control_requests.generated.storage_pb2 import GetAssetInfoReply

    return (yield from call(RequestType.GET_ASSET_INFO, None, GetAssetInfoReply))


def update_firmware(image: bytes, *, progress: Callable[[int, int], None] | None = None) -> HostSteps[None]:
    """Hand the board a module; it checks it, then applies it and resets once the answer is collected.

    `progress` is called with the bytes handed over and their total. On an error the board is told to drop the update.

    Raises:
        RequestError: the board refused the module; results -1300 to -1370 say why.
    """
    from particle_protocol.control_requests.generated.storage_pb2 import (
        FirmwareUpdateDataRequest,
        StartFirmwareUpdateReply,
        StartFirmwareUpdateRequest,
    )

    start = StartFirmwareUpdateRequest(size=len(image))
    chunk = (yield from call(RequestType.START_FIRMWARE_UPDATE, start, StartFirmwareUpdateReply)).chunk_size or 1024
    try:
        for at in range(0, len(image), chunk):
            data = FirmwareUpdateDataRequest(data=image[at : at + chunk])
            yield from request(RequestType.FIRMWARE_UPDATE_DATA, data.SerializeToString())
            if progress is not None:
                progress(min(at + chunk, len(image)), len(image))
        yield from request(RequestType.FINISH_FIRMWARE_UPDATE)
    except RequestError:
        with contextlib.suppress(RequestError):  # the first error is the one that tells
            yield from request(RequestType.CANCEL_FIRMWARE_UPDATE)
        raise


def has_ethernet() -> HostSteps[bool]:
    """Whether an Ethernet interface is among its network interfaces, which Gen 3 and later tell of."""
    from particle_protocol.control_requests.generated import network_pb2

    reply = yield from call(RequestType.GET_INTERFACE_LIST, None, network_pb2.GetInterfaceListReply)
    return any(each.type == network_pb2.ETHERNET for each in reply.interfaces)
