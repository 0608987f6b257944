"""One's own days without tasks: the weekdays on which one rests, and leave."""

from __future__ import annotations

from datetime import date, timedelta

from domain.errors import NotFound
from domain.periods import local_date
from domain.wording import Words, words
from domain.work import days_off
from domain.work.days_off import Span
from handlers.forms import BLANK, named, pairs, way_back
from handlers.routing import Chat, Reply, button, number, reply, route, sellers, step

_AHEAD = timedelta(days=120)


@route("days_off", who=sellers)
def show(chat: Chat) -> Reply:
    chat.finish()
    today = _today(chat)
    rests = days_off.rest_days(chat.db, chat.member)
    leaves = days_off.leaves(chat.db, chat.member, today)
    holidays = days_off.holidays(chat.db, today, today + _AHEAD)
    weekdays = [
        button(f"days_off.{'work' if one in rests else 'rest'}", f"rest:{one}", day=words(f"weekday.{one}"))
        for one in range(1, 8)
        if one in rests or len(rests) < 6  # one working day stays
    ]
    named_days = words("days_off.days", days=_listed(rests)) if rests else words("days_off.no_days")
    return reply(
        words("days_off.title"),
        named_days,
        *(words("days_off.leave", days=_span(one)) for one in leaves),
        *(
            words("days_off.holiday", days=_span(one.span), name=words("bilingual", zh=one.name, en=one.name_en))
            for one in holidays[:5]
        ),
        BLANK,
        words("days_off.hint"),
        rows=[
            *pairs(*weekdays, button("days_off.take", "leave")),
            *pairs(*(button("days_off.drop", f"leave_drop:{one.first}", days=_span(one)) for one in leaves)),
            way_back("tasks"),
        ],
    )


@route("rest", who=sellers)
def rest(chat: Chat, weekday: str) -> Reply:
    """Turn one weekday into a day of rest, or back. Today's tasks, once given, stay."""
    which = number(weekday)
    rests = which not in days_off.rest_days(chat.db, chat.member)
    days_off.set_rest_day(chat.db, chat.member, which, rests=rests)
    return show(chat)


@route("leave", who=sellers)
def leave(chat: Chat) -> Reply:
    chat.ask("leave", "days")
    tomorrow = _today(chat) + timedelta(days=1)
    return reply(
        words("days_off.ask"), rows=[[button("days_off.tomorrow", f"leave_on:{tomorrow}")], way_back("days_off")]
    )


@route("leave_on", who=sellers)
def leave_on(chat: Chat, day: str) -> Reply:
    """Away on one day."""
    return _taken(chat, Span(_date(day), _date(day)))


@step("leave", "days", who=sellers)
def days_written(chat: Chat) -> Reply:
    found = days_off.read_span(chat.text, _today(chat))
    if found is None:
        return reply(words("days_off.unclear"), rows=[way_back("days_off")])
    return _taken(chat, found[0])


@route("leave_drop", who=sellers)
def leave_drop(chat: Chat, first: str) -> Reply:
    days_off.drop_leave(chat.db, chat.member, _date(first))
    return show(chat)


def _taken(chat: Chat, span: Span) -> Reply:
    days_off.take_leave(chat.db, chat.member, span, today=_today(chat))
    chat.finish()
    return reply(words("days_off.taken", days=_span(span)), rows=[way_back("days_off")])


def _today(chat: Chat) -> date:
    return local_date(chat.now, chat.shop.timezone)


def _date(argument: str) -> date:
    try:
        return date.fromisoformat(argument)
    except ValueError:
        raise NotFound() from None


def _listed(weekdays: set[int]) -> Words:
    """Weekdays one after another, in the reader's language."""
    said = named("")
    for one in sorted(weekdays):
        day = words(f"weekday.{one}")
        said = words("days_off.and", days=said, day=day) if said.key != "as_is" else day
    return said


def _span(span: Span) -> Words:
    if span.first == span.last:
        return words("days_off.one_day", day=span.first)
    return words("days_off.span", first=span.first, last=span.last)
