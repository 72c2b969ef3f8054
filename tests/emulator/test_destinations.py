"""Where webhooks may go."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.destinations import Destinations, is_public, meant_address

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254",
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::",
    "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:c0a8:1::1", "::127.0.0.1", "2001:db8::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "193.0.0.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_reached_only_where_it_was_opened(address):
    with pytest.raises(PermissionError, match="opens it"):
        Destinations().reachable("x.test", 80, [address])
    for opened in ("x.test", "x.test:80", "*", "X.test."):
        assert Destinations([opened]).reachable("x.test", 80, [address]) == [address]
    for opened in ("x.test:81", "y.test", "0.0.0.1", "x"):
        with pytest.raises(PermissionError):
            Destinations([opened]).reachable("x.test", 80, [address])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_reached(address):
    assert Destinations().reachable("x.test", 80, [address]) == [address]


def test_of_several_addresses_those_that_are_open_remain():
    assert Destinations().reachable("x.test", 80, ["127.0.0.1", "8.8.8.8", "::1"]) == ["8.8.8.8"]
    assert Destinations(["127.0.0.0/8"]).reachable("x.test", 80, ["127.0.0.1", "::1"]) == ["127.0.0.1"]
    assert Destinations(["[::1]:80"]).reachable("::1", 80, ["::1"]) == ["::1"]
    assert Destinations(["fe80::/10"]).reachable("x.test", 80, ["fe80::1%2"]) == ["fe80::1%2"]
    assert Destinations(["127.0.0.1"]).reachable("x.test", 80, ["::ffff:127.0.0.1"]) == ["::ffff:127.0.0.1"]


def test_the_refusal_says_what_would_open_it():
    for host, found, said in [
        ("127.0.0.1", "127.0.0.1", "go to 127.0.0.1, .+`--allow-webhook 127.0.0.1:8000`"),
        ("x.test", "10.0.0.1", r"go to x.test \(10.0.0.1\), .+`--allow-webhook x.test:8000`"),
        ("::1", "::1", r"`--allow-webhook \[::1\]:8000`"),
    ]:
        with pytest.raises(PermissionError, match=said) as refused:
            Destinations().reachable(host, 8000, [found])
        Destinations([str(refused.value).rpartition("--allow-webhook ")[2].partition("`")[0]]).reachable(host, 8000, [found])


@pytest.mark.parametrize("text", ["", "http://x", "a b", "x:99999999", "10.0.0.0/99", "*.x", "[", "x/y", "u@x"])
def test_what_is_no_destination_is_refused(text):
    with pytest.raises(ValueError, match="is no destination"):
        Destinations([text])


def no_form_gets_around_the_rule(address):
    v4 = meant_address(address)
    if isinstance(v4, ipaddress.IPv4Address):
        for form in (f"::ffff:{v4}", f"64:ff9b::{int(v4) >> 16:x}:{int(v4) & 0xFFFF:x}", f"2002:{int(v4) >> 16:x}:{int(v4) & 0xFFFF:x}::1"):
            assert meant_address(ipaddress.ip_address(form)) == v4
    if v4.is_loopback or v4.is_private or v4.is_link_local or v4.is_multicast:
        assert not is_public(v4)


@given(st.ip_addresses())
def test_no_form_of_an_address_gets_around_the_rule(address):
    no_form_gets_around_the_rule(address)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None)
@given(st.ip_addresses())
def test_no_form_of_an_address_gets_around_the_rule_in_full(address):
    no_form_gets_around_the_rule(address)
