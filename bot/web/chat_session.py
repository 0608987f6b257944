"""Who talks on the chat page: known by a cookie that nobody else can guess, of which only a hash is stored."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aiohttp import hdrs, web

from bot.channels.parts import Parts
from bot.web import problems, reader
from bot.web.security import host_name
from domain.demo.people import SEAT

_COOKIE: Final = "fenxiao-chat"
_SEAT_COOKIE: Final = "fenxiao-seat"
_YEAR_SECONDS: Final = 365 * 24 * 3600
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_MEMBER_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Session:
    """`account` is the chat account that this page speaks as; `seat` the member of a demo whose place was taken."""

    token: str
    is_new: bool
    seat: str | None

    @property
    def account(self) -> str:
        return SEAT + self.seat if self.seat else self.own_account

    @property
    def own_account(self) -> str:
        return "web:" + hashlib.sha256(self.token.encode()).hexdigest()


class Sessions:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._public = urlsplit(parts.settings.public_url)

    def of(self, request: web.Request) -> Session:
        """Return the caller's session, a fresh one for somebody new. Raises Problem where no cookie would be safe."""
        kept = request.cookies.get(self._name(request), "")
        known = _TOKEN.fullmatch(kept) is not None
        seat = request.cookies.get(_SEAT_COOKIE, "") if self._parts.shop.demo else ""
        fresh = self.fresh()
        return Session(kept if known else fresh.token, not known, seat if _is_member_id(seat) else None)

    @staticmethod
    def fresh() -> Session:
        """Return a session that no browser has yet."""
        return Session(secrets.token_urlsafe(32), True, None)

    def keep(self, request: web.Request, answer: web.StreamResponse, session: Session) -> None:
        """Let the browser keep the session."""
        self._set(request, answer, self._name(request), session.token)

    def take_seat(self, request: web.Request, answer: web.StreamResponse, member_id: str | None) -> None:
        """Sit down in the place of one of a demo's people, known to be one, or on one's own again."""
        if member_id is None:
            answer.del_cookie(_SEAT_COOKIE, path="/chat")
        else:
            self._set(request, answer, _SEAT_COOKIE, member_id, path="/chat")

    def language(self, request: web.Request) -> str | None:
        return request.cookies.get(reader.CHAT_LANGUAGE)

    def keep_language(self, request: web.Request, answer: web.StreamResponse, locale: str) -> None:
        self._set(request, answer, reader.CHAT_LANGUAGE, locale, path="/chat")

    def check_origin(self, request: web.Request) -> None:
        """Only our own page may speak: no other site's script, and no form that some page posts here."""
        self.check_site(request)
        if request.content_type != "application/json":
            raise problems.Problem(415, "not_json", "This takes JSON only")

    def check_site(self, request: web.Request) -> None:
        """Only a page of ours may post here."""
        origin = _split(request.headers.get(hdrs.ORIGIN, ""))
        if origin.netloc not in (request.host, self._public.netloc) or not origin.netloc:
            raise problems.Problem(403, "foreign_origin", "This may only be used from the chat page itself")

    def _name(self, request: web.Request) -> str:
        return f"__Host-{_COOKIE}" if self.is_secure(request) else _COOKIE

    def is_secure(self, request: web.Request) -> bool:
        """Say whether cookies need https here. Without it only this machine, and a demo's invented people, do."""
        if host_name(request) in _LOOPBACK:
            return False
        if self._public.scheme == "https":
            return True
        if self._parts.shop.demo:
            return False
        raise problems.Problem(403, "needs_https", "The chat needs https: FENXIAO_PUBLIC_URL has to begin with it")

    def _set(self, request: web.Request, answer: web.StreamResponse, name: str, value: str, path: str = "/") -> None:
        secure = self.is_secure(request)
        answer.set_cookie(name, value, max_age=_YEAR_SECONDS, path=path, secure=secure, httponly=True, samesite="Lax")


def _split(address: str) -> SplitResult:
    """Take an address that somebody sent apart; one that is none, such as `http://[`, is as good as an empty one."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _is_member_id(text: str) -> bool:
    return _MEMBER_ID.fullmatch(text) is not None
