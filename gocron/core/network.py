"""From which address a check-in came, seen through the proxies that may be believed."""

import ipaddress
import re
from collections.abc import Container, Sequence
from functools import lru_cache
from typing import NamedTuple

UNKNOWN = "unknown"

# What stands in a header for a line that granian keeps to itself: one with bytes beyond ASCII.
UNREADABLE = "\N{REPLACEMENT CHARACTER}"

# More proxies than this stand behind one another nowhere; a longer header is made to be long.
HOPS_LIMIT = 20

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# No address is longer; garbage that is must not fill the cache.
_LENGTH_LIMIT = 80

# How proxies write a hop: 192.0.2.1, 192.0.2.1:4711, 2001:db8::5, [2001:db8::5], [2001:db8::5]:443.
_HOP = re.compile(r"(?:(?P<ipv4>[0-9.]+)|\[(?P<ipv6>[^\[\]]+)\])(?::(?P<port>[0-9]{1,5}))?")
_PORT_LIMIT = 65_535

# A `Host` header: a name, or an IPv6 address in brackets, and a port.
_HOST = re.compile(r"(\[[^\[\]]*\]|[^:]*)(?::[0-9]*)?", re.ASCII)


class Client(NamedTuple):
    """Where a request came from.

    `is_named` unless that is a trusted proxy, which told of no client or couldn't name it.
    """

    address: str
    is_named: bool


def read_address(text: str) -> Address | None:
    """Return the address that `text` spells, IPv4-mapped IPv6 unmapped, None for anything else."""
    return _parsed(text) if len(text) <= _LENGTH_LIMIT else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip(" \t"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    # Made anew without its zone, which may be any text at all.
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))


def is_within(address: Address | None, networks: Sequence[Network]) -> bool:
    """Tell whether `address` lies in one of `networks`."""
    return address is not None and any(
        address in network for network in networks if network.version == address.version
    )


def client_of(peer: str, forwarded: str, trusted: Sequence[Network]) -> Client:
    """Return the client behind `peer`.

    `forwarded` is the X-Forwarded-For header or "". Each proxy adds on the right whom it heard, so
    it is read from there for as long as whoever wrote a hop is a trusted proxy: up to the first
    stranger, or to the farthest hop. At a hop that is no address reading stops: what stands
    left of it is anybody's word.
    """
    seen = _read_hop(peer)
    if seen is None:
        return Client(UNKNOWN, is_named=False)
    is_named = not is_within(seen, trusted)
    hops = forwarded.rsplit(",", HOPS_LIMIT)[-HOPS_LIMIT:] if forwarded else []
    for part in reversed(hops):
        if not is_within(seen, trusted):
            break
        hop = _read_hop(part)
        is_named = hop is not None
        if hop is None and UNREADABLE in part:
            # The proxy told of somebody, and nobody can read of whom.
            return Client(UNKNOWN, is_named=False)
        if hop is None:
            break
        seen = hop
    return Client(str(seen), is_named)


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the address of the client behind `peer`, as `client_of` reads it."""
    return client_of(peer, forwarded, trusted).address


def leads_here(host: str, names: Container[str]) -> bool:
    """Tell whether no stranger's DNS can have led a browser here by the `Host` header `host`.

    A web page's owner can give the page's own name this host's address, and the page may then read
    what this host answers to it. No page comes under an address, a name without a dot, or `names`,
    which are gocron's own, in lower case.
    """
    told = _HOST.fullmatch(host.strip().lower())
    if told is None or not host.isascii():
        return False
    name = told[1].rstrip(".")
    is_ours = "." not in name or name.endswith(".localhost") or name in names
    return is_ours or read_address(name.strip("[]")) is not None


def _read_hop(text: str) -> Address | None:
    """Return the address of a hop, its quotes and its port left out; None for anything else."""
    text = text.strip(" \t")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    told = _HOP.fullmatch(text)
    if told is None:
        return read_address(text)
    if told["port"] and int(told["port"]) > _PORT_LIMIT:
        return None
    address = read_address(told["ipv4"] or told["ipv6"])
    # Only IPv6 stands in brackets.
    return address if told["ipv4"] or ":" in told["ipv6"] else None


def network_of(address: str, trusted: Sequence[Network], ipv6_prefix: int) -> str:
    """Return what must be alike for two jobs to be behind one gateway, "" where nothing can be.

    For IPv4 that is the address, for IPv6 its network. Loopback, proxies and unknown addresses
    are shared by hosts that have no gateway in common.
    """
    seen = read_address(address)
    if seen is None or seen.is_loopback or seen.is_unspecified or is_within(seen, trusted):
        return ""
    if isinstance(seen, ipaddress.IPv4Address):
        return str(seen)
    return str(ipaddress.IPv6Network((int(seen), ipv6_prefix), strict=False))


def client_network(client: Client, trusted: Sequence[Network], ipv6_prefix: int) -> str:
    """Return the `network_of` a client, which may be in a trusted range itself.

    A proxy that `trusted` names by its own address is none.
    """
    alone = [network for network in trusted if network.num_addresses == 1]
    return network_of(client.address, alone if client.is_named else trusted, ipv6_prefix)
