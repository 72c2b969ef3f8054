"""Reading inside nested fields, where declarations do not reach: `product.settings.quarantine` and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.cloud.api.fields import Field, Kind


def inner_object(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside; empty when it is not there.

    Raises:
        FieldError: It is something else.
    """
    value = facts.get(name)
    found: Mapping[str, Any] = {} if value is None else Field(name, Kind.OBJECT).read(value)
    return found


def inner_text(facts: Mapping[str, Any], name: str) -> str | None:
    """A text inside; None when it is not there.

    Raises:
        FieldError: It is something else.
    """
    value = facts.get(name)
    return None if value is None else Field(name).read(value)


def inner_flag(facts: Mapping[str, Any], name: str) -> bool | None:
    """True or false inside; None when it is not there.

    Raises:
        FieldError: It is something else.
    """
    value = facts.get(name)
    return None if value is None else Field(name, Kind.FLAG).read(value)
