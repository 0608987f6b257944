"""Words that operators put on members to find them by: set by hand, by a list, by a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from domain import audit_log, sql
from domain.errors import Invalid, NotFound
from domain.people.member_rules import LONGEST_TAG, MOST_TAGS
from domain.schema import Member, MemberTag


def of(db: Session, member: int) -> list[str]:
    return list(db.scalars(select(MemberTag.tag).where(MemberTag.member_id == member).order_by(MemberTag.tag)))


def add(db: Session, member: int, tag: str, *, actor: str, now: datetime) -> str:
    """Put a tag on a member and return it as it is kept; Invalid for one that is none."""
    kept, before = _kept(tag), of(db, member)
    if kept not in before and len(before) >= MOST_TAGS:
        raise Invalid("tag", "too_many_tags", limit=MOST_TAGS)
    sql.insert_ignore(db, MemberTag, [{"member_id": member, "tag": kept}])
    _audit(db, member, before, actor, now)
    return kept


def remove(db: Session, member: int, tag: str, *, actor: str, now: datetime) -> None:
    before = of(db, member)
    db.execute(delete(MemberTag).where(MemberTag.member_id == member, MemberTag.tag == tag))
    _audit(db, member, before, actor, now)


def _kept(tag: str) -> str:
    kept = " ".join(tag.split())
    if not kept or len(kept) > LONGEST_TAG or not kept.isprintable():
        raise Invalid("tag", "tag", limit=LONGEST_TAG)
    return kept


def _audit(db: Session, member: int, before: list[str], actor: str, now: datetime) -> None:
    after = of(db, member)
    if after == before:
        return
    name = db.scalar(select(Member.member_id).where(Member.id == member))
    if name is None:
        raise NotFound()
    audit_log.record(
        db, actor=actor, action="member.tags", subject=f"member:{name}", before=before, after=after, now=now
    )


def of_all(db: Session, members: Collection[int]) -> dict[int, list[str]]:
    """Return the tags of many members, in order; whoever has none is not among them."""
    found: dict[int, list[str]] = {}
    for part in sql.chunks(sorted(members)):
        rows = select(MemberTag.member_id, MemberTag.tag).where(MemberTag.member_id.in_(part))
        for row in db.execute(rows.order_by(MemberTag.member_id, MemberTag.tag)):
            found.setdefault(row.member_id, []).append(row.tag)
    return found


def put_all(db: Session, wanted: Mapping[int, Sequence[str]], before: Mapping[int, Sequence[str]]) -> None:
    """Make the tags of many members those of `wanted`; `before` is what they have."""
    gone = [(member, tag) for member in wanted for tag in before.get(member, ()) if tag not in wanted[member]]
    for part in sql.chunks(gone):
        db.execute(delete(MemberTag).where(tuple_(MemberTag.member_id, MemberTag.tag).in_(part)))
    new = [{"member_id": member, "tag": tag} for member, tags in wanted.items() for tag in tags]
    sql.insert_ignore(db, MemberTag, new)
