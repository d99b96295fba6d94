"""From which address a check-in came, seen through the proxies that may be believed."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

UNKNOWN = "unknown"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# No address is longer; garbage that is must not fill the cache.
_LENGTH_LIMIT = 80


def read_address(text: str) -> Address | None:
    """Return the address that `text` spells, IPv4-mapped IPv6 unmapped, None for anything else."""
    return _parsed(text) if len(text) <= _LENGTH_LIMIT else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
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


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the address of the client behind `peer`.

    `forwarded` is the X-Forwarded-For header or "". It counts only when the peer is a
    trusted proxy, and then its right-most address that is none itself: what stands further
    left is the client's own word.
    """
    seen = read_address(peer)
    if forwarded and is_within(seen, trusted):
        for part in reversed(forwarded.split(",")):
            hop = read_address(part)
            if hop is not None and not is_within(hop, trusted):
                return str(hop)
    return str(seen) if seen is not None else UNKNOWN


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
