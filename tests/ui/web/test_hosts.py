"""Which names this server answers to, which pages may ask it, and by which address a visitor is known."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae.errors import ServerError
from vae.ui.web.hosts import INSIDE, HostRules, allowed_host, host_name, network, visitor


@pytest.mark.parametrize(
    ("bound", "good", "bad"),
    [
        ("192.168.1.5", "192.168.1.5:7860", "192.168.1.6:7860"),
        ("box.lan", "box.lan", "box.land"),
        ("::1", "[::1]:7860", "[2001:db8::1]"),
        ("0.0.0.0", "192.168.1.5:7860", "rebound.example"),
        ("::", "[2001:db8::1]:7860", "rebound.example"),
        ("0.0.0.0", socket.gethostname(), "rebound.example"),
    ],
)
def test_the_host_that_was_bound_is_answered_and_names_that_can_be_rebound_are_not(bound, good, bad):
    hosts = HostRules(bound)
    assert hosts.answers_to(good) and hosts.answers_to("localhost")
    assert not hosts.answers_to(bad)
    assert hosts.trusts(f"http://{good.lower()}", good)
    assert not hosts.trusts("http://203.0.113.9", good), "an address that is not the one asked is foreign"


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_upsets_the_host_check(host, origin):
    for hosts in (HostRules(), HostRules("0.0.0.0"), HostRules(shared=True)):
        assert hosts.answers_to(host) in (True, False) and hosts.trusts(origin, host) in (True, False)
        assert hosts.trusts("http://" + origin, host) in (True, False)


@pytest.mark.parametrize(
    ("peer", "forwarded", "known"),
    [
        ("1.1.1.1", None, "1.1.1.1"),
        ("1.1.1.1", "8.8.8.8", "1.1.1.1"),
        ("10.0.0.1", "9.9.9.9, 8.8.8.8, 10.2.3.4", "8.8.8.8"),
        ("10.0.0.1", "10.9.9.9", "10.9.9.9"),
        ("10.0.0.1", "junk", "10.0.0.1"),
        ("::ffff:10.0.0.1", "8.8.8.8", "8.8.8.8"),
        ("::ffff:1.1.1.1", None, "1.1.1.1"),
        ("2606:4700:1:2:3::4", None, "2606:4700:1:2::/64"),
        ("testclient", None, "testclient"),
        ("x" * 999, None, "x" * 64),
    ],
)
def test_a_visitor_is_known_by_the_last_address_that_is_no_declared_proxys(peer, forwarded, known):
    assert visitor(peer, forwarded, map(network, INSIDE)) == known


def test_nobody_is_believed_without_a_declared_proxy():
    assert visitor("127.0.0.1", "8.8.8.8") == "127.0.0.1"


@pytest.mark.parametrize("text", ["", "proxy.example", "10.0.0.0/99", "1.2.3"])
def test_a_proxy_is_declared_by_its_address(text):
    with pytest.raises(ServerError, match="--behind-proxy is '.*', which is no address; write the one"):
        network(text)


def test_host_names_are_read_with_and_without_port_and_brackets():
    assert [host_name(t) for t in ("A.example:80", "[::1]:1", "a.", "", "a/b", "-a")] == [
        "a.example",
        "::1",
        "a",
        None,
        None,
        None,
    ]
    assert allowed_host("https://a.example/path") == "a.example"
    with pytest.raises(ServerError, match="--allow-host is 'https:///'"):
        allowed_host("https:///")
