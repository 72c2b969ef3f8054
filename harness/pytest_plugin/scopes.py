"""How long a test, or a fixture of a wider scope, has the boards.

The fixtures of this plugin are made for the session, so that fixtures of any scope can ask for them. They nevertheless end with the scope
of whoever asked: with the test, or with the module when a fixture of that scope asked. pytest has no public way to say this; what is
used here of its inside (the closure of a test's fixtures, and who asked for one) is used in this module only, and where it is missing a
test has the boards for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import pytest

Scope = Literal["function", "class", "module", "package", "session"]

_WIDER: tuple[Scope, ...] = ("function", "class", "module", "package", "session")
_NODES: Mapping[str, type[pytest.Item | pytest.Collector]] = {
    "class": pytest.Class,
    "module": pytest.Module,
    "package": pytest.Package,
    "session": pytest.Session,
}


def needed_scope(item: Any, ours: frozenset[str]) -> Scope:
    """The widest scope of the fixtures of a test that ask for one of `ours`, themselves or through others."""
    closure = _closure(item)
    theirs = (definition for name, definitions in closure.items() if name not in ours for definition in definitions)
    return _widest([definition.scope for definition in theirs if _asks(definition, ours, closure, set())])


def definitions_of(item: Any, name: str) -> Sequence[Any]:
    """What defines a fixture for a test: the definition that counts last, those that it overrides before it."""
    return _closure(item).get(name, ())


def _closure(item: Any) -> Mapping[str, Sequence[Any]]:
    found: Mapping[str, Sequence[Any]] = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return found


def _asks(definition: Any, ours: frozenset[str], closure: Mapping[str, Sequence[Any]], seen: set[str]) -> bool:
    for name in definition.argnames:
        if name in ours:
            return True
        if name not in seen:
            seen.add(name)
            if any(_asks(each, ours, closure, seen) for each in closure.get(name, ())):
                return True
    return False


def asking_scope(request: pytest.FixtureRequest, ours: frozenset[str]) -> Scope:
    """The scope of the fixture that asked for one of `ours`, which may have done so in mid-course; of the test, if that asked itself."""
    asker: Any = request
    while asker is not None and asker.fixturename in ours:
        asker = getattr(asker, "_parent_request", None)
    return "function" if asker is None or asker.fixturename is None else cast("Scope", asker.scope)


def node_of(item: pytest.Item, scopes: Sequence[Scope]) -> pytest.Item | pytest.Collector:
    """The node of the collection tree with which the widest of some scopes ends."""
    scope = _widest(scopes)
    return item if scope == "function" else item.getparent(_NODES[scope]) or item


def _widest(scopes: Sequence[Scope]) -> Scope:
    return max(scopes, key=_WIDER.index, default="function")
