"""Folders of sources that stand for an application: what the cloud of a Lab "compiles"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from emulator.cloud.compiler import Source
from emulator.device_os.application import Application
from emulator.factory import user_part
from harness.errors import hides
from particle_protocol.platforms import Platform

__tracebackhide__ = hides


class FolderProject:
    """The sources in a folder. Whoever sends files that all stand in it, with the same content, gets what runs the application.

    The folder is looked at when somebody compiles, so it may change at any time. Clients send the paths of files from the folder itself, or
    from the `src` in it.
    """

    def __init__(self, folder: Path, registered: str, application: type[Application]) -> None:
        self.name = str(folder)
        self._folder = folder
        self._registered = registered
        self._application = application

    def difference(self, sources: Sequence[Source]) -> str:
        """See `Project.difference`."""
        for source in sources:
            there = list(self._like(source.name))
            if not there:
                return f"it has no {source.name}"
            if not any(_holds(path, source.content) for path in there):
                return f"its {source.name} is another one"
        return ""

    def build(self, platform: Platform, os: str, product: tuple[int, int] | None) -> bytes:
        """See `Project.build`. What the class says of its product counts before what the sources say."""
        return user_part(platform, os, self._registered, self._application.product or product)

    def _like(self, name: str) -> Iterator[Path]:
        """The files of the folder that a name may mean. None of them is outside of it, whatever the name is."""
        parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..")]
        if not parts:
            return
        ways = (
            self._folder.joinpath(*parts),
            self._folder.joinpath("src", *parts),
            *(self._folder / each / parts[-1] for each in (".", "src")),
        )
        yield from dict.fromkeys(path for path in ways if path.is_file())


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False
