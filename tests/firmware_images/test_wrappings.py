"""Compressed and combined modules, and modules around a SoftDevice."""

from __future__ import annotations

import random
import struct
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_images.build import build_module
from firmware_images.checks import check_module
from firmware_images.combine import combine, split
from firmware_images.combined import MAX_READ, combined_modules
from firmware_images.compress import compress_module, compressed_header, inflate_module, inflated_chunks
from firmware_images.draft import Draft
from firmware_images.edit import Changes, edit_module, set_assets
from firmware_images.errors import BuildRefused, CompressionError, EditRefused
from firmware_images.extension_contents import AssetDependency
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.findings import is_sound
from firmware_images.hexfile import Segment, read_hex, write_hex
from firmware_images.module import Module, ShaRule, read_module
from firmware_images.softdevice import build_radio_stack, is_softdevice, softdevice_image

BOOTLOADER, SYSTEM, USER, RADIO = (
    ModuleFunction.BOOTLOADER,
    ModuleFunction.SYSTEM_PART,
    ModuleFunction.USER_PART,
    ModuleFunction.RADIO_STACK,
)
BODY = b"compressible " * 100


def made(platform: int, function: ModuleFunction, index: int, flags: int = 0, body: bytes = BODY) -> Module:
    return read_module(build_module(platform, function, index, 5, body=body, flags=flags))


MODULES = {
    "user part": made(13, USER, 2),
    "user part that grows left": made(32, USER, 1),
    "with records in the prefix": read_module(set_assets(made(32, USER, 1), [AssetDependency("a", bytes(32))])),
    "with records in the suffix": read_module(set_assets(made(13, USER, 2), [AssetDependency("a", bytes(32))])),
    "behind a vector table": made(13, SYSTEM, 1),
    "radio stack": made(13, RADIO, 0, ModuleFlag.DROP_MODULE_INFO),
    "photon": made(6, SYSTEM, 2),
}


@pytest.mark.parametrize("name", MODULES)
def test_inflating_gives_the_original_bytes(name: str) -> None:
    module = MODULES[name]
    packed = read_module(compress_module(module))
    assert packed.prefix_offset == 0
    assert packed.prefix.flags == module.prefix.flags | ModuleFlag.COMPRESSED
    assert packed.prefix.start_address == module.prefix.start_address
    assert packed.size == len(packed.data) < len(module.data)
    assert packed.crc_ok
    assert packed.sha_rule is ShaRule.WHOLE
    assert inflate_module(packed) == bytes(module.content)


def test_flags_that_nobody_knows_stay() -> None:
    strange = edit_module(MODULES["radio stack"], Changes(flags=ModuleFlag(0x80) | ModuleFlag.DROP_MODULE_INFO))
    assert inflate_module(read_module(compress_module(read_module(strange)))) == strange
    assert split(read_module(combine([read_module(strange), MODULES["photon"]])))[0] == strange
    left = set_assets(MODULES["user part that grows left"], [AssetDependency("a", bytes(32))])
    marked = edit_module(read_module(left), Changes(flags=read_module(left).prefix.flags | 0x80))
    assert read_module(set_assets(read_module(marked), [])).prefix.flags == 0x80


def test_a_radio_stack_that_is_signed_as_a_whole_is_so_again() -> None:
    """Most are signed over the body alone; of the others a compressed one must tell."""
    draft = Draft.of(MODULES["radio stack"])
    stack = replace(draft, rule=ShaRule.WHOLE).encode()
    packed = read_module(compress_module(read_module(stack)))
    assert packed.sha_rule is ShaRule.BODY
    assert check_module(packed) == check_module(read_module(compress_module(MODULES["radio stack"])))
    assert inflate_module(packed) == stack
    edited = read_module(edit_module(packed, Changes(version=203)))
    assert inflate_module(edited) == edit_module(read_module(stack), Changes(version=203))


def test_what_the_stream_holds_depends_on_the_flag() -> None:
    whole, dropped = MODULES["user part"], MODULES["radio stack"]
    assert compressed_header(read_module(compress_module(whole))).original_size == whole.size
    packed = read_module(compress_module(dropped))
    assert compressed_header(packed).original_size == len(BODY)
    assert b"".join(inflated_chunks(packed)) == BODY


def test_what_cannot_be_compressed_is_refused() -> None:
    packed = read_module(compress_module(MODULES["user part"]))
    with pytest.raises(CompressionError, match="already"):
        compress_module(packed)
    with pytest.raises(CompressionError, match="not compressed"):
        inflate_module(MODULES["user part"])
    with pytest.raises(CompressionError, match="split them first"):
        compress_module(made(6, USER, 1, ModuleFlag.COMBINED))
    with pytest.raises(CompressionError, match="vector table"):
        compress_module(made(6, BOOTLOADER, 0, ModuleFlag.DROP_MODULE_INFO))
    with pytest.raises(EditRefused, match="inflate it first"):
        set_assets(packed, [AssetDependency("a", bytes(32))])
    short = bytearray(packed.content)
    with pytest.raises(CompressionError, match="read far enough"):
        inflate_module(read_module(short[:-3]))


def bomb(claimed: int, stream: bytes) -> Module:
    """A compressed module that claims a size, around any stream."""
    packed = Draft.of(read_module(compress_module(MODULES["user part"])))
    return read_module(Draft(packed.header, packed.prefix, body=struct.pack("<HBBI", 8, 0, 0, claimed) + stream, gap=b"\xff" * 4).encode())


def test_a_deflate_bomb_costs_no_memory() -> None:
    import zlib

    deflater = zlib.compressobj(9, wbits=-15)
    zeros = deflater.compress(bytes(100_000_000)) + deflater.flush()
    for claimed in (100_000_000, 0x200000, 1000, 0):
        module = bomb(claimed, zeros)
        tracemalloc.start()
        with pytest.raises(CompressionError):
            inflate_module(module)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 0x200000 * 1.5


@given(stream=st.binary(max_size=200), claimed=st.integers(0, 300))
def test_any_stream_is_inflated_or_refused(stream: bytes, claimed: int) -> None:
    module = bomb(claimed, stream)
    try:
        assert len(b"".join(inflated_chunks(module))) == claimed
    except CompressionError:
        assert not is_sound(check_module(module))


@given(body=st.binary(max_size=3000), level=st.integers(1, 9), window_bits=st.sampled_from([0, 9, 12, 15]))
def test_any_body_survives(body: bytes, level: int, window_bits: int) -> None:
    module = made(13, USER, 2, body=body)
    packed = read_module(compress_module(module, level=level, window_bits=window_bits))
    assert compressed_header(packed).window_bits == window_bits
    assert inflate_module(packed) == bytes(module.content)


def test_combined_modules_follow_each_other_and_all_but_the_last_say_so() -> None:
    parts = [MODULES["radio stack"], MODULES["behind a vector table"], MODULES["user part"]]
    data = combine(parts)
    assert len(data) == sum(part.size for part in parts)
    found = list(combined_modules(read_module(data)))
    assert [bool(module.prefix.flags & ModuleFlag.COMBINED) for module in found] == [True, True, False]
    assert all(module.crc_ok and module.sha_ok for module in found)
    assert found[0].sha_rule is ShaRule.BODY


@given(order=st.permutations(list(MODULES)), count=st.integers(1, 4))
def test_splitting_gives_the_original_modules(order: list[str], count: int) -> None:
    parts = [MODULES[name] for name in order[:count]]
    assert split(read_module(combine(parts))) == [bytes(part.content) for part in parts]


def test_more_modules_than_anything_reads_are_neither_combined_nor_split() -> None:
    module = MODULES["photon"]
    most = combine([module] * MAX_READ)
    assert split(read_module(most)) == [bytes(module.data)] * MAX_READ
    with pytest.raises(EditRefused, match="more than anything reads"):
        combine([module] * (MAX_READ + 1))
    with pytest.raises(EditRefused, match="more than 64 modules"):
        split(read_module(most[: module.size] + most))


def test_what_cannot_be_combined_or_split_is_refused() -> None:
    user = MODULES["user part"]
    with pytest.raises(EditRefused, match="nothing to combine"):
        combine([])
    with pytest.raises(EditRefused, match="3 bytes follow module 1"):
        combine([read_module(bytes(user.content) + b"abc")])
    flagged = read_module(edit_module(user, Changes(flags=ModuleFlag.COMBINED)))
    with pytest.raises(EditRefused, match="split it first"):
        combine([flagged, user])
    with pytest.raises(EditRefused, match="announces another"):
        split(flagged)
    with pytest.raises(EditRefused, match="announces another"):
        split(read_module(bytes(flagged.content) + b"no module"))
    with pytest.raises(EditRefused, match="5 bytes follow the last"):
        split(read_module(combine([user, user]) + b"trail"))


def softdevice(size: int = 0x5000) -> bytes:
    image = bytearray(random.Random(1).randbytes(size))
    struct.pack_into("<4xI4xH", image, 0x3000, 0x51B1E5DB, 202)
    return bytes(image)


def test_a_softdevice_is_wrapped_from_hex_and_binary_alike() -> None:
    image = softdevice()
    text = write_hex(image[:0xB00], 0).removesuffix(b":00000001FF\r\n") + write_hex(image[0x1000:], 0x1000)
    segments = read_hex(text)
    assert is_softdevice(segments)
    found = softdevice_image(segments)
    assert found is not None
    data = build_radio_stack(found, 12)
    assert data == build_radio_stack(image, 12)
    module = read_module(data)
    assert module.prefix.version == 202
    assert module.prefix.flags == ModuleFlag.DROP_MODULE_INFO
    assert module.prefix.dependencies == (Dependency(BOOTLOADER, 0, 501), Dependency(SYSTEM, 1, 1321))
    assert module.sha_rule is ShaRule.BODY
    assert bytes(module.data[24 : module.module_length - 36]) == image[0x1000:]
    assert check_module(module) == ()


def test_what_is_no_softdevice_is_refused() -> None:
    with pytest.raises(BuildRefused, match="magic number"):
        build_radio_stack(bytes(0x5000), 12)
    assert not is_softdevice([Segment(0x2000, softdevice())])
    assert not is_softdevice([Segment(0, bytes(100))])
    with pytest.raises(BuildRefused, match="no place"):
        build_radio_stack(softdevice(), 6)
