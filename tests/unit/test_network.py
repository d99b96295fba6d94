"""From which address a check-in came."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.network import (
    HOPS_LIMIT,
    UNKNOWN,
    Client,
    client_address,
    client_network,
    client_of,
    is_within,
    read_address,
)

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
        ("127.0.0.1", "127.0.0.2", "127.0.0.2"),
        ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "2001:DB8:0:0::7", "2001:db8::7"),
        ("127.0.0.1", " 198.51.100.7\t", "198.51.100.7"),
        ("::ffff:192.0.2.1", "", "192.0.2.1"),
    ],
)
def test_the_client_is_the_right_most_stranger_or_the_farthest_hop(
    peer: str, forwarded: str, client: str
) -> None:
    assert client_address(peer, forwarded, LOOPBACK) == client


def test_a_chain_of_trusted_proxies_is_followed_to_the_first_stranger() -> None:
    forwarded = "203.0.113.9, 198.51.100.7, 10.1.2.3, 2001:db8:1::5"
    assert client_address("10.0.0.1", forwarded, CHAIN) == "198.51.100.7"


def test_without_trusted_proxies_nothing_forwarded_counts() -> None:
    assert client_address("127.0.0.1", "198.51.100.7", ()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("hop", "client"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("203.0.113.9:0", "203.0.113.9"),
        ("203.0.113.9:65535", "203.0.113.9"),
        ('"203.0.113.9"', "203.0.113.9"),
        ('"203.0.113.9:4711"', "203.0.113.9"),
        ("[2001:db8::5]", "2001:db8::5"),
        ("[2001:DB8::5]:443", "2001:db8::5"),
        ('"[2001:db8::5]"', "2001:db8::5"),
        ('"[2001:db8::5]:443"', "2001:db8::5"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ("[fe80::1%eth0]:443", "fe80::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_a_hop_is_read_whole_with_its_port_its_brackets_and_its_quotes(
    hop: str, client: str
) -> None:
    assert client_of("127.0.0.1", hop, LOOPBACK) == Client(client, is_named=True)
    assert client_address("127.0.0.1", f"198.51.100.7,{hop}", LOOPBACK) == client
    assert client_address(hop, "", LOOPBACK) == client


def test_a_client_in_the_range_of_its_proxies_keeps_its_address_and_its_site() -> None:
    client = client_of("10.0.0.1", "10.20.30.40, 10.0.0.2", CHAIN)
    assert client == Client("10.20.30.40", is_named=True)
    assert client_network(client, CHAIN, 64) == "10.20.30.40"


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("10.0.0.1", "", ""),  # a proxy that tells of no client speaks for many
        ("10.0.0.1", "unknown", ""),
        ("10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", ""),
        ("10.0.0.1", "198.51.100.9", ""),  # a proxy by its own address
        ("10.0.0.1", "127.0.0.1", ""),
        ("", "203.0.113.9", ""),
    ],
)
def test_what_is_a_proxys_tells_of_no_site(peer: str, forwarded: str, network: str) -> None:
    trusted = (*CHAIN, ipaddress.ip_network("198.51.100.9"))
    assert client_network(client_of(peer, forwarded, trusted), trusted, 64) == network


def test_no_more_than_twenty_hops_are_looked_at() -> None:
    chain = [f"10.0.0.{number}" for number in range(HOPS_LIMIT)]
    forwarded = ", ".join(["203.0.113.9", *chain])
    assert client_address("127.0.0.1", forwarded, CHAIN) == "10.0.0.0"
    shorter = ", ".join(["203.0.113.9", *chain[1:]])
    assert client_address("127.0.0.1", shorter, CHAIN) == "203.0.113.9"


@given(
    claimed=st.text() | st.text('0123456789abcdef.:, %/[]"') | st.just("127.0.0.1, ::1"),
    honest=st.sampled_from(["203.0.113.9", "[2001:db8::5]:443", '"203.0.113.9:1"']),
    proxies=st.lists(st.sampled_from(["10.1.2.3", "127.0.0.2:80", "[2001:db8:1::5]"]), max_size=9),
)
def test_nothing_that_a_client_claims_changes_where_it_is_seen_to_come_from(
    claimed: str, honest: str, proxies: list[str]
) -> None:
    seen = ", ".join([honest, *proxies])
    asked = client_of("10.0.0.1", seen, CHAIN)
    assert client_of("10.0.0.1", f"{claimed}, {seen}", CHAIN) == asked
    assert client_of("10.0.0.1", f"{claimed},{seen}", CHAIN) == asked


@given(claimed=st.text() | st.just("127.0.0.1"), proxies=st.sampled_from(["", ", 10.1.2.3"]))
def test_left_of_a_hop_that_is_no_address_nothing_counts(claimed: str, proxies: str) -> None:
    for unreadable in ("unknown", "_hidden", "", "203.0.113.9:99999"):
        told = client_of("10.0.0.1", f"{claimed},{unreadable}{proxies}", CHAIN)
        assert told == Client("10.1.2.3" if proxies else "10.0.0.1", is_named=False)


@pytest.mark.parametrize(
    "garbage",
    [
        ",",
        ", ,,",
        "' OR 1=1",
        "<script>",
        "198.51.100.7:80:80",
        "198.51.100.7:65536",
        "198.51.100.7:-1",
        "198.51.100.7:http",
        "198.51.100.7:",
        "[2001:db8::7]:",
        "[2001:db8::7",
        "2001:db8::7]",
        "[198.51.100.7]",
        "[]",
        '"198.51.100.7',
        '""',
        '"',
        "for=198.51.100.7",
        "unknown",
        "_hidden",
        "198.51.100.07",
        "010.0.0.1",
        "198.51.100.7/32",
        "0x7f.0.0.1",
        "1.2.3.4.5",
        "٣.1.1.1",
        "198.51.100.7 198.51.100.8",
        "2001:db8::7::1",
        "999.1.1.1",
        "\x00",
        "é" * 99,
        "0" * 70_000,
        "1.2.3",
    ],
)
def test_at_a_hop_that_is_no_address_reading_stops(garbage: str) -> None:
    assert client_of("127.0.0.1", garbage, LOOPBACK) == Client("127.0.0.1", is_named=False)
    forged = f"198.51.100.7, {garbage}"
    assert client_of("127.0.0.1", forged, LOOPBACK) == Client("127.0.0.1", is_named=False)


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
