"""Operators write a notice once, in one language or two: the text, whom it goes to, when, and a last look at it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from domain.errors import NotFound
from domain.messages import announcements, announcing, audience_rules, audiences
from domain.messages.announcements import PROMOTION, Announced, Draft
from domain.messages.quiet import DEFAULT, is_quiet, next_allowed
from domain.moments import read_moment
from domain.periods import format_instant
from domain.wording import Words, words
from handlers.announcing import actor, as_read, audience, audience_of, draft_of, know_waiting, picture_of
from handlers.forms import BLANK, Item, Row, beginning, beginning_in_both, named, numbered_list, pairs, way_back
from handlers.routing import Chat, Choice, Reply, button, number, operators, reply, route, step

LONGEST = 1_500
"""Characters: fits on every channel with its heading."""

CHOICES = ("all", "distributors", "merchants", "agents", "customers", "operators", "locale:zh", "locale:en")

_CHOSEN = ("kind", "urgent", "sku")
_SHOWN = 5
_OWN = 4  # audiences that were given a name, beside those everybody has
_QUOTED = 20
_MAY_BE_TEXT = 10  # characters from which on something not understood may be meant as the text itself
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


@route("announce_rewrite", who=operators)
def rewrite(chat: Chat) -> Reply:
    """Another text for the same audience, time and picture."""
    draft = draft_of(chat)
    chat.ask("announce", "text", keep=True)
    kept = [words("announce.kept_time", at=datetime.fromisoformat(draft["at"]))] if "at" in draft else []
    return reply(words("announce.ask_rewrite", longest=LONGEST), *kept, rows=[_cancel()])


@step("announce", "text", who=operators)
def text_written(chat: Chat) -> Reply:
    text, keep = chat.incoming.text.strip(), chat.form_data.get("keep")
    if not text or len(text) > LONGEST:
        return reply(words("announce.too_long", length=len(text), longest=LONGEST), rows=[_cancel()])
    if keep:
        chat.finish()
        return _with_text(chat, text)
    chosen = chat.form_data.get("to", {})
    chat.finish()
    chat.state["draft"] = {"text": text, **chosen}
    return confirm(chat) if chosen else preview(chat)


def _with_text(chat: Chat, text: str) -> Reply:
    """The draft with another text. What it said in the other language was about the old one."""
    gone = ("text_en", "offered")
    chat.state["draft"] = {name: value for name, value in draft_of(chat).items() if name not in gone} | {"text": text}
    return confirm(chat)


@route("announce_retext", who=operators)
def take_as_text(chat: Chat) -> Reply:
    """What was written where something else was asked for is the new text."""
    offered = draft_of(chat).get("offered")
    if offered is None:
        raise NotFound()
    return _with_text(chat, offered)


@route("announce_preview", who=operators)
def preview(chat: Chat) -> Reply:
    """The text word for word as readers get it, then to whom it may go."""
    draft = draft_of(chat)
    chat.ask("announce", "audience")
    return reply(
        words("announce.preview"),
        BLANK,
        *as_read(draft["text"], draft.get("text_en")),
        BLANK,
        words("announce.ask_audience"),
        rows=_audiences(chat),
    )


def _audiences(chat: Chat) -> list[Row]:
    own = audiences.saved(chat.db, limit=_OWN + 1)
    offered: list[tuple[str, Any, Words]] = [
        (f"announce_to:{at}", name, audience(name)) for at, name in enumerate(CHOICES)
    ]
    offered += [(f"announce_to_own:{one.id}", one.criteria, named(one.name)) for one in own[:_OWN]]
    which = [one for _, one, _ in offered]
    sizes = chat.look("audiences", partial(audiences.sizes, several=which, now=chat.now, zone=chat.shop.timezone))
    choices = [
        button("announce.audience_button", action, audience=said, n=n)
        for (action, _, said), n in zip(offered, sizes, strict=True)
    ]
    more = [button("audiences.all", "audiences")] if len(own) > _OWN else []
    missing = _missing(draft_of(chat))
    second = [button(f"announce.add_{missing}", "announce_second")] if missing else []
    return [
        *pairs(*choices),
        (button("audiences.build", "audience_build"), *more),
        (button("announce.rewrite", "announce_rewrite"), *_cancel()),
        tuple(second),
    ]


@route("announce_second", who=operators)
def ask_second(chat: Chat) -> Reply:
    """The same in the other language, for those who read that; nobody has to write it."""
    missing = _missing(draft_of(chat))
    if missing is None:
        return preview(chat)
    chat.ask("announce", "second")
    return reply(words(f"announce.ask_{missing}", longest=LONGEST), rows=[_skip()])


@step("announce", "second", who=operators)
def second_written(chat: Chat) -> Reply:
    draft, text = draft_of(chat), chat.incoming.text.strip()
    missing, wanted = _missing(draft), _meant(chat)
    if wanted is not None:
        return _to(chat, **wanted)
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


def _missing(draft: dict[str, Any]) -> str | None:
    """The language in which the draft is not written yet."""
    if "text_en" in draft:
        return None
    return "en" if _is_chinese(draft["text"]) else "zh"


def _is_chinese(text: str) -> bool:
    """By what there is more of: a Chinese text names foreign brands, an English one perhaps a Chinese one."""
    return len(_HAN.findall(text)) > len(_LATIN_WORD.findall(text))


@step("announce", "audience", who=operators)
def audience_written(chat: Chat) -> Reply:
    wanted = _meant(chat)
    if wanted is not None:
        return _to(chat, **wanted)
    return _understood(chat) or reply(
        words("announce.audience_unclear", written=beginning(chat.text, _QUOTED)),
        rows=[*_audiences(chat), _offer(chat)],
    )


def _meant(chat: Chat) -> dict[str, Any] | None:
    """The audience that was written: one of the names everybody has, or one of the operators' own."""
    name = chat.meant("audience")
    if name is not None:
        return {"audience": name}
    own = next((one for one in audiences.saved(chat.db) if one.name.casefold() == chat.text.casefold()), None)
    return None if own is None else {"audience": own.name, "criteria": dict(own.criteria)}


def _offer(chat: Chat) -> Row:
    """Words that are long enough may be meant as the text itself."""
    if not _MAY_BE_TEXT <= len(chat.text) <= LONGEST:
        return ()
    chat.state["draft"] = {**draft_of(chat), "offered": chat.text}
    return (button("announce.take_as_text", "announce_retext"),)


@route("announce_to", who=operators)
def to_audience(chat: Chat, which: str) -> Reply:
    at = number(which)
    if at >= len(CHOICES):
        raise NotFound()
    return _to(chat, CHOICES[at])


@route("announce_to_own", who=operators)
def to_own_audience(chat: Chat, which: str) -> Reply:
    own = audiences.find(chat.db, number(which))
    return _to(chat, own.name, dict(own.criteria))


def _to(chat: Chat, audience: str, criteria: dict[str, Any] | None = None) -> Reply:
    chat.state["draft"] = {**draft_of(chat), "audience": audience, "criteria": criteria}
    return confirm(chat)


@route("announce_confirm", who=operators)
def confirm(chat: Chat) -> Reply:
    draft = draft_of(chat)
    if "audience" not in draft:
        return preview(chat)
    chat.ask("announce", "confirm")
    to, criteria = draft["audience"], draft.get("criteria")
    return reply(
        words("announce.confirm", audience=audience(to, criteria), n=_size(chat, draft)),
        *_when(chat, draft),
        words(f"announce.kind_is.{draft.get('kind', PROMOTION)}"),
        BLANK,
        *as_read(draft["text"], draft.get("text_en")),
        rows=_decisions(chat, draft),
        picture=picture_of(draft.get("sku")),
    )


def _size(chat: Chat, draft: dict[str, Any]) -> int:
    which = draft.get("criteria") or draft["audience"]
    found: int = chat.look("audience", partial(audiences.size, audience=which, now=chat.now, zone=chat.shop.timezone))
    return found


def _when(chat: Chat, draft: dict[str, Any]) -> list[Words]:
    at, zone = _time(chat, draft), chat.shop.timezone
    said = [words("announce.at", at=at) if "at" in draft else words("announce.at_once")]
    if draft.get("urgent"):
        return [*said, words("announce.urgent")]
    if _is_held_up(chat, draft):
        return [*said, words("announce.held_up", until=next_allowed(at, DEFAULT, zone))]
    return said


def _time(chat: Chat, draft: dict[str, Any]) -> datetime:
    return max(chat.now, datetime.fromisoformat(draft["at"])) if "at" in draft else chat.now


def _is_held_up(chat: Chat, draft: dict[str, Any]) -> bool:
    heeds = draft.get("kind", PROMOTION) == PROMOTION
    return heeds and is_quiet(_time(chat, draft), DEFAULT, chat.shop.timezone)


def _decisions(chat: Chat, draft: dict[str, Any]) -> list[Row]:
    urgent = [button("announce.not_urgent" if draft.get("urgent") else "announce.make_urgent", "announce_urgent")]
    return [
        (button("announce.send_later" if "at" in draft else "announce.send", "announce_send"),),
        (button("announce.try", "announce_try"), button("announce.choose_time", "announce_when")),
        (button("announce.kind", "announce_kind"), button("announce.picture", "announce_picture")),
        (
            button("announce.other_audience", "announce_preview"),
            *(urgent if _is_held_up(chat, draft) or draft.get("urgent") else ()),
        ),
        (button("announce.rewrite", "announce_rewrite"), *_cancel()),
    ]


@step("announce", "confirm", who=operators)
def confirm_written(chat: Chat) -> Reply:
    """Instead of pressing: send it, drop it, or write another time or audience."""
    meant, wanted = chat.meant("announce"), _meant(chat)
    at = read_moment(chat.text, now=chat.now, zone=chat.shop.timezone)
    if meant == "send" or (meant == "now" and "at" not in draft_of(chat)):
        return send(chat)
    if wanted is not None:
        return _to(chat, **wanted)
    if at is not None:
        return _at(chat, at)
    return _understood(chat) or reply(
        words("announce.confirm_unclear", written=beginning(chat.text, _QUOTED)),
        rows=[*_decisions(chat, draft_of(chat)), _offer(chat)],
    )


@route("announce_when", who=operators)
def when(chat: Chat) -> Reply:
    draft_of(chat)
    chat.ask("announce", "time")
    return reply(words("announce.ask_time", **_clock(chat)), rows=[_times()])


def _clock(chat: Chat) -> dict[str, object]:
    """The shop's time now, and times to come as they may be written."""
    local = chat.now.astimezone(chat.shop.timezone)
    soon, tomorrow = local + timedelta(hours=2), local + timedelta(days=1)
    written = f"{soon:%H}:00" if soon.date() == local.date() else "08:30"
    return {"now": chat.now, "zone": str(chat.shop.timezone), "soon": written, "tomorrow": f"{tomorrow:%m-%d} 09:00"}


def _times() -> Row:
    return (button("announce.now", "announce_now"), *_cancel())


@route("announce_now", who=operators)
def at_once(chat: Chat) -> Reply:
    draft = draft_of(chat)
    draft.pop("at", None)
    chat.state["draft"] = draft
    return confirm(chat)


@step("announce", "time", who=operators)
def time_written(chat: Chat) -> Reply:
    at = read_moment(chat.text, now=chat.now, zone=chat.shop.timezone)
    if at is not None:
        return _at(chat, at)
    return _understood(chat) or reply(words("announce.time_unclear", **_clock(chat)), rows=[_times()])


def _at(chat: Chat, at: datetime) -> Reply:
    chat.state["draft"] = {**draft_of(chat), "at": format_instant(at)}
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
            return rewrite(chat)
        case "kind":
            return chat.go("announce_kind")
        case "picture":
            return chat.go("announce_picture")
        case "try":
            return chat.go("announce_try")
        case "drop":
            return drop(chat)
    return chat.elsewhere() if chat.commanded else None


@route("announce_send", who=operators)
def send(chat: Chat) -> Reply:
    chat.finish()
    draft = chat.state.pop("draft", None)
    if draft is None and "announced" in chat.state:  # pressed twice
        return chat.go(f"announce_progress:{chat.state['announced']}")
    if draft is None or "audience" not in draft:
        raise NotFound()
    n = _size(chat, draft)
    new = _schedule(chat, draft)
    know_waiting(chat, new, n)
    chat.state["announced"] = new
    return chat.go(f"announce_progress:{new}")


def _schedule(chat: Chat, draft: dict[str, Any]) -> int:
    """Write the announcement down. A named audience is as it is now, whatever was shown before."""
    written = Draft(draft["text"], draft.get("text_en"), **{one: draft[one] for one in _CHOSEN if one in draft})
    which = draft["criteria"] if draft["audience"] == audience_rules.CUSTOM else draft["audience"]
    return announcing.announce(chat.db, written, which, _time(chat, draft), by=actor(chat), now=chat.now)


@route("announce_drop", who=operators)
def drop(chat: Chat) -> Reply:
    chat.finish()
    chat.state.pop("draft", None)
    return reply(words("announce.dropped"), rows=[[button("announce.new", "announce")], way_back("desk")])


def _item(one: Announced) -> Item:
    line = words(
        "announce.line",
        at=one.at,
        audience=audience_of(one),
        text=beginning_in_both(one.text, one.text_en, 30),
        state=_short(one),
    )
    return Item(line, beginning_in_both(one.text, one.text_en, 10), f"announce_progress:{one.id}")


def _short(one: Announced) -> Words:
    return words(f"announce.short.{one.state}")


def _skip() -> tuple[Choice, ...]:
    return (button("announce.skip", "announce_preview"), *_cancel())


def _cancel() -> tuple[Choice, ...]:
    return (button("announce.drop", "announce_drop"),)
