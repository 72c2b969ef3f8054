"""Descriptions as they come from a device: in one message, or in blocks."""

from __future__ import annotations

from particle_protocol.blocks import BlockAssembler
from particle_protocol.coap import Message
from particle_protocol.messages import DescribeFlag, DescribePost


class Descriptions:
    """Collects the blocks of one session."""

    __slots__ = ("_assemblers", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._assemblers: dict[int, BlockAssembler] = {}

    def add(self, message: Message) -> tuple[DescribeFlag, bytes | None]:
        """Take a message; gives the part that it is about, and the description once it is whole.

        Raises:
            MessageError: no description.
            CoapError: a block out of its order.
        """
        post = DescribePost.decode(message)
        if post.block is None:
            return post.flags, post.payload
        assembler = self._assemblers.setdefault(int(post.flags), BlockAssembler(self._limit))
        whole = assembler.add(post.block, post.payload)
        if whole is not None:
            del self._assemblers[int(post.flags)]
        return post.flags, whole

    @staticmethod
    def is_json(payload: bytes) -> bool:
        """Whether a description is in JSON: the system's part is not, since 5.5.0."""
        return payload.startswith(b"{")
