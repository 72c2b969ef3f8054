"""Boards by moniker."""

import importlib.metadata

import pytest

from harness.boards import ENTRY_POINTS, Moniker, OpenOptions, Rig, kinds, open_boards
from harness.boards.usb import pick
from harness.errors import BoardNotAvailable, Unavailable
from harness.usb.entry import UsbEntry

ID = "0123456789abcdef01234567"
OTHER = "89abcdef0123456789abcdef"


def entry(serial=ID, port="1-1", pid=0xC006, trouble=""):
    return UsbEntry(0x2B04, pid, 1, 5, port, serial, trouble)


def test_a_moniker_is_taken_apart():
    moniker = Moniker.parse("emu:photon?mode=dfu&os=2.1.0&claimed=1")
    assert (moniker.kind, moniker.name) == ("emu", "photon")
    assert moniker.options == {"mode": "dfu", "os": "2.1.0", "claimed": "1"}
    assert str(moniker) == "emu:photon?mode=dfu&os=2.1.0&claimed=1"


@pytest.mark.parametrize("text", ["photon", "", ":photon", "emu:photon?mode", "emu:photon?mode=dfu&mode=safe"])
def test_a_malformed_moniker_is_refused(text):
    with pytest.raises(BoardNotAvailable) as caught:
        Moniker.parse(text)
    assert caught.value.reason is Unavailable.BAD_MONIKER


def test_an_unknown_kind_is_refused_with_the_kinds_there_are():
    with pytest.raises(BoardNotAvailable, match=r"There are: emu:, usb:") as caught:
        open_boards(["nosuch:thing"])
    assert caught.value.reason is Unavailable.UNKNOWN_KIND


def test_others_add_kinds_by_entry_points(monkeypatch):
    closed = []

    def opener(monikers, options):
        return Rig([], close=lambda: closed.append([str(moniker) for moniker in monikers]))

    monkeypatch.setattr("harness.boards.kind_of_test", opener, raising=False)
    point = importlib.metadata.EntryPoint("mine", "harness.boards:kind_of_test", ENTRY_POINTS)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **wanted: [point] if wanted.get("name", "mine") == "mine" else [])
    assert "mine" in kinds()
    (rig,) = open_boards(["mine:a", "mine:b"], OpenOptions())
    rig.close()
    assert closed == [["mine:a", "mine:b"]]


def test_a_kind_whose_code_cannot_be_loaded_is_refused(monkeypatch):
    point = importlib.metadata.EntryPoint("broken", "harness.no_such_module:open_boards", ENTRY_POINTS)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **wanted: [point])
    with pytest.raises(BoardNotAvailable, match="cannot be loaded"):
        open_boards(["broken:x"])


def test_a_real_board_takes_no_options():
    with pytest.raises(BoardNotAvailable, match=r"usb:1-1\?mode=dfu has options. A real board has none; use the marker start") as caught:
        open_boards(["usb:1-1?mode=dfu"])
    assert caught.value.reason is Unavailable.BAD_MONIKER


def test_nothing_is_opened_when_a_later_moniker_has_an_option_that_its_kind_has_not():
    with pytest.raises(BoardNotAvailable, match=r"emu:photon\?colour=red has the option .colour.\. There are: application, bootloader, "):
        open_boards(["emu:photon", "emu:photon?colour=red"])


def test_a_board_is_picked_by_device_id_in_any_case():
    assert pick(Moniker.parse(f"usb:{ID.upper()}"), [entry(OTHER, "1-2"), entry()]).port == "1-1"


def test_a_board_is_picked_by_its_port():
    assert pick(Moniker.parse("usb:1-2"), [entry(), entry(OTHER, "1-2")]).serial == OTHER


@pytest.mark.parametrize(
    ("moniker", "attached", "reason"),
    [
        ("usb:", [entry()], Unavailable.BAD_MONIKER),
        ("usb:first", [entry()], Unavailable.BAD_MONIKER),
        (f"usb:{ID}", [], Unavailable.NOT_FOUND),
        (f"usb:{ID}", [entry(OTHER)], Unavailable.NOT_FOUND),
        (f"usb:{ID}", [entry(), entry(port="1-2")], Unavailable.AMBIGUOUS),
        ("usb:1-1", [entry(None, trouble=Unavailable.NO_PERMISSION.value)], Unavailable.NO_PERMISSION),
        ("usb:1-1", [entry(None, trouble=Unavailable.BUSY.value)], Unavailable.BUSY),
    ],
)
def test_a_board_that_is_not_the_one_is_never_taken(moniker, attached, reason):
    with pytest.raises(BoardNotAvailable) as caught:
        pick(Moniker.parse(moniker), attached)
    assert caught.value.reason is reason


def test_the_error_lists_what_is_attached():
    with pytest.raises(BoardNotAvailable, match=f"seen: Photon {OTHER} at 1-2"):
        pick(Moniker.parse(f"usb:{ID}"), [entry(OTHER, "1-2")])


def test_a_star_stands_for_several_boards(open_rig):
    boards = open_rig("emu:photon*3", "emu:photon?mode=dfu").boards
    assert [board.moniker for board in boards] == ["emu:photon"] * 3 + ["emu:photon?mode=dfu"]
    assert len({board.device_id for board in boards}) == 4
    with pytest.raises(BoardNotAvailable, match=r"a number of boards, from 1 to 10000\. Write emu:photon"):
        open_rig("emu:photon*many")
