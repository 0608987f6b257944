"""What could not be sent while somebody was away, read when they are back: money, then tasks, then announcements."""

from __future__ import annotations

from itertools import groupby

from domain.messages import digest
from domain.messages.digest import Waiting
from domain.wording import Words, words
from handlers.forms import BLANK, way_back
from handlers.routing import Chat, Reply, button, reply, route

PAGE_BYTES = 1_500
"""What a page of the digest may take: with its menu it stays below WeChat's 2,048 bytes."""


@route("unread")
def unread(chat: Chat) -> Reply:
    waiting = digest.counts(chat.db, chat.member)
    page = digest.take(chat.db, chat.member, PAGE_BYTES, now=chat.now)
    if not page:
        return reply(words("unread.none"), rows=[way_back()])
    left = sum(waiting.values()) - len(page)
    more = [button("unread.more", "unread", n=left)] if left else []
    groups = (_group(name, waiting[name], list(items)) for name, items in groupby(page, lambda one: one.group))
    body = [line for lines in groups for line in (BLANK, *lines)]
    title = words("unread.title", n=sum(waiting.values()), left=left)
    return reply(title, *body, rows=[more, way_back()], edit=False)


def _group(name: str, count: int, page: list[Waiting]) -> list[Words]:
    items = [words("unread.item", at=one.created_at, text=one.words) for one in page]
    return [words(f"unread.group.{name}", n=count), *items]
