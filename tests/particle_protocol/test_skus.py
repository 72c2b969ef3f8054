from collections import Counter

import pytest

from particle_protocol.platforms import Feature
from particle_protocol.skus import ActivationClass, Lifecycle, SimForm, UnknownSku, find_sku, skus


@pytest.mark.rule("R136")
def test_every_row_of_the_guides_table_is_known_column_by_column(sku_rows):
    known = [
        (s.sku, s.device, s.pack, s.activation.value, s.lifecycle.value, s.replacement) for s in sorted(skus(), key=lambda each: each.sku)
    ]
    assert known == sorted((tuple(row) for row in sku_rows), key=lambda row: row[0])


@pytest.mark.rule("R136")
def test_the_table_is_complete():
    assert len(skus()) == len({s.sku for s in skus()}) == 95
    assert Counter(s.activation for s in skus()) == {
        ActivationClass.FAST: 55,
        ActivationClass.SOMETIMES_SLOW: 26,
        ActivationClass.GENERALLY_FAST: 14,
    }
    assert Counter(s.lifecycle for s in skus()) == {
        Lifecycle.DEPRECATED: 38,
        Lifecycle.GA: 28,
        Lifecycle.NRND: 15,
        Lifecycle.IN_DEVELOPMENT: 14,
    }


@pytest.mark.rule("R137")
def test_every_replacement_is_in_the_table(sku_rows):
    replaced = [s for s in skus() if s.replacement]
    assert {s.sku: s.replacement for s in replaced} == {row.sku: row.replacement for row in sku_rows if row.replacement}
    assert len(replaced) == 33
    for sku in replaced:
        assert find_sku(sku.replacement).replacement is None
    assert {s.sku for s in replaced if find_sku(s.replacement).platform != s.platform} == {
        "E260KIT",
        "E260TRAY50",
        "E270KIT",
        "E270TRAY50",
        "E350KIT",
        "E350TRAY50",
        "ELC402EA",
        "ELC402TY",
    }


@pytest.mark.rule("R138")
def test_models_that_end_in_4_are_never_slow_and_the_slow_families_are_known():
    for sku in skus():
        slow = sku.activation is ActivationClass.SOMETIMES_SLOW
        assert slow is any(family in sku.sku for family in ("402", "523", "E313", "BRN310")), sku.sku
        assert not (slow and any(number in sku.sku for number in ("404", "524", "504", "314"))), sku.sku


def test_removable_sims_are_those_of_the_2g_3g_electrons():
    assert {s.sku for s in skus() if s.sim is SimForm.PLASTIC} == {
        "ASSET3G270V2",
        "ASSET3G260V2",
        "ASSET2GV2",
        "E260KIT",
        "E260TRAY50",
        "E270KIT",
        "E270TRAY50",
        "E350KIT",
        "E350TRAY50",
        "SNSRKIT3G270",
        "SNSRKIT3G260",
        "ELC314TY",
    }
    assert {s.sku for s in skus() if s.sim is None} == {"MUONCBKIT", "MUONCB-BETA", "MUONCB"}


def test_every_sku_is_of_a_cellular_platform():
    assert all(s.platform.has(Feature.CELLULAR) for s in skus())


def test_a_sku_is_found_by_name_and_says_what_it_is():
    tray = find_sku("b524mty")
    assert (tray.platform.name, tray.pack, tray.lifecycle) == ("b5som", 50, Lifecycle.GA)
    assert str(tray) == "B524MTY: B-Series LTE CAT-1/3G/2G (Europe, EtherSIM), 50 pieces"
    assert str(find_sku("T404MEA")) == "T404MEA: Tracker SoM LTE M1 (NorAm, EtherSIM)"


def test_an_unknown_sku_is_refused_with_those_alike():
    with pytest.raises(UnknownSku, match="B524MTY"):
        find_sku("B524")
    with pytest.raises(UnknownSku, match="no SKU is called ''"):
        find_sku("")
