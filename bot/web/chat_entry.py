"""The page behind an entry link: it says whose chat this browser is going to be, and asks before it makes it so.

Looking does not use the link up: chats that it is sent through look at it as well, for a preview.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from bot.channels.parts import Parts
from bot.rendering import LOCALES
from bot.web import problems
from bot.web.app import CALLERS
from bot.web.chat_session import Sessions
from bot.web.security import RateLimit
from domain.codes import is_code
from domain.errors import NotFound
from domain.people import entry
from domain.people.entry import Entry

if TYPE_CHECKING:
    from bot.web.chat import ChatRoutes, Visitor


class EntryPages:
    def __init__(self, chat: ChatRoutes, parts: Parts, sessions: Sessions) -> None:
        self._chat = chat
        self._parts = parts
        self._sessions = sessions
        self._trying = RateLimit(0.2, 20)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [web.get("/chat/enter/{code}", self.page), web.post("/chat/enter/{code}", self.enter)]

    async def page(self, request: web.Request) -> web.Response:
        """Whose chat the link opens; who is in already goes on to it, and the link stays good."""
        code = self._code(request)
        visitor = await self._chat.visitor(request)
        found = await self._parts.database.read(partial(entry.find, code=code, now=self._parts.clock()))
        owner = visitor.owner
        if found is not None and owner is not None and owner.member_id == found.member_id:
            return web.Response(status=302, headers={hdrs.LOCATION: "/chat", hdrs.CACHE_CONTROL: "no-store"})
        answer = self._shown(request, visitor, code, found)
        if request.query.get("lang") in LOCALES:
            self._sessions.keep_language(request, answer, visitor.locale)
        return answer

    async def enter(self, request: web.Request) -> web.Response:
        """Make the browser the member's: with a cookie that it did not have before, known to nobody else."""
        self._sessions.check_site(request)
        code, session = self._code(request), self._sessions.fresh()
        taken = partial(entry.enter, code=code, account=session.own_account, now=self._parts.clock())
        try:
            await self._parts.database.write(taken)
        except NotFound:
            return self._shown(request, await self._chat.visitor(request), code, None)
        answer = web.Response(status=303, headers={hdrs.LOCATION: "/chat", hdrs.CACHE_CONTROL: "no-store"})
        self._sessions.keep(request, answer, session)
        self._sessions.take_seat(request, answer, None)
        return answer

    def _code(self, request: web.Request) -> str:
        self._trying.check(request.app[CALLERS].address(request))
        code = request.match_info["code"]
        if not is_code(code):
            raise problems.not_found()
        return code

    def _shown(self, request: web.Request, visitor: Visitor, code: str, found: Entry | None) -> web.Response:
        owner = visitor.owner
        leaving = (owner.name or owner.member_id) if owner is not None and owner.member_id else None
        return self._chat.render(
            visitor.locale,
            request,
            "chat_enter.html",
            status=404 if found is None else 200,
            code=code,
            entry=found,
            leaving=leaving,
        )
