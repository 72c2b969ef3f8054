"""What a lab file may say, as one JSON schema: editors complete and check by it, and `harness.rack.lab_file` reads by it.

A description is a whole sentence: it is what an editor shows, and what an error gives as the remedy.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from harness.fault_plan import ANY, MOST_SECONDS, MOST_SHARE, OUTAGES, PHASES
from particle_protocol.listening.wifi import SECURITIES
from particle_protocol.platforms import platforms
from particle_protocol.skus import SimForm

Schema = dict[str, Any]

SHIPPED: Final = Path(__file__).with_name("lab.schema.json")
"""The same as a file, for editors. `tools/make_lab_schema.py` writes it."""

SIM_STATES: Final = {
    "inactive": "never_before_activated",
    "active": "active",
    "deactivated": "inactive_user_deactivated",
    "data-limit": "inactive_data_limit_reached",
    "unpaid": "inactive_invalid_payment_method",
}
"""The states of a SIM, by the words of a lab file; each with the word of the REST API."""
PLANS: Final = ("free", "basic", "growth", "enterprise")
ROLES: Final = ("View-only", "Support", "Developer", "Administrator")

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
HUB = r"^\d+(-\d+(\.\d+)*)?$"
APPLICATION = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$"
ADDRESS = r"^[^\s@]+@[^\s@]+$"
DEVICE_ID = r"^[0-9a-fA-F]{24}$"
ICCID = r"^89\d{17,19}$"
MONIKER: Final = "Write emu:photon, emu:electron?os=2.3.1, or usb: and a device id or a USB port."


def _text(about: str, pattern: str = "", **more: Any) -> Schema:
    return {"type": "string", "minLength": 1, **({"pattern": pattern} if pattern else {}), **more, "description": about}


def _number(about: str, least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, "description": about}


def _one_of(words: list[str], about: str) -> Schema:
    return {"enum": words, "description": about}


def _list(items: Schema, about: str) -> Schema:
    return {"type": "array", "items": items, "description": about}


def _table(about: str, keys: dict[str, Schema], required: str = "", **more: Any) -> Schema:
    needed = {"required": required.split()} if required else {}
    return {"type": "object", "additionalProperties": False, "description": about, "properties": keys, **needed, **more}


def _named(about: str, table: Schema) -> Schema:
    return {"type": "object", "description": about, "propertyNames": {"pattern": NAME}, "additionalProperties": table}


def _password(whose: str) -> dict[str, Schema]:
    return {
        "password_env": _text(f"The environment variable that holds {whose}, such as LAB_PASSWORD.", r"^[A-Za-z_]\w*$"),
        "password": _text(f"Give {whose} itself only in a file that nobody else can read; else name a variable with password_env."),
    }


_ONE_PASSWORD: Final = {"not": {"required": ["password", "password_env"]}}
_OWNER = _text("Name an account of this file: the part after the dot in [account.NAME]. Without it the run's own user is meant.")
_APPLICATION = _text("Name a Python class as module:Class, such as apps.lamp:Lamp; modules are looked for beside this file.", APPLICATION)
_FILE = _text("Give the path of a file, counted from the folder of this file.")


def _platform() -> Schema:
    return _one_of([platform.name for platform in platforms()], "Name a platform, such as photon or electron.")


def _board() -> Schema:
    return _table(
        "One board. Tests and messages call it by its name.",
        {
            "name": _text("Give each board a name of letters, digits, '-', '_' and '.', such as lamp-1.", NAME),
            "moniker": _text(MONIKER, r"^[A-Za-z][\w-]*:"),
            "hub": _text("Write the hub the board is plugged into as lsusb -t and uhubctl do: 1-1.4, or 1 for the root hub of bus 1.", HUB),
            "port": _number("Give the number of the hub's port, 1 to 31, and the hub beside it.", 1, 31),
            "sim": _text("Give the number (ICCID) of the SIM in it: 19 to 21 digits that begin with 89.", ICCID),
            "application": _APPLICATION,
        },
        "name",
        anyOf=[{"required": ["moniker"]}, {"required": ["hub"]}],
        dependencies={"hub": ["port"], "port": ["hub"]},
    )


def _sim() -> Schema:
    return _table(
        "A SIM, in a board or lying on the desk.",
        {
            "iccid": _text("Give its number (ICCID): 19 to 21 digits that begin with 89.", ICCID),
            "form": _one_of([form.value.lower() for form in SimForm], "mff2 is soldered in, 4ff a plastic card."),
            "state": _one_of(list(SIM_STATES), "inactive was never active; the others are as the cloud calls them."),
            "owner": _OWNER,
        },
        "iccid",
    )


_MEMBERS = _list(
    {
        "anyOf": [
            _text("Name an account of this file, or give an e-mail address."),
            _table(
                "Somebody of the team.",
                {
                    "account": _text("Name an account of this file, or give an e-mail address."),
                    "role": _one_of(list(ROLES), "Developer unless given."),
                },
                "account",
            ),
        ],
        "description": 'Name an account of this file, or write { account = "dev", role = "View-only" }.',
    },
    "The team, beside the owner.",
)
_PLAN = _one_of(list(PLANS), "free has room for 100 devices in all of its owner's products together; the others have no limit.")


def _product() -> Schema:
    firmware = _table(
        "A version of the product's firmware.",
        {
            "version": _number("Give the version that the firmware was built with, 1 to 65535.", 1, 65535),
            "file": _FILE,
            "application": _APPLICATION,
            "title": _text("Give what people call this version."),
        },
        "version",
        oneOf=[{"required": ["file"]}, {"required": ["application"]}],
    )
    return _table(
        "A product: a fleet of devices of one platform.",
        {
            "slug": _text(
                "Give what it is called in the paths of the REST API: lower-case words with dashes.", r"^(?!\d+$)[a-z0-9]+(-[a-z0-9]+)*$"
            ),
            "name": _text("Give what people call it; the slug unless given.", maxLength=100),
            "platform": _platform(),
            "id": _number("Give its number (PRODUCT_ID) where firmware has it built in.", 256, 65535),
            "description": _text("Give a sentence about it."),
            "owner": _OWNER,
            "organization": _text("Name an organization of this file by its slug; it owns the product then."),
            "plan": _PLAN,
            "quarantine": {"type": "boolean", "description": "false approves unknown devices by themselves; true lets them wait."},
            "groups": _list(_text("Write 1 to 64 of a-z, 0-9, _ and -.", r"^[a-z0-9_-]{1,64}$"), "The device groups."),
            "members": _MEMBERS,
            "firmware": _list(firmware, "The versions that are uploaded."),
            "devices": _list(
                _text("Give a device id, the name of a board, or a text file with one device id a line."),
                "The devices that are added to it: ids, names of boards, files of ids.",
            ),
        },
        "slug platform",
        **{"not": {"required": ["owner", "organization"]}},
    )


def _device() -> Schema:
    return _table(
        "Devices that have no board here: a tray from the factory, or what lies in a drawer. They are never online.",
        {
            "id": _text("Give its device id: 24 hexadecimal digits.", DEVICE_ID),
            "ids": _list(_text("Give a device id, or a text file with one device id a line."), "Several devices at once."),
            "platform": _platform(),
            "sku": _text("Give its SKU, such as PHNT; it says the platform and what SIM is in it."),
            "serial_number": _text("Give the serial number on its label."),
            "mobile_secret": _text("Give the secret in the code on its label."),
            "imei": _text("Give the number of its modem (IMEI)."),
            "iccid": _text("Give the number of its SIM.", ICCID),
            "name": _text("Give the name it has in the cloud."),
            "owner": {**_OWNER, "description": "Name an account of this file that has claimed it. Without it nobody has."},
        },
        oneOf=[{"required": ["id"]}, {"required": ["ids"]}],
        anyOf=[{"required": ["platform"]}, {"required": ["sku"]}],
        dependencies={key: ["id"] for key in ("serial_number", "mobile_secret", "imei", "iccid", "name")},
    )


_ANY: Final[Schema] = {"const": ANY}


def _either(about: str, *forms: Schema) -> Schema:
    return {"anyOf": [*forms, _ANY], "description": about}


def _pair(first: Schema, second: Schema) -> Schema:
    return {"type": "array", "items": [first, second], "minItems": 2, "maxItems": 2}


def _faults() -> Schema:
    share = _either(
        f"Give the share, from 0 to {MOST_SHARE:g}, or 'any' to have it drawn.", {"type": "number", "minimum": 0, "maximum": MOST_SHARE}
    )
    seconds = {"type": "number", "minimum": 0, "maximum": MOST_SECONDS}
    write = {"anyOf": [{"type": "integer", "minimum": 1}, _ANY]}
    outage = {"enum": list(OUTAGES)}
    status = {"type": "integer", "minimum": 500, "maximum": 599}
    of_requests = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    flag = {"type": "boolean"}
    return _table(
        "What goes wrong around emulated boards, all the time.",
        {
            "power_cut": _either(
                "Give the write, counted from 1, in which the power goes away, such as 3 or [3, 'middle'], or 'any'.",
                {"type": "integer", "minimum": 1},
                _pair(write, {"enum": [*PHASES, ANY]}),
            ),
            "loss": share,
            "delay": _either(
                "Give a number of seconds, or the least and the most, such as [0.1, 2.0], or 'any'.", seconds, _pair(seconds, seconds)
            ),
            "duplication": share,
            "reordering": share,
            "outage": _either("Write 'network', 'cloud', both in a list, or 'any'.", outage, {"type": "array", "items": outage}),
            "cloud_error": _either(
                "Give a status from 500 to 599, alone or with the share of requests, such as [503, 0.3], or 'any'.",
                status,
                _pair({"anyOf": [status, _ANY]}, of_requests),
            ),
            "cloud_delay": _either("Give the seconds until a request is looked at, or 'any'.", seconds),
            "wrong_server_key": {**flag, "description": "true: boards hold another key than their cloud's."},
            "full_disk": {
                **flag,
                "description": "true: what changes something in the cloud is refused, for the disk of its server is full.",
            },
            "seed": {
                "type": "integer",
                "description": "Give a whole number, where what is left to chance comes from; that of the run without it.",
            },
        },
    )


@cache
def lab_schema() -> Schema:
    """The schema, in draft 7: the newest that editors for TOML read."""
    account = _table(
        "A developer account of the cloud. The first one is the run's own.",
        {"user": _text("Give the e-mail address it logs in with.", ADDRESS), **_password("its password")},
        "user",
        **_ONE_PASSWORD,
    )
    wifi = _table(
        "A Wi-Fi network. The first one is what boards are given.",
        {
            "ssid": _text("Give its name.", maxLength=32),
            **_password("its password"),
            "security": _one_of(list(SECURITIES), "open, wep, wpa or wpa2; wpa2 with a password and open without one, unless given."),
            "hidden": {"type": "boolean", "description": "Write true for a network that does not send its name."},
            "signal": _number(
                "Give how strongly boards receive it, in dBm: -52 is near, below -80 they lose frames, below -90 the network.", -120, 0
            ),
            "channel": _number("Give its channel, 1 to 13.", 1, 13),
        },
        "ssid",
        **_ONE_PASSWORD,
    )
    customer = _table(
        "An end user of a product.",
        {
            "product": _text("Name a product of this file by its slug."),
            "user": _text("Give the e-mail address.", ADDRESS),
            **_password("the password"),
            "devices": _list(_text("Give a device id, or the name of a board."), "The devices that are claimed to it."),
        },
        "product user",
        **_ONE_PASSWORD,
    )
    organization = _table(
        "An organization, which owns products.",
        {
            "slug": _text(
                "Give what it is called in the paths of the REST API: lower-case words with dashes.", r"^[a-z0-9]+(-[a-z0-9]+)*$"
            ),
            "name": _text("Give what people call it; the slug unless given.", maxLength=100),
            "owner": _OWNER,
            "plan": _PLAN,
            "members": _MEMBERS,
        },
        "slug",
    )
    project = _table(
        "A folder with the sources of an application. Whoever has the cloud compile it gets a binary that runs the application.",
        {"folder": _text("Give the path of the folder, counted from the folder of this file."), "application": _APPLICATION},
        "folder application",
    )
    schema = _table(
        "Boards, and the cloud that is around them.",
        {
            "board": _list(_board(), "Boards, real and emulated."),
            "wifi": _named("Wi-Fi networks: [wifi.NAME].", wifi),
            "account": _named("Developer accounts: [account.NAME].", account),
            "sim": _list(_sim(), "SIMs."),
            "organization": _list(organization, "Organizations."),
            "product": _list(_product(), "Products."),
            "device": _list(_device(), "Devices without a board."),
            "customer": _list(customer, "Customers of products."),
            "project": _list(project, "What POST /v1/binaries knows."),
            "faults": _faults(),
        },
    )
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "particle-hil lab", **schema}


def schema_text() -> str:
    """The schema as the shipped file has it."""
    import json

    return json.dumps(lab_schema(), indent=2, ensure_ascii=False) + "\n"
