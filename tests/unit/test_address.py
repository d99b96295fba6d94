"""From which address a check-in came."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.address import UNKNOWN, client_address, is_within, read_address

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
CHAIN = (*LOOPBACK, ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # no proxy of ours: its word is worth nothing
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "198.51.100.7, 127.0.0.2", "198.51.100.7"),
        ("127.0.0.1", "127.0.0.2", "127.0.0.1"),
        ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "2001:DB8:0:0::7", "2001:db8::7"),
        ("127.0.0.1", " 198.51.100.7\t", "198.51.100.7"),
        ("::ffff:192.0.2.1", "", "192.0.2.1"),
    ],
)
def test_the_client_is_the_right_most_address_that_is_no_trusted_proxy(
    peer: str, forwarded: str, client: str
) -> None:
    assert client_address(peer, forwarded, LOOPBACK) == client


def test_a_chain_of_trusted_proxies_is_followed_to_the_first_stranger() -> None:
    forwarded = "203.0.113.9, 198.51.100.7, 10.1.2.3, 2001:db8:1::5"
    assert client_address("10.0.0.1", forwarded, CHAIN) == "198.51.100.7"


def test_without_trusted_proxies_nothing_forwarded_counts() -> None:
    assert client_address("127.0.0.1", "198.51.100.7", ()) == "127.0.0.1"


@pytest.mark.parametrize(
    "garbage",
    [
        "unknown",
        ",",
        ", ,,",
        "' OR 1=1",
        "<script>",
        "198.51.100.7:80",
        "[2001:db8::7]:80",
        "999.1.1.1",
        "\x00",
        "é" * 99,
        "0" * 70_000,
        "1.2.3",
    ],
)
def test_garbage_in_the_header_is_ignored(garbage: str) -> None:
    assert client_address("127.0.0.1", garbage, LOOPBACK) == "127.0.0.1"
    assert client_address("127.0.0.1", f"198.51.100.7, {garbage}", LOOPBACK) == "198.51.100.7"


@pytest.mark.parametrize("zone", ["eth0", "<script>", "\x00", "é\r\nBcc: x"])
def test_the_zone_of_an_address_is_left_out_whatever_it_says(zone: str) -> None:
    assert client_address(f"fe80::1%{zone}", "", LOOPBACK) == "fe80::1"
    assert client_address("::1", f"fe80::2%{zone}", LOOPBACK) == "fe80::2"


def test_a_peer_that_is_no_address_is_called_unknown() -> None:
    assert client_address("", "", LOOPBACK) == UNKNOWN
    assert client_address("unix:", "198.51.100.7", LOOPBACK) == UNKNOWN


@given(peer=st.text(), forwarded=st.text() | st.text("0123456789abcdef.:, %/[]"))
def test_whatever_is_sent_the_client_is_an_address_or_unknown(peer: str, forwarded: str) -> None:
    for trusted_peer in (peer, "127.0.0.1", "::1"):
        client = client_address(trusted_peer, forwarded, LOOPBACK)
        assert client == UNKNOWN or str(ipaddress.ip_address(client)) == client
        assert "%" not in client


def test_an_address_lies_only_in_networks_of_its_own_kind() -> None:
    assert is_within(read_address("127.0.0.1"), LOOPBACK)
    assert is_within(read_address("::ffff:127.0.0.1"), LOOPBACK)
    assert not is_within(read_address("::2"), LOOPBACK)
    assert not is_within(None, LOOPBACK)
