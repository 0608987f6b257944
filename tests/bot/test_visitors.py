"""Who follows a link: people and machines, and addresses as far as they can be believed."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from bot.visitors import UNKNOWN, client_address, is_bot, is_visit

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))

WECHAT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "MicroMessenger/8.0.50(0x1800322f) NetType/WIFI Language/zh_CN"
)
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Safari/537.36"


@pytest.mark.parametrize(
    "agent", [WECHAT, CHROME, CHROME + " Edg/129.0", CHROME.replace("Windows NT 10.0", "Android 14")]
)
def test_people_are_counted(agent: str) -> None:
    assert not is_bot(agent)


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "TelegramBot (like TwitterBot)",
        "WhatsApp/2.23.20.0",
        "facebookexternalhit/1.1",
        "curl/8.5.0",
        "python-requests/2.32",
        "Go-http-client/2.0",
        "",
        "  ",
    ],
)
def test_machines_are_not_counted(agent: str) -> None:
    assert is_bot(agent)


def test_what_is_only_looked_at_ahead_of_time_is_no_visit() -> None:
    assert is_visit("GET", {"User-Agent": CHROME})
    assert not is_visit("HEAD", {})
    for name, value in (("Sec-Purpose", "prefetch;prerender"), ("Purpose", "Prefetch"), ("X-Moz", "prefetch"),
                        ("X-Purpose", "preview")):  # fmt: skip
        assert not is_visit("GET", {name: value})


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.2.2.2", "203.0.113.9"),
        ("10.0.0.1", "10.9.9.9, 10.2.2.2", "10.9.9.9"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:203.0.113.9", None, "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::"),
        ("2001:db8:1:2::9", None, "2001:db8:1:2::"),
        ("fd00::1", "[2001:db8::1]:4711", "2001:db8::"),
        ("fe80::1%eth0", None, "fe80::"),
        (None, "203.0.113.9", UNKNOWN),
        ("", None, UNKNOWN),
    ],
)
def test_an_address_is_taken_from_trusted_proxies_only(
    peer: str | None, forwarded_for: str | None, address: str
) -> None:
    assert client_address(peer, forwarded_for, TRUSTED) == address


def test_b9_a_forged_forwarded_for_is_not_believed_without_a_trusted_proxy() -> None:
    forged = {client_address("203.0.113.9", f"198.51.100.{n}", TRUSTED) for n in range(50)}
    forged |= {client_address("203.0.113.9", f"198.51.100.{n}", ()) for n in range(50)}
    assert forged == {"203.0.113.9"}
    assert client_address("10.0.0.1", ",".join(["10.0.0.1"] * 100_000), TRUSTED) == "10.0.0.1"
