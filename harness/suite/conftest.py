"""What the checks share: images to flash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_images.build import build_module
from firmware_images.fields import Dependency
from harness.board import Board
from harness.errors import ImageRefused
from harness.modes import UsbState
from harness.releases import application_file
from particle_protocol.platforms import ModuleFunction


@pytest.fixture
def application(board: Board) -> bytes | Path:
    """An application for this board: Tinker."""
    try:
        return application_file(board)
    except ImageRefused as error:
        pytest.skip(str(error))


@pytest.fixture
def unmet_application(board: Board) -> bytes:
    """An empty application that asks for a system part which nobody has: it is flashed, and never runs."""
    needs = Dependency(ModuleFunction.SYSTEM_PART, 1, 0xFFFE)
    return build_module(board.platform.id, ModuleFunction.USER_PART, 1, 6, dependencies=(needs,), body=b"unmet")


@pytest.fixture
def application_restored(board: Board, application: bytes | Path) -> Iterator[None]:
    """Put the application back afterwards, whatever became of the check."""
    yield
    if board.usb.state() is not UsbState.ABSENT:
        board.flash(application)
