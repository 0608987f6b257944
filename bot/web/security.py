"""What every answer says to browsers, who is asking, and how often one address may try."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from multidict import CIMultiDict

from bot import visitors
from bot.web import problems
from bot.web.parts import Parts
from config.settings import Settings

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: https:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
"""Scripts, styles and connections from here alone, nothing inline; pictures of products may be elsewhere."""

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Server": "fenxiao",  # which version of what we run on is nobody's business
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
ONLY_HTTPS: Final = ("Strict-Transport-Security", "max-age=31536000")
_FORWARDED: Final = ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP")


def headers_for(settings: Settings) -> CIMultiDict[str]:
    """Return the headers that every answer has."""
    given = CIMultiDict(HEADERS)
    if settings.public_url.startswith("https://"):
        given[ONLY_HTTPS[0]] = ONLY_HTTPS[1]
    return given


def header_setter(given: CIMultiDict[str]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return what puts the headers on every answer; a page may have set stricter ones of its own."""

    async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers[hdrs.SERVER] = HEADERS["Server"]
        for name, value in given.items():
            headers.setdefault(name, value)

    return set_headers


class Callers:
    """Tells who is asking, believing `X-Forwarded-For` only from the proxies that the settings trust."""

    def __init__(self, parts: Parts) -> None:
        self._trusted = tuple(parts.settings.trusted_proxies)

    def address(self, request: web.BaseRequest) -> str:
        """Return the caller's address; the same text for the same one."""
        forwarded = request.headers.getall("X-Forwarded-For", ()) if self._trusted else ()
        return visitors.client_address(_peer(request), ",".join(forwarded) or None, self._trusted)

    def is_local(self, request: web.BaseRequest) -> bool:
        """Whether the caller is on this very machine, and no proxy speaks for somebody else."""
        if any(name in request.headers for name in _FORWARDED):
            return False
        return _is_loopback(_peer(request) or "") and _is_loopback(host_name(request))


def host_name(request: web.BaseRequest) -> str:
    """Return the name by which the caller addressed us, without a port; empty for what cannot be one.

    A page elsewhere can have its own name lead here, but it cannot make a browser call us by ours.
    """
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _peer(request: web.BaseRequest) -> str | None:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return str(peer[0]) if isinstance(peer, tuple) and peer else None


class RateLimit:
    """Lets one key (an address, a session) do something `burst` times at once and `per_second` times in the long run.

    Remembers the keys that came last, `most` of them.
    """

    def __init__(
        self, per_second: float, burst: int, *, most: int = 10_000, timer: Callable[[], float] = monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._most = most
        self._timer = timer
        self._free_at: OrderedDict[str, float] = OrderedDict()  # when the key's bucket is full again

    def take(self, key: str) -> float:
        """Return 0 and count it, or the seconds to wait, and count nothing."""
        now = self._timer()
        full_at = max(now, self._free_at.get(key, now)) + 1 / self._per_second
        wait = full_at - now - self._burst / self._per_second
        if wait > 1e-9:
            return wait
        self._free_at[key] = full_at
        self._free_at.move_to_end(key)
        if len(self._free_at) > self._most:
            self._free_at.popitem(last=False)
        return 0.0

    def check(self, key: str) -> None:
        """Count it, or raise Problem 429 that says when to come again."""
        wait = self.take(key)
        if wait > 0:
            raise too_many(wait)


def too_many(seconds: float) -> problems.Problem:
    return problems.Problem(
        429, "too_many", "Too many requests; wait a little", headers={hdrs.RETRY_AFTER: str(int(seconds) + 1)}
    )


def refuse_unspeakable(target: str) -> None:
    """No address holds NUL, half a character or bytes that are not UTF-8: databases and logs would choke on them."""
    if "%00" in target:
        raise problems.invalid("", "the address holds a NUL", status=400)
    if not target.isascii():
        try:
            target.encode()
        except UnicodeEncodeError:
            raise problems.invalid("", "the address is not UTF-8", status=400) from None
