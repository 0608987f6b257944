"""The tasks of today: how far each has come, and what to do next."""

from __future__ import annotations

from domain.periods import local_date
from domain.wording import Words, words
from domain.work import tasks
from domain.work.tasks import TodayTask
from handlers.forms import BLANK, bar, way_back
from handlers.routing import Chat, Reply, button, reply, route, sellers


@route("tasks", who=sellers, command=True)
def today(chat: Chat) -> Reply:
    zone = chat.shop.timezone
    day = local_date(chat.now, zone)
    mine = tasks.today(chat.db, chat.member, day, zone=zone)
    if not mine:  # joined after the morning
        tasks.assign_to(chat.db, chat.member, day)
        mine = tasks.today(chat.db, chat.member, day, zone=zone)
    if not mine:
        return reply(words("tasks.none"), rows=[[button("menu.products", "products")], way_back()])
    earned = sum(task.points for task in mine if _done(task))
    body = [words("tasks.title", day=day), BLANK, *map(_line, mine), BLANK]
    body.append(words("tasks.points", points=earned, all=sum(task.points for task in mine)))
    still_open = [task for task in mine if not _done(task)]
    if not still_open:
        return reply(*body, words("tasks.all_done"), rows=[[button("tasks.refresh", "tasks")], way_back()])
    check = still_open[0].check
    body.append(words(f"tasks.advice.{check}"))
    return reply(
        *body,
        rows=[[button(f"tasks.next.{check}", "products"), button("tasks.refresh", "tasks")], way_back()],
    )


def _done(task: TodayTask) -> bool:
    return task.reached >= task.target


def _line(task: TodayTask) -> Words:
    return words(
        "tasks.done" if _done(task) else "tasks.open",
        title=task.title,
        bar=bar(task.reached, task.target),
        reached=task.reached,
        target=task.target,
        points=task.points,
    )
