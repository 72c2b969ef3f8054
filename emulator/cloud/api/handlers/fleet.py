"""The devices of products, and the groups they are in."""

from __future__ import annotations

from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.fields import Field, Kind
from emulator.cloud.api.handlers.shown import device_body
from emulator.cloud.api.requests import inner_object
from emulator.cloud.fleet import FleetQuery, SortBy
from emulator.cloud.groups import Group
from emulator.cloud.members import parse_entries
from emulator.cloud.records import OwnerKind

Json = dict[str, Any]


def list_devices(call: Call) -> Json:
    """One page of a product's devices, quarantined and denied ones included, and the customers who own some of them."""
    query = FleetQuery(
        device_id=call.get("deviceId") or "",
        name=call.get("deviceName") or "",
        serial_number=call.get("serialNumber") or "",
        groups=call.texts("groups") or (),
        quarantined=call.get("quarantined"),
        sort_by=SortBy(call.get("sortAttr") or SortBy.LAST_CONNECTION.value),
        descending=(call.get("sortDir") or "desc") == "desc",
        page=call.integer("page", 1),
        per_page=call.integer("perPage", 25),
    )
    page = call.cloud.fleet.list(call.who, call.path["product"], query)
    owners = {each.owner.id for each in page.devices if each.owner is not None and each.owner.kind is OwnerKind.CUSTOMER}
    known = (call.cloud.customers.by_id(each) for each in sorted(owners))
    customers = [each for each in known if each is not None and each.product_id == page.product.id]
    return {
        "devices": [device_body(call, device, page.product.id, detail=False) for device in page.devices],
        "customers": [{"id": each.id, "username": each.username} for each in customers],
        "meta": {"page": query.page, "per_page": query.per_page, "total_pages": page.total_pages, "total": page.total},
    }


def add_devices(call: Call) -> Json:
    """Add devices to a product: one, a list, or a file of them; or approve those in quarantine."""
    upload = call.upload()
    entries = list(call.texts("ids") or ())
    if call.get("id"):
        entries.append(call.text("id"))
    if upload is not None:
        entries += parse_entries(upload.content.decode("utf-8", "replace"))
    if not entries:
        raise Refused(Fault(400, "No device was given: send id, ids or a file"))
    result = call.cloud.members.add(
        call.who,
        call.path["product"],
        entries,
        import_sims=call.flag("import_sims", default=True),
        claim_user=call.get("claim_user"),
    )
    return {
        "updated": len(result.updated),
        "updatedDeviceIds": result.updated,
        "existingDeviceIds": result.existing,
        "nonmemberDeviceIds": result.nonmember,
        "invalidDeviceIds": result.invalid,
        "protectedDeviceIds": result.protected,
    }


def edit_groups(call: Call) -> Json:
    """Put many devices into groups, and take them out of others."""
    changes = inner_object(call.args, "metadata")
    texts = {name: Field(name, Kind.TEXTS).read(changes[name]) for name in ("add", "remove") if changes.get(name) is not None}
    cloud, product = call.cloud, call.path["product"]
    with cloud.core.change():
        cloud.groups.ensure(cloud.access.product(call.who, product, "devices:update"), texts.get("add", ()))
        cloud.members.edit_groups(call.who, product, call.texts("devices") or (), **texts)
    return {"ok": True}


def remove_device(call: Call) -> None:
    """Take a device out of a product or (`deny`) keep a quarantined one out."""
    members = call.cloud.members
    remove = members.deny if call.flag("deny") else members.remove
    remove(call.who, call.path["product"], call.path["device"])


def _group(call: Call, group: Group) -> Json:
    """A group as the API shows it. Who may see the group may see what is counted and released in it."""
    cloud = call.cloud
    product = cloud.registry.products[group.product_id]
    released = next((each.version for each in cloud.releases.all(product) if group.name in each.groups), None)
    body: Json = {"name": group.name, "description": group.description, "color": group.color}
    if released is not None:
        body["fw_version"] = released
    return {**body, "device_count": len(cloud.groups.devices(product, group.name))}


def list_groups(call: Call) -> Json:
    """The groups of a product."""
    groups = call.cloud.groups.list(call.who, call.path["product"], prefix=call.get("name") or "")
    return {"groups": [_group(call, group) for group in groups]}


def get_group(call: Call) -> Json:
    """One group."""
    return {"group": _group(call, call.cloud.groups.get(call.who, call.path["product"], call.path["group"]))}


def create_group(call: Call) -> Json:
    """Make a group."""
    facts = {name: value for name, value in call.sent("description", "color").items() if value is not None}
    return {"group": _group(call, call.cloud.groups.create(call.who, call.path["product"], call.text("name"), **facts))}


def update_group(call: Call) -> Json:
    """Change a group."""
    group = call.cloud.groups.update(
        call.who,
        call.path["product"],
        call.path["group"],
        new_name=call.get("name"),
        description=call.get("description"),
        color=call.get("color"),
    )
    return {"group": _group(call, group)}


def delete_group(call: Call) -> None:
    """End a group."""
    call.cloud.groups.delete(call.who, call.path["product"], call.path["group"])
