"""Devices of products, and groups."""

from __future__ import annotations

from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import devices, fleet
from emulator.cloud.api.route import TEAM, Route
from emulator.cloud.api.routes.devices import NOT_COMPILED, UPDATE_FAULTS, UPDATE_FIELDS, UPDATED
from emulator.cloud.fleet import SortBy

_BASE = "/v1/products/{product}/devices"
_GROUPS = "/v1/products/{product}/groups"

_IMPORTED = s.record(
    updated=s.INTEGER,
    updatedDeviceIds=s.array(s.HEX24),
    existingDeviceIds=s.array(s.HEX24),
    nonmemberDeviceIds=s.array(s.HEX24),
    invalidDeviceIds=s.array(s.TEXT),
    protectedDeviceIds=s.array(s.HEX24),
)
_GROUP = s.record(name=s.TEXT, description=s.TEXT, color=s.TEXT, fw_version=s.INTEGER, device_count=s.INTEGER, optional="fw_version")
PAGE = (
    Field("page", Kind.INTEGER, where=Where.QUERY, least=1, most=1_000_000),
    Field("perPage", Kind.INTEGER, where=Where.QUERY, least=1, most=100, aliases=("per_page",)),
)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        _BASE,
        fleet.list_devices,
        "List the devices of a product, quarantined and denied ones included",
        fields=(
            Field("deviceId", where=Where.QUERY, longest=100),
            Field("deviceName", where=Where.QUERY, longest=200),
            Field("serialNumber", where=Where.QUERY, longest=100),
            Field("groups", Kind.TEXTS, where=Where.QUERY),
            Field("sortAttr", where=Where.QUERY, choices=tuple(each.value for each in SortBy)),
            Field("sortDir", where=Where.QUERY, choices=("asc", "desc")),
            Field("quarantined", Kind.FLAG, where=Where.QUERY),
            *PAGE,
        ),
        callers=TEAM,
        scope="devices:list",
        answer=s.record(devices=s.array(s.DEVICE), customers=s.array(s.record(id=s.TEXT, username=s.TEXT)), meta=s.META),
    ),
    Route(
        "POST",
        _BASE,
        fleet.add_devices,
        "Add devices to a product, or approve quarantined ones",
        fields=(
            Field("id", longest=100),
            Field("ids", Kind.TEXTS),
            Field("file", Kind.FILE, about="one device id, serial number, IMEI or ICCID a line"),
            Field("import_sims", Kind.FLAG),
            Field("claim_user", longest=254, about="a team member who is to own them"),
            Field("import_method", about="one or many; ignored"),
        ),
        callers=TEAM,
        scope="devices:import",
        shape=Shape.CODED,
        answer=_IMPORTED,
    ),
    Route(
        "PUT",
        _BASE,
        fleet.edit_groups,
        "Add many devices to groups, and remove them from others",
        fields=(
            Field("action", required=True, choices=("groups",)),
            Field("devices", Kind.TEXTS, required=True),
            Field("metadata", Kind.OBJECT, required=True, about="add and remove: lists of groups"),
        ),
        callers=TEAM,
        scope="devices:update",
        answer=s.OK,
    ),
    Route(
        "GET", f"{_BASE}/{{device}}", devices.get_device, "Get a device of a product", callers=TEAM, scope="devices:get", answer=s.DEVICE
    ),
    Route(
        "PUT",
        f"{_BASE}/{{device}}",
        devices.update_device,
        "Change, lock, signal or flash a device of a product",
        fields=(
            *UPDATE_FIELDS,
            Field("development", Kind.FLAG),
            Field("desired_firmware_version", Kind.INTEGER, nullable=True, least=0, most=65_535, about="lock to a version; null unlocks"),
            Field("flash", Kind.FLAG, about="bring the locked version at once"),
            Field("groups", Kind.TEXTS, about="all groups it shall be in; missing ones are made"),
        ),
        callers=TEAM,
        scope="devices:update",
        shape=Shape.ERRORS,
        answer=s.one_of(UPDATED, NOT_COMPILED),
        faults=UPDATE_FAULTS,
    ),
    Route(
        "DELETE",
        f"{_BASE}/{{device}}",
        fleet.remove_device,
        "Remove a device from a product, or deny a quarantined one",
        fields=(Field("deny", Kind.FLAG),),
        callers=TEAM,
        scope="devices:remove",
        status=204,
    ),
    Route(
        "DELETE",
        f"{_BASE}/{{device}}/owner",
        devices.release,
        "Unclaim a device of a product, whoever owns it",
        callers=TEAM,
        scope="devices:release",
        answer=s.OK,
    ),
    Route(
        "GET",
        _GROUPS,
        fleet.list_groups,
        "List groups",
        fields=(Field("name", where=Where.QUERY, longest=100, about="beginning of the name"),),
        callers=TEAM,
        scope="groups:list",
        answer=s.record(groups=s.array(_GROUP)),
    ),
    Route(
        "POST",
        _GROUPS,
        fleet.create_group,
        "Create a group",
        fields=(
            Field("name", required=True, longest=100),
            Field("description", longest=2000, nullable=True),
            Field("color", longest=20, nullable=True),
        ),
        callers=TEAM,
        scope="groups:create",
        status=201,
        answer=s.record(group=_GROUP),
    ),
    Route("GET", f"{_GROUPS}/{{group}}", fleet.get_group, "Get a group", callers=TEAM, scope="groups:get", answer=s.record(group=_GROUP)),
    Route(
        "PUT",
        f"{_GROUPS}/{{group}}",
        fleet.update_group,
        "Change a group",
        fields=(Field("name", longest=100), Field("description", longest=2000), Field("color", longest=20)),
        callers=TEAM,
        scope="groups:update",
        answer=s.record(group=_GROUP),
    ),
    Route("DELETE", f"{_GROUPS}/{{group}}", fleet.delete_group, "Delete a group", callers=TEAM, scope="groups:remove", status=204),
)
