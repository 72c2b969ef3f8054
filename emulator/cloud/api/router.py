"""From a method and a path to a route: a tree of path segments, built once from the table.

A literal segment wins over a parameter, and a wrong turn is taken back, so that `/v1/devices/events` and `/v1/devices/{device}/{variable}`
live side by side. The cost of a look-up does not grow with the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from emulator.cloud.api.route import Route

Found = tuple[Route, tuple[str, ...]]
MAX_SEGMENT = 1024
"""Characters of a path's segment, as it was sent."""


class _Node:
    __slots__ = ("literal", "parameter", "routes")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.routes: dict[str, Found] = {}


class Router:
    """Finds routes. Built from the table; two routes with one method and path are an error of the table."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for part in route.path.split("/")[1:]:
                if part.startswith("{"):
                    if node.parameter is None:
                        node.parameter = _Node()
                    node = node.parameter
                else:
                    node = node.literal.setdefault(part, _Node())
            if route.method in node.routes:
                raise ValueError(f"the table holds {route} twice")
            node.routes[route.method] = (route, route.parameters)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | frozenset[str]:
        """The route and its parameters, decoded; or the methods that the path would take (none: no such path).

        Empty segments, and absurdly long ones, never match a parameter; a slash at the end is ignored.
        """
        parts = path.split("/")
        if parts[-1] == "":
            parts.pop()
        values: list[str] = []
        found = self._walk(self._root, parts, 1, method, values)
        if found is not None:
            route, names = found
            return route, dict(zip(names, values, strict=True))
        methods: set[str] = set()
        self._collect(self._root, parts, 1, methods)
        return frozenset(methods)

    def _walk(self, node: _Node, parts: list[str], at: int, method: str, values: list[str]) -> Found | None:
        if at >= len(parts):
            return node.routes.get(method)
        part = parts[at]
        inner = node.literal.get(part)
        if inner is not None:
            found = self._walk(inner, parts, at + 1, method, values)
            if found is not None:
                return found
        if node.parameter is not None and 0 < len(part) <= MAX_SEGMENT:
            values.append(unquote(part) if "%" in part else part)
            found = self._walk(node.parameter, parts, at + 1, method, values)
            if found is not None:
                return found
            values.pop()
        return None

    def _collect(self, node: _Node, parts: list[str], at: int, methods: set[str]) -> None:
        if at >= len(parts):
            methods.update(node.routes)
            return
        inner = node.literal.get(parts[at])
        if inner is not None:
            self._collect(inner, parts, at + 1, methods)
        if node.parameter is not None and 0 < len(parts[at]) <= MAX_SEGMENT:
            self._collect(node.parameter, parts, at + 1, methods)
