"""Emulated boards for tests of the harness itself."""

import pytest

from harness.boards import OpenOptions, open_boards
from harness.firmware_store import FirmwareUnavailable, Reason, photon_release, tinker


@pytest.fixture
def open_rig():
    """Open boards by moniker: `open_rig("emu:photon", served=False)` gives their rig."""
    opened = []

    def open_one(*monikers, **options):
        (rig,) = open_boards(monikers, OpenOptions(**options))
        opened.append(rig)
        return rig

    yield open_one
    for rig in opened:
        rig.close()


@pytest.fixture
def board(open_rig):
    """A Photon out of its box: in listening mode, in virtual time."""
    return open_rig("emu:photon").boards[0]


@pytest.fixture
def photon_binaries():
    """Particle's own binaries for the Photon, in the user's cache; a skip where they cannot be had."""
    try:
        return [photon_release("2.1.0"), photon_release("2.2.0"), tinker("photon")]
    except FirmwareUnavailable as error:
        if error.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(error))
        raise
