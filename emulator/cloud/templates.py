"""The part of the mustache language that the templates of webhooks use.

`{{name}}`, `{{{name}}}`, `{{a.b.0}}`, sections `{{#list}}...{{/list}}` and inverted ones `{{^x}}...{{/x}}`.

Anybody with an account writes templates, and they are filled in where everything else runs too. So a template is taken apart once, in
time that grows with its length alone, and what filling it in may cost has a `Budget`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_STEPS = 100_000
MAX_SIZE = 1024 * 1024
MAX_DEPTH = 16
"""Sections may be nested no deeper: what lies deeper is left out."""
MAX_INDEX_DIGITS = 9
"""Digits of a place in a list; no list has as many items as more could say."""

_TAG = re.compile(r"\{\{\{([^{}]*)\}\}\}|\{\{([^{}]*)\}\}")
_KINDS = "&#^/!"


class TemplateError(Exception):
    """Filling a template in would cost too much. The text says what of."""


class Budget:
    """What the templates of one request may cost together: steps (a tag, and each time it is filled in), and characters made."""

    __slots__ = ("_size", "_steps", "max_size", "max_steps")

    def __init__(self, max_steps: int = MAX_STEPS, max_size: int = MAX_SIZE) -> None:
        self.max_steps = max_steps
        self.max_size = max_size
        self._steps = 0
        self._size = 0

    def step(self, number: int = 1) -> None:
        """Take steps.

        Raises:
            TemplateError: these are too many.
        """
        self._steps += number
        if self._steps > self.max_steps:
            raise TemplateError(f"its templates take more than {self.max_steps:,} steps")

    def made(self, text: str) -> str:
        """Take a piece of what comes out.

        Raises:
            TemplateError: it becomes too long.
        """
        self._size += len(text)
        if self._size > self.max_size:
            raise TemplateError(f"its templates make more than {self.max_size:,} characters")
        return text


@dataclass(slots=True)
class _Section:
    """A part between two tags; the whole template is one, too. `kind` is # or ^."""

    kind: str
    name: str
    parts: list[str | _Value | _Section] = field(default_factory=list)


@dataclass(slots=True)
class _Value:
    name: str
    raw: bool


def render(template: str, values: Mapping[str, Any], budget: Budget | None = None) -> str:
    """Fill a template in. Unknown names give nothing; `{{name}}` is escaped for HTML, `{{{name}}}` and `{{&name}}` are not.

    Raises:
        TemplateError: it costs more than the budget has left.
    """
    budget = Budget() if budget is None else budget
    out: list[str] = []
    _fill(_parse(template, budget), (values,), budget, out)
    return "".join(out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # half a pair, which no request could carry


def names(template: str) -> list[str]:
    """What a template's tags ask for, in order."""
    return [name for kind, name, _ in map(_tag, _TAG.finditer(template)) if kind not in ("/", "!")]


def _tag(match: re.Match[str]) -> tuple[str, str, bool]:
    """A tag's kind ("" for a value), its name, and whether it stands in three braces."""
    raw, inner = match.groups()
    if raw is not None:
        return "", raw.strip(), True
    inner = inner.strip()
    if inner[:1] in _KINDS and inner:
        return inner[0], inner[1:].strip(), False
    return "", inner, False


def _parse(template: str, budget: Budget) -> _Section:
    """Take a template apart. A section without an end goes to the end of the one around it; an end without a section is nothing."""
    whole = _Section("#", "")
    opened, position = [whole], 0
    for match in _TAG.finditer(template):
        budget.step()
        if match.start() > position:
            opened[-1].parts.append(template[position : match.start()])
        position = match.end()
        kind, name, raw = _tag(match)
        if kind in ("#", "^"):
            section = _Section(kind, name)
            if len(opened) <= MAX_DEPTH:
                opened[-1].parts.append(section)
            opened.append(section)
        elif kind == "/":
            budget.step(len(opened) - 1)
            at = next((at for at in range(len(opened) - 1, 0, -1) if opened[at].name == name), None)
            del opened[at if at is not None else len(opened) :]
        elif kind != "!":
            opened[-1].parts.append(_Value(name, raw or kind == "&"))
    opened[-1].parts.append(template[position:])
    return whole


def _fill(section: _Section, scopes: tuple[Any, ...], budget: Budget, out: list[str]) -> None:
    for part in section.parts:
        budget.step()
        if isinstance(part, str):
            out.append(budget.made(part))
        elif isinstance(part, _Value):
            text = _text(_find(part.name, scopes, budget))
            out.append(budget.made(text if part.raw or len(text) > budget.max_size else html.escape(text)))
        else:
            for item in _times(part, _find(part.name, scopes, budget)):
                budget.step()
                _fill(part, scopes if part.kind == "^" else (item, *scopes), budget, out)


def _times(section: _Section, value: Any) -> Iterator[Any]:
    """With which values a section is filled in, one after the other."""
    empty = value is None or value is False or value in ("", [])
    if section.kind == "^":
        return iter((None,) if empty else ())
    if empty:
        return iter(())
    return iter(value if isinstance(value, list) else (value,))


def _find(name: str, scopes: tuple[Any, ...], budget: Budget) -> Any:
    if name == ".":
        return scopes[0]
    first, *rest = name.split(".")
    budget.step(len(rest))
    for scope in scopes:
        if isinstance(scope, Mapping) and first in scope:
            value: Any = scope[first]
            for step in rest:
                value = _step(value, step)
            return value
    return None


def _step(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, Sequence) and not isinstance(value, str) and step.isascii() and step.isdigit() and len(step) <= MAX_INDEX_DIGITS:
        return value[int(step)] if int(step) < len(value) else None
    return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
