"""One error answer, before and after it has a shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from emulator.cloud.api.messages import Response


class Shape(Enum):
    """The six bodies of an error. A route has one; a few errors bring their own (see `emulator.cloud.api.errors`)."""

    OAUTH = "{error, error_description}"
    INFO = "{error, info}"
    ERROR = "{ok: false, error}"
    ERRORS = "{ok: false, errors: [text]}"
    CODED = "{ok: false, code, errors: [{error}]}"
    MESSAGES = "{errors: [{message}]}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One error answer, before it has a shape.

    Attributes:
        word: The short name that goes in `error` where a body has both a name and a sentence.
        shape: The body, when this fault has the same one on every route.
        entry: What goes in the list of the `errors` body instead of the text.
        extra: Further fields.
    """

    status: int
    text: str
    word: str = ""
    shape: Shape | None = None
    entry: Any = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()

    def body(self, shape: Shape) -> dict[str, Any]:
        """The body in the fault's own shape or, lacking one, in the route's."""
        shape = self.shape or shape
        if shape is Shape.OAUTH:
            return {"error": self.word or _word(self.status), "error_description": self.text, **self.extra}
        if shape is Shape.INFO:
            return {"error": self.word or self.text, "info": self.text, **self.extra}
        if shape is Shape.ERROR:
            return {"ok": False, "error": self.text, **self.extra}
        if shape is Shape.ERRORS:
            return {"ok": False, "errors": [self.text if self.entry is None else self.entry], **self.extra}
        if shape is Shape.MESSAGES:
            return {"errors": [{"message": self.text}], **self.extra}
        return {"ok": False, "code": self.status, "errors": [{"error": self.text}], **self.extra}

    def answer(self, shape: Shape) -> Response:
        """The whole answer."""
        response = Response.of(self.body(shape), self.status)
        response.headers = self.headers
        return response


_WORDS = {
    400: "invalid_request",
    401: "invalid_token",
    403: "access_denied",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    429: "too_many_requests",
}


def _word(status: int) -> str:
    return _WORDS.get(status, "server_error")


class Refused(Exception):
    """A request is answered with a fault that the domain knows nothing of."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.text)
