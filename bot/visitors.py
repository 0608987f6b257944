"""Who follows a link: a person or a machine, and from which address, as far as that can be believed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

UNKNOWN = "unknown"

# Longer ones are nobody's browser, and cost time to look at.
_LONGEST_AGENT = 320
_LONGEST_CHAIN = 20
_AHEAD_OF_TIME = re.compile("prefetch|prerender|preview", re.IGNORECASE)
_PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def is_visit(method: str, headers: Mapping[str, str]) -> bool:
    """Say whether somebody really goes there: HEAD and what browsers and chats fetch ahead of time do not count."""
    if method != "GET":
        return False
    return not any(name in headers and _AHEAD_OF_TIME.search(headers[name]) for name in _PURPOSES)


@lru_cache(maxsize=8192)
def is_bot(user_agent: str) -> bool:
    """Say whether this user agent is a machine; one that does not say who it is counts as one."""
    said = user_agent[:_LONGEST_AGENT].strip()
    if not said:
        return True
    from crawlerdetect import CrawlerDetect  # a thousand patterns: not before the first visitor

    return bool(CrawlerDetect(user_agent=said).is_crawler())


@lru_cache(maxsize=8192)
def client_address(peer: str | None, forwarded_for: str | None, trusted: Sequence[Network] = ()) -> str:
    """Return the address that a request comes from, the same text for the same one; `unknown` if there is none.

    `forwarded_for` (X-Forwarded-For) is believed from the right as far as `trusted` proxies wrote it; `trusted` is a
    tuple. One connection's IPv6 addresses are one: their first 64 bits.
    """
    at = _read(peer)
    if at is None:
        return UNKNOWN
    if forwarded_for and _is_trusted(at, trusted):
        for hop in reversed(forwarded_for.split(",")[-_LONGEST_CHAIN:]):
            before = _read(hop)
            if before is None:
                break
            at = before
            if not _is_trusted(at, trusted):
                break
    if isinstance(at, IPv6Address):
        return str(ip_network((at, 64), strict=False).network_address)
    return str(at)


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _read(text: str | None) -> Address | None:
    """`203.0.113.9`, `203.0.113.9:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; None for anything else."""
    said = (text or "").strip()
    if said.startswith("["):
        said = said[1:].partition("]")[0]
    elif said.count(":") == 1:
        said = said.partition(":")[0]
    try:
        found = ip_address(said.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
