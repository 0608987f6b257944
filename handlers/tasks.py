"""The tasks of today: how far each has come, why so much, and what to do next; points, and the week as a whole."""

from __future__ import annotations

from datetime import timedelta

from domain.periods import local_date
from domain.wording import Words, words
from domain.work import days_off, streaks, task_giving, task_summary, tasks
from domain.work.streaks import Streak
from domain.work.task_templates import WEEKLY
from domain.work.tasks import TodayTask
from handlers.forms import BLANK, PAGE, bar, older, way_back
from handlers.routing import Chat, Choice, Picture, Reply, button, number, reply, route, sellers


@route("tasks", who=sellers, command=True)
def today(chat: Chat) -> Reply:
    zone = chat.shop.timezone
    day = local_date(chat.now, zone)
    mine = tasks.today(chat.db, chat.member, day, zone=zone)
    off = None
    if all(task.check in WEEKLY for task in mine):
        off = days_off.why_off(chat.db, chat.member, day)
        if off is None:  # joined after the morning
            task_giving.assign_to(chat.db, chat.member, day, zone=zone)
            mine = tasks.today(chat.db, chat.member, day, zone=zone)
    if not mine:
        nothing = words("tasks.none") if off is None else off
        return reply(nothing, rows=[[button("menu.products", "products")], *_more()])
    body = [words("tasks.title", day=day), *([off] if off else []), BLANK]
    body += [line for task in mine for line in _lines(task)]
    earned = sum(task.points for task in mine if task.done)
    body += [BLANK, words("tasks.points", points=earned, all=sum(task.points for task in mine))]
    body.append(_streak(streaks.streak(chat.db, chat.member, day)))
    still_open = [task for task in mine if not task.done]
    if not still_open:
        return reply(*body, words("tasks.all_done"), rows=[[button("tasks.refresh", "tasks")], *_more()])
    body.append(words(f"tasks.advice.{still_open[0].check}"))
    return reply(*body, rows=[[_next(still_open), button("tasks.refresh", "tasks")], *_more()])


def _more() -> list[tuple[Choice, ...]]:
    return [
        (button("menu.points", "points"), button("menu.week", "week")),
        (button("menu.days_off", "days_off"), *way_back()),
    ]


def _next(still_open: list[TodayTask]) -> Choice:
    """On to the product to sell, if the first task that is open names one; else to the goods, or the team."""
    first = still_open[0]
    if first.product is not None:
        return button("tasks.next.product", f"product:{first.product}")
    if first.check == "downline_sale":
        return button("menu.team", "team")
    return button(f"tasks.next.{first.check}", "products")


def _lines(task: TodayTask) -> list[Words]:
    line = words(
        "tasks.done" if task.done else "tasks.open",
        title=task.title,
        bar=bar(task.reached, task.target),
        reached=task.reached,
        target=task.target,
        points=task.points,
    )
    if task.done:
        return [line]
    why = [] if task.why is None else [words("task.why_line", why=task.why)]
    due = [words("tasks.due", day=task.due)] if task.check in WEEKLY else []
    product = [] if task.product_name is None else [words("task.product_line", product=task.product_name)]
    return [line, *why, *due, *product]


def _streak(found: Streak) -> Words:
    if found.next_badge is None:
        return words("tasks.streak_all", n=found.current)
    if not found.current:
        return words("tasks.streak_none", badge=found.next_badge)
    return words("tasks.streak", n=found.current, left=found.next_badge - found.current, badge=found.next_badge)


@route("points", who=sellers)
def points(chat: Chat, before: str = "", page: str = "1") -> Reply:
    """Points, badge, and what brought them."""
    zone = chat.shop.timezone
    day = local_date(chat.now, zone)
    found = streaks.streak(chat.db, chat.member, day)
    history = streaks.history(
        chat.db, chat.member, zone=zone, before=number(before) if before else None, limit=PAGE + 1
    )
    badge = words("points.no_badge") if found.badge is None else words("points.badge", n=found.badge)
    lines = [words("points.line", day=one.day, points=one.points, title=one.title) for _, one in history[:PAGE]]
    return reply(
        words("points.title", total=streaks.total(chat.db, chat.member)),
        badge,
        words("points.longest", n=found.longest),
        _streak(found),
        BLANK,
        *(lines or [words("points.nothing")]),
        rows=[
            older("points", history[PAGE - 1][0] if len(history) > PAGE else 0, number(page), more=len(history) > PAGE),
            way_back("tasks"),
        ],
    )


@route("week", who=sellers)
def week(chat: Chat) -> Reply:
    """The last whole week, as it is told on Mondays."""
    zone = chat.shop.timezone
    monday = task_summary.monday_of(local_date(chat.now, zone)) - timedelta(days=7)
    found = task_summary.of_member(chat.db, chat.member, monday, zone=zone)
    said = task_summary.lines(found) if found.anything else [words("week.nothing")]
    return reply(
        words("week.title", first=monday, last=monday + timedelta(days=6)),
        *said,
        rows=[[button("menu.tasks", "tasks"), button("menu.traffic", "traffic")], way_back("tasks")],
        picture=Picture(*task_summary.picture(found)) if found.anything else None,
        edit=False,
    )
