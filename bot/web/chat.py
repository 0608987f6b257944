"""The chat page: the whole bot on a phone or a desktop, and the few calls that its script makes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode

from aiohttp import hdrs, web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot.channels.strangers import clean_text
from bot.channels.webchat import OpenPage, WebChat
from bot.rendering import LOCALES, Button, Texts, choose_locale
from bot.web import problems, reader, shop, strict_json
from bot.web.app import CALLERS, STATIC
from bot.web.chat_entry import EntryPages
from bot.web.chat_session import Session, Sessions
from bot.web.security import RateLimit
from domain.codes import is_code
from domain.demo import people as demo_people
from domain.demo.people import Seat
from domain.mall import links
from domain.messages import chat_history
from domain.messages.chat_history import CHANNEL, ChatLine, Owner
from domain.people import linking, members
from domain.people.entry import Entry
from domain.periods import format_instant
from domain.wording import Words
from handlers.routing import Incoming

FOLDER: Final = Path(__file__).parent
PAGE: Final = 30
LONGEST_TEXT: Final = 4000
MOST_PAGES: Final = 8
"""So many pages of one chat are told at once what is new; the one that has been open for longest makes room."""

HEARTBEAT_SECONDS: Final = 20.0
_BEHIND: Final = 200  # numbers under which a message may still appear: its writer was slower
_TINTS: Final = 8
_SCRIPT_WORDS: Final = (
    *("title", "motto", "you_are", "typing", "today", "yesterday", "unread", "failed", "too_many"),
    *("copied", "copy_failed", "picture", "enlarge"),
)
"""What the page's script says by itself."""

_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
_SHAPES: Final = {"poster": "poster", "invite_poster": "poster", "traffic": "chart"}


@dataclass(frozen=True, slots=True)
class Visitor:
    session: Session
    owner: Owner | None
    locale: str


class ChatRoutes:
    def __init__(self, channel: WebChat) -> None:
        self._channel = channel
        self._parts = channel.parts
        self._sessions = Sessions(channel.parts)
        self._texts = Texts(channel.parts.shop.timezone, FOLDER / "chat_texts")
        self._talking = RateLimit(2.0, 30)
        self._beginning = RateLimit(0.2, 20)
        self._pages = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return [
            web.get("/chat", self.page),
            web.get("/chat/api/history", self.history),
            web.get("/chat/api/events", self.events),
            web.post("/chat/api/say", self.say),
            web.post("/chat/api/seat", self.seat),
            web.post("/chat/api/language", self.language),
            web.get("/chat/pictures/{message}", self.picture),
            web.get("/chat/shop", self.shop),
            *EntryPages(self, self._parts, self._sessions).routes(),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """The page itself; who was not invited is told how to get in."""
        session = self._sessions.of(request)
        code = _code(request)
        if code is not None and session.seat is not None:  # whoever was invited comes as themselves
            session = Session(session.token, session.is_new, None)
        visitor = await self.visitor(request, session)
        may_enter = self._parts.shop.demo or visitor.owner is not None or (code and await self._opens(code))
        seats = await self._seats()
        answer = self.render(
            visitor.locale,
            request,
            "chat.html" if may_enter else "chat_door.html",
            visitor=visitor,
            code=code or "",
            nobody_yet=not may_enter and not await self._parts.database.read(members.operators),
            seats=seats[: len(demo_people.SHOWN_FIRST)],
            more_seats=seats[len(demo_people.SHOWN_FIRST) :],
            sitting=next((seat for seat in seats if seat.member_id == session.seat), None),
        )
        if may_enter:
            self._sessions.keep(request, answer, session)
        if code is not None:
            self._sessions.take_seat(request, answer, None)
        if request.query.get("lang") in LOCALES:
            self._sessions.keep_language(request, answer, visitor.locale)
        return answer

    async def history(self, request: web.Request) -> web.Response:
        """The newest messages, or those before `before`; `fresh` where nothing was ever answered."""
        visitor = await self.visitor(request)
        before = _number(request.query.get("before"))
        if visitor.owner is None:
            return _json({"messages": [], "more": False, "fresh": True, "locale": visitor.locale})
        read = partial(chat_history.before, contact_id=visitor.owner.contact_id, message_id=before, limit=PAGE + 1)
        lines = await self._parts.database.read(read)
        return _json(
            {
                "messages": self._views(lines[-PAGE:], visitor.locale),
                "more": len(lines) > PAGE,
                "fresh": not visitor.owner.answered,
                "locale": visitor.locale,
            }
        )

    async def say(self, request: web.Request) -> web.Response:
        """Take words, a button's action or the code that opened the page, and answer with what was said since."""
        self._sessions.check_origin(request)
        session = self._sessions.of(request)
        self._talking.check(session.token)
        body = _fields(await strict_json.read(request), ("id", "text", "action", "message", "start", "after"))
        visitor = await self.visitor(request, session)
        incoming = _incoming(body, visitor)
        if visitor.owner is None:
            await self._let_in(request, incoming)
        before = visitor.owner.contact_locale if visitor.owner else None
        contact_id = await self._channel.say(incoming, silent=body.get("start") == "")
        after = body.get("after")
        since = after if isinstance(after, int) and not isinstance(after, bool) and 0 <= after < 2**53 else 0
        visitor = await self.visitor(request, visitor.session)
        chosen = visitor.owner.contact_locale if visitor.owner else None
        locale = chosen if chosen is not None and chosen != before else visitor.locale  # they may have just changed it
        read = partial(chat_history.after, contact_id=contact_id, message_id=since, limit=PAGE)
        if not since:
            read = partial(chat_history.before, contact_id=contact_id, message_id=None, limit=2)
        lines = await self._parts.database.read(read)
        answer = _json({"messages": self._views(lines, locale), "locale": locale})
        self._sessions.keep(request, answer, session)
        if locale != visitor.locale:
            self._sessions.keep_language(request, answer, locale)
        return answer

    async def _let_in(self, request: web.Request, incoming: Incoming) -> None:
        """Somebody new is written down if they were invited; in a demo everybody is."""
        self._beginning.check(request.app[CALLERS].address(request))
        if self._parts.shop.demo:
            return
        if not incoming.start_code or not await self._is_known(incoming.start_code):
            raise problems.Problem(403, "not_invited", "The chat is opened by an invitation or an order's code")

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What is new, as it comes: server-sent events, each message with its number to go on from."""
        visitor = await self.visitor(request)
        if visitor.owner is None:
            return web.Response(status=204)  # nothing is ever sent there: the page comes back once something was said
        after = _number(request.headers.get("Last-Event-ID") or request.query.get("after")) or 0
        page = OpenPage(visitor.owner.contact_id, everything=self._parts.shop.demo)
        stream = web.StreamResponse(
            headers={hdrs.CONTENT_TYPE: "text/event-stream", hdrs.CACHE_CONTROL: "no-store", "X-Accel-Buffering": "no"}
        )
        await stream.prepare(request)
        while len(open_ones := list(self._channel.pages.of(page.contact_id))) >= MOST_PAGES:
            self._close(open_ones[0])
        self._channel.pages.add(page)
        try:
            await stream.write(b"retry: 2000\n\n")
            await self._tell(stream, request, page, after)
        except ConnectionError:
            pass  # the page was closed
        finally:
            self._channel.pages.remove(page)
        return stream

    def _close(self, page: OpenPage) -> None:
        self._channel.pages.remove(page)
        page.closed = True
        page.news.set()

    async def _tell(self, stream: web.StreamResponse, request: web.Request, page: OpenPage, after: int) -> None:
        """Send what comes, messages that were numbered earlier and written later included."""
        behind = partial(chat_history.after, contact_id=page.contact_id, limit=500)
        told = {line.id for line in await self._lines(behind, after - _BEHIND) if line.id <= after}
        newest = after
        while not page.closed and not self._channel.closing.is_set():
            page.news.clear()
            lines = [line for line in await self._lines(behind, newest - _BEHIND) if line.id not in told]
            if lines:
                visitor = await self.visitor(request)
                for view in self._views(lines, visitor.locale):
                    await stream.write(_event(view, number=cast(int, view["id"])))
                newest = max(newest, lines[-1].id)
                told = {number for number in told if number > newest - 2 * _BEHIND} | {line.id for line in lines}
            if page.elsewhere:
                others, page.elsewhere = page.elsewhere, set()
                seats = [seat.member_id for seat in await self._seats() if seat.contact_id in others]
                await stream.write(_event({"seats": seats}, name="elsewhere"))
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await page.news.wait()
            except TimeoutError:
                await stream.write(b": still here\n\n")

    async def _lines(self, behind: Any, number: int) -> list[ChatLine]:
        return cast(list[ChatLine], await self._parts.database.read(partial(behind, message_id=number)))

    async def seat(self, request: web.Request) -> web.Response:
        """Take the seat of one of a demo's people, or one's own again. Where real people are there is no such thing."""
        self._sessions.check_origin(request)
        if not self._parts.shop.demo:
            raise problems.not_found()
        body = _fields(await strict_json.read(request), ("member_id",))
        wanted = body.get("member_id")
        if wanted is not None and not any(seat.member_id == wanted for seat in await self._seats()):
            raise problems.not_found()
        answer = _json({"member_id": wanted})
        self._sessions.take_seat(request, answer, wanted)
        # The shop that is open already must not go on selling for whoever sat here before.
        code = await self._shop_code(await self.visitor(request, replace(self._sessions.of(request), seat=wanted)))
        shop.come_with(answer, code, secure=self._sessions.is_secure(request))
        return answer

    async def shop(self, request: web.Request) -> web.Response:
        """The demo's shop as whoever sits here opens it: what is bought there credits them, or whoever sent them."""
        if not self._parts.shop.demo:
            raise problems.not_found()
        visitor = await self.visitor(request)
        code = await self._shop_code(visitor)
        given = {"lang": visitor.locale, **({"code": code} if code else {})}
        answer = web.Response(status=302, headers={hdrs.LOCATION: f"/shop?{urlencode(given)}"})
        if code == "":
            shop.come_with(answer, None, secure=self._sessions.is_secure(request))
        return answer

    async def _shop_code(self, visitor: Visitor) -> str | None:
        if visitor.owner is None:
            return None
        own = partial(demo_people.shop_code, contact_id=visitor.owner.contact_id, now=self._parts.clock())
        return await self._parts.database.write(own)

    async def language(self, request: web.Request) -> web.Response:
        """Speak another language from now on, on the page and in the chat."""
        self._sessions.check_origin(request)
        locale = _fields(await strict_json.read(request), ("locale",)).get("locale")
        if locale not in LOCALES:
            raise problems.invalid("locale", f"must be one of {', '.join(LOCALES)}")
        visitor = await self.visitor(request)
        if visitor.owner is not None:
            change = partial(members.set_locale, contact_id=visitor.owner.contact_id, locale=locale)
            await self._parts.database.write(change)
        answer = _json({"locale": locale})
        self._sessions.keep_language(request, answer, locale)
        return answer

    async def picture(self, request: web.Request) -> web.Response:
        """The picture of one's own message; anybody else's is answered like a missing one."""
        visitor = await self.visitor(request)
        number = _number(request.match_info["message"])
        if visitor.owner is None or number is None:
            raise problems.not_found()
        contact_id = visitor.owner.contact_id
        line = await self._parts.database.read(partial(chat_history.message, contact_id=contact_id, message_id=number))
        shown = self._channel.shown(line, visitor.locale)
        if shown is None or shown.picture is None:
            raise problems.not_found()
        painted = await self._parts.painter.paint(shown.picture, visitor.locale, contact_id)
        tag = f'"{painted.key[:32]}"'
        headers = {hdrs.ETAG: tag, hdrs.CACHE_CONTROL: "private, max-age=60", hdrs.CONTENT_TYPE: painted.content_type}
        if tag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers={hdrs.ETAG: tag})
        return web.Response(body=painted.data, headers=headers)

    async def visitor(self, request: web.Request, session: Session | None = None) -> Visitor:
        session = session or self._sessions.of(request)
        owner = await self._parts.database.read(partial(chat_history.owner, account=session.account))
        if owner is None and session.seat is not None:  # nobody of the demo sits there
            return await self.visitor(request, replace(session, seat=None))
        asked, kept = request.query.get("lang"), self._sessions.language(request)
        wishes = [asked if asked in LOCALES else None]
        if owner is not None and self._parts.shop.demo:  # one visitor, many seats: the visitor's language counts
            wishes += [kept, owner.contact_locale]
        elif owner is not None:
            wishes += [owner.contact_locale, owner.member_locale]
        return Visitor(session, owner, choose_locale(*wishes, kept, *reader.accepted(request), self._parts.shop.locale))

    async def _opens(self, code: str) -> bool:
        """Whether the page is shown. Whether a code that joins chats is a right one, only those hear who say it here:
        there, whoever tries many is slowed down."""
        return linking.read_code(code) is not None or await self._is_known(code)

    async def _is_known(self, code: str) -> bool:
        if linking.read_code(code) is not None:
            return await self._parts.database.read(partial(linking.is_open, code=code, now=self._parts.clock()))
        return await self._parts.database.read(partial(links.resolve, code=code)) is not None

    async def _seats(self) -> list[Seat]:
        return await self._parts.database.read(demo_people.seats) if self._parts.shop.demo else []

    def _views(self, lines: Sequence[ChatLine], locale: str) -> list[dict[str, object]]:
        return [view for line in lines if (view := self._view(line, locale)) is not None]

    def _view(self, line: ChatLine, locale: str) -> dict[str, object] | None:
        shown = self._channel.shown(line, locale)
        if shown is None:
            return None
        picture = shown.picture
        return {
            "id": line.id,
            "mine": not line.outgoing,
            "text": shown.text,
            "at": format_instant(line.at),
            "rows": [[_button(button) for button in row] for row in shown.rows],
            "picture": f"/chat/pictures/{line.id}" if picture is not None else None,
            "shape": _SHAPES.get(picture.kind, "square") if picture is not None else None,
        }

    def render(
        self, locale: str, request: web.Request, template: str, *, status: int = 200, **values: Any
    ) -> web.Response:
        html = self._pages.get_template(template).render(
            say=lambda key, **params: self._texts.say(Words(key, params), locale),
            static=request.app[STATIC].url,
            locale=locale,
            other=next(other for other in LOCALES if other != locale),
            demo=self._parts.shop.demo,
            role=_role,
            tint=lambda member_id: demo_people.hash_of(member_id) % _TINTS,
            words={key: self._texts.template(key, locale) for key in _SCRIPT_WORDS},
            **values,
        )
        return web.Response(
            text=html, status=status, content_type="text/html", headers={hdrs.CACHE_CONTROL: "no-store"}
        )


def _incoming(body: Mapping[str, Any], visitor: Visitor) -> Incoming:
    """What was said, in the gateway's terms. Raises Problem for what no page of ours says."""
    id_ = body.get("id")
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        raise problems.invalid("id", "must be 8 to 64 letters, digits and hyphens, another one for each message")
    said = [name for name in ("text", "action", "start") if body.get(name) is not None]
    if len(said) != 1:
        raise problems.invalid("text", "one of text, action and start must be there")
    value = body[said[0]]
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise problems.invalid(said[0], f"must be a text of at most {LONGEST_TEXT} characters")
    message = body.get("message")
    account = visitor.session.account
    given: dict[str, Any] = {"text": clean_text(value)}
    if said[0] == "action":
        hangs_on = str(message) if type(message) is int and 0 <= message < 2**53 else None
        given = {"action": clean_text(value), "message": hangs_on}
    elif said[0] == "start":
        if value and not is_code(value):
            raise problems.invalid("start", "is not a code")
        given = {"start_code": value} if value else {"action": "home"}
    elif not given["text"].strip():
        raise problems.invalid("text", "is empty")
    # The account is part of the key: nobody gets an answer of somebody else by repeating their id.
    return Incoming(CHANNEL, account, f"{account}:{id_}", locale=visitor.locale, **given)


def _fields(body: Any, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise problems.invalid("", "must be an object")
    for name in body:
        if name not in known:
            raise problems.invalid(name, "is not known here")
    return body


def _button(button: Button) -> dict[str, object]:
    kinds = {"action": button.action, "url": button.url, "copy": button.copy}
    given = {kind: value for kind, value in kinds.items() if value is not None}
    return {"label": button.label, **given, **({"listed": True} if button.listed else {})}


def _role(person: Seat | Owner | Entry) -> str:
    return "operator" if person.operator else person.role


def _code(request: web.Request) -> str | None:
    """The code of an invitation, a link or an order that led here."""
    given = request.query.get("invite") or request.query.get("code") or ""
    return given if is_code(given) else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _json(value: Mapping[str, object]) -> web.Response:
    body = json.dumps(value, ensure_ascii=False)
    return web.Response(text=body, content_type="application/json", headers={hdrs.CACHE_CONTROL: "no-store"})


def _event(value: Mapping[str, object], *, name: str | None = None, number: int | None = None) -> bytes:
    lines = [f"event: {name}"] if name else []
    lines += [f"id: {number}"] if number is not None else []
    lines.append(f"data: {json.dumps(value, ensure_ascii=False)}")
    return ("\n".join(lines) + "\n\n").encode()
