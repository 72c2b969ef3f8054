"""What `particle-hil image inspect` draws on a terminal: a table that is read at a glance, and below it what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from firmware_images.findings import Finding, Severity
from firmware_images.image import Image
from firmware_images.module import Module
from harness.hiding import hides
from harness.image_report import platform_name
from harness.terminal import visible

__tracebackhide__ = hides

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def draw(files: Sequence[tuple[str, Image, Sequence[Finding]]], stream: IO[str] | None = None) -> None:
    """All files in one table on a stream, else on the terminal: a line for each module, and below it what was found."""
    console = Console(file=stream)
    names = [visible(name) for name in _short_names([file for file, _, _ in files])]
    console.print(_table(zip(names, files, strict=True), console.width))
    for name, (_, _, findings) in zip(names, files, strict=True):
        for finding in findings:
            console.print(Text.assemble((finding.name.value, _STYLES[finding.severity]), f" {name}: {_sentence(finding)}"))


_WIDE = 120
"""Columns of a terminal from which on addresses are shown too."""


def _table(files: Iterable[tuple[str, tuple[str, Image, Sequence[Finding]]]], width: int) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    wide = width >= _WIDE
    grid.add_column("file", no_wrap=True, overflow="ellipsis", max_width=max(16, width - 60 - 20 * wide))
    for heading in ("module", "version", "platform", *(("address", "size") if wide else ()), "needs", "product", "checks"):
        grid.add_column(heading, no_wrap=heading != "needs", min_width=8, justify="right" if heading in ("version", "size") else "left")
    for name, (_, image, findings) in files:
        for number, module in enumerate(image.modules):
            grid.add_row(escape(name) if number == 0 else "", *_cells(module, wide=wide), _verdict(module, findings))
        if not image.modules:
            grid.add_row(escape(name), f"[bold red]{image.kind.value}[/]")
    return grid


def _cells(module: Module, *, wide: bool) -> list[str]:
    prefix, suffix = module.prefix, module.suffix
    return [
        f"{prefix.function} {prefix.index}",
        str(prefix.version),
        platform_name(prefix.platform_id),
        *((f"{prefix.start_address:#x}", str(module.size)) if wide else ()),
        " ".join(map(str, prefix.dependencies)),
        "" if suffix is None or suffix.product_id in (None, 0xFFFF) else f"{suffix.product_id} v{suffix.product_version}",
    ]


def _verdict(module: Module, findings: Sequence[Finding]) -> str:
    if not module.complete:
        return "[bold red]not whole[/]"
    if not module.crc_ok:
        return "[bold red]CRC wrong[/]"
    if not module.sha_ok:
        return "[bold red]SHA wrong[/]"
    if any(finding.severity is Severity.ERROR for finding in findings):
        return "[bold red]see below[/]"
    return "[yellow]see below[/]" if any(finding.severity is Severity.WARNING for finding in findings) else "[green]fine[/]"


def _short_names(files: Sequence[str]) -> list[str]:
    """The files' names without their folders, where that tells them apart."""
    short = [file.replace("\\", "/").rpartition("/")[2] for file in files]
    return short if len(set(short)) == len(set(files)) else list(files)


def _sentence(finding: Finding) -> str:
    return visible(finding.detail + (f" (expected {finding.expected})" if finding.expected else ""))
