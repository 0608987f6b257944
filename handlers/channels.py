"""One's own chats: joining another one with a code, looking at them, parting with one."""

from __future__ import annotations

from dataclasses import replace

from domain.errors import NotFound
from domain.mall import links
from domain.people import linking
from domain.people.linking import Account, Offer
from domain.wording import Words, words
from handlers.forms import BLANK, Item, numbered_list, way_back
from handlers.routing import Chat, Choice, Reply, anyone, button, number, reply, route, step


@route("channels")
def channels(chat: Chat) -> Reply:
    return _list(chat)


def _list(chat: Chat, *said: Words) -> Reply:
    mine = linking.accounts(chat.db, chat.member)
    items = [Item(_line(chat, one), words(f"channel.{one.channel}"), f"channel:{one.contact_id}") for one in mine]
    lines, buttons = numbered_list(items)
    return reply(
        *said,
        words("channels.title"),
        *lines,
        rows=[
            *buttons,
            [button("channels.new", "channel_new"), button("channels.enter", "channel_enter")],
            way_back("settings"),
        ],
    )


@route("channel_new")
def new_code(chat: Chat) -> Reply:
    code = linking.new_code(chat.db, chat.member, chat.person.contact_id, now=chat.now)
    return reply(
        words("channels.code", code=code, minutes=int(linking.LIFE.total_seconds()) // 60),
        BLANK,
        *_ways_in(chat, code),
        BLANK,
        words("channels.keep_secret"),
        rows=[[Choice(words("channels.copy"), copy=code)], way_back("channels")],
        edit=False,
    )


@route("channel_enter", who=anyone)
def ask_code(chat: Chat) -> Reply:
    chat.ask("channels", "code")
    return reply(words("channels.ask_code"), rows=[way_back(_back(chat))])


@step("channels", "code", who=anyone)
def code_written(chat: Chat) -> Reply:
    return offered(chat, chat.text)


@route("channel_code", who=anyone)
def offered(chat: Chat, code: str) -> Reply:
    """What the code would do, before it does anything."""
    found = linking.offer(chat.db, chat.person.contact_id, code, now=chat.now)
    if found is None:
        return _wrong(chat)
    chat.finish()
    merging = [words("channels.will_merge")] if found.own is not None else []
    return reply(
        words("channels.offer", name=found.name or found.member_id, asked_on=_account(found.asked_on)),
        BLANK,
        words("channels.will_join"),
        *merging,
        BLANK,
        words("channels.only_yours"),
        rows=[
            [button("channels.yes", f"channel_join:{linking.read_code(code)}:{found.own or 0}")],
            [button("channels.no", "home")],
        ],
    )


@route("channel_join", who=anyone)
def joined(chat: Chat, code: str, own: str) -> Reply:
    done = linking.join(chat.db, chat.person.contact_id, code, number(own) or None, now=chat.now)
    if done is None:
        return _wrong(chat)
    _become(chat, done)
    return reply(
        words("channels.joined", name=done.name or done.member_id),
        words("channels.joined_next"),
        rows=[[button("settings.first_button", "first_channel")], way_back()],
    )


@route("channel")
def channel(chat: Chat, which: str) -> Reply:
    one, only = _mine(chat, which)
    more = [words("channels.only_one")] if only else []
    part = [] if only else [button("channels.part", f"channel_part:{one.contact_id}")]
    return reply(_line(chat, one), *more, rows=[part, way_back("channels")])


@route("channel_part")
def part(chat: Chat, which: str) -> Reply:
    one, _ = _mine(chat, which)
    return reply(
        words("channels.part_ask", account=_account(one)),
        rows=[[button("channels.part_yes", f"channel_part_yes:{one.contact_id}")], way_back("channels")],
    )


@route("channel_part_yes")
def parted(chat: Chat, which: str) -> Reply:
    gone = linking.let_go(chat.db, chat.member, number(which), now=chat.now)
    said = words("channels.parted", account=_account(gone))
    if gone.contact_id == chat.person.contact_id:
        chat.person = replace(chat.person, member=None, member_id=None, role="visitor", operator=False)
        return reply(said, rows=[way_back()])
    return _list(chat, said, BLANK)


def _mine(chat: Chat, which: str) -> tuple[Account, bool]:
    """The chat, and whether it is the only one; anybody else's is answered like a missing one."""
    mine = linking.accounts(chat.db, chat.member)
    for one in mine:
        if one.contact_id == number(which):
            return one, len(mine) == 1
    raise NotFound()


def _become(chat: Chat, done: Offer) -> None:
    """From now on this chat speaks with the member."""
    chat.person = replace(chat.person, member=done.member, member_id=done.member_id, name=done.name)


def _wrong(chat: Chat) -> Reply:
    return reply(
        words("channels.wrong_code"), rows=[[button("channels.again", "channel_enter")], way_back(_back(chat))]
    )


def _back(chat: Chat) -> str:
    return "home" if chat.person.member is None else "channels"


def _ways_in(chat: Chat, code: str) -> list[Words]:
    """Where the code can be entered: on the other channels that are switched on, or on this one if it is the only."""
    others = [one for one in chat.shop.channels if one != chat.person.channel] or [chat.person.channel]
    urls = {"webchat": links.join_url(chat.shop.public_url, code)}
    if chat.shop.telegram_username is not None:
        urls["telegram"] = f"https://t.me/{chat.shop.telegram_username}?start={code}"
    return [
        words(f"channels.in_{one}", url=urls[one]) if one in urls else words(f"channels.in_{one}_typed")
        for one in others
    ]


def _account(one: Account) -> Words:
    return words("channels.account", channel=words(f"channel.{one.channel}"), account=one.account)


def _line(chat: Chat, one: Account) -> Words:
    if one.contact_id == chat.person.contact_id:
        return words("channels.line_here", account=_account(one))
    key = "channels.line" if one.reachable else "channels.line_gone"
    return words(key, account=_account(one), at=one.seen_at)
