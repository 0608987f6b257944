"""How an announcement goes: while it goes out, after it was stopped, and whom it did not reach."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain.errors import NotFound
from domain.messages import announcement_report, announcements, announcing, live_screens
from domain.messages.announcement_report import Missed
from domain.messages.announcements import Announced
from domain.wording import Words, words
from handlers.announcing import actor, as_read, audience_of, know_waiting, picture_of
from handlers.forms import BLANK, PAGE, Item, bar, beginning_in_both, named, numbered_list, older, way_back
from handlers.routing import Chat, Choice, Reply, button, number, operators, reply, route

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_COUNTS = ("sent", "failed", "unknown", "deferred", "muted", "cancelled")
_LETTERS = {"f": "failed", "c": "cancelled", "d": "deferred", "u": "unknown"}
_USUAL = "fc"


@route("announce_progress", who=operators)
def progress(chat: Chat, which: str) -> Reply:
    found = announcements.find(chat.db, number(which))
    answer, going = screen(found, _counts(chat, found.id), chat.now)
    if going:
        live_screens.keep(chat.db, chat.person.contact_id, found.id, chat.incoming.message)
    return answer


def _counts(chat: Chat, announcement: int) -> Mapping[str, int]:
    count = partial(announcements.progress, announcement=announcement, zone=chat.shop.timezone)
    found: Mapping[str, int] = chat.look(f"announcement:{announcement}", count)
    return found


def screen(found: Announced, counts: Mapping[str, int], now: datetime) -> tuple[Reply, bool]:
    """How far it has come, and whether that may still change by itself."""
    waiting = counts["queued"] + counts["sending"]
    state = _state(found, waiting, now)
    missed = sum(counts[name] for name in announcement_report.NOT_REACHED)
    rows: list[list[Choice]] = [
        [button("announce.refresh", f"announce_progress:{found.id}"), *_stop(found, state)],
        [button("announce.whole", f"announce_whole:{found.id}")],
    ]
    if missed and state != "scheduled":
        rows[1].append(button("announce.missed", f"announce_report:{found.id}", n=missed))
    return reply(*_said(found, counts, state), rows=[*rows, way_back("announce")]), state == "going"


def _said(found: Announced, counts: Mapping[str, int], state: str) -> list[Words]:
    body = [words(f"announce.state.{state}", at=found.at)]
    done = counts["recipients"] - counts["queued"] - counts["sending"]
    if state in ("going", "finished"):
        body.append(words("announce.reached", bar=bar(done, counts["recipients"]), done=done, all=counts["recipients"]))
    elif state == "scheduled":
        body.append(words("announce.will_go_to", n=counts["recipients"]))
    if state != "scheduled":
        body += [words(f"announce.count.{name}", n=counts[name]) for name in _COUNTS if counts[name]]
    said = beginning_in_both(found.text, found.text_en, 30)
    return [*body, BLANK, words("announce.of", audience=audience_of(found), text=said)]


def _state(found: Announced, waiting: int, now: datetime) -> str:
    if found.state == "cancelled":
        return "cancelled" if not waiting else "stopping"
    if found.state == "scheduled" and found.at > now:
        return "scheduled"
    return "going" if waiting else "finished"


def _stop(found: Announced, state: str) -> list[Choice]:
    """What was not sent yet is called off; what goes out already is stopped."""
    if state not in ("going", "scheduled"):
        return []
    return [button("announce.stop" if state == "going" else "announce.call_off", f"announce_stop:{found.id}")]


@route("announce_stop", who=operators)
def stop(chat: Chat, which: str) -> Reply:
    found = announcements.find(chat.db, number(which))
    if found.state != "cancelled" and announcement_report.is_going(chat.db, found.id):
        counts = _counts(chat, found.id)
        announcing.stop(chat.db, found.id, by=actor(chat), now=chat.now)
        stopped = {"queued": 0, "cancelled": counts["cancelled"] + counts["queued"]}  # within a second or two
        chat.know(f"announcement:{found.id}", {**counts, **stopped})
    return progress(chat, which)


@route("announce_whole", who=operators)
def whole(chat: Chat, which: str) -> Reply:
    """All of it, to read again."""
    found = announcements.find(chat.db, number(which))
    return reply(
        *as_read(found.text, found.text_en),
        BLANK,
        words(f"announce.kind_is.{found.kind}"),
        rows=[way_back(f"announce_progress:{found.id}")],
        picture=picture_of(found.sku),
    )


@route("announce_report", who=operators)
def report(chat: Chat, which: str) -> Reply:
    """Whom it did not reach, by reason."""
    found = announcements.find(chat.db, number(which))
    counts, again = chat.look("report", partial(_reported, announcement=found.id, zone=chat.shop.timezone))
    items = [
        Item(
            words("announce.reason_line", reason=_reason(reason), n=n),
            _reason(reason),
            f"announce_missed:{found.id}:{reason}",
        )
        for reason, n in counts.items()
    ]
    lines, buttons = numbered_list(items)
    if again:
        buttons = [*buttons, (button("announce.again", f"announce_again:{found.id}", n=sum(again.values())),)]
    said = beginning_in_both(found.text, found.text_en, 30)
    hint = [BLANK, words("announce.report_file", number=found.id)] if lines else []
    return reply(
        words("announce.report", text=said),
        *(lines or [words("announce.all_reached")]),
        *hint,
        rows=[*buttons, way_back(f"announce_progress:{found.id}")],
    )


def _reported(db: Session, announcement: int, zone: ZoneInfo) -> tuple[dict[str, int], dict[str, int]]:
    can_be_resent = announcement_report.can_be_resent(db, announcement, zone)
    return announcement_report.reasons(db, announcement, zone), can_be_resent


def _reason(reason: str) -> Words:
    return words(f"announce.reason.{reason}")


@route("announce_missed", who=operators)
def missed(chat: Chat, which: str, reason: str, after: str = "0", page: str = "1") -> Reply:
    found = announcements.find(chat.db, number(which))
    place = -number(after[1:]) if after.startswith("n") else number(after)
    people = announcement_report.missed(chat.db, found.id, reason, after=place, limit=PAGE + 1, zone=chat.shop.timezone)
    shown = people[:PAGE]
    turn = (*_next(found.id, reason, shown, number(page), more=len(people) > PAGE),)
    return reply(
        words("announce.missed_title", reason=_reason(reason), n=number(page)),
        *(_line(one) for one in shown),
        rows=[turn, way_back(f"announce_report:{found.id}")],
    )


def _next(which: int, reason: str, shown: list[Missed], page: int, *, more: bool) -> tuple[Choice, ...]:
    last = shown[-1].place if shown else 0
    return older(f"announce_missed:{which}:{reason}", f"n{-last}" if last < 0 else last, page, more=more)


def _line(one: Missed) -> Words:
    name = named(one.name or one.member_id)
    if one.channel is None:
        return words("announce.missed_line", name=name, member_id=one.member_id)
    channel = words(f"channel.{one.channel}")
    return words("announce.missed_on", name=name, member_id=one.member_id, channel=channel)


@route("announce_again", who=operators)
def again(chat: Chat, which: str, letters: str = _USUAL) -> Reply:
    """Choose of those not reached who gets it once more; whom it may have reached only where that is wanted."""
    found = announcements.find(chat.db, number(which))
    counts = _again(chat, found.id)
    chosen = [letter for letter, state in _LETTERS.items() if letter in letters and state in counts]
    n = sum(counts[_LETTERS[letter]] for letter in chosen)
    switches = [
        button(
            f"announce.again_{'on' if letter in chosen else 'off'}.{state}",
            f"announce_again:{found.id}:{_flipped(chosen, letter)}",
            n=counts[state],
        )
        for letter, state in _LETTERS.items()
        if state in counts
    ]
    risk = [words("announce.again_risk", n=counts["unknown"])] if "u" in chosen else []
    go = [button("announce.again_yes", f"announce_resend:{found.id}:{''.join(chosen)}", n=n)] if n else []
    return reply(
        words("announce.again_ask", text=beginning_in_both(found.text, found.text_en, 30)),
        *risk,
        rows=[*([one] for one in switches), go, way_back(f"announce_report:{found.id}")],
    )


def _again(chat: Chat, announcement: int) -> Mapping[str, int]:
    """How many can get it once more, by the state that they count for."""
    count = partial(announcement_report.can_be_resent, announcement=announcement, zone=chat.shop.timezone)
    found: Mapping[str, int] = chat.look("again", count)
    return found


def _flipped(chosen: list[str], letter: str) -> str:
    """The letters with this one turned round; a dash stands for none."""
    return "".join(one for one in _LETTERS if (one in chosen) != (one == letter)) or "-"


@route("announce_resend", who=operators)
def resend(chat: Chat, which: str, letters: str) -> Reply:
    found = announcements.find(chat.db, number(which))
    if not set(letters) <= set(_LETTERS):
        raise NotFound()
    states = [_LETTERS[letter] for letter in letters]
    n = sum(n for state, n in _again(chat, found.id).items() if state in states)
    new = announcing.send_again(chat.db, found.id, states, by=actor(chat), now=chat.now)
    know_waiting(chat, new, n)
    return progress(chat, str(new))
