"""What comes of an update, as the cloud learns it; and what happens on the way, as the device does. The same for every version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from particle_protocol.ota.answers import Refusal, UpdateFault


@dataclass(frozen=True, slots=True)
class UpdateTaken:
    """The device has the whole file and says that it is good. `report` is what it says (JSON)."""

    report: bytes


@dataclass(frozen=True, slots=True)
class UpdateCancelled:
    """The device has put the update aside, as it was told."""


@dataclass(frozen=True, slots=True)
class UpdateFailed:
    """The update came to nothing. `refusal` is the device's answer, None if it gave none; `timed_out` if it was waited for too long."""

    why: str
    refusal: Refusal | None = None
    timed_out: bool = False


SenderResult: TypeAlias = UpdateTaken | UpdateCancelled | UpdateFailed


@dataclass(frozen=True, slots=True)
class TransferStarted:
    """A transfer has begun. Sizes in bytes; `offset` bytes of the file were there."""

    size: int
    chunk_size: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """A chunk has been stored (the LED toggles)."""

    received: int
    size: int


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """The transfer has come to nothing: cancelled, timed out, or its file refused. `fault` is None where the cloud wanted it so."""

    fault: UpdateFault | None


@dataclass(frozen=True, slots=True)
class ApplyUpdate:
    """The cloud knows the verdict: apply the file, and reset. `result` is the verdict; versions 1 and 2 reset whatever it is."""

    result: int


ReceiverEvent: TypeAlias = TransferStarted | TransferProgress | TransferEnded | ApplyUpdate
