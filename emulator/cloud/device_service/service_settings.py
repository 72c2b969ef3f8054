"""What public sources leave open about the real device service, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceServiceSettings:
    """Times in seconds, sizes in bytes. All of them are choices: the sources show the devices' side only."""

    request_timeout: float = 15.0
    """How long a device may take to answer a function call, a read, a signal or a ping."""
    handshake_timeout: float = 20.0
    """How long a device may take to say who it is: as long as it would wait for its server."""
    hello_timeout: float = 30.0
    """How long it may then take to say Hello."""
    idle_limit: float | None = None
    """How long it may be silent; None: as long as its profile says (`particle_protocol/cloud_profiles.toml`)."""
    describe_delays: tuple[float, ...] = (0.05, 1.0, 5.0, 30.0)
    """How long after Hello firmware that does not describe itself (up to 1.5) is asked to, until it has said something of its application:
    that may begin only once the device is connected, and has half a minute then to say what there is of it."""
    update_idle: float = 60.0
    """How long an update may stand still, erasing flash included, before it is given up."""
    default_chunk_size: int = 512
    """Bytes in a chunk, when the device has not told."""
    fast_updates: bool = True
    """Whether updates are sent fast: numbered chunks, and missed ones again at the end."""
    dtls_handshake_timeout: float = 60.0
    """How long a whole handshake over UDP may take, repetitions included."""
    dtls_hello_timeout: float = 120.0
    """How long a device may take to say Hello then: until it has the handshake's end, and Hello has arrived, both at the last attempt."""
    max_half_open: int = 1000
    """How many devices may be in a handshake over UDP, and how many behind it without having said Hello; one more ends the oldest."""
    max_resting: int = 20_000
    """How many devices that are away over UDP may come back without a handshake; one more has the one forgotten that left first."""
    max_message: int = 1400
    """The longest message, whatever a device says that it takes: no datagram is longer than a network carries it."""
    max_subscriptions: int = 100
    """How many subscriptions a device may have; Device OS has 6 at the most (6.2, communication/inc/protocol_defs.h)."""
    max_description: int = 65_536
    """The longest description that is put together from blocks."""
