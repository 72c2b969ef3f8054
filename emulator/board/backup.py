"""Backup memory: what a board keeps over a reset and in its sleep, but not without power."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class BackupMemory:
    """The part of it that outside programs notice."""

    session: bytes = b""
    """The session with the cloud over UDP (`particle_protocol.dtls.SavedSession`), empty if there is none."""
    clock_set: bool = False
    """Whether the cloud has told the time since the board has power."""
