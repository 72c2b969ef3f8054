"""What is the same for everybody: build targets, Device OS versions, libraries; and compiling, which does not happen here."""

from __future__ import annotations

from functools import cache
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused, Shape
from emulator.cloud.api.handlers.shown import page_of
from emulator.cloud.api.handlers.uploads import NO_COMPILER
from emulator.cloud.api.messages import Response
from particle_protocol.os_versions import OS_VERSIONS
from particle_protocol.platforms import Platform, parse_os_version, platforms

Json = dict[str, Any]
_LAST_FOR_GENERATION_2 = (3, 3, 1)
"""The last Device OS for Photon, P1 and Electron (Device OS, system/system-versions.md)."""
_FIRST_FOR_GENERATION_3 = (0, 9, 0)


def _runs(platform: Platform, version: str) -> bool:
    """Whether there is such a Device OS for a platform, as far as generations tell."""
    number = parse_os_version(version)
    if platform.generation <= 2:
        return number <= _LAST_FOR_GENERATION_2 and number[:2] != (0, 9)
    return number >= _FIRST_FOR_GENERATION_3


@cache
def _targets() -> Json:
    public = [platform for platform in platforms() if platform.public]
    targets = [
        {
            "version": version,
            "platforms": [platform.id for platform in public if _runs(platform, version)],
            "prereleases": [],
            "firmware_vendor": "Foo",
        }
        for version in reversed(OS_VERSIONS.values())
    ]
    newest = {str(platform.id): next(each for each in reversed(OS_VERSIONS.values()) if _runs(platform, each)) for platform in public}
    return {"targets": targets, "platforms": {platform.display_name: platform.id for platform in public}, "default_versions": newest}


def build_targets(call: Call) -> Json:
    """The Device OS versions one could compile for."""
    return _targets()


def _release(version: str, number: int, platform_id: int | None) -> Json:
    fits = [platform.id for platform in platforms() if platform.public and _runs(platform, version)]
    body: Json = {"version": version, "internal_version": number, "module_version": number, "state": "released", "platforms": fits}
    return body if platform_id is None else {**body, "platform_id": platform_id, "modules": []}


def list_releases(call: Call) -> list[Json]:
    """The releases of Device OS, the newest first."""
    platform_id, number = call.get("platform_id"), call.get("internal_version")
    found = [_release(version, each, platform_id) for each, version in reversed(OS_VERSIONS.items()) if number in (None, each)]
    page, _ = page_of(call, [each for each in found if platform_id is None or platform_id in each["platforms"]])
    return page


def get_release(call: Call) -> Json:
    """One release of Device OS."""
    version, platform_id = call.path["version"].removeprefix("v"), call.get("platform_id")
    for number, name in OS_VERSIONS.items():
        if name == version:
            body = _release(name, number, platform_id)
            if platform_id is None or platform_id in body["platforms"]:
                return body
    raise Refused(Fault(404, f"Device OS {version} not found"))


def list_libraries(call: Call) -> Json:
    """The libraries: none are kept here."""
    return {"data": []}


def no_library(call: Call) -> None:
    """A library, or a file of one."""
    raise Refused(Fault(404, "Library not found"))


def compile_code(call: Call) -> None:
    """Compile: this cloud has no compiler, and says so as a failed build does."""
    extra = {"output": "Compiler unavailable", "stdout": NO_COMPILER}
    raise Refused(Fault(406, NO_COMPILER, shape=Shape.ERRORS, extra=extra))


def no_binary(call: Call) -> Response:
    """A compiled binary."""
    raise Refused(Fault(404, "Binary not found"))
