"""What a cloud connection needs to know of its board and firmware, and what it tells them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from emulator.device_os.application import Application
from particle_protocol import ota
from particle_protocol.describe import DescribedModule, SystemDescribe
from particle_protocol.dtls import PublicKey
from particle_protocol.ota import UpdateSink
from particle_protocol.platforms import OsVersion
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.vitals import VitalError, Vitals


class UpdateStore(ota.UpdateStore, Protocol):
    """Where updates of version 3 go."""

    def apply(self) -> int:
        """Install what was received: 0, or the system's error number."""


@dataclass(slots=True)
class CloudFacts:
    """What the firmware is and has, at the time the connection begins.

    `application` is None in safe mode and where there is no user part. `claim_code` and `last_reset` are empty when there is nothing to
    tell; `last_reset` is told once a boot, so the firmware empties it after a connection. `update_sink` None is a board that takes no
    updates over the air. `iccid` is empty where there is no SIM; `tells_max_binary` is whether the platform has firmware up to 2.3 tell
    by an event how large an update may be. `knows_time`: the clock was set since the board has power.
    `takes_packed`: it takes combined and compressed modules, and has a bootloader that inflates them.
    With an `update_store` the board takes updates of version 3 instead. `mover_key` is the public key of who may tell it that its server
    moved; None where its firmware does not know such a thing.
    """

    os_version: OsVersion
    system_version: int
    platform_id: int
    product_id: int
    product_version: int
    system_describe: Callable[[], SystemDescribe]
    application: Application | None = None
    safe_mode: bool = False
    claim_code: bytes = b""
    last_reset: str = ""
    update_succeeded: bool = False
    updates_enabled: bool = True
    updates_forced: bool = False
    takes_packed: bool = False
    max_binary: int = 0x40000
    ota_chunk_size: int = 512
    key_errors: int = 0
    iccid: str = ""
    tells_max_binary: bool = True
    knows_time: bool = False
    mover_key: PublicKey | None = None
    update_sink: UpdateSink | None = None
    update_store: UpdateStore | None = None
    received_module: Callable[[], DescribedModule | None] = lambda: None
    diagnostics: Callable[[], Vitals] = dict[int, "int | VitalError"]


@dataclass(frozen=True, slots=True)
class CloudQuirks:
    """Where real firmware strays from what would be right. The defaults are those of real firmware.

    `own_ids_in_acks`: over TCP, acknowledgements of pings, signals and changes of key carry the device's next message id instead of the
    request's (Device OS 2.3.1, communication/src/coap_channel.h:67-87).
    """

    own_ids_in_acks: bool = True


@dataclass(frozen=True, slots=True)
class Connected:
    """The handshake is over, Hello was exchanged; the start-up messages are on their way, or over UDP have been acknowledged."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is over: close the socket. `error` is NO_ERROR when the device itself hung up."""

    error: ProtocolErrorCode
    why: str


@dataclass(frozen=True, slots=True)
class ClaimReceived:
    """The cloud has taken the claim code: forget it, and set the claimed flag."""


@dataclass(frozen=True, slots=True)
class ResetRequested:
    """The cloud wants a reset: `safe mode`, `dfu`, `reboot`, or `network` for the network interfaces only."""

    what: str


@dataclass(frozen=True, slots=True)
class KeyRestoreRequested:
    """The cloud wants the factory's server key and address back."""


@dataclass(frozen=True, slots=True)
class ServerMovedTo:
    """The cloud is somewhere else from now on: remember where, and reset. `public_key` is its new one (SubjectPublicKeyInfo, DER)."""

    address: str
    port: int
    public_key: bytes


@dataclass(frozen=True, slots=True)
class SignalChanged:
    """The cloud starts or stops the rainbow on the status LED."""

    on: bool


@dataclass(frozen=True, slots=True)
class TimeReceived:
    """The time from the cloud, in seconds since 1970."""

    unix_time: int


@dataclass(frozen=True, slots=True)
class FunctionCalled:
    """The cloud called a function. `result` is None when the application has none of that name."""

    name: str
    argument: str
    result: int | None


@dataclass(frozen=True, slots=True)
class UpdatesForced:
    """The cloud allows updates even where the application has disabled them, or no longer."""

    forced: bool


@dataclass(frozen=True, slots=True)
class UpdatesPending:
    """The cloud has an update for the device, or no longer."""

    pending: bool


@dataclass(frozen=True, slots=True)
class UpdateStarted:
    """An update over the air begins; sizes in bytes."""

    size: int
    chunk_size: int


@dataclass(frozen=True, slots=True)
class UpdateProgress:
    """A chunk has come: the status LED toggles. `received` of `size` bytes are there."""

    received: int
    size: int


@dataclass(frozen=True, slots=True)
class UpdateEnded:
    """The update was judged: `result` is 0 or the system's error number. Whatever it is, the firmware resets now (reason: update)."""

    result: int


@dataclass(frozen=True, slots=True)
class UpdateAbandoned:
    """The update has come to nothing, and the device goes on as before."""


@dataclass(frozen=True, slots=True)
class UpdateTimedOut:
    """No chunk came for a long time: the firmware resets (reason: update timeout)."""


CloudEvent: TypeAlias = (
    Connected
    | Disconnected
    | ClaimReceived
    | ResetRequested
    | KeyRestoreRequested
    | ServerMovedTo
    | SignalChanged
    | TimeReceived
    | FunctionCalled
    | UpdatesForced
    | UpdatesPending
    | UpdateStarted
    | UpdateProgress
    | UpdateEnded
    | UpdateAbandoned
    | UpdateTimedOut
)
