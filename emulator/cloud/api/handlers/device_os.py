"""Releases of Device OS: which there are, and the modules of those that the cloud's library holds (none are shipped)."""

from __future__ import annotations

from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import base_url, page_of
from emulator.cloud.api.messages import Response
from emulator.cloud.healing import LibraryModule
from particle_protocol.os_versions import OS_VERSIONS, os_version_number
from particle_protocol.platforms import Platform, UnknownPlatform, parse_os_version, platform_by_id, platforms

Json = dict[str, Any]
_LAST_FOR_GENERATION_2 = (3, 3, 1)
"""The last Device OS for Photon, P1 and Electron (Device OS, system/system-versions.md)."""
_FIRST_FOR_GENERATION_3 = (0, 9, 0)


def runs(platform: Platform, version: str) -> bool:
    """Whether there is such a Device OS for a platform, as far as generations tell."""
    number = parse_os_version(version)
    if platform.generation <= 2:
        return number <= _LAST_FOR_GENERATION_2 and number[:2] != (0, 9)
    return number >= _FIRST_FOR_GENERATION_3


def list_releases(call: Call) -> Json:
    """One page of the releases of Device OS, the newest first."""
    platform_id, number = call.get("platform_id"), call.get("internal_version")
    found = [_release(version, each, platform_id) for each, version in reversed(OS_VERSIONS.items()) if number in (None, each)]
    page, meta = page_of(call, [each for each in found if platform_id is None or platform_id in each["platforms"]])
    return {"versions": page, "meta": meta}


def get_release(call: Call) -> Json:
    """One release: by its version, by the number of its system module, or the `latest`. For a platform, its modules too."""
    given, platform_id = call.path["version"].removeprefix("v"), call.get("platform_id")
    for number, name in reversed(OS_VERSIONS.items()):
        if given in (name, str(number), "latest"):
            body = _release(name, number, platform_id)
            if platform_id is None:
                return body
            if platform_id in body["platforms"]:
                return {**body, **_modules(call, platform_id, name, number)}
    raise Refused(Fault(404, f"Device OS {given} not found"))


def download(call: Call) -> Response:
    """A module of a release."""
    platform, version = call.path["platform"], call.path["version"]
    number = os_version_number(version)
    if number is not None and platform.isascii() and platform.isdigit():
        for module in call.cloud.library.release(int(platform), number):
            if _file_name(int(platform), module) == call.path["file"]:
                return Response(200, module.image, "application/octet-stream")
    raise Refused(Fault(404, "Module not found"))


def _release(version: str, number: int, platform_id: int | None) -> Json:
    fits = [platform.id for platform in platforms() if platform.public and runs(platform, version)]
    body: Json = {
        "version": version,
        "internal_version": number,
        "module_version": number,
        "state": "released",
        "release_state": "ga",
        "platforms": fits,
    }
    return body if platform_id is None else {**body, "platform_id": platform_id}


def _modules(call: Call, platform_id: int, version: str, number: int) -> Json:
    modules = call.cloud.library.release(platform_id, number)
    return {
        "base_url": f"{base_url(call)}/emulator/device_os/{platform_id}/{version}",
        "modules": [_module(platform_id, module) for module in modules],
    }


def _module(platform_id: int, module: LibraryModule) -> Json:
    facts, crc = module.facts, module.image[-4:].hex()
    return {
        "filename": _file_name(platform_id, module),
        "prefixInfo": {
            "platformID": platform_id,
            "moduleFunction": facts.function.name.lower(),
            "moduleIndex": facts.index,
            "moduleVersion": facts.version,
        },
        "crc": {"ok": True, "storedCrc": crc, "actualCrc": crc},
        "size": facts.size,
    }


def _file_name(platform_id: int, module: LibraryModule) -> str:
    facts = module.facts
    try:
        platform = platform_by_id(platform_id).name
    except UnknownPlatform:
        platform = str(platform_id)
    return f"{platform}-{facts.function.name.lower().replace('_', '-')}{facts.index}@{facts.version}.bin"
