"""The holidays of the year: nobody is given tasks then. Written in chat, many at once."""

from __future__ import annotations

from datetime import date, timedelta

from domain.errors import NotFound
from domain.periods import local_date
from domain.wording import Words, in_two_languages, words
from domain.work import days_off
from domain.work.days_off import HolidaySpan, Span
from handlers.forms import way_back
from handlers.routing import Chat, Reply, button, operators, reply, route, step

_AHEAD = timedelta(days=400)
_SHOWN = 12


@route("holidays", who=operators)
def show(chat: Chat) -> Reply:
    chat.finish()
    today = local_date(chat.now, chat.shop.timezone)
    found = days_off.holidays(chat.db, today, today + _AHEAD)[:_SHOWN]
    lines = [words("holidays.line", days=_days(one.span), name=_name(one)) for one in found]
    return reply(
        words("holidays.title"),
        *(lines or [words("holidays.none")]),
        rows=[
            *(
                [button("holidays.remove", f"holiday_drop:{one.span.first}:{one.span.last}", name=_name(one))]
                for one in found
            ),
            [button("holidays.add", "holiday_new")],
            way_back("task_report"),
        ],
    )


@route("holiday_new", who=operators)
def ask(chat: Chat) -> Reply:
    chat.ask("holidays", "days")
    return reply(words("holidays.ask"), rows=[way_back("holidays")])


@step("holidays", "days", who=operators)
def days_written(chat: Chat) -> Reply:
    """One holiday a line: days and name. One line that is not understood, and nothing is kept."""
    today = local_date(chat.now, chat.shop.timezone)
    spans = []
    for line in filter(None, map(str.strip, chat.text.splitlines())):
        found = days_off.read_span(line, today)
        if found is None or not found[1]:
            return reply(words("holidays.unclear", line=line[:40]), rows=[way_back("holidays")])
        spans.append(HolidaySpan(found[0], *in_two_languages(found[1][:40])))
    days_off.add_holidays(chat.db, spans, actor=f"member:{chat.person.member_id}", now=chat.now)
    return show(chat)


@route("holiday_drop", who=operators)
def drop(chat: Chat, first: str, last: str) -> Reply:
    try:
        span = Span(date.fromisoformat(first), date.fromisoformat(last))
    except ValueError:
        raise NotFound() from None
    days_off.check_span(span)
    days_off.remove_holidays(chat.db, span.first, span.last, actor=f"member:{chat.person.member_id}", now=chat.now)
    return show(chat)


def _name(one: HolidaySpan) -> Words:
    return words("bilingual", zh=one.name, en=one.name_en)


def _days(span: Span) -> Words:
    if span.first == span.last:
        return words("days_off.one_day", day=span.first)
    return words("days_off.span", first=span.first, last=span.last)
