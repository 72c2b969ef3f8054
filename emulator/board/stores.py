"""Which stores a board's hardware table asks for: one for the DCT, one for the Wi-Fi networks where there is Wi-Fi."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.board.dcd_store import DcdStore
from emulator.board.dct_store import DctStore
from emulator.board.file_store import CACHE_FILE, CELLULAR_FILE, DCT_FILE, TRANSFER_FILE, WIFI_FILE, FileStore
from emulator.board.file_system import FileSystem
from emulator.board.flash import Flash
from emulator.board.interrupted_transfer import TRANSFER_SIZE
from emulator.board.notes import NOTES_SIZE
from emulator.board.sim_slots import SIM_CHOICE_SIZE
from emulator.board.stored_networks import NETWORKS_SIZE
from emulator.board.wiced_store import WicedCopies
from emulator.hardware import CELLULAR, WIFI, Hardware, StoreKind
from particle_protocol.dct import DCT_SIZE


@dataclass(frozen=True, slots=True)
class SettingsStores:
    """Where a board keeps what it is to remember; None for what it has no use for, or nowhere to keep."""

    dct: DctStore
    networks: DctStore | None
    """The Wi-Fi networks."""
    cellular: DctStore | None
    """Which SIM is used, where there is a choice."""
    transfer: DctStore | None
    """What there is of an update that was interrupted."""
    cache: DctStore | None
    """What the system notes for itself."""


def settings_stores(hardware: Hardware, flashes: Mapping[str, Flash]) -> SettingsStores:
    """The stores of one board, in its flashes."""
    flash = flashes[hardware.dct.flash]
    memory = hardware.platform.memory()
    regions = [memory.region(name) for name in hardware.dct.regions]
    starts = [region.start for region in regions]
    dct: DctStore
    networks: DctStore | None = None
    cellular: DctStore | None = None
    transfer: DctStore | None = None
    cache: DctStore | None = None
    if hardware.dct.store is StoreKind.WICED:
        copies = WicedCopies(flash, starts)
        dct, networks = copies.application, copies.platform
    elif hardware.dct.store is StoreKind.DCD:
        dct = DcdStore(flash, starts)
    else:
        files = FileSystem(flash, starts[0], regions[0].size)
        dct, networks = FileStore(files, DCT_FILE, DCT_SIZE), FileStore(files, WIFI_FILE, NETWORKS_SIZE)
        cellular, transfer = FileStore(files, CELLULAR_FILE, SIM_CHOICE_SIZE), FileStore(files, TRANSFER_FILE, TRANSFER_SIZE)
        cache = FileStore(files, CACHE_FILE, NOTES_SIZE)
    return SettingsStores(
        dct, networks if WIFI in hardware.interfaces else None, cellular if CELLULAR in hardware.interfaces else None, transfer, cache
    )
