"""What the platform has announced, to read again, and which kinds of message somebody wants to get."""

from __future__ import annotations

from domain.errors import NotFound
from domain.messages import announcements
from domain.people import members
from domain.wording import words
from handlers.forms import BLANK, PAGE, Item, beginning_in_both, in_both, numbered_list, way_back
from handlers.routing import Chat, Reply, button, number, reply, route

KINDS = ("business", "promotion")
"""The kinds of notice that can be muted; what concerns the account itself cannot."""

_KEPT = 50
_LINE = 40


@route("announcements", command=True)
def read_back(chat: Chat) -> Reply:
    received = announcements.of_member(chat.db, chat.member, PAGE)
    muted = members.muted(chat.db, chat.member)
    items = [
        Item(
            words("announcements.line", at=one.at, text=beginning_in_both(one.text, one.text_en, _LINE)),
            beginning_in_both(one.text, one.text_en, 12),
            f"announcement:{one.id}",
        )
        for one in received
    ]
    lines, buttons = numbered_list(items)
    switches = [
        button(f"announcements.unmute.{kind}", f"unmute:{kind}")
        if kind in muted
        else button(f"announcements.mute.{kind}", f"mute:{kind}")
        for kind in KINDS
    ]
    states = [words(f"announcements.{'muted' if kind in muted else 'on'}.{kind}") for kind in KINDS]
    return reply(
        words("announcements.title"),
        *(lines or [words("announcements.none")]),
        BLANK,
        *states,
        rows=[*buttons, switches, way_back()],
    )


@route("announcement")
def announcement(chat: Chat, which: str) -> Reply:
    wanted = number(which)
    for received in announcements.of_member(chat.db, chat.member, _KEPT):
        if received.id == wanted:
            return reply(
                words("announcements.one", at=received.at, text=in_both(received.text, received.text_en)),
                rows=[way_back("announcements")],
            )
    raise NotFound()


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
