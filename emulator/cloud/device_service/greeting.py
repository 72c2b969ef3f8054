"""Who is it: which device is on a line, whether the cloud lets it in, and its Hello."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.cloud.sessions import DeviceListener
from particle_protocol.cloud_profiles import cloud_profile, network_of, version_told
from particle_protocol.coap import CoapError, Message
from particle_protocol.key_kinds import KeyKind
from particle_protocol.messages import Hello
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError

if TYPE_CHECKING:
    from emulator.cloud.device_service.line import Line

NOBODY = "no device of this id, or none whose key ({kind}) is known, is registered"


def registered_key(listener: DeviceListener, device_id: str, kind: KeyKind, shown: bytes) -> bytes:
    """The key of a device: the registered one, or the one it shows, if the cloud learns that now.

    Raises:
        ChannelError: the cloud knows no key of it, and learns none.
    """
    key = listener.public_key(device_id, kind)
    if key is None:
        if not shown or not listener.learn_key(device_id, shown):
            raise ChannelError(ProtocolErrorCode.NOT_FOUND, NOBODY.format(kind=kind.value))
        return shown
    return key


def introduce(line: Line, data: bytes) -> tuple[Message, Hello]:
    """The first message on a line, which has to be a Hello; from then on it is known how the device talks.

    Raises:
        ChannelError: it is no Hello.
    """
    try:
        message = line.coap.receive(data, line.service.clock.now)
        if message is None:
            raise CoapError("an answer to nothing that was asked")
        hello = Hello.decode(message)
    except CoapError as error:
        raise ChannelError(ProtocolErrorCode.MALFORMED_MESSAGE, f"Hello was expected; the device sent {error}") from None
    line.profile = cloud_profile(version_told(hello), line.transport, network_of(hello.platform_id))
    line.identify(hello)
    return message, hello
