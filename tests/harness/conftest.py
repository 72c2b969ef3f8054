"""Emulated boards for tests of the harness itself."""

import pytest

from harness.boards import OpenOptions, open_boards


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
