"""Writing to many at once: compose, see it as the readers will, choose the audience, confirm, watch it go out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain import audit_log
from domain.errors import NotFound
from domain.messages import announcements
from domain.messages.announcements import AUDIENCES, Announced
from domain.periods import format_instant, local_date
from domain.wording import Words, words
from handlers.forms import BLANK, Item, bar, beginning, named, numbered_list, pairs, way_back
from handlers.routing import Chat, Choice, Reply, button, number, operators, reply, route, step

LONGEST = 1_500
"""Characters: fits on every channel with its heading."""

CHOICES = (*AUDIENCES, "locale:zh", "locale:en")

_SHOWN = 5
_FAR = timedelta(days=183)
_WHEN = re.compile(r"(?:(?:(\d{4})[-/.])?(\d{1,2})[-/.](\d{1,2})\s+)?(\d{1,2})[:.](\d{2})")


@route("announce", who=operators, command=True)
def compose(chat: Chat) -> Reply:
    chat.state.pop("draft", None)
    chat.ask("announce", "text")
    latest = announcements.latest(chat.db, _SHOWN)
    lines, buttons = numbered_list(_item(one) for one in latest)
    earlier = [BLANK, words("announce.latest"), *lines] if lines else []
    return reply(words("announce.ask_text", longest=LONGEST), *earlier, rows=[*buttons, way_back("desk")])


@step("announce", "text", who=operators)
def text_written(chat: Chat) -> Reply:
    text = chat.incoming.text.strip()
    if not text or len(text) > LONGEST:
        return reply(words("announce.too_long", length=len(text), longest=LONGEST), rows=[_cancel()])
    chat.finish()
    chat.state["draft"] = {"text": text}
    return preview(chat)


@route("announce_preview", who=operators)
def preview(chat: Chat) -> Reply:
    """The text word for word as readers get it, then to whom it may go."""
    draft = _draft(chat)
    choices = [
        button(
            "announce.audience_button",
            f"announce_to:{at}",
            audience=_audience(name),
            n=announcements.audience_size(chat.db, name),
        )
        for at, name in enumerate(CHOICES)
    ]
    return reply(
        words("announce.preview"),
        BLANK,
        words("announcement", text=draft["text"]),
        BLANK,
        words("announce.ask_audience"),
        rows=[*pairs(*choices), [button("announce.rewrite", "announce"), *_cancel()]],
    )


@route("announce_to", who=operators)
def to_audience(chat: Chat, which: str) -> Reply:
    at = number(which)
    if at >= len(CHOICES):
        raise NotFound()
    chat.state["draft"] = {**_draft(chat), "audience": CHOICES[at]}
    return confirm(chat)


@route("announce_confirm", who=operators)
def confirm(chat: Chat) -> Reply:
    draft = _draft(chat)
    if "audience" not in draft:
        return preview(chat)
    size = announcements.audience_size(chat.db, draft["audience"])
    at = draft.get("at")
    return reply(
        words("announce.confirm", audience=_audience(draft["audience"]), n=size),
        words("announce.at", at=datetime.fromisoformat(at)) if at else words("announce.at_once"),
        BLANK,
        words("announcement", text=draft["text"]),
        rows=[
            [button("announce.send" if not at else "announce.send_later", "announce_send")],
            [button("announce.choose_time", "announce_when"), button("announce.other_audience", "announce_preview")],
            [button("announce.rewrite", "announce"), *_cancel()],
        ],
    )


@route("announce_when", who=operators)
def when(chat: Chat) -> Reply:
    _draft(chat)
    chat.ask("announce", "time")
    return reply(words("announce.ask_time"), rows=[[button("announce.now", "announce_now"), *_cancel()]])


@route("announce_now", who=operators)
def at_once(chat: Chat) -> Reply:
    draft = _draft(chat)
    draft.pop("at", None)
    chat.state["draft"] = draft
    return confirm(chat)


@step("announce", "time", who=operators)
def time_written(chat: Chat) -> Reply:
    draft = _draft(chat)
    at = read_time(chat.text, now=chat.now, zone=chat.shop.timezone)
    if at is None:
        return reply(words("announce.time_unclear"), rows=[[button("announce.now", "announce_now"), *_cancel()]])
    chat.finish()
    chat.state["draft"] = {**draft, "at": format_instant(at)}
    return confirm(chat)


@route("announce_send", who=operators)
def send(chat: Chat) -> Reply:
    draft = chat.state.pop("draft", None)
    if draft is None and "announced" in chat.state:  # pressed twice
        return progress(chat, str(chat.state["announced"]))
    if draft is None or "audience" not in draft:
        raise NotFound()
    at = datetime.fromisoformat(draft["at"]) if "at" in draft else chat.now
    by = f"member:{chat.person.member_id}"
    new = announcements.schedule(chat.db, draft["text"], draft["audience"], at, by=by, now=chat.now)
    chat.state["announced"] = new
    audit_log.record(
        chat.db,
        actor=by,
        action="announcement.schedule",
        subject=f"announcement:{new}",
        after={"audience": draft["audience"], "at": format_instant(max(at, chat.now))},
        now=chat.now,
    )
    return progress(chat, str(new))


@route("announce_drop", who=operators)
def drop(chat: Chat) -> Reply:
    chat.state.pop("draft", None)
    return reply(words("announce.dropped"), rows=[[button("announce.new", "announce")], way_back("desk")])


@route("announce_progress", who=operators)
def progress(chat: Chat, which: str) -> Reply:
    found = announcements.find(chat.db, number(which))
    counts = announcements.progress(chat.db, found.id)
    waiting = counts["queued"] + counts["sending"]
    done = counts["recipients"] - waiting
    body = [
        words(f"announce.state.{_state(found, waiting, chat.now)}", at=found.at),
        words("announce.reached", bar=bar(done, counts["recipients"]), done=done, all=counts["recipients"]),
        *(
            words(f"announce.count.{name}", n=counts[name])
            for name in ("sent", "failed", "unknown", "deferred", "muted", "cancelled")
            if counts[name]
        ),
        BLANK,
        words("announce.of", audience=_audience(found.audience), text=beginning(found.text, 30)),
    ]
    rows: list[list[Choice]] = [[button("announce.refresh", f"announce_progress:{found.id}")]]
    if waiting and found.state != "cancelled":
        rows[0].append(button("announce.stop", f"announce_stop:{found.id}"))
    return reply(*body, rows=[*rows, way_back("announce")])


@route("announce_stop", who=operators)
def stop(chat: Chat, which: str) -> Reply:
    found = announcements.find(chat.db, number(which))
    if found.state != "cancelled":
        announcements.cancel(chat.db, found.id, now=chat.now)
        audit_log.record(
            chat.db,
            actor=f"member:{chat.person.member_id}",
            action="announcement.cancel",
            subject=f"announcement:{found.id}",
            before={"state": found.state},
            after={"state": "cancelled"},
            now=chat.now,
        )
    return progress(chat, which)


def read_time(text: str, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Read "18:30", "11-24 09:00" or "2026-11-24 09:00" on the shop's clock; None if it is no time or is past.

    Without a day it is today, or tomorrow where today's is past; without a year the next time that day comes, if that
    is within half a year: a day just gone is a slip, not next year's.
    """
    found = _WHEN.fullmatch(text.replace("：", ":").replace("月", "-").replace("日", " ").strip())
    if found is None:
        return None
    year, month, day, hour, minute = (int(part) if part else None for part in found.groups())
    today = local_date(now, zone)
    try:
        at = datetime(
            year or today.year, month or today.month, day or today.day, hour or 0, minute or 0, tzinfo=zone
        ).astimezone(UTC)
        if at <= now and day is None:
            at += timedelta(days=1)
        elif at <= now and year is None:
            at = at.astimezone(zone).replace(year=today.year + 1).astimezone(UTC)
            if at - now > _FAR:
                return None
    except (ValueError, OverflowError):
        return None
    return at if at > now else None


def _draft(chat: Chat) -> dict[str, str]:
    draft = chat.state.get("draft")
    if not draft:
        raise NotFound()
    return dict(draft)


def _state(found: Announced, waiting: int, now: datetime) -> str:
    if found.state == "cancelled" or (found.state == "scheduled" and found.at > now):
        return found.state
    return "going" if waiting else "finished"


def _item(one: Announced) -> Item:
    line = words(
        "announce.line", at=one.at, audience=_audience(one.audience), text=beginning(one.text, 30), state=_short(one)
    )
    return Item(line, named(beginning(one.text, 10)), f"announce_progress:{one.id}")


def _short(one: Announced) -> Words:
    return words(f"announce.short.{one.state}")


def _audience(name: str) -> Words:
    """The audience in words; a tier has a name of its own."""
    kind, _, value = name.partition(":")
    if kind == "tier":
        return words("audience.tier", name=value)
    return words(f"audience.{name.replace(':', '_')}")


def _cancel() -> tuple[Choice, ...]:
    return (button("announce.drop", "announce_drop"),)
