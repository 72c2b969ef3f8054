"""What a board's console tells the firmware around it, besides the bytes it wants to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from particle_protocol.listening.wifi import WifiCredentials


@dataclass(frozen=True, slots=True)
class ScanRequested:
    """Look for this network and tell `ListeningConsole.scan_done`. The dialogue rests until then."""

    ssid: str


@dataclass(frozen=True, slots=True)
class CredentialsSaved:
    """The firmware took the credentials; `LeaveListening` follows."""

    credentials: WifiCredentials


@dataclass(frozen=True, slots=True)
class ClaimCodeSet:
    """The firmware stored this claim code of 63 bytes; it goes to the cloud after the next handshake."""

    code: bytes


@dataclass(frozen=True, slots=True)
class LeaveListening:
    """Listening mode ends; the board connects if it can."""


@dataclass(frozen=True, slots=True)
class RestartListening:
    """Remember to listen after the next start, and reset into safe mode."""


@dataclass(frozen=True, slots=True)
class RestartForUpdate:
    """An update has come by YModem and was entered for the next start: restart now."""


ConsoleEvent: TypeAlias = ScanRequested | CredentialsSaved | ClaimCodeSet | LeaveListening | RestartListening | RestartForUpdate
