"""What could not be sent while somebody was away, read when they are back."""

from __future__ import annotations

from domain.messages import conversations, outbox
from domain.wording import Words, words
from handlers.forms import BLANK, way_back
from handlers.routing import Chat, Reply, button, reply, route

AT_ONCE = 3


@route("unread")
def unread(chat: Chat) -> Reply:
    kept = outbox.take_deferred(chat.db, chat.member, AT_ONCE, now=chat.now)
    if not kept:
        return reply(words("unread.none"), rows=[way_back()])
    body: list[Words] = []
    for message in kept:
        body += [words("unread.item", at=message.created_at, text=message.words), BLANK]
    left = conversations.unread_count(chat.db, chat.member)
    more = [button("unread.button", "unread", n=left)] if left else []
    return reply(*body[:-1], rows=[more, way_back()])
