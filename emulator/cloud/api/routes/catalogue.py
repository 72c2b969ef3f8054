"""What is the same for everybody, what only newer platforms have, and what this cloud does not do."""

from __future__ import annotations

from emulator.cloud.access import Kind as Who
from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Fault, Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import catalogue as do
from emulator.cloud.api.handlers import device_os, factory, libraries
from emulator.cloud.api.route import ANYONE, TEAM, USERS, USERS_AND_PROGRAMS, Auth, Handler, Route
from emulator.cloud.api.routes.fleet import PAGE
from emulator.cloud.errors import PermissionDenied
from emulator.cloud.libraries import LibraryScope

_TARGETS = s.record(
    targets=s.array(s.record(version=s.TEXT, platforms=s.array(s.INTEGER), prereleases=s.array(s.INTEGER), firmware_vendor=s.TEXT)),
    platforms=s.texts_to(s.INTEGER),
    default_versions=s.texts_to(s.TEXT),
)
_RELEASE = s.record(
    version=s.TEXT,
    internal_version=s.INTEGER,
    module_version=s.INTEGER,
    release_state=s.TEXT,
    platforms=s.array(s.INTEGER),
    notice=s.TEXT,
    platform_id=s.INTEGER,
    base_url=s.TEXT,
    modules=s.array(s.record(filename=s.TEXT, prefixInfo=s.EMPTY, crc=s.EMPTY)),
    optional="notice platform_id base_url modules",
)
_SCOPES = tuple(each.value for each in LibraryScope)
_SCOPE = Field("scope", Kind.TEXTS, where=Where.QUERY, choices=_SCOPES)
_PAGES = (
    Field("page", Kind.INTEGER, where=Where.QUERY, least=1, most=1_000_000),
    Field("limit", Kind.INTEGER, where=Where.QUERY, least=1, most=100),
)
_LIBRARY = s.record(
    type={"const": "libraries"},
    id=s.TEXT,
    links=s.record(download=s.TEXT),
    attributes=s.record(
        name=s.TEXT,
        version=s.TEXT,
        installs=s.INTEGER,
        architectures=s.array(s.TEXT),
        visibility={"enum": ["public", "private"]},
        official=s.FLAG,
        mine=s.FLAG,
    ),
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
        device_os.list_releases,
        "List the Device OS releases that the cloud's library holds, the newest first",
        fields=(_PLATFORM, Field("internal_version", Kind.INTEGER, where=Where.QUERY, least=0, most=65_535), *PAGE),
        auth=Auth.OPTIONAL,
        callers=ANYONE,
        answer=s.record(versions=s.array(_RELEASE), meta=s.META),
    ),
    Route(
        "GET",
        "/v1/device-os/versions/{version}",
        device_os.get_release,
        "Get a Device OS release: by version, by its system module's number, or the latest",
        fields=(_PLATFORM,),
        auth=Auth.OPTIONAL,
        callers=ANYONE,
        answer=_RELEASE,
    ),
    Route(
        "GET",
        "/v1/libraries",
        libraries.list_libraries,
        "List libraries",
        fields=(
            Field("filter", where=Where.QUERY, longest=100, about="a part of the name"),
            _SCOPE,
            Field("excludeScopes", Kind.TEXTS, where=Where.QUERY, choices=_SCOPES, aliases=("excludeScope",)),
            Field("architectures", Kind.TEXTS, where=Where.QUERY),
            Field("category", where=Where.QUERY, longest=100),
            Field("sort", Kind.TEXTS, where=Where.QUERY, choices=libraries.SORTS, about="what counts first, first"),
            *_PAGES,
        ),
        callers=ANYONE,
        shape=Shape.MESSAGES,
        answer=s.record(data=s.array(_LIBRARY)),
    ),
    Route(
        "POST",
        "/v1/libraries",
        libraries.contribute,
        "Contribute a private version of a library",
        fields=(Field("archive", Kind.FILE, about="a .tar.gz, under any name"),),
        faults={PermissionDenied: Fault(403, "Permission denied: the library belongs to another account")},
        shape=Shape.MESSAGES,
        status=201,
        answer=s.record(data=_LIBRARY),
    ),
    Route(
        "GET",
        "/v1/libraries/{library}",
        libraries.get_library,
        "Get a library",
        fields=(Field("version", where=Where.QUERY, longest=100), _SCOPE),
        callers=ANYONE,
        shape=Shape.MESSAGES,
        answer=s.record(data=_LIBRARY),
    ),
    Route(
        "PATCH",
        "/v1/libraries/{library}",
        libraries.publish,
        "Publish the newest private version of a library",
        fields=(Field("visibility", required=True, longest=20),),
        shape=Shape.MESSAGES,
        answer=s.record(data=_LIBRARY),
    ),
    Route(
        "DELETE",
        "/v1/libraries/{library}",
        libraries.delete,
        "Delete a library",
        fields=(Field("force", Kind.ANY, about="public versions, too: any value but false"),),
        shape=Shape.MESSAGES,
        status=204,
    ),
    Route(
        "GET",
        "/v1/libraries/{library}/versions",
        libraries.list_versions,
        "List the versions of a library",
        fields=(_SCOPE, *_PAGES),
        callers=ANYONE,
        shape=Shape.MESSAGES,
        answer=s.record(data=s.array(_LIBRARY)),
    ),
    Route(
        "POST",
        "/v1/binaries",
        do.compile_code,
        "Compile: sources that the lab knows, to what stands for their binary",
        fields=(
            Field("platform_id", Kind.INTEGER, least=0, most=65_535, aliases=("product_id",)),
            Field("build_target_version", longest=40, about="a Device OS version"),
            Field("latest", Kind.FLAG, about="for the newest Device OS"),
        ),
        callers=USERS,
        shape=Shape.ERRORS,
        answer=s.record(ok=s.TRUE, binary_id=s.TEXT, binary_url=s.TEXT, build_target_version=s.TEXT, expires_at=s.TIME, sizeInfo=s.TEXT),
    ),
    Route(
        "GET",
        "/v1/binaries/{binary}",
        do.download_binary,
        "Download a compiled binary",
        callers=USERS,
        answer=s.TEXT,
        content_type="application/octet-stream",
    ),
    *_only_tachyon("/v1/devices", TEAM),
    *_only_tachyon("/v1/products/{product}/devices", TEAM),
    *_only_tachyon("/v1/orgs/{org}/devices", USERS_AND_PROGRAMS),
    _absent("POST", "/v1/products/{product}/registration_code", factory.not_here, "Registration code of a Tachyon (not available here)"),
    _absent("PUT", "/v1/products/{product}/devices/{device}/target_profile", factory.not_here, "Profile of a Tachyon (not available here)"),
    _absent("GET", "/v1/products/{product}/devices/{device}/docs/{doc}", factory.not_here, "Documents of a Tachyon (not available here)"),
    _absent("PATCH", "/v1/products/{product}/devices/{device}/docs/{doc}", factory.not_here, "Documents of a Tachyon (not available here)"),
)
