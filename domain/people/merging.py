"""Two members that are one person: the one with nothing of value goes into the other.

What moves: the chats, what the shop knows the person as (and so their purchases), mutes, notices, and answers that
are not given yet. Whatever else points to a member stands in the way: nothing of value ever changes hands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Column, delete, literal, or_, select, text, update
from sqlalchemy.orm import Session

from domain import audit_log, sql
from domain.messages import questions
from domain.open_days import open_days
from domain.people import merged_notices
from domain.schema import (
    Account,
    Base,
    ChannelCode,
    Contact,
    EntryLink,
    Inbox,
    Member,
    MemberTag,
    Mute,
    Outbox,
    Visit,
    VisitDay,
)
from domain.schema.messages import ANSWER_OPEN

_MOVES = (Contact, Mute, MemberTag, Outbox, ChannelCode, EntryLink)
_POINT_BY_NUMBER = (Account, VisitDay)  # without a foreign key


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands on a member. `plain`: an active customer with nothing of value."""

    member_id: str
    plain: bool
    buyer_id: str | None


def may_merge(gone: Standing, stays: Standing) -> bool:
    """Whether `gone` may go into `stays`: nobody is two customers of the shop."""
    return gone.plain and None in (gone.buyer_id, stays.buyer_id)


def standing(db: Session, member: int) -> Standing:
    row = db.execute(
        select(Member.member_id, Member.role, Member.status, Member.operator, Member.buyer_id).where(
            Member.id == member
        )
    ).one()
    plain = row.role == "customer" and row.status == "active" and not row.operator
    return Standing(row.member_id, plain and not _holds_anything(db, member), row.buyer_id)


def merge(db: Session, gone: int, stays: int, *, now: datetime) -> None:
    """Let everything that moves go over from `gone` to `stays`, and close `gone`. The caller has made sure of
    `may_merge` and holds the lock of `network`."""
    names = {row.id: row for row in db.execute(_names(gone, stays))}
    db.execute(update(Contact).where(Contact.member_id == gone).values(member_id=stays))
    not_given_yet = (text(ANSWER_OPEN), Inbox.member_id == gone)
    db.execute(update(Inbox).where(*not_given_yet).values(member_id=stays))
    _move_tags(db, gone, stays)
    _move_mutes(db, gone, stays)
    questions.pass_on(db, names[gone].member_id, names[stays].member_id)  # before notices: an answer is one
    merged_notices.move(db, gone, stays, now=now)
    db.execute(delete(ChannelCode).where(ChannelCode.member_id == gone))
    db.execute(delete(EntryLink).where(EntryLink.member_id == gone))
    db.execute(update(Member).where(Member.id == gone).values(status="closed", buyer_id=None))
    if names[gone].buyer_id is not None:
        db.execute(update(Member).where(Member.id == stays).values(buyer_id=names[gone].buyer_id))
    audit_log.record(
        db,
        actor=f"member:{names[stays].member_id}",
        action="member.merge",
        subject=f"member:{names[gone].member_id}",
        before={"status": "active", "buyer_id": names[gone].buyer_id},
        after={"status": "closed", "buyer_id": None, "into": names[stays].member_id},
        now=now,
    )


def _names(gone: int, stays: int) -> Any:
    return select(Member.id, Member.member_id, Member.buyer_id).where(Member.id.in_((gone, stays)))


@cache
def _what_holds() -> tuple[Column[Any], ...]:
    """Every column of the record that names a member and does not move: tables that come later are among them."""
    tables, member = Base.metadata.tables, Member.__table__
    moving = {table.__tablename__ for table in _MOVES}
    pointing = [
        column
        for table in tables.values()
        for column in table.c
        if table.name not in moving and any(key.column.table is member for key in column.foreign_keys)
    ]
    return (*pointing, *(tables[table.__tablename__].c.member_id for table in _POINT_BY_NUMBER))


def _holds_anything(db: Session, member: int) -> bool:
    found = [select(literal(1)).where(column == member).exists() for column in _what_holds()]
    visits = select(literal(1)).where(Visit.member_id == member, Visit.day.in_(open_days(db)))  # the others are summed
    return bool(db.scalar(select(or_(*found, visits.exists()))))


def _move_mutes(db: Session, gone: int, stays: int) -> None:
    """What somebody did not want to hear on one chat they do not want to hear on the other."""
    columns = {"member_id": literal(stays), "category": Mute.category}
    sql.insert_selected(db, Mute, columns, select(Mute).where(Mute.member_id == gone), key=["member_id", "category"])
    db.execute(delete(Mute).where(Mute.member_id == gone))


def _move_tags(db: Session, gone: int, stays: int) -> None:
    columns = {"member_id": literal(stays), "tag": MemberTag.tag}
    theirs = select(MemberTag).where(MemberTag.member_id == gone)
    sql.insert_selected(db, MemberTag, columns, theirs, key=["member_id", "tag"])
    db.execute(delete(MemberTag).where(MemberTag.member_id == gone))
