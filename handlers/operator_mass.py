"""The last way to people on WeChat: what an announcement could not reach goes out as a mass message, if an operator
chooses so."""

from __future__ import annotations

from domain.errors import NotFound
from domain.messages import announcements, mass
from domain.messages.announcements import Announced
from domain.messages.mass import Quota, Sending
from domain.wording import Words, words
from handlers.forms import BLANK, Item, beginning, named, numbered_list, way_back
from handlers.routing import Chat, Reply, button, number, operators, reply, route

_SHOWN = 5


@route("mass", who=operators)
def waiting(chat: Chat) -> Reply:
    """The latest announcements that somebody on WeChat has not seen yet."""
    quota = _quota(chat)
    found = [(one, mass.unreached(chat.db, one.id, quota)) for one in announcements.latest(chat.db, _SHOWN)]
    items = [_item(one, sum(counts.values())) for one, counts in found if counts and one.state != "cancelled"]
    lines, buttons = numbered_list(items)
    said = lines or [words("mass.none")]
    return reply(words(f"mass.title_{chat.shop.wechat_mass}"), BLANK, *said, rows=[*buttons, way_back("desk")])


@route("mass_of", who=operators)
def one(chat: Chat, which: str) -> Reply:
    found = announcements.find(chat.db, number(which))
    counts = mass.unreached(chat.db, found.id, _quota(chat))
    total = sum(counts.values())
    sendings = mass.of_announcement(chat.db, found.id)
    possible = max(counts.values(), default=0) >= mass.LEAST and not any(_is_open(each) for each in sendings)
    return reply(
        words("announce.of", audience=named(found.audience), text=beginning(found.text, 30)),
        BLANK,
        words("mass.unreached", n=_count(total)),
        *([words(f"mass.sparingly_{chat.shop.wechat_mass}")] if possible else []),
        *([BLANK, *map(_state, sendings)] if sendings else []),
        rows=[
            [button("mass.send", f"mass_send:{found.id}", n=_count(total))] if possible else [],
            [button("announce.refresh", f"mass_of:{found.id}")] if sendings else [],
            way_back("mass"),
        ],
    )


@route("mass_send", who=operators)
def send(chat: Chat, which: str) -> Reply:
    by = f"member:{chat.person.member_id}"
    mass.order(chat.db, number(which), _quota(chat), by=by, now=chat.now)
    return one(chat, which)


def _quota(chat: Chat) -> Quota:
    if chat.shop.wechat_mass is None:
        raise NotFound()
    return mass.quota(chat.shop.wechat_mass, chat.shop.timezone, now=chat.now)


def _item(one: Announced, count: int) -> Item:
    line = words("mass.line", at=one.at, text=beginning(one.text, 30), n=_count(count))
    return Item(line, named(beginning(one.text, 10)), f"mass_of:{one.id}")


def _count(n: int) -> Words:
    return words("mass.counted" if n < mass.COUNTED else "mass.at_least", n=n)


def _is_open(sending: Sending) -> bool:
    return sending.state in ("ordered", "sending")


def _state(sending: Sending) -> Words:
    if sending.delivered is not None:
        return words("mass.delivered", n=sending.recipients, delivered=sending.delivered)
    return words(f"mass.state.{sending.state}", n=sending.recipients, reason=sending.error or "")
