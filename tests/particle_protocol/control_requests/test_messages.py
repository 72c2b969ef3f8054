import importlib
import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.control_requests import (
    BadMessage,
    ProtocolError,
    RequestType,
    Result,
    ServiceReply,
    decode_message,
    decode_string,
    encode_string,
    message_types,
    request_name,
    result_text,
)
from particle_protocol.control_requests.generated.storage_pb2 import GetModuleInfoReply
from particle_protocol.control_requests.generated.system_pb2 import GetDeviceIdReply, GetDeviceModeReply

ROOT = Path(__file__).resolve().parents[3]


@given(st.text(max_size=300))
def test_a_text_without_protobuf_is_the_text_with_protobuf(text):
    assert encode_string(text) == GetDeviceIdReply(id=text).SerializeToString()
    assert decode_string(encode_string(text)) == text


@given(st.binary(max_size=40))
def test_any_bytes_are_a_text_or_a_bad_message_as_protobuf_has_it(data):
    try:
        text = decode_string(data)
    except BadMessage:
        with pytest.raises(BadMessage):
            decode_message(GetDeviceIdReply, data)
    else:
        assert text == GetDeviceIdReply.FromString(data).id


def test_the_usual_form_is_read_from_views_too():
    assert decode_string(memoryview(b"\x0a\x03abc")) == "abc"


@pytest.mark.parametrize(
    "request_type",
    [
        t
        for t in RequestType
        if t
        not in {
            RequestType.ECHO,
            RequestType.APP_CUSTOM,
            RequestType.LOG_CONFIG,
            RequestType.GET_ASSET_INFO,
            RequestType.DIAGNOSTIC_INFO,
        }
        and not 120 <= t <= 122
        and not 260 <= t <= 264
        and not 402 <= t <= 404
        and t < 1100
    ],
)
def test_requests_have_messages(request_type):
    asked, replied = message_types(request_type)
    assert asked.__name__.endswith("Request")
    assert replied.__name__.endswith("Reply")


def test_requests_without_messages_say_so():
    for request_type in (RequestType.ECHO, RequestType.NETWORK_GET_STATUS, 9999):
        with pytest.raises(LookupError, match="no message"):
            message_types(request_type)


def test_old_module_info_reads_as_the_cli_read_it():
    # The reply in `particle serial inspect`, particle-cli 3.49.2, on a Photon.
    reply = decode_message(GetModuleInfoReply, bytes.fromhex("0a140802100118fd1120e80728003206080110001801"))
    (module,) = reply.legacy_modules
    assert (module.type, module.index, module.version, module.size, module.validity) == (2, 1, 2301, 1000, 0)
    assert [(d.type, d.index, d.version) for d in module.dependencies] == [(1, 0, 1)]


def test_no_bytes_are_normal_mode():
    assert decode_message(GetDeviceModeReply, b"").mode == 0


def test_a_service_reply_has_its_fields_in_order():
    reply = ServiceReply(2, id=0x0201, size=0x06050403, result=-2)
    assert reply.encode().hex() == "0f00000002000102030405" + "06feffffff"
    assert str(reply) == "PENDING id=513 size=100992003 result=error -2"


@given(st.binary(max_size=24))
def test_any_bytes_are_a_service_reply_or_a_protocol_error(data):
    try:
        reply = ServiceReply.decode(data)
    except ProtocolError:
        return
    assert reply.encode()[4:] == data[4 : len(reply.encode())]


def test_codes_have_words():
    assert request_name(20) == "GET_DEVICE_ID (20)"
    assert request_name(9) == "request 9"
    assert result_text(-120) == "not supported (-120)"
    assert result_text(-5) == "error -5"
    assert Result(-1801).text == "the device is protected"


def forget_json_names(message):
    """A descriptor set spells out the JSON name of every field; a module's descriptor does not."""
    for field in message.field:
        field.ClearField("json_name")
    for nested in message.nested_type:
        forget_json_names(nested)


@pytest.mark.parametrize("package", ["particle_protocol/control_requests", "particle_protocol/cloud_messages"])
def test_the_generated_code_is_that_of_the_sources(tmp_path, package):
    pytest.importorskip("grpc_tools", reason="install grpcio-tools to check that the generated messages are current")
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

    spec = importlib.util.spec_from_file_location("generate_messages", ROOT / "tools/generate_messages.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    tool.generate(package, tmp_path, descriptors=tmp_path / "descriptors")
    files = FileDescriptorSet.FromString((tmp_path / "descriptors").read_bytes()).file
    assert len(files) == len(list((ROOT / package / "generated").glob("*_pb2.py")))
    for file in files:
        module = importlib.import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
        committed = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(committed)
        for message in file.message_type:
            forget_json_names(message)
        assert committed == file, f"{module.__name__} is not current: run tools/generate_messages.py"
