"""HTTP/1.1 requests as bytes, against h11 as the client's half, and against what no client should send."""

from itertools import pairwise

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.http.wire import MAX_HEAD, RequestReader, WireError, encode_chunk, encode_head


def pull_all(data, cuts=(), **options):
    reader, found = RequestReader(**options), []
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        reader.feed(data[start:end])
        while (incoming := reader.pull()) is not None:
            found.append(incoming)
    return found, reader


def h11_request(method="GET", target="/", headers=(), body=b"", *, chunks=()):
    client = h11.Connection(h11.CLIENT)
    fields = [("Host", "127.0.0.1"), *headers]
    if chunks:
        fields.append(("Transfer-Encoding", "chunked"))
    elif body:
        fields.append(("Content-Length", str(len(body))))
    data = client.send(h11.Request(method=method, target=target, headers=fields))
    for chunk in chunks or ([body] if body else []):
        data += client.send(h11.Data(data=chunk))
    return data + client.send(h11.EndOfMessage())


def raw(*lines, body=b""):
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def test_a_request_is_read_with_its_path_query_headers_and_body():
    [incoming], reader = pull_all(h11_request("POST", "/v1/devices?x=1&y", [("Content-Type", "application/json")], b'{"id":1}'), peer="::1")
    request = incoming.request
    assert (request.method, request.path, request.query, request.body, request.peer) == ("POST", "/v1/devices", "x=1&y", b'{"id":1}', "::1")
    assert request.headers["content-type"] == "application/json"
    assert incoming.keep_alive
    assert not reader.midway


def test_an_encoded_slash_stays_encoded():
    [incoming], _ = pull_all(h11_request("GET", "/v1/devices/events/a%2Fb"))
    assert incoming.request.path == "/v1/devices/events/a%2Fb"


def test_requests_come_one_after_the_other_on_one_connection():
    found, _ = pull_all(h11_request("GET", "/a") + h11_request("PUT", "/b", body=b"xy") + h11_request("GET", "/c"))
    assert [(each.request.path, each.request.body) for each in found] == [("/a", b""), ("/b", b"xy"), ("/c", b"")]


@given(st.data())
def test_where_the_bytes_are_cut_makes_no_difference(data):
    body = data.draw(st.binary(max_size=40))
    parts = [part for part in (body[:7], body[7:20], body[20:]) if part]
    stream = h11_request("POST", "/a", body=body) + h11_request("PUT", "/b", chunks=parts or [b"x"]) + h11_request("GET", "/c")
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    found, _ = pull_all(stream, cuts)
    assert [(each.request.path, each.request.body) for each in found] == [("/a", body), ("/b", body or b"x"), ("/c", b"")]


def test_chunks_may_have_extensions_and_trailers():
    head = raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")
    [incoming], _ = pull_all(head + b"3;name=value\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n")
    assert incoming.request.body == b"abcde"


def test_http_1_0_closes_unless_it_asks_to_keep():
    [closing], _ = pull_all(raw("GET / HTTP/1.0"))
    [keeping], _ = pull_all(raw("GET / HTTP/1.0", "Connection: keep-alive"))
    assert (closing.keep_alive, keeping.keep_alive) == (False, True)


def test_connection_close_is_heard():
    [incoming], _ = pull_all(raw("GET / HTTP/1.1", "Host: a", "Connection: close"))
    assert not incoming.keep_alive


def test_an_absolute_target_is_reduced_to_its_path():
    found, _ = pull_all(raw("GET http://127.0.0.1:80/v1/user?x=1 HTTP/1.1", "Host: a") + raw("GET http://a HTTP/1.1", "Host: a"))
    assert [(each.request.path, each.request.query) for each in found] == [("/v1/user", "x=1"), ("/", "")]


def test_a_client_that_waits_for_continue_is_noticed_once():
    reader = RequestReader()
    reader.feed(raw("POST / HTTP/1.1", "Host: a", "Content-Length: 2", "Expect: 100-continue"))
    assert reader.pull() is None
    assert reader.wants_continue
    reader.feed(b"ab")
    assert reader.pull().request.body == b"ab"
    assert not reader.wants_continue


def test_repeated_headers_are_joined():
    [incoming], _ = pull_all(raw("GET / HTTP/1.1", "Host: a", "X-A: 1", "x-a: 2"))
    assert incoming.request.headers["x-a"] == "1, 2"


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (400, raw("GET /")),
        (400, raw("GET  / HTTP/1.1", "Host: a")),
        (400, raw("GET /a b HTTP/1.1", "Host: a")),
        (400, raw("G(T / HTTP/1.1", "Host: a")),
        (400, raw("GET * HTTP/1.1", "Host: a")),
        (400, raw("GET /\x80 HTTP/1.1", "Host: a")),
        (400, raw("GET / XTTP/1.1", "Host: a")),
        (505, raw("GET / HTTP/2.0", "Host: a")),
        (400, raw("GET / HTTP/1.1")),
        (400, raw("GET / HTTP/1.1", "Host: a", "Host: b")),
        (400, raw("GET / HTTP/1.1", "Host: a", "no colon")),
        (400, raw("GET / HTTP/1.1", "Host: a", "X-A : 1")),
        (400, raw("GET / HTTP/1.1", "Host: a", " folded: 1")),
        (400, raw("GET / HTTP/1.1", "Host: a", "X-A: 1\n2")),
        (400, raw("GET / HTTP/1.1", "Host: a", "X-A: 1\0")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Content-Length: 1", "Content-Length: 2")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Content-Length: -1")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Content-Length: +1")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Content-Length: 1_0")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Content-Length: 3", "Transfer-Encoding: chunked")),
        (501, raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked")),
        (400, raw("POST / HTTP/1.0", "Host: a", "Transfer-Encoding: chunked")),
        (413, raw("POST / HTTP/1.1", "Host: a", "Content-Length: 101")),
        (413, raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"65\r\n")),
        (413, raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"33\r\n" + b"a" * 0x33 + b"\r\n33\r\n")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"-1\r\n")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"0x1\r\n")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"\r\n")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"1\r\nab\r\n")),
        (400, raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"1;" + b"x" * 300)),
        (431, raw("GET / HTTP/1.1", "Host: a", "X: " + "y" * MAX_HEAD)),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * MAX_HEAD),
        (431, raw("GET / HTTP/1.1", "Host: a", *[f"X-{number}: 1" for number in range(101)])),
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(status, data):
    with pytest.raises(WireError) as refusal:
        pull_all(data, max_body=100)
    assert refusal.value.status == status
    assert refusal.value.reason


def refusal_of(data):
    try:
        pull_all(data)
    except WireError as error:
        return error.status
    return None


@given(st.binary(max_size=200))
def test_random_bytes_give_a_request_or_a_refusal(data):
    assert refusal_of(data) in (None, 400, 413, 431, 501, 505)


@given(st.binary(max_size=100))
def test_random_bytes_after_a_chunked_head_give_a_request_or_a_refusal(data):
    assert refusal_of(raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=data)) in (None, 400, 413, 431, 501, 505)


def answer_read_by_h11(data):
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    response, body = client.next_event(), b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    return response, body, event


DATE = "Mon, 05 Jan 2026 09:00:00 GMT"


def test_an_answer_of_known_length_is_understood():
    head = encode_head(404, "application/json", 2, (("allow", "GET"),), DATE, close=True)
    response, body, end = answer_read_by_h11(head + b"{}")
    assert (response.status_code, bytes(response.reason), body) == (404, b"Not Found", b"{}")
    assert dict(response.headers)[b"allow"] == b"GET"
    assert dict(response.headers)[b"connection"] == b"close"
    assert isinstance(end, h11.EndOfMessage)


def test_an_answer_without_body_says_nothing_of_one():
    response, body, _ = answer_read_by_h11(encode_head(204, "application/json", 0, (), DATE, close=False))
    assert body == b""
    assert not {b"content-type", b"content-length"} & dict(response.headers).keys()


def test_an_answer_in_chunks_is_understood():
    data = encode_head(200, "text/event-stream", None, (), DATE, close=False) + encode_chunk(b":ok\n\n") + encode_chunk(b"a" * 300)
    _, body, _ = answer_read_by_h11(data + encode_chunk(b""))
    assert body == b":ok\n\n" + b"a" * 300


def test_an_unknown_status_has_no_phrase():
    assert encode_head(299, "a/b", 0, (), DATE, close=False).startswith(b"HTTP/1.1 299 \r\n")
