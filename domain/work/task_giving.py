"""Each working morning: which tasks somebody gets, how much of each and why, in portions of many members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from domain import wording
from domain.mall import catalog
from domain.messages import outbox
from domain.messages.outbox import TASKS, Notice
from domain.schema import Member, Task
from domain.sql import insert_ignore
from domain.wording import Words, words
from domain.work import days_off, task_facts, task_products, task_templates
from domain.work.task_aims import Aim, aim
from domain.work.task_facts import Seller
from domain.work.task_templates import DORMANT, DOWNLINE_SALE, NEWCOMER, SALE, VISITORS, WEEK_SALES, WEEKLY, Template

CHUNK: Final = 400
"""Members per transaction; each has a few tasks and a notice, which hold the writer for less than 100 ms."""

_LIKELY_BP: Final = 5_000
"""A sale a day is asked only of those who sold on so many of their days; the others have a week for it."""


@dataclass(frozen=True, slots=True)
class Given:
    """A task as it is given: how much of it, why so much (none: the same for everybody), and what to sell."""

    member: int
    template: Template
    target: int
    why: Words | None
    product: int | None = None


@dataclass(frozen=True, slots=True)
class Portion:
    """What the members up to the id `last` get; `more` says that there are members after it."""

    given: Sequence[Given]
    products: Mapping[int, Words]
    last: int
    more: bool


def assign(db: Session, day: date, *, now: datetime, zone: tzinfo, after: int = 0, limit: int = CHUNK) -> int | None:
    """Give their tasks of `day` to the next `limit` members after the id `after`, and tell them.

    Returns the last id reached, None once everybody has theirs. Run again, it changes nothing.
    """
    portion = choose(db, day, zone=zone, after=after, limit=limit)
    if portion is None:
        return None
    give(db, portion, day, now=now)
    return portion.last if portion.more else None


def assign_to(db: Session, member: int, day: date, *, zone: tzinfo) -> None:
    """Give one member the tasks of `day`, as for somebody who joined after the morning. No notice."""
    if not days_off.is_holiday(db, day):
        _put(db, _choose(db, day, Member.id == member, zone), day)


def choose(db: Session, day: date, *, zone: tzinfo, after: int = 0, limit: int = CHUNK) -> Portion | None:
    """Choose the tasks of the next `limit` members after the id `after`; None if there is nobody, or a holiday.

    Only reads, a constant number of statements. What it chooses depends on the days before `day` alone.
    """
    if days_off.is_holiday(db, day):
        return None
    members = select(Member.id).where(task_facts.live(), Member.id > after).order_by(Member.id).limit(limit).subquery()
    found, last = db.execute(select(func.count(), func.max(members.c.id))).one()
    if not found:
        return None
    given = _choose(db, day, (Member.id > after) & (Member.id <= last), zone)
    return Portion(given, _names(db, given), last, found == limit)


def give(db: Session, portion: Portion, day: date, *, now: datetime) -> None:
    """Put down the tasks of a portion and tell their members, in two statements."""
    _put(db, portion.given, day)
    lines: dict[int, list[Words]] = {}
    for one in portion.given:
        lines.setdefault(one.member, []).append(_line(one, portion.products))
    notices = [
        Notice(
            f"tasks-morning:{day}:{member}",
            member,
            "notice.tasks_morning",
            {"day": day, "tasks": own},
            "business",
            TASKS,
        )
        for member, own in lines.items()
    ]
    outbox.put_all(db, notices, now=now)


def count(db: Session, day: date) -> int:
    """Return how many tasks are due on `day`."""
    return db.scalar(select(func.count()).select_from(Task).where(Task.day == day)) or 0


def _put(db: Session, given: Sequence[Given], day: date) -> None:
    rows = [
        {
            "member_id": one.member,
            "template_id": one.template.id,
            "day": one.template.due(day),
            "target": one.target,
            "points": one.template.points,
            "reason": None if one.why is None else [one.why.key, wording.to_json(one.why.params)],
            "suggested_id": one.product,
        }
        for one in given
    ]
    insert_ignore(db, Task, rows, key=["member_id", "day", "template_id"])


def _choose(db: Session, day: date, these: ColumnElement[bool], zone: tzinfo) -> list[Given]:
    templates = task_templates.on(db, day)
    sellers = task_facts.sellers(db, day, these, zone=zone)
    given = [found for seller in sellers for one in templates if (found := for_one(seller, one, day))]
    selling = {one.member for one in given if one.template.check in (SALE, WEEK_SALES)}
    products = task_products.suggest(db, [seller for seller in sellers if seller.id in selling], day, zone=zone)
    return [_with_product(one, products) for one in given]


def _with_product(one: Given, products: Mapping[int, int]) -> Given:
    if one.template.check not in (SALE, WEEK_SALES):
        return one
    return Given(one.member, one.template, one.target, one.why, products.get(one.member))


def for_one(seller: Seller, template: Template, day: date) -> Given | None:
    """Decide whether the member gets this task on `day`, how much of it, and why."""
    stage = seller.stage(day)
    if not template.is_for(seller.role, seller.member_class, seller.tier, stage):
        return None
    if template.check in WEEKLY and template.id in seller.this_week:
        return None
    if template.check == DOWNLINE_SALE and not seller.helps:
        return None
    if template.lowest is None or template.highest is None:
        return Given(seller.id, template, template.target, None)
    values = _values(seller, template.check, day)
    aimed = aim(values, template.lowest, template.highest, done=seller.done.get(template.id, ()))
    if template.check == SALE and aimed.reached * 10_000 < _LIKELY_BP * max(1, aimed.of):
        return None
    return Given(seller.id, template, aimed.target, _why(template.check, stage, values, aimed))


def _values(seller: Seller, check: str, day: date) -> list[int]:
    if check == WEEK_SALES:
        return seller.weekly_sales(day)
    by_day = seller.visitors if check == VISITORS else seller.sales
    return [by_day.get(one, 0) for one in seller.days]


def _why(check: str, stage: str, values: Sequence[int], aimed: Aim) -> Words:
    """Why this target, in words; whoever has reached it on no day yet is told that it begins small."""
    if not aimed.reached:
        return words(f"task.why_start.{stage}" if stage in (NEWCOMER, DORMANT) else "task.why_start.quiet")
    mean = f"{sum(values) / len(values):.1f}".removesuffix(".0")
    return words(f"task.why.{check}", mean=mean, reached=aimed.reached, of=aimed.of, target=aimed.target)


def _names(db: Session, given: Sequence[Given]) -> dict[int, Words]:
    products = catalog.products(db, {one.product for one in given if one.product is not None})
    return {id_: words("bilingual", zh=row.name, en=row.name_en or row.name) for id_, row in products.items()}


def _line(one: Given, products: Mapping[int, Words]) -> Words:
    """One line of the morning's notice."""
    name = task_templates.title(one.template.title, one.template.title_en, one.target)
    line = words("task.line", title=name, points=one.template.points)
    more = [] if one.why is None else [words("task.why_line", why=one.why)]
    if one.product is not None and one.product in products:
        more.append(words("task.product_line", product=products[one.product]))
    return words("task.lines", lines=[line, *more]) if more else line
