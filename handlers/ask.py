"""What is written and is no screen's own word: an order's number, a common question, or something to look for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from domain.sales import orders
from domain.wording import words
from handlers.forms import way_back
from handlers.routing import Chat, NoSuchNumber, Reply, anyone, plain, reply, route, spoken

_ORDER_ID = re.compile(r"(?:订单号?|order)?[\s:#]*(?P<id>(?=[\w.-]*[0-9])[\w.-]{2,})", re.IGNORECASE)
_SLIP = re.compile(r"[+-]\s?[0-9]{1,3}")  # a choice with a stroke before it
_LONGEST_ID = 64


@route("ask", who=anyone)
def ask(chat: Chat) -> Reply:
    said = plain(chat.text)
    if _SLIP.fullmatch(said):
        raise NoSuchNumber(n=said)
    own = _own_order(chat, said)
    if own is not None:
        return chat.go(own)
    which = question(said, chat.answers["asked"])
    return chat.go(f"faq:{which}" if which else "search")


@route("thanks", who=anyone)
def thanks(chat: Chat) -> Reply:
    return reply(words("ask.thanks"), rows=[way_back()])


def question(said: str, known: Mapping[str, str]) -> str | None:
    """Return the question that the words are about: the longest of the `known` words in them decides."""
    text = spoken(said)
    found = [word for word in known if _has(text, word)]
    return known[max(found, key=len)] if found else None


def _has(text: str, word: str) -> bool:
    """Whether `text` has the word; one in Latin letters stands by itself, a fee is not in coffee."""
    if not word.isascii():
        return word in text
    return re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", text) is not None


def _own_order(chat: Chat, said: str) -> str | None:
    """The screen of the order whose number was written, if it is one's own; anybody else's is like a missing one."""
    found = _ORDER_ID.fullmatch(said)
    if found is None or chat.person.member is None or len(found["id"]) > _LONGEST_ID:
        return None
    own = orders.own(chat.db, chat.member, found["id"])
    return None if own is None else f"{'order' if own.earns else 'parcel'}:{own.id}"
