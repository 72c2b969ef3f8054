"""Documents: how long their names, how large and how many they may be."""

from __future__ import annotations

import pytest

from emulator.cloud.documents import MAX_DOCUMENTS, MAX_NAME, MAX_SIZE, DocumentKind, Place
from emulator.cloud.errors import Conflict, DeviceNotInProduct, Invalid

HERE, SECRET = Place.of_user("u"), DocumentKind.SECRET


def test_a_documents_name_may_be_as_long_as_it_may(world):
    documents = world.cloud.documents
    longest = "n" * MAX_NAME
    assert documents.put("ada", SECRET, HERE, longest, {}) == documents.get(SECRET, HERE, longest)
    for name in (longest + "n", "", "a|b"):
        with pytest.raises(Invalid) as refused:
            documents.put("ada", SECRET, HERE, name, {})
        assert str(refused.value) == f"name={name!r}: must have 1 to 128 characters"


def test_a_document_may_be_as_large_as_it_may(world):
    documents = world.cloud.documents
    largest = {"a": "", "b": "x" * (MAX_SIZE - len('{"a":"","b":""}'))}
    assert documents.put("ada", SECRET, HERE, "x", largest).values == largest
    with pytest.raises(Invalid) as refused:
        documents.put("ada", SECRET, HERE, "x", {**largest, "a": "y"})
    assert str(refused.value) == "secret='...': must have at most 65536 bytes"
    assert documents.get(SECRET, HERE, "x").values == largest


def test_there_may_be_as_many_documents_of_a_kind_in_a_place_as_there_may(world):
    documents = world.cloud.documents
    with world.cloud.core.change():
        for number in range(MAX_DOCUMENTS):
            documents.put("ada", SECRET, HERE, str(number), {})
    assert documents.put("ada", SECRET, HERE, "0", {"changed": True}).values == {"changed": True}
    with pytest.raises(Conflict) as refused:
        documents.put("ada", SECRET, HERE, "more", {})
    assert (refused.value.what, str(refused.value)) == ("secret", "there can be at most 1000 of these")
    documents.put("ada", DocumentKind.LEDGER, HERE, "more", {})
    documents.put("ada", SECRET, Place.of_user("v"), "more", {})


def test_a_devices_documents_are_reached_through_the_product_that_is_named_and_no_other(world):
    o = world.user("o")
    product, other = world.product(o), world.product(o)
    device = world.member(o, product)
    place = world.cloud.documents.place
    assert place(o, "env:get", product=product.id, device=device.id) == place(o, "env:get", device=device.id) == Place.of_device(device.id)
    with pytest.raises(DeviceNotInProduct) as refused:
        place(o, "env:get", product=other.id, device=device.id)
    assert (refused.value.given, refused.value.product_id) == (device.id, other.id)
