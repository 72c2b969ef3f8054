"""The part of the mustache language that the templates of webhooks use.

`{{name}}`, `{{{name}}}`, `{{a.b.0}}`, sections `{{#list}}...{{/list}}` and inverted ones `{{^x}}...{{/x}}`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_TAG = re.compile(r"\{\{\{\s*(?P<raw>[^{}]+?)\s*\}\}\}|\{\{\s*(?P<kind>[&#^/!]?)\s*(?P<name>[^{}]*?)\s*\}\}")
MAX_DEPTH = 16
"""Sections may be nested no deeper: what lies deeper is left out."""


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill a template in. Unknown names give nothing; `{{name}}` is escaped for HTML, `{{{name}}}` and `{{&name}}` are not."""
    text = _render(template, (values,), 0)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # half a pair, which no request could carry


def names(template: str) -> list[str]:
    """What a template's tags ask for, in order."""
    return [tag["raw"] or tag["name"] for tag in _TAG.finditer(template) if tag["kind"] not in ("/", "!")]


def _render(template: str, scopes: tuple[Any, ...], depth: int) -> str:
    out: list[str] = []
    position = 0
    while (tag := _TAG.search(template, position)) is not None:
        out.append(template[position : tag.start()])
        position = tag.end()
        kind, name = tag["kind"] or "", tag["raw"] or tag["name"]
        if tag["raw"] is not None or kind == "&":
            out.append(_text(_find(name, scopes)))
        elif kind == "":
            out.append(html.escape(_text(_find(name, scopes))))
        elif kind in ("#", "^"):
            body, position = _section(template, position, name)
            out.append(_fill(kind, body, _find(name, scopes), scopes, depth))
    out.append(template[position:])
    return "".join(out)


def _fill(kind: str, body: str, value: Any, scopes: tuple[Any, ...], depth: int) -> str:
    empty = value is None or value is False or value in ("", [])
    if kind == "^":
        return _render(body, scopes, depth + 1) if empty and depth < MAX_DEPTH else ""
    if empty or depth >= MAX_DEPTH:
        return ""
    each = value if isinstance(value, list) else [value]
    return "".join(_render(body, (item, *scopes), depth + 1) for item in each)


def _section(template: str, start: int, name: str) -> tuple[str, int]:
    """The text up to the end of a section, and where the rest begins. Without an end, the section is all the rest."""
    depth = 1
    for tag in _TAG.finditer(template, start):
        if tag["name"] != name or tag["kind"] not in ("#", "^", "/"):
            continue
        depth += -1 if tag["kind"] == "/" else 1
        if not depth:
            return template[start : tag.start()], tag.end()
    return template[start:], len(template)


def _find(name: str, scopes: tuple[Any, ...]) -> Any:
    if name == ".":
        return scopes[0]
    first, *rest = name.split(".")
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
    if isinstance(value, Sequence) and not isinstance(value, str) and step.isascii() and step.isdigit():
        return value[int(step)] if int(step) < len(value) else None
    return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
