"""What a device's conversation with its cloud goes through: a secure channel, and how this version talks over it."""

from __future__ import annotations

from dataclasses import dataclass

from particle_protocol import dtls, lightssl
from particle_protocol.cloud_profiles import CloudProfile, Network, Transport, cloud_profile
from particle_protocol.dtls import ApplicationState, SavedSession
from particle_protocol.platforms import OsVersion
from particle_protocol.secure_channel import ChannelError, SecureChannel


@dataclass(frozen=True, slots=True)
class StreamIdentity:
    """Who a board is over TCP, and whom it trusts. `device_id` has 12 bytes."""

    device_id: bytes
    key: lightssl.DeviceKey
    server_key: lightssl.ServerPublicKey


@dataclass(frozen=True, slots=True)
class CloudLink:
    """One link. `device_id` has 12 bytes."""

    channel: SecureChannel
    profile: CloudProfile
    device_id: bytes
    keys_checksum: int = 0
    """What ties a session that is kept to the keys of board and server."""
    resumed: SavedSession | None = None
    """The session that this link goes on with, as it was kept; None on a new one."""

    @property
    def known(self) -> ApplicationState:
        """What the cloud has been told in the session before."""
        return ApplicationState() if self.resumed is None else self.resumed.application

    def receive_eof(self) -> None:
        """The other end has closed the stream.

        Raises:
            ChannelError: the session is over.
        """
        if isinstance(self.channel, lightssl.DeviceEnd):
            self.channel.receive_eof()

    def save(self, next_message_id: int, known: ApplicationState) -> SavedSession | None:
        """The session, to go on with later; None where there is none that can be kept."""
        if not isinstance(self.channel, dtls.ClientEnd):
            return None
        try:
            return self.channel.save(next_message_id, self.keys_checksum, known)
        except ChannelError:
            return None


def stream_link(identity: StreamIdentity, version: OsVersion, now: float) -> CloudLink:
    """A link over a TCP stream that has been opened."""
    profile = cloud_profile(version, Transport.TCP)
    end = lightssl.DeviceEnd(identity.device_id, identity.key, identity.server_key, now, buffer_size=profile.buffer_size)
    return CloudLink(end, profile, identity.device_id)


def datagram_link(
    identity: dtls.DeviceIdentity,
    version: OsVersion,
    network: Network,
    now: float,
    *,
    keys_checksum: int = 0,
    saved: SavedSession | None = None,
    settings: dtls.EndSettings | None = None,
) -> CloudLink:
    """A link over datagrams; `saved` is a session to go on with."""
    profile = cloud_profile(version, Transport.UDP, network)
    chosen = dtls.EndSettings(max_message=profile.buffer_size) if settings is None else settings
    end = dtls.ClientEnd(identity, dtls.device_dialect(version), now, saved=saved, settings=chosen)
    return CloudLink(end, profile, identity.device_id, keys_checksum, saved)
