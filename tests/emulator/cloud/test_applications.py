"""Applications by name."""

from __future__ import annotations

import pytest

from emulator.cloud.applications import ApplicationUnknown
from firmware_images.build import build_module
from firmware_images.fields import ModuleFunction

PHOTON, P1 = 6, 8


def test_an_application_is_known_by_name_and_platform(world):
    applications = world.cloud.applications
    image = build_module(PHOTON, ModuleFunction.USER_PART, version=6)
    assert applications.add("Tinker", image).platform_id == PHOTON
    assert applications.find("tinker", PHOTON) == image
    for name, platform_id in (("tinker", P1), ("blinker", PHOTON)):
        with pytest.raises(ApplicationUnknown) as unknown:
            applications.find(name, platform_id)
        assert str(unknown.value) == f"no application {name!r}"
