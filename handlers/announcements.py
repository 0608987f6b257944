"""What the platform has announced, to read again, and which kinds of message somebody wants to get."""

from __future__ import annotations

from domain.errors import NotFound
from domain.messages import reading_back
from domain.messages.reading_back import Received
from domain.people import members
from domain.wording import Words, words
from handlers.announcing import picture_of
from handlers.forms import BLANK, PAGE, Item, beginning_in_both, in_both, numbered_list, older, way_back
from handlers.routing import Chat, Choice, Reply, button, number, reply, route

KINDS = ("business", "promotion")
"""The kinds of notice that can be muted; what concerns the account itself cannot."""

_LINE = 40


@route("announcements", command=True)
def read_back(chat: Chat, before: str = "", page: str = "1") -> Reply:
    """What was announced to this member, the newest first; from the second page on what came before."""
    place = number(before) if before else None
    found = reading_back.of_member(chat.db, chat.member, PAGE + 1, before=place)
    received = found[:PAGE]
    lines, buttons = numbered_list(_item(one) for one in received)
    turn: tuple[Choice, ...] = ()
    if received:
        turn = older("announcements", received[-1].place, number(page), more=len(found) > PAGE)
    states, switches = _mutes(chat) if place is None else ([], [])
    return reply(
        words("announcements.title"),
        *(lines or [words("announcements.none")]),
        *([BLANK, *states] if states else []),
        rows=[*buttons, turn, switches, way_back()],
    )


def _item(one: Received) -> Item:
    return Item(
        words("announcements.line", at=one.at, text=beginning_in_both(one.text, one.text_en, _LINE)),
        beginning_in_both(one.text, one.text_en, 12),
        f"announcement:{one.id}",
    )


def _mutes(chat: Chat) -> tuple[list[Words], list[Choice]]:
    muted = members.muted(chat.db, chat.member)
    switches = [
        button(f"announcements.unmute.{kind}", f"unmute:{kind}")
        if kind in muted
        else button(f"announcements.mute.{kind}", f"mute:{kind}")
        for kind in KINDS
    ]
    return [words(f"announcements.{'muted' if kind in muted else 'on'}.{kind}") for kind in KINDS], switches


@route("announcement")
def announcement(chat: Chat, which: str) -> Reply:
    one = reading_back.received(chat.db, chat.member, number(which))
    return reply(
        words("announcements.one", at=one.at, text=in_both(one.text, one.text_en)),
        rows=[way_back("announcements")],
        picture=picture_of(one.sku),
    )


@route("mute")
def mute(chat: Chat, kind: str) -> Reply:
    members.mute(chat.db, chat.member, _known(kind))
    return read_back(chat)


@route("unmute")
def unmute(chat: Chat, kind: str) -> Reply:
    members.unmute(chat.db, chat.member, _known(kind))
    return read_back(chat)


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise NotFound()
    return kind
