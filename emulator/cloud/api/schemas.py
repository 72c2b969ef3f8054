"""Response schemas: the little words they are written in, and the bodies that several routes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TRUE: Schema = {"const": True}
ANYTHING: Schema = {}
TIME: Schema = {"type": "string", "format": "date-time"}
HEX24: Schema = {"type": "string", "pattern": "^[0-9a-f]{24}$"}
HEX40: Schema = {"type": "string", "pattern": "^[0-9a-f]{40}$"}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: Schema) -> Schema:
    """A list of such items."""
    return {"type": "array", "items": items}


def one_of(*schemas: Schema) -> Schema:
    """Any of several bodies."""
    return {"anyOf": list(schemas)}


def fields_of(properties: Mapping[str, Schema], optional: str = "") -> Schema:
    """An object with these fields; all are required but those named in `optional` (names with spaces between)."""
    left_out = set(optional.split())
    return {"type": "object", "properties": dict(properties), "required": [name for name in properties if name not in left_out]}


def record(optional: str = "", **properties: Schema) -> Schema:
    """The same as `fields_of`, for names that can be written as arguments."""
    return fields_of(properties, optional)


def texts_to(schema: Schema) -> Schema:
    """An object used as a map."""
    return {"type": "object", "additionalProperties": schema}


OK = record(ok=TRUE)
META = record(page=INTEGER, per_page=INTEGER, total_pages=INTEGER, total=INTEGER)
EMPTY: Schema = {"type": "object"}

TOKEN = record(
    token_type={"const": "bearer"},
    access_token=HEX40,
    expires_in=nullable(INTEGER),
    refresh_token=HEX40,
    optional="refresh_token",
)

DEVICE = record(
    id=HEX24,
    name=nullable(TEXT),
    owner=nullable(TEXT),
    last_ip_address=nullable(TEXT),
    last_heard=nullable(TIME),
    last_handshake_at=nullable(TIME),
    product_id=INTEGER,
    online=FLAG,
    connected=FLAG,
    platform_id=INTEGER,
    cellular=FLAG,
    notes=nullable(TEXT),
    functions=nullable(array(TEXT)),
    variables=nullable(texts_to({"enum": ["int32", "double", "string", "bool"]})),
    status={"enum": ["normal", "safe_mode"]},
    serial_number=nullable(TEXT),
    mobile_secret=nullable(TEXT),
    iccid=nullable(TEXT),
    last_iccid=nullable(TEXT),
    imei=nullable(TEXT),
    mac_wifi=nullable(TEXT),
    system_firmware_version=nullable(TEXT),
    current_build_target=nullable(TEXT),
    pinned_build_target=nullable(TEXT),
    default_build_target=TEXT,
    firmware_updates_enabled=FLAG,
    firmware_updates_forced=FLAG,
    device_protection=record(status=TEXT),
    last_app=nullable(TEXT),
    firmware_product_id=nullable(INTEGER),
    groups=array(TEXT),
    firmware_version=nullable(INTEGER),
    desired_firmware_version=nullable(INTEGER),
    targeted_firmware_release_version=nullable(INTEGER),
    development=FLAG,
    quarantined=FLAG,
    denied=FLAG,
    user_id=nullable(TEXT),
    customer_id=nullable(TEXT),
    optional=(
        "serial_number mobile_secret iccid last_iccid imei mac_wifi firmware_product_id groups firmware_version desired_firmware_version "
        "targeted_firmware_release_version development quarantined denied user_id customer_id pinned_build_target current_build_target"
    ),
)
"""A device as every route shows it; what is below `last_app` belongs to products."""
