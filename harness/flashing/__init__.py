"""Firmware onto boards.

images          files become images, each checked against the board
installed       what a board has
fitting         whether images would run on what it has
writing         how they get there: over DFU, by control requests, or
over_the_air    by way of the cloud
links           what is done when the link breaks meanwhile
"""

from __future__ import annotations

from harness.flashing.over_the_air import UPDATE_TIMEOUT, update_over_the_air, updating
from harness.flashing.writing import Way, flash, update_device_os

__all__ = ["UPDATE_TIMEOUT", "Way", "flash", "update_device_os", "update_over_the_air", "updating"]
