"""How a device answers what the cloud asks of it: functions, variables, descriptions."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from emulator.device_os.cloud_facts import CloudFacts, FunctionCalled, ServerMovedTo
from particle_protocol.blocks import Block, cut
from particle_protocol.cloud_messages.describe import encode_system
from particle_protocol.cloud_messages.server_moved import ServerMoved
from particle_protocol.cloud_profiles import CloudProfile
from particle_protocol.coap import Code, ContentFormat, Message, Option, pack_uint
from particle_protocol.coap_end import CoapEnd, Done
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.describe import ApplicationDescribe, Description
from particle_protocol.dtls import PublicKey
from particle_protocol.messages import DescribeFlag, DescribeRequest, FunctionCall, VariableRead, encode_function_result, encode_value
from particle_protocol.vitals import encode_vitals


class CloudRequests:
    """The answers of one connection."""

    __slots__ = ("_coap", "_facts", "_profile")

    def __init__(self, coap: CoapEnd, profile: CloudProfile, facts: CloudFacts) -> None:
        self._coap = coap
        self._profile = profile
        self._facts = facts

    def call(self, message: Message, now: float) -> FunctionCalled:
        """Call a function: an empty acknowledgement, then 2.04 with the result; of an unknown one nothing but the acknowledgement.

        An argument that is too long is acknowledged 4.00, and the function is called all the same, with what fits
        (Device OS 2.3.1, communication/src/functions.h).

        Raises:
            MessageError: a malformed request.
        """
        call = FunctionCall.decode(message)
        argument = call.argument.encode()
        if len(argument) > self._profile.text_limit:
            self._coap.acknowledge(message, Code.BAD_REQUEST)
        else:
            self._coap.acknowledge(message)
        text = argument[: self._profile.text_limit].decode(errors="ignore")
        application = self._facts.application
        result = None if application is None else application.call(call.name, text)
        if result is not None:
            self._coap.respond(message, Code.CHANGED, now, encode_function_result(result))
        return FunctionCalled(call.name, text, result)

    def read(self, message: Message, now: float) -> None:
        """Read a variable: an empty acknowledgement, then 2.05 with the value, or 4.04.

        Raises:
            MessageError: a malformed request.
        """
        read = VariableRead.decode(message)
        self._coap.acknowledge(message)
        application = self._facts.application
        variable = None if application is None else application.variables.get(read.name)
        if variable is None:
            self._coap.respond(message, Code.NOT_FOUND, now)
        else:
            value = encode_value(variable.get(), variable.type)
            self._coap.respond(message, Code.CONTENT, now, value[: self._profile.text_limit])

    def move(self, message: Message, now: float) -> ServerMovedTo | None:
        """Take another server for the cloud, if its owner has signed for it: an empty acknowledgement, then a confirmable 2.04.

        Chosen: the answer to a wrong signature is 4.03, to what the DCT has no room for 4.00, and 4.04 where firmware does not know this.

        Raises:
            MessageError: a malformed request.
        """
        moved, key = ServerMoved.decode(message), self._facts.mover_key
        self._coap.acknowledge(message)
        if key is None:
            code = Code.NOT_FOUND
        elif not moved.is_genuine(key):
            code = Code.FORBIDDEN
        else:
            code = Code.CHANGED if _can_be_kept(moved) else Code.BAD_REQUEST
        self._coap.respond(message, code, now)
        return ServerMovedTo(moved.address, moved.port, moved.public_key) if code == Code.CHANGED else None

    def describe(self, message: Message, now: float, answered: Callable[[DescribeFlag, bytes], Done | None]) -> None:
        """Describe what is asked for: an empty acknowledgement, then a confirmable 2.05; a long one in blocks of the firmware's own size.

        What `answered` makes of the answer is told how that ended.

        Raises:
            CoapError: a malformed request.
        """
        request = DescribeRequest.decode(message)
        flags = request.flags
        if flags is None:
            if self._profile.describe_needs_query:
                self._coap.acknowledge(message, Code.BAD_REQUEST)
                return
            flags = DescribeFlag.SYSTEM | DescribeFlag.APPLICATION
        if self._profile.binary_describe and flags & DescribeFlag.SYSTEM and flags & DescribeFlag.APPLICATION:
            self._coap.acknowledge(message, Code.INTERNAL_SERVER_ERROR)
            return
        payload, size = self.description(flags), self._profile.block_size
        content = self.content_format(flags)
        form = () if content is None else ((int(Option.CONTENT_FORMAT), pack_uint(content)),)
        wanted = message.option(int(Option.BLOCK2))
        if not size or (wanted is None and len(payload) <= size):
            self._coap.acknowledge(message)
            self._coap.respond(message, Code.CONTENT, now, payload, form, confirmable=True, done=answered(flags, payload))
            return
        asked = Block(0, more=False, size=size) if wanted is None else Block.decode(wanted)
        if asked.size != size:
            self._coap.acknowledge(message, Code.BAD_OPTION)
            return
        block, piece = cut(payload, asked.number, size)
        options = ((int(Option.ETAG), zlib.crc32(payload).to_bytes(4)), *form, (int(Option.BLOCK2), block.encode()))
        self._coap.acknowledge(message)
        done = None if block.more else answered(flags, payload)
        self._coap.respond(message, Code.CONTENT, now, piece, options, confirmable=True, done=done)

    def description(self, flags: DescribeFlag) -> bytes:
        """The payload of a description."""
        if flags & DescribeFlag.METRICS:
            return encode_vitals(self._facts.diagnostics())
        if self.content_format(flags) is not None:
            return encode_system(self._facts.system_describe())
        system = self._facts.system_describe() if flags & DescribeFlag.SYSTEM else None
        application = self.application if flags & DescribeFlag.APPLICATION else None
        payload = Description(system, application).encode(old_style=self._profile.old_describe)
        if system is not None and application is not None and self._profile.describe_needs_query:
            # Device OS 3.3.1 forgets the comma between the parts, and swaps them, when it is asked for both: seen on the wire.
            return Description(system).encode()[:-1] + Description(application=application).encode()[1:]
        return payload

    def content_format(self, flags: DescribeFlag) -> ContentFormat | None:
        """What a description is marked as; JSON and vitals are not."""
        return ContentFormat.OCTET_STREAM if self._profile.binary_describe and flags is DescribeFlag.SYSTEM else None

    @property
    def application(self) -> ApplicationDescribe:
        """What the application has: nothing, in safe mode."""
        application = self._facts.application
        return ApplicationDescribe() if application is None else application.describe()


def _can_be_kept(moved: ServerMoved) -> bool:
    """Whether address and key are such that the DCT can hold them."""
    try:
        ServerAddress(moved.address, moved.port).encode()
        PublicKey(moved.public_key)
    except ValueError:
        return False
    return len(moved.public_key) <= DctField.ALT_SERVER_PUBLIC_KEY.size
