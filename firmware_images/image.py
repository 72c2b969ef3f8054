"""Any file that may hold firmware: a module, several combined, Intel HEX, a bundle, or none of these.

`read_image` never fails on bad input: what cannot be read is a finding of the image. The rarer kinds are read by modules that are
imported when they are met.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from firmware_images.checks import ANY_DEVICE, Target, check_module
from firmware_images.combined import MAX_ON_DEVICE, MAX_READ, combined_modules
from firmware_images.crc import crc32
from firmware_images.errors import BundleError, HexError, NotAModule
from firmware_images.fields import ModuleFlag
from firmware_images.findings import Finding, FindingName, error, note, warning
from firmware_images.module import Module, read_module

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firmware_images.bundle import Bundle
    from firmware_images.hexfile import Segment

DFU_SUFFIX: Final = struct.Struct("<HHHH3sBI")
"""Device, product and vendor ids, DFU version, "UFD" for DFU, length, CRC (USB DFU 1.1, appendix B)."""
_CHUNK: Final = 0x4000
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SMALLEST_DUMP: Final = 0x8000
"""Bytes of a file, or behind a module, from which on it is asked whether they are a copy of flash."""


class ImageKind(enum.StrEnum):
    """What a file is."""

    MODULE = "module"
    COMBINED = "combined"
    HEX = "hex"
    DUMP = "flash-dump"
    BUNDLE = "bundle"
    NOT_A_MODULE = "not-a-module"


@dataclass(frozen=True, slots=True)
class Image:
    """A file, read.

    Attributes:
        kind: what it is.
        modules: what it holds; none when it is no module. In a bundle, the application.
        findings: about the file as a whole; those about its modules come from `check_image`.
        addresses: in a HEX file, where its records put each module; in a dump, where it lies.
        segments: in a HEX file or a dump, the memory it describes, small gaps filled.
        pieces: in a HEX file or a dump, the same without the filling.
        hex_start: in a HEX file, where a debugger is told to start; see `firmware_images.hexfile.HexText`.
        bundle: in a bundle, all that is in it.
    """

    kind: ImageKind
    modules: tuple[Module, ...] = ()
    findings: tuple[Finding, ...] = ()
    addresses: tuple[int, ...] = ()
    segments: tuple[Segment, ...] = ()
    pieces: tuple[Segment, ...] = ()
    hex_start: Mapping[str, int] | None = None
    bundle: Bundle | None = None


def read_image(data: bytes | bytearray | memoryview) -> Image:
    """Read a file, whatever it is."""
    view = memoryview(data)
    if bytes(view[:4]) == b"PK\x03\x04":
        return _read_bundle(view)
    if looks_like_hex(view):
        return _read_hex(view)
    try:
        first = read_module(view)
        alone = not first.prefix.flags & ModuleFlag.COMBINED
        dump = _read_dump(view) if alone and len(first.trailing) >= _SMALLEST_DUMP else None
        return dump or _read_modules(first)
    except NotAModule as reason:
        dump = _read_dump(view) if len(view) >= _SMALLEST_DUMP else None
        if dump is not None:
            return dump
        return Image(ImageKind.NOT_A_MODULE, findings=(error(FindingName.NOT_A_MODULE, reason.reason),))


def check_image(image: Image, target: Target = ANY_DEVICE) -> tuple[Finding, ...]:
    """All findings of a file: its own, then those of its modules; from the second module on, the text says which one is meant."""
    found = list(image.findings)
    for number, module in enumerate(image.modules, 1):
        of_this = check_module(module, target)
        found += (
            of_this if number == 1 else (Finding(one.name, one.severity, f"module {number}: {one.detail}", one.expected) for one in of_this)
        )
    if image.bundle is not None:
        from firmware_images.bundle import check_bundle

        found += check_bundle(image.bundle, image.modules[0] if image.modules else None)
    return tuple(found)


def _read_modules(first: Module) -> Image:
    modules = tuple(combined_modules(first))
    last = modules[-1]
    found: list[Finding] = []
    too_many = len(modules) == MAX_READ and last.prefix.flags & ModuleFlag.COMBINED and last.trailing
    if too_many:
        found.append(error(FindingName.COMBINED_TOO_MANY, f"more than {MAX_READ} modules are combined; the rest is not read"))
    elif last.prefix.flags & ModuleFlag.COMBINED and last.complete:
        what = f"{len(last.trailing)} bytes that are no module follow" if last.trailing else "the file ends"
        found.append(error(FindingName.COMBINED_END_MISSING, f"module {len(modules)} announces another one, but {what}"))
    elif last.trailing:
        found.append(_trailing(first.data, last.trailing))
    if len(modules) > MAX_ON_DEVICE and not too_many:
        found.append(warning(FindingName.COMBINED_TOO_MANY, f"{len(modules)} modules are combined", f"{MAX_ON_DEVICE}, all a device takes"))
    combined = len(modules) > 1 or first.prefix.flags & ModuleFlag.COMBINED
    return Image(ImageKind.COMBINED if combined else ImageKind.MODULE, modules, tuple(found))


def _read_dump(view: memoryview) -> Image | None:
    """A copy of flash, or None where the file is none."""
    from firmware_images.dump import dump_modules
    from firmware_images.hexfile import Segment

    found = dump_modules(view)
    if found is None:
        return None
    base, modules = found
    memory = (Segment(base, view),)
    listed = ", ".join(f"{module.prefix.function} {module.prefix.index} at {address:#x}" for address, module in modules)
    text = f"a copy of flash from {base:#x} to {base + len(view):#x}, with {listed}"
    dumped = error(FindingName.FLASH_DUMP, text, "one module; `particle-hil image split` takes them out of it")
    only = tuple(module for _, module in modules)
    return Image(ImageKind.DUMP, only, (dumped,), tuple(address for address, _ in modules), memory, memory)


def _trailing(whole: memoryview, rest: memoryview) -> Finding:
    """What follows the last module."""
    if len(rest) == DFU_SUFFIX.size and bytes(rest[8:11]) == b"UFD":
        return _dfu_suffix(whole, rest)
    filler = rest[0]
    if filler in (0x00, 0xFF) and _is_only(rest, filler):
        return note(FindingName.PADDING, f"{len(rest)} bytes {filler:02x} follow the module")
    try:
        other = read_module(rest)
    except NotAModule:
        return warning(FindingName.TRAILING_DATA, f"{len(rest)} bytes follow the module")
    return warning(FindingName.TRAILING_MODULE, f"another module follows, without the flag that says so: {other.prefix}")


def _dfu_suffix(whole: memoryview, suffix: memoryview) -> Finding:
    """What `dfu-suffix` appended."""
    _, product, vendor, _, _, _, crc = DFU_SUFFIX.unpack(suffix)
    computed = crc32(whole[: len(whole) - 4]) ^ 0xFFFFFFFF
    text = f"a DFU suffix for USB {vendor:04x}:{product:04x} follows the module; dfu-util takes it off"
    if crc != computed:
        return warning(FindingName.DFU_SUFFIX, f"{text}, but its CRC is {crc:08x}, so it refuses the file", f"{computed:08x}")
    return note(FindingName.DFU_SUFFIX, text)


def _is_only(rest: memoryview, filler: int) -> bool:
    pattern = bytes([filler]) * _CHUNK
    return all(rest[at : at + _CHUNK] == pattern[: len(rest) - at] for at in range(0, len(rest), _CHUNK))


def looks_like_hex(view: bytes | memoryview) -> bool:
    """Whether a file begins as Intel HEX does, be it after spaces, empty lines or a byte order mark."""
    head = bytes(view[:64]).removeprefix(_BYTE_ORDER_MARK).lstrip()
    return head[:1] == b":" and len(head) >= 11 and all(byte in b"0123456789abcdefABCDEF" for byte in head[1:11])


def _read_hex(view: memoryview) -> Image:
    from firmware_images.hexfile import modules_in, read_hex_text
    from firmware_images.softdevice import is_softdevice

    try:
        text = read_hex_text(bytes(view))
    except HexError as reason:
        return Image(ImageKind.HEX, findings=(error(FindingName.HEX_MALFORMED, str(reason)),))
    segments = text.segments
    found: list[Finding] = []
    if bytes(view[:3]) == _BYTE_ORDER_MARK:
        found.append(warning(FindingName.HEX_MALFORMED, "the text begins with a byte order mark, which programmers refuse", "plain ASCII"))
    if not text.ended:
        found.append(warning(FindingName.HEX_MALFORMED, "the text has no end record: it may have been cut", "a last line :00000001FF"))
    modules = modules_in(segments, text.pieces)
    for address, module in modules:
        start = module.prefix.start_address
        if start != address:
            detail = f"the records put the module at {address:#x}, its prefix at {start:#x}"
            found.append(error(FindingName.HEX_ADDRESS, detail, f"{start:#x}"))
    if not modules:
        where = ", ".join(f"{len(segment.data)} bytes at {segment.address:#x}" for segment in segments[:4])
        if is_softdevice(segments):
            detail = "a SoftDevice that is not wrapped as a module yet (`particle-hil image build --softdevice` does)"
            found.append(warning(FindingName.NOT_A_MODULE, detail))
        else:
            found.append(error(FindingName.NOT_A_MODULE, f"the records describe no module: {where}"))
    return Image(
        ImageKind.HEX,
        tuple(module for _, module in modules),
        tuple(found),
        tuple(address for address, _ in modules),
        segments,
        text.pieces,
        text.start,
    )


def _read_bundle(view: memoryview) -> Image:
    from firmware_images.bundle import read_bundle

    try:
        bundle = read_bundle(view)
    except BundleError as reason:
        return Image(ImageKind.BUNDLE, findings=(error(FindingName.BUNDLE_MALFORMED, str(reason)),))
    try:
        application = read_module(bundle.application)
    except NotAModule:
        return Image(ImageKind.BUNDLE, bundle=bundle)
    return Image(ImageKind.BUNDLE, (application,), bundle=bundle)
