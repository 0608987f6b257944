"""Writing to many at once: compose, see it as the readers will, choose the audience, confirm, watch it go out."""

from __future__ import annotations

import re
from datetime import datetime

from domain import audit_log
from domain.errors import NotFound
from domain.messages import announcements
from domain.messages.announcements import AUDIENCES, Announced
from domain.moments import read_moment
from domain.periods import format_instant
from domain.wording import Words, words
from handlers.forms import BLANK, Item, Row, bar, beginning, beginning_in_both, numbered_list, pairs, way_back
from handlers.routing import Chat, Choice, Reply, button, number, operators, reply, route, step

LONGEST = 1_500
"""Characters: fits on every channel with its heading."""

CHOICES = (*AUDIENCES, "locale:zh", "locale:en")

_SHOWN = 5
_QUOTED = 20
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-z]+")


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
    chat.ask("announce", "audience")
    return reply(
        words("announce.preview"),
        BLANK,
        *_as_read(draft),
        BLANK,
        words("announce.ask_audience"),
        rows=_audiences(chat),
    )


def _as_read(draft: dict[str, str]) -> list[Words]:
    if "text_en" not in draft:
        return [words("announcement", text=draft["text"])]
    return [
        words("announce.in_zh"),
        words("announcement", text=draft["text"]),
        BLANK,
        words("announce.in_en"),
        words("announcement", text=draft["text_en"]),
    ]


def _audiences(chat: Chat) -> list[Row]:
    choices = [
        button(
            "announce.audience_button",
            f"announce_to:{at}",
            audience=_audience(name),
            n=announcements.audience_size(chat.db, name),
        )
        for at, name in enumerate(CHOICES)
    ]
    missing = _missing(_draft(chat))
    second = [button(f"announce.add_{missing}", "announce_second")] if missing else []
    return [*pairs(*choices), (button("announce.rewrite", "announce"), *_cancel()), tuple(second)]


@route("announce_second", who=operators)
def ask_second(chat: Chat) -> Reply:
    """The same in the other language, for those who read that; nobody has to write it."""
    missing = _missing(_draft(chat))
    if missing is None:
        return preview(chat)
    chat.ask("announce", "second")
    return reply(words(f"announce.ask_{missing}", longest=LONGEST), rows=[_skip()])


@step("announce", "second", who=operators)
def second_written(chat: Chat) -> Reply:
    draft, text = _draft(chat), chat.incoming.text.strip()
    missing, audience = _missing(draft), chat.meant("audience")
    if audience is not None:
        return _to(chat, audience)
    if missing is None or chat.meant("announce") == "skip":
        return preview(chat)
    if (understood := _understood(chat)) is not None:
        return understood
    if not text or len(text) > LONGEST:
        return reply(words("announce.too_long", length=len(text), longest=LONGEST), rows=[_skip()])
    if _is_chinese(text) != (missing == "zh"):
        return reply(words(f"announce.not_{missing}"), rows=[_skip()])
    both = {"text": draft["text"], "text_en": text} if missing == "en" else {"text": text, "text_en": draft["text"]}
    chat.state["draft"] = {**draft, **both}
    return preview(chat)


def _missing(draft: dict[str, str]) -> str | None:
    """The language in which the draft is not written yet."""
    if "text_en" in draft:
        return None
    return "en" if _is_chinese(draft["text"]) else "zh"


def _is_chinese(text: str) -> bool:
    """By what there is more of: a Chinese text names foreign brands, an English one perhaps a Chinese one."""
    return len(_HAN.findall(text)) > len(_LATIN_WORD.findall(text))


@step("announce", "audience", who=operators)
def audience_written(chat: Chat) -> Reply:
    audience = chat.meant("audience")
    if audience is not None:
        return _to(chat, audience)
    return _understood(chat) or reply(
        words("announce.audience_unclear", written=beginning(chat.text, _QUOTED)),
        rows=_audiences(chat),
    )


@route("announce_to", who=operators)
def to_audience(chat: Chat, which: str) -> Reply:
    at = number(which)
    if at >= len(CHOICES):
        raise NotFound()
    return _to(chat, CHOICES[at])


def _to(chat: Chat, audience: str) -> Reply:
    chat.state["draft"] = {**_draft(chat), "audience": audience}
    return confirm(chat)


@route("announce_confirm", who=operators)
def confirm(chat: Chat) -> Reply:
    draft = _draft(chat)
    if "audience" not in draft:
        return preview(chat)
    chat.ask("announce", "confirm")
    size = announcements.audience_size(chat.db, draft["audience"])
    at = draft.get("at")
    return reply(
        words("announce.confirm", audience=_audience(draft["audience"]), n=size),
        words("announce.at", at=datetime.fromisoformat(at)) if at else words("announce.at_once"),
        BLANK,
        *_as_read(draft),
        rows=_decisions(draft),
    )


def _decisions(draft: dict[str, str]) -> list[Row]:
    return [
        (button("announce.send_later" if "at" in draft else "announce.send", "announce_send"),),
        (button("announce.choose_time", "announce_when"), button("announce.other_audience", "announce_preview")),
        (button("announce.rewrite", "announce"), *_cancel()),
    ]


@step("announce", "confirm", who=operators)
def confirm_written(chat: Chat) -> Reply:
    """Instead of pressing: send it, drop it, or write another time or audience."""
    meant, audience = chat.meant("announce"), chat.meant("audience")
    at = read_moment(chat.text, now=chat.now, zone=chat.shop.timezone)
    if meant == "send" or (meant == "now" and "at" not in _draft(chat)):
        return send(chat)
    if audience is not None:
        return _to(chat, audience)
    if at is not None:
        return _at(chat, at)
    return _understood(chat) or reply(
        words("announce.confirm_unclear", written=beginning(chat.text, _QUOTED)),
        rows=_decisions(_draft(chat)),
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
    at = read_moment(chat.text, now=chat.now, zone=chat.shop.timezone)
    if at is not None:
        return _at(chat, at)
    return _understood(chat) or reply(
        words("announce.time_unclear"), rows=[[button("announce.now", "announce_now"), *_cancel()]]
    )


def _at(chat: Chat, at: datetime) -> Reply:
    chat.state["draft"] = {**_draft(chat), "at": format_instant(at)}
    return confirm(chat)


def _understood(chat: Chat) -> Reply | None:
    """Do what was written instead of pressed, or go to the screen that it is the word for; None if it is neither."""
    match chat.meant("announce"):
        case "send":
            return confirm(chat)
        case "now":
            return at_once(chat)
        case "when":
            return when(chat)
        case "audience":
            return preview(chat)
        case "second":
            return ask_second(chat)
        case "rewrite":
            return compose(chat)
        case "drop":
            return drop(chat)
    return chat.elsewhere() if chat.commanded else None


@route("announce_send", who=operators)
def send(chat: Chat) -> Reply:
    chat.finish()
    draft = chat.state.pop("draft", None)
    if draft is None and "announced" in chat.state:  # pressed twice
        return progress(chat, str(chat.state["announced"]))
    if draft is None or "audience" not in draft:
        raise NotFound()
    at = datetime.fromisoformat(draft["at"]) if "at" in draft else chat.now
    by = f"member:{chat.person.member_id}"
    text, text_en = draft["text"], draft.get("text_en")
    new = announcements.schedule(chat.db, text, draft["audience"], at, text_en=text_en, by=by, now=chat.now)
    chat.state["announced"] = new
    audit_log.record(
        chat.db,
        actor=by,
        action="announcement.schedule",
        subject=f"announcement:{new}",
        after={
            "audience": draft["audience"],
            "at": format_instant(max(at, chat.now)),
            "text": announcements.as_written(text, text_en),
        },
        now=chat.now,
    )
    return progress(chat, str(new))


@route("announce_drop", who=operators)
def drop(chat: Chat) -> Reply:
    chat.finish()
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
        words("announce.of", audience=_audience(found.audience), text=beginning_in_both(found.text, found.text_en, 30)),
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
        "announce.line",
        at=one.at,
        audience=_audience(one.audience),
        text=beginning_in_both(one.text, one.text_en, 30),
        state=_short(one),
    )
    return Item(line, beginning_in_both(one.text, one.text_en, 10), f"announce_progress:{one.id}")


def _short(one: Announced) -> Words:
    return words(f"announce.short.{one.state}")


def _audience(name: str) -> Words:
    """The audience in words; a tier has a name of its own."""
    kind, _, value = name.partition(":")
    if kind == "tier":
        return words("audience.tier", name=value)
    return words(f"audience.{name.replace(':', '_')}")


def _skip() -> tuple[Choice, ...]:
    return (button("announce.skip", "announce_preview"), *_cancel())


def _cancel() -> tuple[Choice, ...]:
    return (button("announce.drop", "announce_drop"),)
