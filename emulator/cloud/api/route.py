"""What one route of the REST API is: everything about it as data.

From this one declaration come the routing, the reading of its fields, who may call it, the body of its errors, its place in the OpenAPI
document and in docs/rest-api.md, and its row in the test of who may do what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from emulator.cloud.access import Kind as Who
from emulator.cloud.api.faults import Fault, Shape
from emulator.cloud.api.fields import Field
from emulator.cloud.errors import CloudError
from emulator.cloud.rates import Bucket

if TYPE_CHECKING:
    from emulator.cloud.api.call import Call

Schema = dict[str, Any]
Handler = Callable[["Call"], Any]
"""Takes the call; gives what becomes the JSON body, a `Response`, an `EventStream`, or a coroutine of one of these."""


class Auth(Enum):
    """How a caller shows who it is."""

    NONE = "nothing"
    TOKEN = "an access token"  # noqa: S105  # not a password
    OPTIONAL = "an access token, or nothing"
    BASIC = "user name and password (HTTP Basic)"
    CLIENT = "an OAuth client's id and secret (HTTP Basic or fields)"


USERS = frozenset({Who.USER})
PEOPLE = frozenset({Who.USER, Who.CUSTOMER})
TEAM = frozenset({Who.USER, Who.API_USER, Who.PRODUCT})
USERS_AND_PROGRAMS = frozenset({Who.USER, Who.API_USER})
ANYONE = frozenset(Who)


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path.

    Attributes:
        path: With parameters in braces, each a whole segment: `/v1/devices/{device}`.
        scope: What an API user's or a product token's scopes must include; "" when such tokens may never call it.
        callers: Kinds of token that may call it at all; ownership and role are the domain's own checks.
        status: Of the answer when all went well.
        answer: JSON schema of that answer; None for one without a body.
        others: Further good answers by status.
        faults: Errors that look different on this route than elsewhere.
        malformed: The word for a malformed request, in the body that has one.
        content_type: Of the answer, when it is not JSON.
        bucket: With which requests it is counted where requests are limited, beside all of them.
        alias: Left out of the documents: a second path or an old name of another route.
    """

    method: str
    path: str
    handler: Handler
    about: str
    fields: tuple[Field, ...] = ()
    auth: Auth = Auth.TOKEN
    callers: frozenset[Who] = USERS
    scope: str = ""
    shape: Shape = Shape.ERROR
    status: int = 200
    answer: Schema | None = None
    others: Mapping[int, Schema | None] = field(default_factory=dict)
    faults: Mapping[type[CloudError], Fault] = field(default_factory=dict)
    malformed: str = "invalid_request"
    content_type: str = "application/json"
    bucket: Bucket | None = None
    alias: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the path's parameters, in order."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def name(self) -> str:
        """A name that is unique in the table: `get /v1/devices/{device}` is `get_devices_device`."""
        words = [part.strip("{}").replace("-", "_").replace(".", "_") for part in self.path.split("/")[1:] if part != "v1"]
        return "_".join([self.method.lower(), *words])

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
