"""Build targets, and compiling, which does not happen here."""

from __future__ import annotations

from functools import cache
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused, Shape
from emulator.cloud.api.handlers.device_os import public_platforms
from emulator.cloud.api.handlers.uploads import NO_COMPILER
from emulator.cloud.api.messages import Response
from particle_protocol.os_versions import os_releases
from particle_protocol.platforms import platforms

Json = dict[str, Any]


@cache
def _targets() -> Json:
    public = [platform for platform in platforms() if platform.public]
    targets = [
        {
            "version": release.version,
            "platforms": [platform.id for platform in public_platforms(release)],
            "prereleases": [],
            "firmware_vendor": "Foo",
        }
        for release in reversed(os_releases())
    ]
    newest = {str(platform.id): releases[-1].version for platform in public if (releases := os_releases(platform))}
    return {"targets": targets, "platforms": {platform.display_name: platform.id for platform in public}, "default_versions": newest}


def build_targets(call: Call) -> Json:
    """The Device OS versions one could compile for."""
    return _targets()


def compile_code(call: Call) -> None:
    """Compile: this cloud has no compiler, and says so as a failed build does."""
    extra = {"output": "Compiler unavailable", "stdout": NO_COMPILER}
    raise Refused(Fault(406, NO_COMPILER, shape=Shape.ERRORS, extra=extra))


def no_binary(call: Call) -> Response:
    """A compiled binary."""
    raise Refused(Fault(404, "Binary not found"))
