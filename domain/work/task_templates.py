"""What operators ask of members: each task's words, its check, whom it is for, on which days, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from domain import audit_log
from domain.errors import Invalid, NotFound
from domain.roles import SELLERS
from domain.schema import Member, TaskTemplate
from domain.sql import insert_ignore
from domain.wording import Words, words

FIRST_VISIT: Final = "first_visit"  # somebody followed one of the member's links
VISITORS: Final = "visitors"  # so many different people did
SALE: Final = "sale"  # so many orders were paid through the member, by other people
WEEK_SALES: Final = "week_sales"  # so many in the week
DOWNLINE_SALE: Final = "downline_sale"  # so many new members of the downline sold for the first time
CHECKS: Final = (FIRST_VISIT, VISITORS, SALE, WEEK_SALES, DOWNLINE_SALE)
"""All of them are read from what happened; none from the mere act of sharing, none from recruiting."""

WEEKLY: Final = frozenset((WEEK_SALES, DOWNLINE_SALE))
"""Given on the first day of a week that the template knows, due on its Sunday."""

COUNTED: Final = frozenset((VISITORS, SALE, WEEK_SALES))
"""Whose target may be chosen for each member."""

NEWCOMER, ACTIVE, DORMANT = "newcomer", "active", "dormant"
STAGES: Final = (NEWCOMER, ACTIVE, DORMANT)

LONGEST_TITLE: Final = 60
MOST: Final = 10_000
"""The largest target, and the most points."""


@dataclass(frozen=True, slots=True)
class Template:
    """`weekdays` such as "12345" (Monday is 1) and the days from `first_day` to `last_day`, both included, say when it
    is given; None is no limit. With `lowest` and `highest` the target is chosen for each member between them.
    """

    title: str
    title_en: str
    audience: str
    check: str
    target: int
    points: int
    lowest: int | None = None
    highest: int | None = None
    weekdays: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    active: bool = True
    id: int = 0

    def on(self, day: date) -> bool:
        """Say whether it is given on `day`."""
        return (
            self.active
            and (self.weekdays is None or str(day.isoweekday()) in self.weekdays)
            and (self.first_day is None or self.first_day <= day)
            and (self.last_day is None or day <= self.last_day)
        )

    def is_for(self, role: str, member_class: str, tier: str | None, stage: str) -> bool:
        """Say whether it is meant for such a member."""
        kind, _, value = self.audience.partition(":")
        match kind:
            case "class":
                return member_class == value
            case "tier":
                return tier == value
            case "stage":
                return stage == value
        return self.audience in ("all", role)

    def due(self, day: date) -> date:
        """The business day by whose end it is to be done if it is given on `day`."""
        return sunday(day) if self.check in WEEKLY else day


def sunday(day: date) -> date:
    """Return the last day of the week of `day`."""
    return day + timedelta(days=7 - day.isoweekday())


_FIRST: Final = {
    "first_visit": Template("带来今天的第一位访客", "Bring today's first visitor", "all", FIRST_VISIT, 1, 5),
    "visitors_5": Template("带来 # 位访客", "Bring # visitors", "distributor", VISITORS, 5, 10, 2, 50),
    "visitors_20": Template("带来 # 位访客", "Bring # visitors", "merchant", VISITORS, 20, 20, 3, 200),
    "sale": Template("成交 # 单", "Orders sold today: #", "all", SALE, 1, 30, 1, 20),
    "week_sales": Template("本周成交 # 单", "Orders sold this week: #", "all", WEEK_SALES, 1, 50, 1, 100),
    "downline_sale": Template(
        "帮一位新下线开出第一单", "Help somebody new in your team to a first sale", "all", DOWNLINE_SALE, 1, 50
    ),
}
"""What every installation begins with."""


def seed(db: Session) -> None:
    """Put down the first templates; those that an operator has changed stay as they are."""
    rows = [{"code": code, **_values(template)} for code, template in _FIRST.items()]
    insert_ignore(db, TaskTemplate, rows, key=["code"])


def _values(template: Template) -> dict[str, Any]:
    return {name: value for name, value in asdict(template).items() if name != "id"}


def title(zh: str, en: str, target: int | str) -> Words:
    """A title that operators write in both languages, shown in the reader's; `#` in it is the target."""
    return words("bilingual", zh=zh.replace("#", str(target)), en=en.replace("#", str(target)))


def every(db: Session) -> list[Template]:
    """Return all templates, the oldest first."""
    return [_template(row) for row in db.execute(select(TaskTemplate.__table__).order_by(TaskTemplate.id))]


def on(db: Session, day: date) -> list[Template]:
    """Return the templates that are given on `day`."""
    return [template for template in every(db) if template.on(day)]


def find(db: Session, template_id: int) -> Template:
    """Return the template with this id; else NotFound."""
    row = db.execute(select(TaskTemplate.__table__).where(TaskTemplate.id == template_id)).one_or_none()
    if row is None:
        raise NotFound()
    return _template(row)


def _template(row: Any) -> Template:
    return Template(**{name: value for name, value in row._mapping.items() if name != "code"})


def audiences(db: Session) -> list[str]:
    """Return every audience that a template may have, with the classes and tiers that members have now."""
    classes, tiers = (
        db.scalars(select(of).where(of.is_not(None)).group_by(of).order_by(of))
        for of in (Member.member_class, Member.tier)
    )
    return [
        "all",
        *SELLERS,
        *(f"stage:{stage}" for stage in STAGES),
        *(f"class:{one}" for one in classes),
        *(f"tier:{tier}" for tier in tiers),
    ]


def check_sound(template: Template) -> None:
    """Raise Invalid, with what is wrong, for a template that cannot be."""
    bounds = [number for number in (template.lowest, template.highest) if number is not None]
    if not (0 < len(template.title) <= LONGEST_TITLE and 0 < len(template.title_en) <= LONGEST_TITLE):
        raise Invalid("title", "task_title", limit=LONGEST_TITLE)
    if template.check not in CHECKS:
        raise Invalid("check", "task_check")
    if not all(1 <= number <= MOST for number in (template.target, *bounds)) or not 0 <= template.points <= MOST:
        raise Invalid("target", "task_numbers", most=MOST)
    if len(bounds) == 1 or bounds != sorted(bounds):
        raise Invalid("lowest", "task_bounds")
    if bounds and template.check not in COUNTED:
        raise Invalid("lowest", "task_not_counted")
    if template.first_day and template.last_day and template.first_day > template.last_day:
        raise Invalid("last_day", "task_days")


def add(db: Session, template: Template, *, actor: str, now: datetime) -> int:
    """Keep a new template and return its id; raises Invalid."""
    check_sound(template)
    code = f"own_{1 + (db.scalar(select(func.max(TaskTemplate.id))) or 0)}"
    values = {"code": code, **_values(template)}
    new: int = db.execute(insert(TaskTemplate).values(values).returning(TaskTemplate.id)).scalar_one()
    audit_log.record(
        db, actor=actor, action="task.add", subject=f"task_template:{code}", after=_plain(_values(template)), now=now
    )
    return new


def change(db: Session, template_id: int, changes: Mapping[str, Any], *, actor: str, now: datetime) -> None:
    """Change fields of a template, from the next morning on; raises NotFound or Invalid."""
    before = find(db, template_id)
    values = {**_values(before), **changes}
    check_sound(Template(**values))
    code = db.execute(
        update(TaskTemplate).where(TaskTemplate.id == template_id).values(changes).returning(TaskTemplate.code)
    ).scalar_one()
    was = {name: value for name, value in _values(before).items() if name in changes and value != changes[name]}
    if was:
        audit_log.record(
            db,
            actor=actor,
            action="task.change",
            subject=f"task_template:{code}",
            before=_plain(was),
            after=_plain({name: changes[name] for name in was}),
            now=now,
        )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON values."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def titles(templates: Sequence[Template]) -> dict[int, Words]:
    """What each template is called, whatever its target."""
    return {one.id: title(one.title, one.title_en, "N" if one.highest else one.target) for one in templates}
