"""What `particle-hil image` says of a file: one JSON object, or lines of plain text. On a terminal `harness.image_table` draws instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from firmware_images.bounds import PLATFORM_NAMES
from firmware_images.errors import ImageError
from firmware_images.extensions import ExtensionList
from firmware_images.findings import Finding, FindingName, Severity, error
from firmware_images.image import Image
from firmware_images.module import Module
from harness.hiding import hides

if TYPE_CHECKING:
    from firmware_images.bundle import Bundle

__tracebackhide__ = hides

Report = dict[str, Any]
FINE, FINDINGS, UNREADABLE = 0, 1, 2
"""Exit statuses: nothing but notes; errors or warnings; not a module, or not a file that can be read."""


def report(file: str, image: Image, findings: Sequence[Finding]) -> Report:
    """All that is known of a file. The fields of the module itself are those of the first one, or null; `modules` has each of them."""
    modules = [_module(module) for module in image.modules]
    found: Report = {"file": file, "kind": image.kind.value, **(modules[0] if modules else _NO_MODULE)}
    found["findings"] = [_finding(finding) for finding in findings]
    if len(modules) > 1:
        found["modules"] = modules
    if image.segments:
        found["segments"] = [{"address": segment.address, "size": len(segment.data)} for segment in image.segments]
    if image.bundle is not None:
        found["application"] = image.bundle.name
        found["assets"] = [{"name": name, "size": len(content)} for name, content in image.bundle.assets.items()]
        found["env"] = _variables(image.bundle)
    return found


def _variables(bundle: Bundle) -> dict[str, str]:
    """The environment variables; none where they cannot be read, which is a finding."""
    try:
        return bundle.variables
    except ImageError:
        return {}


def unreadable(file: str, reason: str) -> Report:
    """The report of a file that could not be read at all."""
    return {"file": file, "kind": None, **_NO_MODULE, "findings": [_finding(error(FindingName.UNREADABLE, reason))]}


def exit_status(image: Image, findings: Iterable[Finding]) -> int:
    """The status a file gives the command."""
    if not image.modules:
        return UNREADABLE
    return FINDINGS if any(finding.severity is not Severity.NOTE for finding in findings) else FINE


def _finding(finding: Finding) -> Report:
    return {
        "name": finding.name.value,
        "severity": finding.severity.value,
        "detail": finding.detail,
        "expected": finding.expected,
    }


def _module(module: Module) -> Report:
    prefix, suffix = module.prefix, module.suffix
    stored, computed = module.stored_crc, module.computed_crc
    return {
        "platform_id": prefix.platform_id,
        "function": int(prefix.function),
        "index": prefix.index,
        "version": prefix.version,
        "start_address": prefix.start_address,
        "end_address": prefix.end_address,
        "flags": int(prefix.flags),
        "dependencies": [{"function": int(dep.function), "index": dep.index, "version": dep.version} for dep in prefix.dependencies],
        "product_id": None if suffix is None else suffix.product_id,
        "product_version": None if suffix is None else suffix.product_version,
        "suffix_size": None if suffix is None else suffix.size,
        "sha256": {
            "stored": None if suffix is None else suffix.sha256.hex(),
            "computed": None if module.computed_sha256 is None else module.computed_sha256.hex(),
            "ok": module.sha_ok,
        },
        "crc": {
            "stored": None if stored is None else f"{stored:08x}",
            "computed": None if computed is None else f"{computed:08x}",
            "ok": module.crc_ok,
        },
        "mcu_target": prefix.mcu_target,
        "prefix_offset": module.prefix_offset,
        "size": module.size,
        "trailing": len(module.trailing),
        "extensions": {"prefix": _extensions(module.prefix_extensions), "suffix": _extensions(module.suffix_extensions)},
    }


_NO_MODULE: Report = dict.fromkeys(
    (
        "platform_id",
        "function",
        "index",
        "version",
        "start_address",
        "end_address",
        "flags",
        "dependencies",
        "product_id",
        "product_version",
        "suffix_size",
        "sha256",
        "crc",
        "mcu_target",
        "prefix_offset",
        "size",
        "trailing",
        "extensions",
    )
)


def _extensions(found: ExtensionList) -> list[Report]:
    if not found.items:
        return []
    from firmware_images.extension_contents import content_of

    records = []
    for item in found.items:
        try:
            text = str(content_of(item))
        except (ValueError, ImageError) as reason:
            text = str(reason)
        records.append({"type": int(item.type), "name": str(item.type), "size": item.size, "content": text, "payload": item.payload.hex()})
    return records


def platform_name(platform_id: int) -> str:
    """The short name of a platform, else its number."""
    return PLATFORM_NAMES.get(platform_id, str(platform_id))


def describe(module: Module) -> list[tuple[str, str]]:
    """A module as pairs of label and text, for a person."""
    prefix, suffix = module.prefix, module.suffix
    rows = [
        ("module", f"{prefix.function} {prefix.index}"),
        ("version", str(prefix.version)),
        ("platform", f"{platform_name(prefix.platform_id)} ({prefix.platform_id})"),
        ("address", f"{prefix.start_address:#x} - {prefix.end_address:#x}, {module.size} bytes"),
        ("needs", ", ".join(f"{dep.function} {dep.index} >= {dep.version}" for dep in prefix.dependencies) or "nothing"),
    ]
    if prefix.mcu_target:
        rows.append(("co-processor", f"{prefix.mcu_target:#04x}"))
    if prefix.flags:
        rows.append(("flags", (prefix.flags.name or str(int(prefix.flags))).lower().replace("_", " ").replace("|", ", ")))
    if suffix is not None:
        if suffix.product_id is not None:
            rows.append(("product", _product(suffix.product_id, suffix.product_version)))
        rows.append(("sha-256", suffix.sha256.hex() + ("" if module.sha_ok else "  (wrong)")))
    if module.stored_crc is not None:
        rows.append(("crc", f"{module.stored_crc:08x}" + ("" if module.crc_ok else "  (wrong)")))
    for where, found in (("prefix", module.prefix_extensions), ("suffix", module.suffix_extensions)):
        rows += [(f"{where} extension", str(record["content"])) for record in _extensions(found)]
    return rows


def plain_lines(file: str, image: Image, findings: Sequence[Finding]) -> list[str]:
    """A file as lines of text."""
    lines = [f"{file}: {image.kind.value}"]
    for number, module in enumerate(image.modules, 1):
        if len(image.modules) > 1:
            lines.append(f"  {number}.")
        lines += [f"  {label:<16} {text}" for label, text in describe(module)]
    if image.bundle is not None:
        lines += [f"  {'asset':<16} {name}, {len(content)} bytes" for name, content in image.bundle.assets.items()]
        lines += [f"  {'env':<16} {name}={value}" for name, value in _variables(image.bundle).items()]
    lines += [f"  {finding}" for finding in findings]
    return lines


def _product(product_id: int, version: int | None) -> str:
    return "not set" if product_id == version == 0xFFFF else f"{product_id} version {version}"
