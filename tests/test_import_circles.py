"""No module needs itself: imports run in no circles, but for pairs that name each other's types only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("particle_hil", "harness", "emulator", "firmware_images", "particle_protocol")


def modules():
    """Every module of the packages: its name and its syntax tree."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree, known):
    """What a module imports, wherever in it: `(module, for types only)`."""
    for_types = {id(each) for node in ast.walk(tree) if is_for_types(node) for each in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in known else node.module for alias in node.names]
        else:
            continue
        for name in names:
            if name in known:
                yield name, id(node) in for_types


def is_for_types(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def circle(edges):
    """A path that ends where it began, or None."""
    done, path = set(), []

    def walk(module):
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return None
        path.append(module)
        for wanted in sorted(edges.get(module, ())):
            found = walk(wanted)
            if found:
                return found
        path.pop()
        done.add(module)
        return None

    return next(filter(None, map(walk, sorted(edges))), None)


@pytest.fixture(scope="module")
def graph():
    """`(at run time, for types)`: what each module imports."""
    trees = dict(modules())
    run_time, types = {}, {}
    for name, tree in trees.items():
        for wanted, for_types in imported(tree, trees):
            if wanted != name:
                (types if for_types else run_time).setdefault(name, set()).add(wanted)
    return run_time, types


def test_imports_run_in_no_circle(graph):
    run_time, _ = graph
    assert circle(run_time) is None


def test_in_the_harness_a_circle_through_types_is_a_pair(graph):
    """Who names the type of what imports it is bound to that one module, or to the one that imports its package."""
    run_time, types = graph
    wider = {
        (module, wanted)
        for module, found in types.items()
        for wanted in found - run_time.get(module, set())
        if module.startswith("harness.")
        and reaches(run_time, types, wanted, module)
        and not {module, module.rpartition(".")[0]} & run_time.get(wanted, set())
    }
    assert wider == set()


def reaches(run_time, types, start, end):
    seen, left = {start}, [start]
    while left:
        here = left.pop()
        for wanted in run_time.get(here, set()) | types.get(here, set()):
            if wanted == end:
                return True
            if wanted not in seen:
                seen.add(wanted)
                left.append(wanted)
    return False


def test_a_circle_would_be_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) is None
