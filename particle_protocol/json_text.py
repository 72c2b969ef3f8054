"""JSON as it is taken in from others: bounded in size and depth, and with numbers that there are.

Python's own reader takes more than the standard: `NaN`, `Infinity`, numbers such as `1e999` that become infinite. Who gets them passed on
cannot read them (JSON.parse of a browser refuses the whole text). And it takes nesting so deep that writing it again fails.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

MAX_DEPTH: Final = 64
MAX_SIZE: Final = 1024 * 1024
_MAX_DIGITS: Final = 308
"""A whole number with more would be infinite for all who count in doubles."""


class JsonError(ValueError):
    """A text is no JSON, or more than is taken. The text says what of."""


def parse_json(text: str | bytes, *, max_depth: int = MAX_DEPTH, max_size: int | None = MAX_SIZE) -> Any:
    """What a JSON text says. `max_size` is in bytes, or characters of a text; None leaves it to the caller.

    Raises:
        JsonError: it is none, is larger or nested deeper than that, or has a number that is not finite.
    """
    if max_size is not None and len(text) > max_size:
        raise JsonError(f"has {len(text)} bytes, and at most {max_size} are taken")
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        value = _DECODER.decode(decoded.strip())
    except RecursionError:
        raise JsonError(f"is nested more than {max_depth} deep") from None
    except JsonError:
        raise
    except ValueError as error:
        raise JsonError(f"is not valid JSON: {error}") from None
    if decoded.count("[") + decoded.count("{") > max_depth and _deeper(value, max_depth):
        raise JsonError(f"is nested more than {max_depth} deep")
    return value


def finite(value: Any) -> Any:
    """The same value with null for each number that is not finite, as JSON.stringify of a browser has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return value


def _deeper(value: Any, levels: int) -> bool:
    """Whether something is nested deeper than so many levels; a single value has none."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for each in layer
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not layer:
            return False
    return True


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise JsonError(f"has the number {text[:20]}, which is larger than any that can be passed on")
    return number


def _int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise JsonError(f"has a number of {len(text)} digits, which is larger than any that can be passed on")
    return int(text)


def _constant(name: str) -> Any:
    raise JsonError(f"has {name}, which is no JSON")


_DECODER = json.JSONDecoder(parse_float=_float, parse_int=_int, parse_constant=_constant)
