"""How the tasks go today and this week, by task and by person, and who is stuck."""

from __future__ import annotations

from datetime import timedelta

from domain.periods import local_date
from domain.wording import Words, words
from domain.work import task_report, task_templates
from domain.work.task_report import Completion
from handlers.forms import BLANK, PAGE, Item, bar, named, numbered_list, page_number, pager, way_back
from handlers.routing import Chat, Reply, button, number, operators, reply, route

FURTHEST = 400
WEEK = 7


@route("task_report", who=operators, command=True)
def report(chat: Chat, back: str = "0") -> Reply:
    """What was done of the tasks of a day and of its week so far, by task."""
    ago = min(number(back), FURTHEST)
    today = local_date(chat.now, chat.shop.timezone)
    day = today - timedelta(days=ago)
    monday = day - timedelta(days=day.weekday())
    sunday = monday + timedelta(days=6)  # the tasks of a week are due then
    done, given = task_report.totals(chat.db, day)
    of_day = [words("task_report.line", **_shown(one)) for one in task_report.completion(chat.db, day, day)]
    lines, buttons = numbered_list(
        Item(words("task_report.line", **_shown(one)), one.title, f"task_report_of:{one.template}")
        for one in task_report.completion(chat.db, monday, sunday)
    )
    stuck = task_report.count_stuck(chat.db, today)
    turn = [button("figures.before", f"task_report:{ago + 1}")]
    turn.append(button("figures.after", f"task_report:{ago - 1}") if ago else button("figures.refresh", "task_report"))
    return reply(
        words("task_report.title", day=day, done=done, given=given),
        *(of_day or [words("task_report.nothing")]),
        *([BLANK, words("task_report.week", first=monday, last=sunday), *lines] if lines else []),
        BLANK,
        words("task_report.stuck", n=stuck) if stuck else words("task_report.nobody_stuck"),
        rows=[
            *buttons,
            turn,
            [button("task_report.see_stuck", "task_stuck"), button("menu.task_templates", "task_templates")],
            [button("menu.holidays", "holidays"), *way_back("desk")[:1]],
            way_back(),
        ],
    )


def _shown(one: Completion) -> dict[str, object]:
    return {"title": one.title, "bar": bar(one.done, one.given), "done": one.done, "given": one.given}


@route("task_report_of", who=operators)
def of_template(chat: Chat, which: str) -> Reply:
    """One task over the last fourteen days."""
    template = task_templates.find(chat.db, number(which))
    today = local_date(chat.now, chat.shop.timezone)
    last = template.due(today)
    days = task_report.by_day(chat.db, template.id, last, 2 * WEEK)
    lines = [
        words("task_report.day", day=day, bar=bar(done, given), done=done, given=given) for day, done, given in days
    ]
    return reply(
        words("task_report.of", title=task_templates.title(template.title, template.title_en, "N")),
        *(lines or [words("task_report.nothing")]),
        rows=[[button("task_report.settings", f"task_template:{template.id}")], way_back("task_report")],
    )


@route("task_stuck", who=operators)
def stuck(chat: Chat, page: str = "1") -> Reply:
    """Who did nothing on the last three days on which they had tasks."""
    today = local_date(chat.now, chat.shop.timezone)
    total = task_report.count_stuck(chat.db, today)
    if not total:
        return reply(words("task_report.nobody_stuck"), rows=[way_back("task_report")])
    shown = page_number(page, total)
    found = task_report.stuck(chat.db, today, page=shown, limit=PAGE)
    lines, buttons = numbered_list(
        Item(_stuck_line(one), named(one.name or one.member_id), f"task_person:{one.id}") for one in found
    )
    return reply(
        words("task_report.stuck", n=total),
        *lines,
        BLANK,
        words("task_report.stuck_advice"),
        rows=[*buttons, pager("task_stuck", shown, total), way_back("task_report")],
    )


def _stuck_line(one: task_report.Stuck) -> Words:
    name = one.name or one.member_id
    if one.last_done is None:
        return words("task_report.stuck_never", name=name)
    return words("task_report.stuck_since", name=name, day=one.last_done)


@route("task_person", who=operators)
def person(chat: Chat, which: str) -> Reply:
    """One person's tasks of the last seven days."""
    today = local_date(chat.now, chat.shop.timezone)
    name, found = task_report.person(chat.db, number(which), today, WEEK)
    lines = [
        words("task_report.person_done" if one.done else "task_report.person_open", day=one.day, title=one.title)
        for one in found
    ]
    return reply(
        words("task_report.person", name=name),
        *(lines or [words("task_report.nothing")]),
        rows=[way_back("task_stuck")],
    )
