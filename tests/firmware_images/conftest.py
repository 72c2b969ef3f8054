"""Real images, where they can be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.firmware_store import FirmwareUnavailable, Reason, all_images


@pytest.fixture(scope="session")
def real_images() -> list[Path]:
    """Every .bin of the packages; skips where they are neither in the cache nor to be fetched."""
    try:
        return all_images()
    except FirmwareUnavailable as failure:
        if failure.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(failure))
        raise
