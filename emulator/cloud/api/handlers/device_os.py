"""Releases of Device OS, as far as the cloud's library holds them (none are shipped): what is not to be had is not listed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import base_url, page_of
from emulator.cloud.api.messages import Response
from emulator.cloud.remedy import LibraryModule
from firmware_images.stand_in import STAND_INS
from particle_protocol.os_versions import OsRelease, os_releases
from particle_protocol.platforms import Platform, UnknownPlatform, platform_by_id, platforms

Json = dict[str, Any]
logger = logging.getLogger(__name__)


def list_releases(call: Call) -> Json:
    """One page of the releases of Device OS that are to be had, the newest first."""
    number, platform_id = call.get("internal_version"), call.get("platform_id")
    chosen = [each for each in reversed(os_releases()) if number in (None, each.system)]
    held = [(each, modules) for each in chosen if (modules := _held(call, each, platform_id))]
    page, meta = page_of(call, [_release(release, modules, platform_id) for release, modules in held])
    return {"versions": page, "meta": meta}


def get_release(call: Call) -> Json:
    """One release: by its version, by the number of its system module, or the `latest` there is. For a platform, its modules too."""
    given, platform_id = call.path["version"].removeprefix("v"), call.get("platform_id")
    for release in reversed(os_releases()):
        if given in (release.version, str(release.system), "latest"):
            modules = _held(call, release, platform_id)
            if modules:
                body = _release(release, modules, platform_id)
                return body if platform_id is None else {**body, **_modules(call, platform_id, release, modules)}
    raise Refused(Fault(404, f"Device OS {given} not found"))


def download(call: Call) -> Response:
    """A module of a release."""
    platform, version = call.path["platform"], call.path["version"]
    for release in os_releases():
        if release.version == version and platform.isascii() and platform.isdigit():
            for module in _held(call, release, int(platform)):
                if _file_name(int(platform), module) == call.path["file"]:
                    if module.facts.stand_in:
                        logger.warning("%s of Device OS %s was handed out; %s", call.path["file"], version, STAND_INS)
                    return Response(200, module.image, "application/octet-stream")
    raise Refused(Fault(404, "Module not found"))


def _held(call: Call, release: OsRelease, platform_id: int | None) -> Sequence[LibraryModule]:
    """All modules of a release on a platform (on the first one there are any for, when none is named); empty when one is not there."""
    try:
        asked = platforms() if platform_id is None else (platform_by_id(platform_id),)
    except UnknownPlatform:
        return ()
    library = call.cloud.library
    return next((modules for platform in asked if (modules := library.release(platform, release))), ())


def _release(release: OsRelease, modules: Sequence[LibraryModule], platform_id: int | None) -> Json:
    body: Json = {
        "version": release.version,
        "internal_version": release.system,
        "module_version": release.system,
        "state": "released",
        "release_state": "ga",
        "platforms": [platform.id for platform in public_platforms(release)],
    }
    if any(module.facts.stand_in for module in modules):
        body["notice"] = STAND_INS
    return body if platform_id is None else {**body, "platform_id": platform_id}


def public_platforms(release: OsRelease) -> list[Platform]:
    """The platforms that had a release and are told of."""
    return [platform for platform in platforms() if platform.public and platform.name in release.platforms]


def _modules(call: Call, platform_id: int, release: OsRelease, modules: Sequence[LibraryModule]) -> Json:
    return {
        "base_url": f"{base_url(call)}/emulator/device_os/{platform_id}/{release.version}",
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
    return f"{platform_by_id(platform_id).name}-{facts.function.name.lower().replace('_', '-')}{facts.index}@{facts.version}.bin"
