"""SoftAP on port 80, byte for byte."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from particle_protocol.softap import SetupPage
from particle_protocol.softap.http import MAX_HEAD

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Cache-Control: no-store, no-cache, must-revalidate, post-check=0, pre-check=0\r\nPragma: no-cache\r\n"
    b"Connection: Keep-Alive\r\nAccess-Control-Allow-Origin: *\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def get(path, more=""):
    return f"GET {path} HTTP/1.1\r\nHost: 192.168.0.1\r\n{more}\r\n".encode()


def post(path, body, kind="application/x-www-form-urlencoded", method="POST"):
    head = f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\n\r\n"
    return head.encode() + body.encode()


def content(answer):
    """What the chunks of an answer say together."""
    assert answer.startswith(HEAD), answer
    rest, text = answer[len(HEAD) :], b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size, 16)
        if count == 0:
            assert rest == b"\r\n"
            return text
        text += rest[:count]
        assert rest[count : count + 2] == b"\r\n"
        rest = rest[count + 2 :]


def test_every_write_of_the_firmware_is_a_chunk_of_its_own(web):
    assert web.ask(get("/version")) == HEAD + b'7\r\n{"v":2}\r\n0\r\n\r\n'
    answer = web.send(post("/connect-ap", '{"idx":0}'))[len(HEAD) + 17 :]
    chunks = b"".join(b"1\r\n%c\r\n" % letter for letter in b'{"r":0}')
    assert answer == HEAD + chunks + b"0\r\n\r\n"
    assert not web.closed, "the connection stays"


def test_an_unmodified_client_is_understood(web, firmware, recorded):
    answers = []
    for number, request in enumerate(recorded["http"]):
        answers.append(json.loads(content(web.ask(request.encode(), number))))
        web.end(number)
    assert answers[0] == {"v": 2}
    assert answers[4:] == [{"r": 0}] * 5
    assert firmware.code == b"A" * 63
    assert [wanted.credentials.ssid for wanted, _ in firmware.saved] == ["lab", "corp", "corp"]


def test_requests_may_come_in_any_pieces(web, firmware, recorded):
    web.open()
    for byte in recorded["http"][5].encode():
        web.send(bytes((byte,)))
    assert content(web.answers["client"]) == b'{"r":0}'
    assert firmware.saved[0][0].credentials.password == "secret123"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_the_method_does_not_matter(web, firmware, method):
    assert content(web.ask(post("/set", '{"k":"cc","v":"code"}', method=method))) == b'{"r":0}'
    assert firmware.code == b"code"


@pytest.mark.parametrize("path", ["/version?x=1", "/%76ersion", "/version%3fx"])
def test_queries_and_escapes_are_seen_through(web, path):
    assert content(web.ask(get(path))) == b'{"v":2}'


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "text/plain", "text/html"])
def test_a_known_type_other_than_octets_fits_no_command(web, firmware, kind):
    assert web.ask(post("/set", '{"k":"cc","v":"code"}', kind)) == (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n"
        b"Cache-Control: no-store, no-cache, must-revalidate, post-check=0, pre-check=0\r\nPragma: no-cache\r\n"
        b"Connection: Keep-Alive\r\nContent-Length: 0\r\n\r\n"
    )
    assert firmware.code is None


@pytest.mark.parametrize("kind", ["application/octet-stream", "multipart/form-data; boundary=x", "application/x-anything", "*/*"])
def test_octets_and_unknown_types_fit(web, kind):
    assert content(web.ask(post("/set", '{"k":"cc","v":"code"}', kind))) == b'{"r":0}'


@pytest.mark.parametrize("body", ["", "nonsense", '{"k":"cc","x":1}'])
def test_a_body_that_cannot_be_read_is_answered_with_nothing_behind_a_good_head(web, body):
    assert web.ask(post("/set", body)) == HEAD + b"0\r\n\r\n"


def test_the_pages_that_are_no_commands(web):
    assert web.ask(get("/")) == b"HTTP/1.1 301\r\nLocation: /index\r\nContent-Length: 0\r\n\r\n"
    index = web.ask(get("/index"))
    assert index.startswith(b"HTTP/1.1 301\r\nContent-Type: text/plain\r\n")
    assert b"\r\nLocation: /hello\r\n" in index
    assert index.endswith(b"\r\n\r\n0\r\n\r\n")
    hello = web.ask(get("/hello"))
    assert hello.endswith(b"\r\nContent-Length: 14\r\n\r\nSoft AP Setup\0")
    for path in ("/nowhere", "/hello/", "/Version", "/%", "/%zz"):
        assert web.ask(get(path), path).startswith(b"HTTP/1.1 404 Not Found\r\n")
        web.end(path)


def test_pages_of_an_application_come_in_the_place_of_the_systems_own(web, firmware):
    asked = []

    def pages(path, body):
        asked.append((path, body))
        return {
            "/index": SetupPage(headers={"Location": "/setup"}, content_type="text/plain", status=301),
            "/setup": SetupPage("<h1>Größe</h1>"),
            "/empty": SetupPage(status=204),
        }.get(path, SetupPage(status=404))

    firmware.pages = pages
    start = b"Cache-Control: no-store, no-cache, must-revalidate, post-check=0, pre-check=0\r\nPragma: no-cache\r\n"
    assert web.ask(get("/index")).startswith(b"HTTP/1.1 301\r\nContent-Type: text/plain\r\n" + start)
    assert b"\r\nLocation: /setup\r\n\r\n0\r\n\r\n" in web.ask(get("/index"))
    text = "<h1>Größe</h1>".encode()
    page = web.ask(get("/setup?color=red"))
    assert page.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + start)
    assert page.endswith(b"\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(text), text))
    assert web.ask(post("/empty", "a=b")).startswith(b"HTTP/1.1 204 No Content\r\n")
    assert web.ask(get("/other")).startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert content(web.ask(get("/version"))) == b'{"v":2}'
    assert web.ask(get("/hello")).endswith(b"Soft AP Setup\0")
    assert asked == [("/index", b""), ("/index", b""), ("/setup", b""), ("/empty", b"a=b"), ("/other", b"")]
    assert web.ask(get("/version", "Content-Type: application/json\r\n")).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("more", [{"status": 99}, {"content_type": "a/b\r\nX: y"}, {"headers": {"a\n": "b"}}, {"headers": {"a": "b\r"}}])
def test_what_no_answer_can_have_is_no_page(more):
    with pytest.raises(ValueError, match=r"status|head"):
        SetupPage("", **more)


def test_a_client_that_asks_for_it_is_hung_up_on(web):
    assert content(web.ask(get("/version", "Connection: close\r\n"))) == b'{"v":2}'
    assert web.closed == {"client"}


@pytest.mark.parametrize(
    "request_bytes", [b"OPTIONS /set HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n", b"GET /version HTTP/1.0\r\n\r\n", b"\r\n\r\n"]
)
def test_what_is_no_request_is_answered_with_silence_and_the_next_one_served(web, request_bytes):
    assert web.ask(request_bytes) == b""
    assert content(web.send(get("/version"))) == b'{"v":2}'


def test_what_comes_behind_a_request_is_lost(web):
    assert content(web.ask(get("/version") + get("/device-id"))) == b'{"v":2}'


def test_the_body_of_a_request_that_fits_no_page_is_not_taken_for_the_next_one(web):
    whole = post("/set", '{"k":"cc","v":"code"}', "application/json")
    for cut in range(whole.index(b"\r\n\r\n") + 4, len(whole) + 1):
        web.open(cut)
        web.send(whole[:cut], cut)
        assert web.send(whole[cut:], cut).startswith(b"HTTP/1.1 404 ")
        assert web.send(get("/version"), cut).endswith(b'7\r\n{"v":2}\r\n0\r\n\r\n')
        web.end(cut)


def test_a_head_without_end_is_dropped_and_a_body_without_room_refused(web):
    assert web.ask(b"GET /version HTTP/1.1\r\nX: " + b"x" * MAX_HEAD) == b""
    assert content(web.send(get("/version"))) == b'{"v":2}'
    for length in ("60000", "99999999999999999999", "-1"):
        web.open(length)
        assert web.send(f"POST /set HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode(), length).startswith(b"HTTP/1.1 500 ")


def test_half_a_request_is_in_nobodys_way_but_a_scan_is(web):
    web.ask(b"POST /set HTTP/1.1\r\nContent-Length: 100\r\n\r\n{", "slow")
    assert content(web.ask(get("/version"), "quick")) == b'{"v":2}'
    web.scanning = True
    web.ask(get("/scan-ap"), "scans")
    assert web.ask(get("/version"), "waits") == b""
    web.scanned()
    assert content(web.answers["waits"]) == b'{"v":2}'
    assert content(web.answers["scans"]).startswith(b'{"scans":[{')


def test_there_are_ten_sockets(web):
    assert [web.open(number) for number in range(11)] == [True] * 10 + [False]
    web.end(3)
    assert web.open("again")


@settings(max_examples=150)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60), st.sampled_from([b"\r\n\r\n", b"POST /set HTTP/1.1\r\nContent-Length: 5\r\n\r\n", get("/scan-ap")])
        ),
        max_size=20,
    )
)
def test_whatever_a_client_sends_the_board_lives_and_serves_others(new_wire, pieces):
    wire = new_wire(80)
    wire.open("wild")
    for piece in pieces:
        wire.send(piece, "wild")
    assert content(wire.ask(get("/version"))) == b'{"v":2}'
