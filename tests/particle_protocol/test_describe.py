"""Descriptions: the exact JSON of Device OS, and what comes of reading it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.describe import (
    ApplicationDescribe,
    DescribedModule,
    DescribeError,
    Description,
    ModuleDependency,
    ModuleFunction,
    ModuleStore,
    SystemDescribe,
    Validity,
)
from particle_protocol.messages import VariableType

APPLICATION = ApplicationDescribe(
    ("echo", "set", "pub"),
    {"int": VariableType.INT, "dbl": VariableType.DOUBLE, "bool": VariableType.BOOL, "str": VariableType.STRING},
)
SYSTEM_2 = ModuleDependency(ModuleFunction.SYSTEM, 2, 2302)
USER = DescribedModule(
    131072, ModuleStore.MAIN, function=ModuleFunction.USER, index=1, version=6, dependencies=(SYSTEM_2,), sha256=bytes(range(32))
)
PHOTON = SystemDescribe(
    6,
    (
        DescribedModule(16384, function=ModuleFunction.BOOTLOADER, index=0, version=1006),
        DescribedModule(
            262144, function=ModuleFunction.SYSTEM, index=1, version=2302, dependencies=(ModuleDependency(ModuleFunction.SYSTEM, 2, 207),)
        ),
        USER,
    ),
)


def test_the_application_part_is_that_of_a_real_device():
    wire = b'{"f":["echo","set","pub"],"v":{"int":2,"dbl":9,"bool":1,"str":4}}'
    assert Description(application=APPLICATION).encode() == wire
    assert Description.decode(wire) == Description(application=APPLICATION)


def test_in_safe_mode_the_application_part_is_empty():
    assert Description(application=ApplicationDescribe()).encode() == b'{"f":[],"v":{}}'


def test_merged_the_applications_keys_come_first():
    wire = b'{"f":["echo","set","pub"],"v":{"int":2,"dbl":9,"bool":1,"str":4},"p":3,"m":[]}'
    assert Description(SystemDescribe(3), APPLICATION).encode() == wire
    assert Description.decode(wire) == Description(SystemDescribe(3), APPLICATION)


def test_a_module_has_its_keys_in_the_order_of_device_os():
    assert Description(PHOTON).encode().decode() == (
        '{"p":6,"m":[{"s":16384,"l":"m","vc":30,"vv":30,"f":"b","n":"0","v":1006,"d":[]},'
        '{"s":262144,"l":"m","vc":30,"vv":30,"f":"s","n":"1","v":2302,"d":[{"f":"s","n":"2","v":207}]},'
        '{"s":131072,"l":"m","vc":30,"vv":30,"u":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
        '"f":"u","n":"1","v":6,"d":[{"f":"s","n":"2","v":2302}]}]}'
    )
    assert Description.decode(Description(PHOTON).encode()) == Description(PHOTON)


def test_facts_about_the_modem_come_before_the_modules():
    boron = SystemDescribe(13, (), {"imei": "352753090000001", "iccid": "8934076500002586220"})
    assert Description(boron).encode() == b'{"p":13,"imei":"352753090000001","iccid":"8934076500002586220","m":[]}'
    assert Description.decode(Description(boron).encode()).system == boron


def test_empty_slots_and_empty_attributes_are_old_style():
    described = SystemDescribe(6, (DescribedModule(131072, ModuleStore.FACTORY, passed=Validity.RANGE), USER))
    old = Description(described).encode(old_style=True)
    assert old.startswith(b'{"p":6,"m":[{"s":131072,"l":"f","vc":30,"vv":8},{')
    assert b'{"f":"s","n":"2","v":2302,"_":""}' in old
    assert Description.decode(old) == Description(described)
    assert b'"l":"f"' not in Description(described).encode()


def test_an_unmet_dependency_is_validity_26():
    module = DescribedModule(131072, passed=Validity(26), function=ModuleFunction.USER, index=1, version=6)
    assert not module.is_valid
    assert str(module) == "user 1 version 6 (fails dependencies)"
    assert USER.is_valid and str(USER.dependencies[0]) == "system 2 version 2302" and str(DescribedModule(5)) == "empty slot"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"p":"x"}',
        b'{"m":{}}',
        b'{"m":[1]}',
        b'{"m":[{"f":"q"}]}',
        b'{"f":{}}',
        b'{"f":[1]}',
        b'{"v":{"a":77}}',
        b'{"v":[]}',
        b'{"m":[{"u":"zz"}]}',
        b'{"m":[{"f":"s","d":[{}]}]}',
        b'{"p":3,"m":[]"f":[]}',
        b"[" * 100000,
    ],
)
def test_what_is_no_description_is_refused_with_the_reason(payload):
    with pytest.raises(DescribeError, match="description"):
        Description.decode(payload)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data):
    with pytest.raises(DescribeError):
        Description.decode(b"\0" + data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("smu1", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["f", "v", "m", "p", "s", "l", "n", "d", "u", "vc"]), inner, max_size=4)
    ),
)


@given(st.dictionaries(st.sampled_from(["f", "v", "m", "p", "imei"]), values))
def test_any_json_is_a_description_or_a_describe_error(document):
    try:
        Description.decode(json.dumps(document).encode())
    except DescribeError:
        pass
