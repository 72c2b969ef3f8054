"""Descriptions: the exact JSON of Device OS, and what comes of reading it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.cloud_messages.describe import decode_system, encode_system
from particle_protocol.coap import ContentFormat, Message
from particle_protocol.describe import (
    ApplicationDescribe,
    DescribedAsset,
    DescribedModule,
    DescribeError,
    Description,
    ModuleDependency,
    ModuleFunction,
    ModuleStore,
    SystemDescribe,
    Validity,
)
from particle_protocol.messages import DescribeFlag, DescribePost, VariableType

APPLICATION = ApplicationDescribe(
    ("echo", "set", "pub"),
    {"int": VariableType.INT, "dbl": VariableType.DOUBLE, "bool": VariableType.BOOL, "str": VariableType.STRING},
)
SYSTEM_2 = ModuleDependency(ModuleFunction.SYSTEM_PART, 2, 2302)
USER = DescribedModule(
    131072, ModuleStore.MAIN, function=ModuleFunction.USER_PART, index=1, version=6, dependencies=(SYSTEM_2,), sha256=bytes(range(32))
)
PHOTON = SystemDescribe(
    6,
    (
        DescribedModule(16384, function=ModuleFunction.BOOTLOADER, index=0, version=1006),
        DescribedModule(
            262144,
            function=ModuleFunction.SYSTEM_PART,
            index=1,
            version=2302,
            dependencies=(ModuleDependency(ModuleFunction.SYSTEM_PART, 2, 207),),
        ),
        USER,
    ),
)


@pytest.mark.parametrize("name", ["boron", "boron-safe", "tcp620", "e2e580", "e2e620", "o1", "x580"])
def test_the_binary_system_part_of_a_real_device_reads_and_writes_alike(recording, name):
    messages = [Message.decode(line.data) for line in recording(name) if line.what == "<"]
    binary = [message for message in messages if message.option(12) == b"*"]
    assert binary
    for message in binary:
        assert encode_system(decode_system(message.payload, 13)) == message.payload
        if message.code == 2:
            post = DescribePost.decode(message)
            assert (post.flags, post.content_format) == (DescribeFlag.SYSTEM, ContentFormat.OCTET_STREAM)
            assert post.encode(message.id) == message


def test_a_real_boron_tells_its_modules_and_its_sim(recording):
    message = next(Message.decode(line.data) for line in recording("boron") if line.what == "<" and line.data[5:7] == b"\xb1d")
    told = decode_system(message.payload, 13)
    bootloader = ModuleDependency(ModuleFunction.BOOTLOADER, 0, 2200)
    assert told == SystemDescribe(
        13,
        (
            DescribedModule(0xA00000, function=ModuleFunction.BOOTLOADER, version=2200, size=0xA00004),
            DescribedModule(
                0xA00000, function=ModuleFunction.SYSTEM_PART, index=1, version=6200, dependencies=(bootloader,), size=0xA00004
            ),
            DescribedModule(
                0xA00000,
                function=ModuleFunction.USER_PART,
                index=1,
                version=6,
                dependencies=(ModuleDependency(ModuleFunction.SYSTEM_PART, 1, 6200),),
                sha256=bytes.fromhex("00112233445566778899aabbccddeeff") * 2,
                size=0xA00004,
            ),
            DescribedModule(0xA00000, function=ModuleFunction.NCP, version=5, size=0xA00004),
        ),
        {"iccid": "8934076500002588000"},
    )


def test_what_a_later_firmware_may_add_is_left_out():
    later = bytes.fromhex("0a0608051001180a" + "0a0408091001" + "0a040805200f" + "3a0101" + "420101")
    told = decode_system(later, 32)
    assert [(module.function, module.version) for module in told.modules] == [(ModuleFunction.USER_PART, 10)]
    wire = (
        b'{"p":6,"m":[{"f":"z","n":"1"},{"f":"u","n":"1","v":6,"d":[{"f":"q","n":"1","v":1},{"f":"s","n":"2","v":1}]}],"v":{"a":2,"b":77}}'
    )
    described = Description.decode(wire)
    assert [(module.function, len(module.dependencies)) for module in described.system.modules] == [(ModuleFunction.USER_PART, 1)]
    assert described.application.variables == {"a": VariableType.INT}


@pytest.mark.parametrize("payload", ["0a", "0a05ffffffffff", "0a020817ff"])
def test_what_is_no_system_part_is_refused(payload):
    with pytest.raises(DescribeError, match="no system description"):
        decode_system(bytes.fromhex(payload), 13)


def test_what_the_cloud_is_not_told_stays_away():
    factory = DescribedModule(1, ModuleStore.FACTORY, function=ModuleFunction.USER_PART, index=1, version=3)
    empty = DescribedModule(1)
    facts = {"imei": "352099001761481", "iccid": "8934076500002588000", "cellfw": "L0.0.00.00.05.08"}
    assert decode_system(encode_system(SystemDescribe(13, (factory, empty), facts)), 13) == SystemDescribe(13, (), facts)


@given(st.binary(max_size=60))
def test_random_bytes_are_a_system_part_or_a_describe_error(data):
    try:
        told = decode_system(data, 13)
    except DescribeError:
        return
    assert decode_system(encode_system(told), 13).modules == tuple(each for each in told.modules if each.store is not ModuleStore.FACTORY)


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
    module = DescribedModule(131072, passed=Validity(26), function=ModuleFunction.USER_PART, index=1, version=6)
    assert not module.is_valid
    assert str(module) == "user part 1 version 6 (fails dependencies)"
    assert USER.is_valid and str(USER.dependencies[0]) == "system part 2 version 2302" and str(DescribedModule(5)) == "empty slot"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"p":"x"}',
        b'{"m":{}}',
        b'{"m":[1]}',
        b'{"f":{}}',
        b'{"f":[1]}',
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


def test_the_binary_form_tells_what_assets_there_are_and_what_is_missing():
    """Bytes by hand, after device-os-protobuf, cloud/describe.proto: a user part that asks for two assets, and one of them stored."""
    beep, buzz = b"\x11" * 32, b"\x22" * 32
    asked = [b"\x0a\x20" + digest + b"\x12\x04" + name for digest, name in ((beep, b"beep"), (buzz, b"buzz"))]
    module = b"\x08\x05\x10\x02" + b"".join(b"\x52" + bytes((len(each),)) + each for each in asked)
    stored = asked[0] + b"\x18\x88\x27\x20\x64"
    told = decode_system(b"\x0a" + bytes((len(module),)) + module + b"\x2a" + bytes((len(stored),)) + stored, 13)
    assert told.assets == (DescribedAsset("beep", beep, 5000, 100),)
    assert [asset.name for asset in told.missing_assets] == ["buzz"]
    assert decode_system(encode_system(told), 13) == told
