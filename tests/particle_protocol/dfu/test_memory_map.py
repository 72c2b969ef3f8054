import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.dfu import DfuMapError, DfuseMap, protected_map
from particle_protocol.platforms import platforms

PHOTON = "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg"


def test_the_photons_flash():
    photon = DfuseMap.parse(PHOTON)
    assert photon.name == "Internal Flash"
    assert [(hex(s.start), hex(s.end), s.letter) for s in photon.segments] == [
        ("0x8000000", "0x800c000", "a"),
        ("0x800c000", "0x8010000", "g"),
        ("0x8010000", "0x8020000", "g"),
        ("0x8020000", "0x8100000", "g"),
    ]
    user = photon.segment_at(0x080A1234)
    assert (user.sector_start(0x080A1234), user.readable, user.erasable, user.writable) == (0x080A0000, True, True, True)
    assert photon.segment_at(0x08100000) is None


@pytest.mark.parametrize("platform", [p for p in platforms() if p.dfu_alternates], ids=lambda p: p.name)
def test_every_platforms_maps_can_be_read(platform):
    assert [DfuseMap.parse(text).name for text in platform.dfu_alternates][:2] == ["Internal Flash", "DCT Flash"]


def test_a_map_may_have_several_groups_and_units():
    found = DfuseMap.parse("@Mixed /0x0/2*008 a,1*1Mb/0x1000000/04*002Kc,1*010Be")
    assert [(s.start, s.sector_size, s.sectors, s.letter) for s in found.segments] == [
        (0, 8, 2, "a"),
        (16, 1 << 20, 1, "b"),
        (0x1000000, 2048, 4, "c"),
        (0x1002000, 10, 1, "e"),
    ]


def test_ranges_know_their_segments_and_sectors():
    photon = DfuseMap.parse(PHOTON)
    assert [s.letter for s in photon.span(0x0800B000, 0x6000)] == ["a", "g", "g"]
    assert photon.span(0x080FFFFF, 2) == ()
    assert list(photon.erasable_sectors(0x0800B000, 0x6000)) == [0x0800C000, 0x08010000]
    assert list(photon.erasable_sectors(0x080A0000, 5324)) == [0x080A0000]
    assert list(photon.erasable_sectors(0x0809FFFF, 2)) == [0x08080000, 0x080A0000]


def test_a_protected_device_lets_only_erase():
    protected = DfuseMap.parse(protected_map(PHOTON))
    assert protected_map(PHOTON) == "@Internal Flash   /0x08000000/03*016Kb,01*016Kb,01*064Kb,07*128Kb"
    assert protected.protected
    assert not DfuseMap.parse(PHOTON).protected
    assert [(s.start, s.end) for s in protected.segments] == [(s.start, s.end) for s in DfuseMap.parse(PHOTON).segments]
    assert {s.letter for s in protected.segments} == {"b"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Internal Flash/0x0/1*1Kg",
        "@Flash",
        "@Flash/0x0",
        "@Flash/0/1*1Kg",
        "@Flash/0x0/",
        "@Flash/0x0/1*1Kh",
        "@Flash/0x0/0*1Kg",
        "@Flash/0x0/1*0Kg",
        "@Flash/0x0/1*1Kg,",
        "@Flash/0x0/1*1Kg/0x10",
        "@Flash/0x123456789/1*1Kg",
        "@Flash/0x0/1*1Tg",
        "@Flash/0x0/٣*1Kg",
    ],
)
def test_what_is_no_map_is_refused(text):
    with pytest.raises(DfuMapError, match="memory map"):
        DfuseMap.parse(text)


@given(st.text(alphabet="@/0x*123abgKM, ", max_size=40) | st.text(max_size=20))
def test_any_text_is_a_map_or_refused(text):
    try:
        found = DfuseMap.parse(text)
    except DfuMapError:
        return
    assert found.segments


segments = st.tuples(st.integers(1, 40), st.integers(1, 256), st.sampled_from("BKM"), st.sampled_from("abcdefg"))


@given(st.integers(0, 0xFFFF0000), st.lists(segments, min_size=1, max_size=5))
def test_segments_follow_each_other(start, parts):
    sectors = ",".join(f"{count}*{size:03}{unit}{letter}" for count, size, unit, letter in parts)
    text = f"@F /0x{start:08X}/{sectors}"
    found = DfuseMap.parse(text).segments
    assert found[0].start == start
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    assert [s.letter for s in found] == [letter for *_, letter in parts]
