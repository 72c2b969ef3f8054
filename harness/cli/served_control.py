"""How `particle-hil served` finds a `particle-hil serve` of the same user: by a file in that one's own folder, closed to others."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.cloud import CLIENT, Cloud, CloudTarget
from harness.errors import Blame, HarnessError
from harness.host import WallClock

KIND: Final = "particle-hil"
"""How the names of the servers' folders begin."""
FILE: Final = "served.json"
LIFETIME: Final = 30 * 86_400
"""Seconds that the token of a server counts, should it end without taking it back."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server: its REST API, and a token of its user."""

    api: str
    token: str = field(repr=False)

    @property
    def target(self) -> CloudTarget:
        """Its cloud."""
        return CloudTarget(self.api, WallClock(), token=self.token, ours=True)


@contextmanager
def announced(folder: Path, target: CloudTarget) -> Iterator[None]:
    """Let it be found while the context lasts."""
    cloud = Cloud(target)
    token = target.token
    try:
        if not token:
            form = {"grant_type": "password", "username": target.username, "password": target.password}
            client = {"client_id": CLIENT[0], "client_secret": CLIENT[1], "expires_in": str(LIFETIME)}
            token = str(cloud.request("POST", "/oauth/token", form=form | client)["access_token"])
        (folder / FILE).write_text(json.dumps({"api": target.url, "token": token}))
        yield
    finally:
        try:
            if token and not target.token:
                cloud.request("DELETE", "/v1/access_tokens/current", token=token)
        except HarnessError:
            pass  # its user has ended it already
        cloud.close()


def chosen(api: str | None) -> Served:
    """The server at an address; without one the only one there is.

    Raises:
        HarnessError: there is none, or several, or none at this address.
    """
    running = list(_running())
    token = os.environ.get("PARTICLE_HIL_TOKEN", "")
    if api is not None:
        found = next((each for each in running if each.api == api.rstrip("/")), None)
        if found is None and not token:
            raise _unavailable(f"no server of yours is at {api}", running, "Give a token of its cloud in PARTICLE_HIL_TOKEN")
        return found if found is not None else Served(api.rstrip("/"), token)
    if not running:
        raise _unavailable("no server of yours is running", running, "Start one with `particle-hil serve`, or name one with --api")
    if len(running) > 1:
        raise _unavailable("several servers of yours are running", running, "Name one with --api")
    return running[0]


def _unavailable(what: str, running: list[Served], remedy: str) -> HarnessError:
    return HarnessError(what, seen=", ".join(each.api for each in running), remedy=remedy, blame=Blame.RACK)


def _running() -> Iterator[Served]:
    """The servers of this user on this computer that still run."""
    from harness.lab import sweep

    place = tempfile.gettempdir()
    sweep(KIND, place)
    for path in sorted(Path(place).glob(f"{KIND}.*/{FILE}")):
        try:
            facts = path.parent.lstat()
            if not stat.S_ISDIR(facts.st_mode) or (hasattr(os, "getuid") and facts.st_uid != os.getuid()):
                continue
            said = json.loads(path.read_text())
            yield Served(str(said["api"]), str(said["token"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # it ends right now, or is none of ours
