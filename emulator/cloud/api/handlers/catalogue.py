"""Build targets, and compiling, as far as it happens here."""

from __future__ import annotations

from functools import cache
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused, Shape
from emulator.cloud.api.handlers.device_os import public_platforms
from emulator.cloud.api.handlers.uploads import sources_of
from emulator.cloud.api.messages import Response
from emulator.cloud.basics import iso
from emulator.cloud.compiler import LATEST, NotCompiled
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


def compile_code(call: Call) -> Json:
    """Compile: there is no compiler, but what the lab's sources compile to is known. All else is a failed build."""
    platform_id, target = call.get("platform_id"), call.get("build_target_version")
    try:
        made = call.cloud.compiler.compile(call.who, sources_of(call), platform_id, LATEST if call.flag("latest") or not target else target)
    except NotCompiled as error:
        extra = {"output": "Compiler unavailable", "stdout": str(error)}
        raise Refused(Fault(406, str(error), shape=Shape.ERRORS, extra=extra)) from None
    return {
        "ok": True,
        "binary_id": made.id,
        "binary_url": f"/v1/binaries/{made.id}",
        "build_target_version": made.os,
        "expires_at": iso(made.expires_at),
        "sizeInfo": f"{len(made.image)} bytes that stand for {made.project}, and run on emulated boards only",
    }


def download_binary(call: Call) -> Response:
    """A compiled binary."""
    made = call.cloud.compiler.binary(call.who, call.path["binary"])
    disposition = ("content-disposition", f'attachment; filename="{made.id}.bin"')
    return Response(200, made.image, "application/octet-stream", (disposition,))
