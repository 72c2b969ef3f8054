"""TOML, and the line in which each of its keys stands: what an error has to name.

`tomllib` gives values only. Where a statement (a header, a key with its value) ends is found by asking it: the shortest run of lines that
it can read by itself is one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from harness.hiding import hides

__tracebackhide__ = hides

Path: TypeAlias = tuple[str | int, ...]
"""Keys and places in lists, from the top: `("board", 0, "name")`."""

_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_MAY_END = ("]", "}", '"""', "'''")
"""What a line has in it that ends a value of several lines."""


class NotToml(ValueError):
    """The text is no TOML. `line` is where, counted from 1."""

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says, and where."""

    data: dict[str, Any]
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line in which a key, or what it is in, stands; 1 where nothing of it does."""
        return next((self.lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self.lines), 1)


def read_toml(text: str) -> Document:
    """Read a text.

    Raises:
        NotToml: it is none.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT.search(str(error))
        line = int(found.group(1)) if found is not None and found.group(1) else max(1, len(text.rstrip().splitlines()))
        raise NotToml(line, _AT.sub("", str(error))) from None
    except RecursionError:
        raise NotToml(1, "lists within lists, far too deep") from None
    return Document(data, dict(_lines(text)))


def _lines(text: str) -> Iterator[tuple[Path, int]]:
    """The path of every key with its line; a table that is in several headers comes with each, the last of which counts."""
    here: Path = ()
    lists: dict[Path, int] = {}
    for line, statement, header in _statements(text):
        if not header:
            yield from ((here + path, line) for path in _paths(statement))
            continue
        here = ()
        names, is_list = _named(statement)
        for place, name in enumerate(names):
            here = (*here, name)
            if is_list and place == len(names) - 1:
                if here not in lists:
                    yield here, line
                lists[here] = lists.get(here, -1) + 1
            if here in lists:
                here = (*here, lists[here])
            yield here, line


def _statements(text: str) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """Every statement: its first line, what it reads as, whether it is a header. The text is known to be TOML."""
    begun, first = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not begun:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            first = number
        elif not any(end in line for end in _MAY_END):
            begun += line + "\n"
            continue
        begun += line + "\n"
        try:
            statement = tomllib.loads(begun)
        except tomllib.TOMLDecodeError:
            continue
        yield first, statement, begun.lstrip().startswith("[")
        begun = ""


def _named(header: dict[str, Any]) -> tuple[list[str], bool]:
    """The names in a header, and whether it is one of a list of tables."""
    names: list[str] = []
    inner: Any = header
    while isinstance(inner, dict) and inner:
        ((name, inner),) = inner.items()
        names.append(name)
    return names, isinstance(inner, list)


def _paths(value: Any) -> Iterator[Path]:
    """The paths of all that is in a value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (key,)
        yield from ((key, *path) for path in _paths(inner))
