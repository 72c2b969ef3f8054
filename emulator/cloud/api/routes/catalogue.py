"""What is the same for everybody, what only newer platforms have, and what this cloud does not do."""

from __future__ import annotations

from emulator.cloud.access import Kind as Who
from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import catalogue as do
from emulator.cloud.api.handlers import factory
from emulator.cloud.api.route import ANYONE, TEAM, USERS, USERS_AND_PROGRAMS, Auth, Handler, Route
from emulator.cloud.api.routes.fleet import PAGE

_TARGETS = s.record(
    targets=s.array(s.record(version=s.TEXT, platforms=s.array(s.INTEGER), prereleases=s.array(s.INTEGER), firmware_vendor=s.TEXT)),
    platforms=s.texts_to(s.INTEGER),
    default_versions=s.texts_to(s.TEXT),
)
_RELEASE = s.record(
    version=s.TEXT,
    internal_version=s.INTEGER,
    module_version=s.INTEGER,
    platforms=s.array(s.INTEGER),
    platform_id=s.INTEGER,
    optional="platform_id",
)
_PLATFORM = Field("platform_id", Kind.INTEGER, where=Where.QUERY, least=0, most=65_535, aliases=("platformId",))


def _absent(method: str, path: str, handler: Handler, about: str) -> Route:
    """Something that the real cloud has and this one has not: everybody is told so in JSON."""
    return Route(method, path, handler, about, auth=Auth.OPTIONAL, callers=ANYONE, answer=s.EMPTY)


def _only_tachyon(base: str, callers: frozenset[Who]) -> tuple[Route, ...]:
    return (
        Route(
            "PUT",
            f"{base}/{{device}}/backup_files",
            factory.backup_files,
            "Download the factory's backup of a Tachyon (there is none here)",
            callers=callers,
            scope="devices:get",
            answer=s.EMPTY,
        ),
    )


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/build_targets",
        do.build_targets,
        "Device OS versions to compile for",
        fields=(Field("featured", where=Where.QUERY),),
        auth=Auth.NONE,
        answer=_TARGETS,
    ),
    Route(
        "GET",
        "/v1/device-os/versions",
        do.list_releases,
        "List Device OS releases, the newest first",
        fields=(_PLATFORM, Field("internal_version", Kind.INTEGER, where=Where.QUERY, least=0, most=65_535), *PAGE),
        auth=Auth.OPTIONAL,
        callers=ANYONE,
        answer=s.array(_RELEASE),
    ),
    Route(
        "GET",
        "/v1/device-os/versions/{version}",
        do.get_release,
        "Get a Device OS release",
        fields=(_PLATFORM,),
        auth=Auth.OPTIONAL,
        callers=ANYONE,
        answer=_RELEASE,
    ),
    Route(
        "GET",
        "/v1/libraries",
        do.list_libraries,
        "List libraries",
        auth=Auth.OPTIONAL,
        callers=ANYONE,
        answer=s.record(data=s.array(s.EMPTY)),
    ),
    _absent("POST", "/v1/libraries", do.no_library, "Contribute a library (not available here)"),
    _absent("GET", "/v1/libraries/{library}", do.no_library, "Get a library (not available here)"),
    _absent("PATCH", "/v1/libraries/{library}", do.no_library, "Publish a library (not available here)"),
    _absent("DELETE", "/v1/libraries/{library}", do.no_library, "Delete a library (not available here)"),
    _absent("GET", "/v1/libraries/{library}/versions", do.no_library, "List the versions of a library (not available here)"),
    Route(
        "POST",
        "/v1/binaries",
        do.compile_code,
        "Compile (not available here)",
        callers=USERS,
        shape=Shape.ERRORS,
        answer=s.EMPTY,
    ),
    Route("GET", "/v1/binaries/{binary}", do.no_binary, "Download a compiled binary (not available here)", callers=USERS, answer=s.EMPTY),
    *_only_tachyon("/v1/devices", TEAM),
    *_only_tachyon("/v1/products/{product}/devices", TEAM),
    *_only_tachyon("/v1/orgs/{org}/devices", USERS_AND_PROGRAMS),
    _absent("POST", "/v1/products/{product}/registration_code", factory.not_here, "Registration code of a Tachyon (not available here)"),
    _absent("PUT", "/v1/products/{product}/devices/{device}/target_profile", factory.not_here, "Profile of a Tachyon (not available here)"),
    _absent("GET", "/v1/products/{product}/devices/{device}/docs/{doc}", factory.not_here, "Documents of a Tachyon (not available here)"),
    _absent("PATCH", "/v1/products/{product}/devices/{device}/docs/{doc}", factory.not_here, "Documents of a Tachyon (not available here)"),
)
