"""Assets: files that an application carries along, each kept as a module in a file system of their own (since 5.5.0).

The boot looks through them and removes what is damaged; what the user part asks for and does not find keeps the board in safe mode. Before
one is stored, those that the user part does not ask for are removed. Where the OTA region reaches over the assets (boards with 4 MiB), a
longer update costs all of them (Device OS 6.2.0, system/src/asset_manager.cpp). How full the storage may be is what binary tools count; the
file system itself is not littlefs (`emulator.board.file_system`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emulator.board.board import Board
from emulator.board.file_system import FileSystem
from emulator.board.flash import FlashError
from emulator.device_os.modules import ModuleTable
from firmware_images.asset_rules import StoredAsset, read_stored_asset
from firmware_images.assets import ASSET_LIMITS, asset_content, asset_dependencies, storage_needed
from firmware_images.device_rules import ModuleError
from firmware_images.errors import ImageError
from firmware_images.extension_contents import AssetDependency
from firmware_images.fields import ModuleFunction
from firmware_images.module import read_module
from particle_protocol.control_requests.codes import Result
from particle_protocol.platforms import Region

FREE_BLOCKS: Final = 16
"""So many blocks an asset has to leave of an empty storage (FREE_BLOCKS_REQUIRED)."""
_BLOCK: Final = 4096
LONGEST_NAME: Final = 255
"""Bytes of a name (LFS_NAME_MAX)."""


class Assets:
    """The assets of one boot.

    `asked` is what the intact user part asks for; `required` the same, but nothing where it cannot run for other reasons.
    """

    def __init__(self, board: Board, region: Region, ota: Region, modules: ModuleTable) -> None:
        self._board = board
        self._files = FileSystem(board.flash_of(region), region.start, region.size)
        self._size = region.size
        self._room = ASSET_LIMITS[board.platform.id].total
        overlaps = (ota.external, ota.start) == (region.external, min(ota.start, region.start)) and ota.end > region.start
        self._safe_update = region.start - ota.start if overlaps else None
        """Bytes of an update that do not reach over the assets; None where none does."""
        user = modules.user
        intact = user is not None and user.intact
        self.asked: tuple[AssetDependency, ...] = asset_dependencies(read_module(modules.content(user))) if user and intact else ()
        self.required = self.asked if user is not None and user.healthy else ()
        self._available = {asset.name: asset for asset in self._look_through()}

    @classmethod
    def of(cls, board: Board, modules: ModuleTable) -> Assets | None:
        """Those of a board; None where its version has no storage for any."""
        regions = {region.name: region for region in modules.memory.regions}
        if "assets" not in regions or board.platform.id not in ASSET_LIMITS:
            return None
        return cls(board, regions["assets"], regions["ota"], modules)

    @property
    def available(self) -> tuple[StoredAsset, ...]:
        """What is stored and whole."""
        return tuple(self._available.values())

    @property
    def usable(self) -> tuple[StoredAsset, ...]:
        """What is stored and asked for."""
        return tuple(asset for asset in self._available.values() if self._is_required(asset))

    @property
    def missing(self) -> tuple[AssetDependency, ...]:
        """What the user part asks for and is not there, by name and digest."""
        return tuple(need for need in self.required if not self._meets(need))

    def prepare(self, size: int, module_function: int | None) -> Result:
        """An update of `size` bytes begins: OK, or why not. One that reaches over the assets removes them first."""
        is_asset = module_function == ModuleFunction.ASSET
        if is_asset and size > self._size - FREE_BLOCKS * _BLOCK:
            return Result.TOO_LARGE
        if self._safe_update is not None and size > self._safe_update:
            if is_asset:
                return Result.TOO_LARGE
            self._files.format()
            self._available.clear()
        return Result.OK

    def store(self, data: bytes) -> ModuleError | None:
        """Keep an asset module, in place of one of the same name; None, or why not."""
        asset = read_stored_asset(data)
        if asset is None or len(asset.name.encode()) > LONGEST_NAME:
            return ModuleError.BAD_DATA
        for name in [name for name, kept in self._available.items() if not self._is_required(kept)]:
            self._files.remove(name)
            del self._available[name]
        self._files.remove(asset.name)
        self._available.pop(asset.name, None)
        taken = sum(storage_needed(kept.storage_size) for kept in self._available.values())
        if taken + storage_needed(asset.storage_size) > self._room:
            return ModuleError.FAILED
        try:
            self._files.write(asset.name, data)
        except FlashError:
            return ModuleError.FAILED
        self._available[asset.name] = asset
        self._board.new_assets.note(there=True)
        return None

    def read(self, name: str) -> bytes | None:
        """The content of a stored asset that the user part asks for; None when there is none, or it cannot be inflated."""
        asset = self._available.get(name)
        if asset is None or not self._is_required(asset):
            return None
        try:
            return asset_content(read_module(self._files.read(name)))
        except ImageError:
            return None

    def _look_through(self) -> Iterator[StoredAsset]:
        for name in self._files.names:
            asset = read_stored_asset(self._files.read(name))
            if asset is None or asset.name != name:
                self._files.remove(name)
            else:
                yield asset

    def _is_required(self, asset: StoredAsset) -> bool:
        return any((need.name, need.digest) == (asset.name, asset.digest) for need in self.required)

    def _meets(self, need: AssetDependency) -> bool:
        asset = self._available.get(need.name)
        return asset is not None and asset.digest == need.digest
