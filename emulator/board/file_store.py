"""The DCT of a board with a file system: the file `/sys/dct.bin` (Device OS 6.2.0, services/inc/dct_file.h:50-76 and 120-165).

What else a board keeps in the manner of its DCT is another file.
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.board.dct_store import changed
from emulator.board.file_system import FileSystem

DCT_FILE = "/sys/dct.bin"
WIFI_FILE = "/sys/wifi_config.bin"
CELLULAR_FILE = "/sys/cellular_config.bin"
TRANSFER_FILE = "/sys/fw_transfer.bin"
CACHE_FILE = "/sys/cache.dat"


class FileStore:
    """One file of `size` bytes, as a `DctStore`. Until it is written it reads as 0xFF, as a new one is made."""

    __slots__ = ("_files", "_name", "size")

    def __init__(self, files: FileSystem, name: str, size: int) -> None:
        self._files = files
        self._name = name
        self.size = size

    def reload(self) -> None:
        """See `DctStore`."""
        self._files.reload()

    def read(self, offset: int, length: int) -> bytes:
        """See `DctStore`."""
        return self._files.read(self._name, offset, length).ljust(length, b"\xff")

    def update(self, changes: Mapping[int, bytes], *, blank: bool = False) -> None:
        """See `DctStore`."""
        self._files.write(self._name, changed(self.read(0, self.size), changes, blank=blank))
