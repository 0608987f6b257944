"""The day's work: tasks, job runs, alerts, keys, and who did what."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.schema.base import Base, one_of


class TaskTemplate(Base):
    __tablename__ = "task_template"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    title_en: Mapped[str]
    audience: Mapped[str]  # all | a role | class:CLASS | tier:TIER | stage:STAGE
    check: Mapped[str]  # first_visit | visitors | sale | week_sales | downline_sale: read from real data
    target: Mapped[int]
    points: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)
    lowest: Mapped[int | None]  # with `highest`: the target is chosen for each member between these two
    highest: Mapped[int | None]
    weekdays: Mapped[str | None]  # such as "12345", Monday is 1; none: every day
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]


class Task(Base):
    """One task of one member, due by the end of the business day `day`: that very day, or the last of its week."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("member_id", "day", "template_id"),
        Index("ix_task_day", "day"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    template_id: Mapped[int] = mapped_column(ForeignKey("task_template.id"))
    day: Mapped[date]
    target: Mapped[int]
    points: Mapped[int]
    done_at: Mapped[datetime | None]
    reason: Mapped[Any | None]  # why this target, as words
    suggested_id: Mapped[int | None]  # the product to sell


class Holiday(Base):
    """A day on which nobody is given tasks or reminded of them."""

    __tablename__ = "holiday"
    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str]


class RestDay(Base):
    """A weekday on which a member rests, Monday is 1."""

    __tablename__ = "rest_day"
    __table_args__ = (CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday"),)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)


class Leave(Base):
    """Days a member takes off, both included."""

    __tablename__ = "leave"
    __table_args__ = (CheckConstraint("first_day <= last_day", name="order"),)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    first_day: Mapped[date] = mapped_column(primary_key=True)
    last_day: Mapped[date]


class JobRun(Base):
    """A job runs once per period: the row is the claim."""

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("job", "period"),
        one_of("state", "running", "done", "failed", "missed"),
        Index("ix_job_run_job_started_at", "job", "started_at"),
        Index(
            "ix_job_run_open",
            "id",
            sqlite_where=text("lease_until IS NOT NULL"),
            postgresql_where=text("lease_until IS NOT NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str]
    period: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]  # running: taken over after it; failed: tried again at it
    finished_at: Mapped[datetime | None]
    result: Mapped[Any | None]
    error: Mapped[str | None]


class AuditRow(Base):
    """Who did what when, with before and after."""

    __tablename__ = "audit_row"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]  # member:m-1 | api:NAME | cli | job:NAME
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[Any | None]
    after: Mapped[Any | None]


class Alert(Base):
    """Something that an operator must know; one open alert per key."""

    __tablename__ = "alert"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    text_key: Mapped[str]
    params: Mapped[Any]
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]


Index(
    "uq_alert_open",
    Alert.key,
    unique=True,
    sqlite_where=Alert.cleared_at.is_(None),
    postgresql_where=Alert.cleared_at.is_(None),
)


class ApiKey(Base):
    __tablename__ = "api_key"
    __table_args__ = (one_of("scope", "read", "write"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[str] = mapped_column(unique=True)
    scope: Mapped[str]
    created_at: Mapped[datetime]


class Fact(Base):
    """What this installation remembers about itself, such as whether it is a demo."""

    __tablename__ = "fact"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
