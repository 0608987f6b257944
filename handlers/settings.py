"""What members choose for themselves: where notices go first, which kinds they want, when they are left in peace."""

from __future__ import annotations

import re

from domain.errors import NotFound
from domain.messages import quiet as quiet_hours
from domain.messages.quiet import Quiet
from domain.people import linking, members, wishes
from domain.wording import Words, words
from handlers.forms import BLANK, pairs, way_back
from handlers.routing import Chat, Choice, Reply, button, reply, route, step

KINDS = ("business", "tasks", "promotion")

_OFFERED = (Quiet(22 * 60, 8 * 60), Quiet(21 * 60, 9 * 60), Quiet(23 * 60, 7 * 60))
_NEVER = Quiet(0, 0)
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*(?:-|–|—|~|到|to)\s*(\d{1,2})(?::(\d{2}))?")


@route("settings", command=True)
def settings(chat: Chat) -> Reply:
    chosen, muted = wishes.wishes(chat.db, chat.member), members.muted(chat.db, chat.member)
    return reply(
        words("settings.title"),
        *(
            words("settings.chat", channel=words(f"channel.{one.channel}"), account=one.account)
            for one in linking.accounts(chat.db, chat.member)
        ),
        BLANK,
        words("settings.first", channel=_first(chosen.first_channel)),
        *_kinds(muted),
        words("settings.quiet", hours=_hours(chosen.quiet or quiet_hours.DEFAULT)),
        rows=[
            [button("settings.channels", "channels"), button("settings.first_button", "first_channel")],
            [button("settings.mutes", "mutes"), button("settings.quiet_button", "quiet")],
            [button("menu.language", "language")],
            way_back(),
        ],
    )


@route("first_channel")
def first_channel(chat: Chat, chosen: str = "") -> Reply:
    if chosen:
        wishes.put_first(chat.db, chat.member, None if chosen == "last" else chosen)
    now = wishes.wishes(chat.db, chat.member).first_channel
    mine = sorted({one.channel for one in linking.accounts(chat.db, chat.member)} - {now})
    choices = [Choice(words(f"channel.{one}"), action=f"first_channel:{one}") for one in mine]
    if now is not None:
        choices.append(button("settings.last_used", "first_channel:last"))
    return reply(
        words("settings.first", channel=_first(now)),
        BLANK,
        words("settings.first_policy"),
        rows=[*pairs(*choices), way_back("settings")],
    )


@route("mutes")
def mutes(chat: Chat, change: str = "", kind: str = "") -> Reply:
    if change:
        if change not in ("on", "off") or kind not in KINDS:
            raise NotFound()
        (members.mute if change == "off" else members.unmute)(chat.db, chat.member, kind)
    muted = members.muted(chat.db, chat.member)
    switches = [
        button(
            f"settings.{'unmute' if one in muted else 'mute'}.{one}", f"mutes:{'on' if one in muted else 'off'}:{one}"
        )
        for one in KINDS
    ]
    return reply(
        words("settings.mutes_title"),
        *_kinds(muted),
        BLANK,
        words("settings.system"),
        rows=[*pairs(*switches), way_back("settings")],
    )


@route("quiet")
def quiet(chat: Chat, chosen: str = "") -> Reply:
    """Choose quiet hours by button, `1320-480`, or write other ones."""
    if chosen:
        wishes.put_quiet(chat.db, chat.member, _from_button(chosen))
        chat.finish()
        return settings(chat)
    now = wishes.wishes(chat.db, chat.member).quiet or quiet_hours.DEFAULT
    choices = [Choice(_hours(one), action=f"quiet:{one.first}-{one.end}") for one in _OFFERED if one != now]
    if now != _NEVER:
        choices.append(button("settings.never", "quiet:0-0"))
    chat.ask("quiet", "hours")
    return reply(
        words("settings.quiet", hours=_hours(now)),
        BLANK,
        words("settings.quiet_ask"),
        rows=[*pairs(*choices), way_back("settings")],
    )


@step("quiet", "hours")
def hours_written(chat: Chat) -> Reply:
    hours = read_hours(chat.text)
    if hours is None:
        return reply(words("settings.quiet_unclear"), rows=[way_back("settings")])
    wishes.put_quiet(chat.db, chat.member, hours)
    chat.finish()
    return settings(chat)


def read_hours(text: str) -> Quiet | None:
    """Read "23:00-7:30" or "23-7"; None if it is not two times of the day."""
    found = _HOURS.fullmatch(text.replace("：", ":").replace("点", "").strip())
    if found is None:
        return None
    first_hour, first, end_hour, end = (int(part or 0) for part in found.groups())
    if first_hour > 24 or end_hour > 24 or first > 59 or end > 59:
        return None
    return Quiet((first_hour * 60 + first) % quiet_hours.DAY, (end_hour * 60 + end) % quiet_hours.DAY)


def _from_button(chosen: str) -> Quiet | None:
    offered = {f"{one.first}-{one.end}": one for one in (*_OFFERED, _NEVER)}
    if chosen not in offered:
        raise NotFound()
    return None if offered[chosen] == quiet_hours.DEFAULT else offered[chosen]


def _first(channel: str | None) -> Words:
    return words("settings.last_used") if channel is None else words(f"channel.{channel}")


def _kinds(muted: set[str]) -> list[Words]:
    """The tasks are part of business: without that they are off as well."""
    off = muted | ({"tasks"} if "business" in muted else set())
    return [words(f"settings.{'off' if one in off else 'on'}.{one}") for one in KINDS]


def _hours(hours: Quiet) -> Words:
    if hours.first == hours.end:
        return words("settings.never")
    return words("settings.hours", first=_clock(hours.first), end=_clock(hours.end))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
