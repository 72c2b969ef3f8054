"""What a device says of itself, as the cloud keeps it for as long as the device may go on without saying it again."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.cloud.sessions import HelloFacts
from particle_protocol.cloud_messages.describe import decode_system
from particle_protocol.describe import ApplicationDescribe, Description, SystemDescribe
from particle_protocol.messages import DescribeFlag, Event, Hello, Subscription

_CHUNK_SIZE = "spark/hardware/ota_chunk_size"
_MAX_BINARY = "spark/hardware/max_binary"


@dataclass(slots=True)
class Introduction:
    """One device's. Sizes in bytes, None as long as it has not said them."""

    hello: Hello
    subscriptions: list[Subscription] = field(default_factory=list)
    system: SystemDescribe | None = None
    application: ApplicationDescribe | None = None
    _chunk_size: int | None = None
    _max_binary: int | None = None

    @property
    def facts(self) -> HelloFacts:
        """What Hello says, in the cloud's form."""
        hello, limits = self.hello, self.hello.limits
        version = None if limits is None else limits.system_version
        return HelloFacts(hello.product_id, hello.product_version, hello.platform_id, version, int(hello.flags))

    @property
    def chunk_size(self) -> int | None:
        """The size of chunks that it wants updates in: what it said last."""
        limits = self.hello.limits
        return self._chunk_size or (None if limits is None else limits.ota_chunk_size) or None

    @property
    def max_binary(self) -> int | None:
        """The largest update that it takes."""
        limits = self.hello.limits
        return self._max_binary if self._max_binary is not None or limits is None else limits.max_binary_size

    @property
    def has_functions(self) -> bool:
        """Whether it said that its application has a function or a variable."""
        return self.application is not None and bool(self.application.functions or self.application.variables)

    def take_event(self, event: Event) -> None:
        """Firmware before 3.0 says in events what fits into it."""
        if event.name == _CHUNK_SIZE and event.text.isdecimal():
            self._chunk_size = int(event.text)
        elif event.name == _MAX_BINARY and event.text.isdecimal():
            self._max_binary = int(event.text)

    def take_description(self, flags: DescribeFlag, payload: bytes) -> Description:
        """Take in what it describes.

        Raises:
            DescribeError: it cannot be read.
        """
        # The system's part is no JSON since 5.5.0.
        if payload.startswith(b"{") or not flags & DescribeFlag.SYSTEM:
            description = Description.decode(payload)
        else:
            description = Description(decode_system(payload, self.hello.platform_id))
        self.system = description.system or self.system
        self.application = description.application or self.application
        return description
