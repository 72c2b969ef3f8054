"""Request bodies in all their encodings."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.cloud.api.bodies import MAX_FORM_FIELDS, MAX_PARTS, BodyError, parse_body, parse_form

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def multipart(*parts, boundary="XX", end=True):
    data = b""
    for disposition, content in parts:
        data += (
            f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode("utf-8", "surrogatepass") + content + b"\r\n"
        )
    return data + (f"--{boundary}--\r\n".encode() if end else b"")


MULTIPART = "multipart/form-data; boundary=XX"


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        (JSON, b'{"name":"lamp","n":"1"}'),
        ("application/json; charset=utf-8", b' \xef\xbb\xbf{"name":"lamp","n":"1"} '.strip()),
        ("application/vnd.api+json", b'{"name":"lamp","n":"1"}'),
        ("", b'{"name":"lamp","n":"1"}'),
        ("text/plain", b' {"name":"lamp","n":"1"}'),
        (FORM, b"name=lamp&n=1"),
        (FORM + ";charset=UTF-8", b"name=lamp&n=1"),
        ("", b"name=lamp&n=1"),
        (MULTIPART, multipart(('name="name"', b"lamp"), ('name="n"', b"1"))),
    ],
)
def test_every_encoding_gives_the_same_fields(content_type, data):
    assert parse_body(content_type, data).fields == {"name": "lamp", "n": "1"}


def test_nothing_is_no_fields_in_any_encoding():
    for content_type in ("", JSON, FORM, MULTIPART):
        assert parse_body(content_type, b"").fields == {}
    assert parse_body(JSON, b"  ").fields == parse_body(JSON, b"null").fields == {}


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[1]",
        b'"text"',
        b"1",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":[1e999]}',
        b'{"a":' + b"1" * 400 + b"}",
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b"\xff\xfe",
        b'{"a":"\xc3"}',
        b'{"a":1}x',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused(data):
    with pytest.raises(BodyError):
        parse_body(JSON, data)


def test_keys_of_forms_nest_and_repeat():
    text = "groups[]=a&groups[]=b&account_info[first_name]=Ada&devices[0]=x&devices[1]=y&n=1&n=2&empty=&deep[a][b]=c"
    assert parse_form(text) == {
        "groups": ["a", "b"],
        "account_info": {"first_name": "Ada"},
        "devices": {"0": "x", "1": "y"},
        "n": ["1", "2"],
        "empty": "",
        "deep": {"a": {"b": "c"}},
    }


@pytest.mark.parametrize(
    "text",
    ["a=1&" * (MAX_FORM_FIELDS + 1), "a" + "[b]" * 9 + "=1", "a=1&a[b]=2", "a[]=1&a[b]=2", "a[b]=1&a[]=2", "a[b]=1&a[b][c]=2"],
)
def test_a_form_that_makes_no_sense_is_refused(text):
    with pytest.raises(BodyError):
        parse_form(text)


def test_files_come_with_name_and_content_whatever_they_hold():
    content = bytes(range(256)) + b"\r\n--X\r\n"
    body = parse_body(MULTIPART, multipart(('name="file"; filename="../a/b.bin"', content), ('name="version"', b"3")))
    assert body.fields == {"version": "3"}
    assert (body.files["file"].filename, body.files["file"].content) == ("../a/b.bin", content)


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("multipart/form-data", multipart(('name="a"', b"1"))),
        ("multipart/form-data; boundary=" + "x" * 300, multipart(('name="a"', b"1"))),
        (MULTIPART, multipart(('name="a"', b"1"), end=False)),
        (MULTIPART, multipart(('nome="a"', b"1"))),
        (MULTIPART, b"no boundary here"),
        (MULTIPART, multipart(*[(f'name="a{number}"', b"1") for number in range(MAX_PARTS + 1)])),
        (MULTIPART, b"--XX\r\n" + b"X: " + b"y" * 10_000 + b"\r\n\r\n1\r\n--XX--\r\n"),
        (MULTIPART, b"--XX\r\n" + b"X: y\r\n" * 100 + b"\r\n1\r\n--XX--\r\n"),
    ],
)
def test_a_multipart_body_that_cannot_be_read_is_refused(content_type, data):
    with pytest.raises(BodyError):
        parse_body(content_type, data)


def test_names_of_parts_may_be_in_any_language():
    body = parse_body(MULTIPART, multipart(('name="\u540d;\U00096045"', b"1"), ('name="file"; filename="\u00e4.bin"', b"2")))
    assert body.fields == {"\u540d;\U00096045": "1"}
    assert body.files["file"].filename == "\u00e4.bin"


@given(st.text(max_size=40), st.binary(max_size=40))
def test_any_name_of_a_part_gives_fields_or_a_refusal(name, content):
    try:
        parse_body(MULTIPART, multipart((f'name="{name}"', content), (f"filename*=utf-8''{name}; name=a", content)))
    except BodyError:
        pass
    try:
        parse_body(f"multipart/form-data; boundary=XX; {name}", multipart(('name="a"', content)))
    except BodyError:
        pass


def test_other_types_stay_bytes():
    body = parse_body("application/octet-stream", b"\x00\x01")
    assert (body.fields, body.raw) == ({}, b"\x00\x01")


@given(st.sampled_from(["", JSON, FORM, MULTIPART, "text/plain", "x/y"]), st.binary(max_size=300))
def test_random_bytes_give_fields_or_a_refusal(content_type, data):
    try:
        fields = parse_body(content_type, data).fields
    except BodyError:
        return
    assert isinstance(fields, dict)
    json.dumps(fields, ensure_ascii=False).encode()
