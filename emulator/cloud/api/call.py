"""One call of a route, as its handler sees it: who asks, for what, with which fields."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from emulator.cloud.access import Principal
from emulator.cloud.api.bodies import Body, Upload
from emulator.cloud.api.messages import Request
from emulator.cloud.api.route import Route
from emulator.cloud.errors import TokenMissing

if TYPE_CHECKING:
    from emulator.cloud import Cloud

T = TypeVar("T")


class Call:
    """What a handler gets. Fields are read and checked already; the accessors only give them their types back."""

    __slots__ = ("_who", "args", "body", "cloud", "path", "request", "route")

    def __init__(
        self,
        cloud: Cloud,
        route: Route,
        request: Request,
        path: Mapping[str, str],
        args: Mapping[str, Any],
        body: Body,
        who: Principal | None,
    ) -> None:
        self.cloud = cloud
        self.route = route
        self.request = request
        self.path = path
        self.args = args
        self.body = body
        self._who = who

    @property
    def who(self) -> Principal:
        """The caller.

        Raises:
            TokenMissing: The route lets anonymous callers in, and this is one.
        """
        if self._who is None:
            raise TokenMissing
        return self._who

    @property
    def maybe_who(self) -> Principal | None:
        """The caller, or None for an anonymous one."""
        return self._who

    def basic(self) -> tuple[str, str] | None:
        """User name and password of HTTP Basic, or None."""
        scheme, _, value = self.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, colon, password = b64decode(value.strip(), validate=True).decode().partition(":")
        except ValueError:
            return None
        return (name, password) if colon else None

    def has(self, name: str) -> bool:
        """Whether the field was sent."""
        return name in self.args

    def text(self, name: str) -> str:
        """A required text."""
        return cast("str", self.args[name])

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of texts, or None."""
        return cast("tuple[str, ...] | None", self.args.get(name))

    def integer(self, name: str, default: int) -> int:
        """A whole number."""
        return cast("int", self.args.get(name, default))

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        return cast("bool", self.args.get(name, default))

    def get(self, name: str) -> Any:
        """The field's value, or None when it was not sent."""
        return self.args.get(name)

    def sent(self, *names: str) -> dict[str, Any]:
        """Those of the named fields that were sent."""
        return {name: self.args[name] for name in names if name in self.args}

    def upload(self) -> Upload | None:
        """The first file, under whatever name it came."""
        for file in self.body.files.values():
            return file
        return None
