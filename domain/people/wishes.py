"""What a member wishes of us: where notices go first, which kinds they want, when they are left in peace."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.messages import quiet
from domain.messages.quiet import Quiet
from domain.schema import Contact, Member


@dataclass(frozen=True, slots=True)
class Wishes:
    """`first_channel` None is the chat used last; `quiet` None is as the house has it."""

    first_channel: str | None
    quiet: Quiet | None


def wishes(db: Session, member: int) -> Wishes:
    row = db.execute(select(Member.first_channel, Member.quiet_from, Member.quiet_to).where(Member.id == member)).one()
    own = None if row.quiet_from is None else quiet.chosen(row.quiet_from, row.quiet_to)
    return Wishes(row.first_channel, own)


def put_first(db: Session, member: int, channel: str | None) -> None:
    """Let notices go to this channel first; one where the member has no chat is answered by NotFound."""
    mine = select(Contact.id).where(Contact.member_id == member, Contact.channel == channel)
    if channel is not None and db.scalar(mine.limit(1)) is None:
        raise NotFound()
    db.execute(update(Member).where(Member.id == member).values(first_channel=channel))


def put_quiet(db: Session, member: int, hours: Quiet | None) -> None:
    first, end = hours or (None, None)
    db.execute(update(Member).where(Member.id == member).values(quiet_from=first, quiet_to=end))
