"""Fuzzing of everything that reads images, guided by coverage: `python fuzz_images.py FOLDER -runs=N` (libFuzzer's options).

FOLDER gets the seeds: small images of every kind. The only exceptions allowed are those of `firmware_images.errors`.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["firmware_images"]):
    # What the others import when they need it would not be instrumented then.
    from firmware_images import (  # noqa: F401
        assets,
        bundle,
        checks,
        close_checks,
        combine,
        compress,
        diff,
        dump,
        edit,
        env,
        errors,
        hexfile,
        image,
        legacy_prefix,
        memory,
        module,
        softdevice,
    )
    from firmware_images.build import build_module
    from firmware_images.extension_contents import AssetDependency, Name, SecurityMode
    from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction

USER, SYSTEM = ModuleFunction.USER_PART, ModuleFunction.SYSTEM_PART
ASSET = AssetDependency("a", bytes(32))
TARGET = checks.Target(installed=(), protected=True, product=1234)
UNCHANGED = edit.Changes()
CHANGED = edit.Changes(product_id=1234, product_version=7)
JUDGED = 3


def seeds() -> Iterator[bytes]:
    """Small images of every kind."""
    boron = build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=b"application")
    p2 = build_module(32, USER, 1, 6, body=b"application")
    yield from (boron, p2, edit.set_assets(module.read_module(boron), [ASSET]), edit.set_assets(module.read_module(p2), [ASSET]))
    yield build_module(6, ModuleFunction.BOOTLOADER, 0, 1005, body=b"boot")
    yield build_module(13, SYSTEM, 1, 5501, body=b"system", suffix_extensions=[Name("x").encode(), SecurityMode(1).encode()])
    yield build_module(13, ModuleFunction.RADIO_STACK, 0, 202, body=b"radio", flags=ModuleFlag.DROP_MODULE_INFO)
    yield compress.compress_module(module.read_module(boron))
    yield assets.build_asset("logo", b"content" * 9)
    yield env.build_env_asset({"NAME": "value"})
    yield combine.combine([module.read_module(boron), module.read_module(p2)])
    yield hexfile.write_hex(boron, 0xB4000)
    yield hexfile.write_segments([hexfile.Segment(0x1000, b"radio"), hexfile.Segment(0xB4000, p2)])
    near = hexfile.Segment(0xB4010 + len(boron), b"near")
    yield b"\xef\xbb\xbf" + hexfile.write_segments([hexfile.Segment(0xB4000, boron), near, hexfile.Segment(near.end + 9, p2)])
    yield boron + image.DFU_SUFFIX.pack(0xFFFF, 0xD006, 0x2B04, 0x100, b"UFD", 16, 0)
    yield bundle.make_bundle(boron, {"a": b"content"})
    yield bundle.make_bundle(boron, {"a": b"content"}, env={"NAME": "value"})


def one_input(data: bytes) -> None:
    """Read it, judge it, and do with it whatever can be done.

    Of many combined modules the first few are judged, and the first is worked on: libFuzzer would else go on to ever longer rows of
    them, for which the same code runs again and again.
    """
    found = image.read_image(data)
    found = dataclasses.replace(found, modules=found.modules[:JUDGED])
    findings = image.check_image(found, TARGET)
    assert found.modules or findings
    if found.modules:
        work_on(found.modules[0])
    if found.kind is image.ImageKind.HEX and found.modules:
        memory_of(found)
    if found.kind is image.ImageKind.COMBINED:
        try:
            combine.split(found.modules[0])
        except errors.ImageError:
            pass


def refused_or(action: Callable[[], bytes]) -> bytes | None:
    """What an action gives, or None when it is refused."""
    try:
        return action()
    except errors.ImageError:
        return None


def memory_of(found: image.Image) -> None:
    """Put a module of a HEX text in its place again: the text has the same bytes then, and no others."""
    each = found.modules[0]
    start, content = found.addresses[0], bytes(each.content)
    if each.prefix.start_address != start or not each.complete:
        return
    pieces = memory.with_modules(found, {0: content})
    holes = sum(len(piece.data) for piece in pieces) - sum(len(piece.data) for piece in found.pieces)
    assert holes >= 0
    assert hexfile.read_hex(hexfile.write_segments(pieces)) == found.segments


def work_on(each: module.Module) -> None:
    """Seal a module, compare, inflate, and give it an asset. What cannot be taken apart is refused by the first of these."""
    try:
        content = edit.edit_module(each, UNCHANGED)
    except errors.ImageError:
        return
    if each.crc_ok and each.sha_ok:
        assert content == each.content
    sealed = module.read_module(content)
    assert sealed.crc_ok
    edited = refused_or(lambda: edit.edit_module(sealed, CHANGED))
    if edited is not None:
        suffix = module.read_module(edited).suffix
        assert suffix is not None
        assert (suffix.product_id, suffix.product_version) == (1234, 7)
    checks.check_module(sealed)
    diff.diff_modules(each, sealed)
    try:
        if sealed.prefix.flags & ModuleFlag.COMPRESSED:
            compress.inflate_module(sealed)
        else:
            packed = refused_or(lambda: compress.compress_module(sealed))
            assert packed is None or compress.inflate_module(module.read_module(packed)) == content
            checks.check_module(module.read_module(edit.set_assets(sealed, [ASSET])))
    except errors.ImageError:
        pass


def main() -> None:
    """Write the seeds, then fuzz."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (folder / f"seed-{number}").write_bytes(seed)
        one_input(seed)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
