"""Makes docs/api.md, the reference of everything public, from the docstrings: `python docs/make_api_reference.py`.

With `--check` it only says whether the page is what would be written. What is public is what `particle_hil` and `particle_hil.images`
export, the fixtures, and what those names give.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import particle_hil
from harness import capabilities, cloud_events, mails, sims
from harness.host import HostClock
from harness.kit import faults, network, webhook
from harness.provisioning.flow import StepReport
from harness.pytest_plugin import fixtures
from harness.serial_console import SerialConsole
from harness.softap import SoftAp
from harness.usb.requests import ControlRequests, InstalledModule
from harness.witness import Sighting
from particle_hil import images

TARGET = Path(__file__).with_name("api.md")
GIVEN: dict[str, type] = {
    "board.buttons": capabilities.Buttons,
    "board.console": SerialConsole,
    "board.led": capabilities.Led,
    "LedChange": capabilities.LedChange,
    "board.network": capabilities.Network,
    "board.power": capabilities.Power,
    "board.releases": capabilities.Releases,
    "board.requests": ControlRequests,
    "InstalledModule": InstalledModule,
    "board.sim_slot": capabilities.SimSlot,
    "board.softap": SoftAp,
    "Sighting": Sighting,
    "clock": HostClock,
    "Begun": faults.Begun,
    "AccessPoint": network.AccessPoint,
    "Cell": network.Cell,
    "EventStream": cloud_events.EventStream,
    "Event": cloud_events.Event,
    "account.sims": sims.Sims,
    "Sim": sims.Sim,
    "account.mails": mails.Mailbox,
    "Mail": mails.Mail,
    "Delivery": webhook.Delivery,
    "StepReport": StepReport,
}
"""What public names give, and nobody has to import."""
HEAD = """# API reference

Everything that `from particle_hil import ...` gives, `particle_hil.images`, the pytest fixtures, and what these hand out: what it takes,
gives and raises. What it is for is told in [writing-tests.md](writing-tests.md).

Made from the docstrings by `python docs/make_api_reference.py`; a test fails when it is out of date.
"""
SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields):$")
Members = Iterator[tuple[str, str]]


def main() -> int:
    """Write the page, or with `--check` say whether it is what would be written."""
    text = page()
    if "--check" in sys.argv[1:]:
        return int(not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def page() -> str:
    """The whole page."""
    public = {name: getattr(particle_hil, name) for name in particle_hil.__all__}
    errors = {name: each for name, each in public.items() if isinstance(each, type) and issubclass(each, Exception)}
    rest = {name: each for name, each in public.items() if name not in errors}
    parts = {
        "Names of particle_hil": rest,
        "What they give": GIVEN,
        "Errors": errors,
        "Fixtures": dict(_fixtures()),
        "particle_hil.images": {name: getattr(images, name) for name in images.__all__},
    }
    lines = [HEAD]
    for title, names in parts.items():
        lines.append(f"- [{title}](#{title.lower().replace(' ', '-').replace('.', '')}): " + ", ".join(f"`{name}`" for name in names))
    for title, names in parts.items():
        lines += ["", f"## {title}"]
        for name, thing in names.items():
            lines += ["", *_entry(name, thing)]
    return "\n".join(lines) + "\n"


def _fixtures() -> Iterator[tuple[str, Any]]:
    """The fixtures that tests ask for, as plain functions."""
    for name, thing in vars(fixtures).items():
        function = getattr(thing, "__wrapped__", None) or getattr(thing, "_fixture_function", None)
        if type(thing).__name__ == "FixtureFunctionDefinition" and function is not None and not name.startswith(("particle_hil_", "_")):
            yield name, function


def _entry(name: str, thing: Any) -> Iterator[str]:
    """One name: what it is, and what it has."""
    if not isinstance(thing, type):
        fixture = thing.__module__ == fixtures.__name__
        gives = re.sub(r"^Iterator\[(.*)\]$", r"\1", str(thing.__annotations__.get("return", "")))
        yield f"### {name}"
        yield ""
        yield f"`{name}` gives `{gives}`" if fixture else f"`{name}{_signature(thing)}`"
        yield ""
        yield from _markdown(inspect.getdoc(thing) or "")
        return
    bases = [base.__name__ for base in thing.__bases__ if base.__module__.split(".")[0] in _OURS]
    yield f"### {name}" + (f"({', '.join(bases)})" if bases else "")
    yield ""
    document = inspect.getdoc(thing) if thing.__doc__ and not thing.__doc__.startswith(f"{thing.__name__}(") else ""
    if issubclass(thing, enum.Enum):
        yield from _markdown(document or "")
        yield ""
        told = _attribute_docs(thing)
        for member in thing:
            value = f" ({member.value})" if isinstance(member.value, str) and member.value != member.name.lower() else ""
            yield f"- `{member.name}`{value}" + (f": {' '.join(told[member.name].split())}" if member.name in told else "")
        return
    constructor = ""
    if "\nArgs:" in (document or "") or (dataclasses.is_dataclass(thing) and "of" not in vars(thing)):
        constructor = _signature(thing.__init__)
        yield f"`{name}{constructor}`"
        yield ""
    yield from _markdown(document or "")
    yield from _members(thing, constructor)


_OURS = ("harness", "firmware_images", "particle_protocol", "particle_hil")


def _members(thing: type, known: str) -> Iterator[str]:
    """Attributes first, then methods, each with its docstring; those of our own base classes, too. `known`: the constructor as told."""
    is_error = issubclass(thing, Exception)
    attributes: dict[str, str] = {}
    methods: dict[str, Any] = {}
    for each in (thing,) if is_error else reversed(thing.__mro__):
        if each.__module__.split(".")[0] in _OURS:
            attributes |= {name: text for name, text in _attribute_docs(each).items() if not name.startswith("_")}
            public = {name: member for name, member in vars(each).items() if not name.startswith("_")}
            attributes |= {name: inspect.getdoc(member) or "" for name, member in public.items() if isinstance(member, property)}
            methods |= {name: member for name, member in public.items() if isinstance(member, _METHODS)}
    plain = [f"`{name}`" for name, text in attributes.items() if not text and f"{name}:" not in known]
    if plain or any(attributes.values()):
        yield ""
    for name, text in attributes.items():
        if text:
            yield from _item(f"`{name}`", text)
    if plain:
        yield f"- {', '.join(plain)}"
    if not is_error:
        for name, method in methods.items():
            yield from _method(thing, name, method)


_METHODS: Any = types.FunctionType | classmethod | staticmethod


def _method(thing: type, name: str, method: Any) -> Iterator[str]:
    of_class = isinstance(method, classmethod | staticmethod)
    function = method.__func__ if of_class else method
    yield ""
    yield f"#### `{f'{thing.__name__}.' if of_class else ''}{name}{_signature(function)}`"
    yield ""
    yield from _markdown(inspect.getdoc(function) or "")


def _item(name: str, text: str) -> Iterator[str]:
    lines = _markdown(text)
    yield f"- {name}" + (f": {lines[0]}" if lines else "")
    yield from (f"  {line}" if line else "" for line in lines[1:])


def _attribute_docs(thing: type) -> dict[str, str]:
    """The fields of a class, those that `__init__` makes among them, with the text that stands below each in the source.

    Of what `__init__` makes only errors show what has no text.
    """
    try:
        (tree,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(thing))).body
    except (OSError, TypeError):
        return {}
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    makers = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    inside = [getattr(node, "body", None) for maker in makers for node in ast.walk(maker)]
    needs_text = not issubclass(thing, Exception)
    for body, wants_text in ((tree.body, False), *((body, needs_text) for body in inside if isinstance(body, list))):
        for node, after in zip(body, [*body[1:], None], strict=True):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
            name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
            has_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str)
            text = inspect.cleandoc(after.value.value) if has_text else ""
            if name and (text or (not wants_text and isinstance(node, ast.AnnAssign | ast.Assign))):
                found[name] = text
    return found


def _signature(function: Any) -> str:
    """What a function takes and gives, as written in its source."""
    signature = inspect.signature(function)
    shown: list[str] = []
    keyword_only = False
    for parameter in signature.parameters.values():
        if not shown and parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            keyword_only = True
        elif parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            shown.append("*")
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        kind = "" if parameter.annotation is parameter.empty else f": {_named(parameter.annotation)}"
        default = "" if parameter.default is parameter.empty else f"{' = ' if kind else '='}{_value(parameter.default)}"
        shown.append(f"{stars}{parameter.name}{kind}{default}")
    gives = signature.return_annotation
    told = "" if gives is signature.empty or _named(gives) == "None" else f" -> {_named(gives)}"
    return f"({', '.join(shown)}){told}"


def _named(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _value(default: Any) -> str:
    if isinstance(default, enum.Enum):
        return f"{type(default).__name__}.{default.name}"
    if isinstance(default, str | int | float | bytes | bool | tuple | frozenset | None):
        return repr(default)
    return "..."


def _markdown(text: str) -> list[str]:
    """A docstring as Markdown: its sections as lists, what is indented as code."""
    lines: list[str] = []
    section, code = "", False

    def end_code() -> None:
        nonlocal code
        if code:
            code = False
            while not lines[-1]:
                lines.pop()
            lines.extend(("```", ""))

    for line in text.splitlines():
        heading = SECTION.match(line)
        indented = line.startswith("    ")
        if heading:
            end_code()
            section = heading[1]
            lines += [f"*{section}*", ""]
        elif section and indented:
            entry = line[4:]
            lines.append(f"  {entry.strip()}" if entry.startswith("    ") else f"- {_entry_of_section(section, entry)}")
        elif not line.strip():
            lines.append("")
        else:
            section = ""
            if not indented:
                end_code()
            elif not code:
                code = True
                lines.append("```python")
            lines.append(line[4:] if code else line)
    end_code()
    return lines


def _entry_of_section(section: str, entry: str) -> str:
    name, colon, meaning = entry.partition(": ")
    return f"`{name}`: {meaning}" if colon and section in ("Args", "Attributes", "Raises") and " " not in name.strip("*") else entry


if __name__ == "__main__":
    sys.exit(main())
