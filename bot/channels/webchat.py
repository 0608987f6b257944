"""The web chat: the whole bot in a page of our own, where a message is a row that its reader finds."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy.orm import Session

from bot.channels.parts import Parts
from bot.channels.sending import Message, Recipient
from bot.database import DatabaseUnavailable
from bot.gateway import reply_from_json, reply_to_json
from bot.rendering import Rendered
from domain import wording
from domain.errors import NotFound
from domain.messages import chat_history
from domain.messages.chat_history import CHANNEL, ChatLine
from domain.wording import Words
from handlers.routing import Incoming, Reply

if TYPE_CHECKING:
    from aiohttp.web import AbstractRouteDef

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0
_LATE: Final = 200  # numbers below the newest one under which a row may still appear: its writer was slower


@dataclass(eq=False, slots=True)
class OpenPage:
    """One page that somebody looks at: told when its chat has something new, in a demo of the other chats too."""

    contact_id: int
    everything: bool
    news: asyncio.Event = field(default_factory=asyncio.Event)
    elsewhere: set[int] = field(default_factory=set)
    closed: bool = False


class OpenPages:
    """All pages that are open in this process."""

    def __init__(self) -> None:
        self._by_contact: defaultdict[int, dict[OpenPage, None]] = defaultdict(dict)
        self._onlookers: set[OpenPage] = set()

    def __len__(self) -> int:
        return sum(len(pages) for pages in self._by_contact.values())

    def of(self, contact_id: int) -> Collection[OpenPage]:
        """The open pages of a chat, the one that was opened first at the front."""
        return self._by_contact.get(contact_id, ())

    def add(self, page: OpenPage) -> None:
        self._by_contact[page.contact_id][page] = None
        if page.everything:
            self._onlookers.add(page)

    def remove(self, page: OpenPage) -> None:
        self._onlookers.discard(page)
        if pages := self._by_contact.get(page.contact_id):
            pages.pop(page, None)
            if not pages:
                del self._by_contact[page.contact_id]

    def wake(self, contacts: Collection[int]) -> None:
        for contact_id in contacts:
            for page in self.of(contact_id):
                page.news.set()
        for page in self._onlookers:
            others = set(contacts) - {page.contact_id}
            if others:
                page.elsewhere |= others
                page.news.set()

    def wake_all(self) -> None:
        for pages in self._by_contact.values():
            for page in pages:
                page.news.set()


class WebChat:
    """The channel: takes in what was said on a page, keeps both sides, and is the shelf on which notices are laid."""

    name: Final = CHANNEL

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.pages = OpenPages()
        self.closing = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    @property
    def sender(self) -> WebChat:
        return self

    def routes(self) -> Sequence[AbstractRouteDef]:
        from bot.web.chat import ChatRoutes

        return ChatRoutes(self).routes()

    async def start(self, *, may_poll: Callable[[], bool]) -> None:
        """Other processes write messages too, on PostgreSQL: look for them while pages are open."""
        if not self.parts.database.sqlite:
            self._watching = asyncio.create_task(self._watch(), name="webchat-watch")

    def hang_up(self) -> None:
        """Let go of every open page; each comes back by itself, when and where it can."""
        self.closing.set()
        self.pages.wake_all()

    async def stop(self) -> None:
        self.hang_up()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def put(self, db: Session, to: Recipient, message: Message, *, now: datetime) -> None:
        body = chat_history.notice(Words(message.kind, message.params))
        if (picture := message.rendered.picture) is not None:
            body["picture"] = [picture.kind, wording.to_json(picture.params)]
        chat_history.keep(db, to.contact_id, outgoing=True, body=body, now=now)

    async def wake(self, contacts: Collection[int]) -> None:
        self.pages.wake(contacts)

    async def say(self, incoming: Incoming, *, silent: bool = False) -> int:
        """Answer what was said and keep both sides in one transaction; return the contact's id.

        `silent`: what was said was not said by the person, as when a page is opened for the first time.
        """

        def keep(db: Session, contact_id: int, answer: Reply) -> None:
            now = self.parts.clock()
            said = None if silent else _said(db, contact_id, incoming)
            if said is not None:
                chat_history.keep(db, contact_id, outgoing=False, body=said, now=now)
            chat_history.keep(db, contact_id, outgoing=True, body=reply_to_json(answer), now=now)

        answer = await self.parts.gateway.handle(incoming, keep)
        self.pages.wake({answer.contact_id})
        self.parts.wake_delivery()
        return answer.contact_id

    def shown(self, line: ChatLine, locale: str) -> Rendered | None:
        """Put a message into words; None for one that this version has no words for any more."""
        try:
            if line.outgoing:
                return self.parts.texts.render(reply_from_json(line.body), locale)
            if "label" in line.body:
                key, params = line.body["label"]
                stored = {"body": [[key, params]], "choices": [], "picture": None, "edit": True}
                return self.parts.texts.render(reply_from_json(stored), locale)
            return Rendered(str(line.body.get("text", "")), locale=locale)
        except (LookupError, ValueError, TypeError):
            log.warning("webchat.unspeakable", message_id=line.id)
            return None

    async def _watch(self) -> None:
        seen: set[int] = set()
        newest: int | None = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not len(self.pages):
                newest = None
                continue
            try:
                if newest is None:
                    newest = await self.parts.database.read(chat_history.newest)
                    seen = {number for number, _ in await self._since(newest - _LATE)}
                    self.pages.wake_all()
                    continue
                found = [(number, chat) for number, chat in await self._since(newest - _LATE) if number not in seen]
            except DatabaseUnavailable:
                continue
            if found:
                newest = max(newest, *(number for number, _ in found))
                seen = {number for number in seen if number > newest - 2 * _LATE} | {number for number, _ in found}
                self.pages.wake({chat for _, chat in found})

    async def _since(self, number: int) -> Sequence[tuple[int, int]]:
        return await self.parts.database.read(partial(chat_history.chats_since, message_id=number))


def _said(db: Session, contact_id: int, incoming: Incoming) -> Mapping[str, Any] | None:
    """What the person's own bubble shows: the words, or the label of the button, if it hangs on a message of theirs."""
    if incoming.start_code is not None:
        return {"text": incoming.start_code} if incoming.start_code else None
    if incoming.action is None:
        return {"text": incoming.text}
    if incoming.message is None or not incoming.message.isdigit():
        return None
    try:
        stored = chat_history.message(db, contact_id, int(incoming.message)).body
    except NotFound:
        return None
    for row in stored.get("choices", ()):
        for choice in row:
            if choice.get("action") == incoming.action:
                return {"action": incoming.action, "label": choice["label"]}
    return None


def make_channel(app: Parts) -> WebChat:
    return WebChat(app)
