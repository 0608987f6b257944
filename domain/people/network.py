"""Who brought whom: the tree of sponsors, three levels of it kept at hand with every member."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, bindparam, func, select, union, update
from sqlalchemy.orm import Session, aliased

from domain import audit_log, sql
from domain.errors import NotFound, Refusal
from domain.roles import SELLERS
from domain.schema import Contact, Member, Order

LEVELS: Final = 3
RECENT: Final = timedelta(days=30)
_LEVEL_COLUMNS = (Member.sponsor_id, Member.sponsor2_id, Member.sponsor3_id)


class SponsorCycle(Refusal):
    """Nobody can stand above their own sponsor."""

    code = "sponsor_cycle"


class SponsorCannotSell(Refusal):
    """Only distributors, merchants and agents have a downline."""

    code = "sponsor_cannot_sell"


@dataclass(frozen=True, slots=True)
class DownlineRow:
    id: int
    member_id: str
    name: str
    role: str
    status: str
    level: int
    joined_at: datetime
    last_seen_at: datetime | None
    last_sale_at: datetime | None
    orders_30d: int

    def active(self, now: datetime) -> bool:
        """Sold something within the last 30 days; else dormant."""
        return self.last_sale_at is not None and self.last_sale_at > now - RECENT


def lock(db: Session) -> None:
    """Whoever changes the tree, or who a chat account or buyer belongs to, does so alone until the transaction ends."""
    sql.one_at_a_time(db, "members")


def upline(db: Session, member: int, depth: int | None = LEVELS) -> list[int]:
    """Return the members above, nearest first: one read for up to three, all of them with `depth` None."""
    if depth is None or depth > LEVELS:
        above = ancestors(db, [member])
        chain: list[int] = []
        at = above.get(member)
        while at is not None and (depth is None or len(chain) < depth):
            chain.append(at)
            at = above.get(at)
        return chain
    row = db.execute(select(*_LEVEL_COLUMNS[:depth]).where(Member.id == member)).one_or_none()
    return [] if row is None else [sponsor for sponsor in row if sponsor is not None]


def ancestors(db: Session, members: Collection[int]) -> dict[int, int | None]:
    """Return the sponsor of each of `members` and of everybody above them, as far as the tree goes."""
    found: dict[int, int | None] = {}
    for part in sql.chunks(sorted(members)):
        above = select(Member.id, Member.sponsor_id).where(Member.id.in_(part)).cte("above", recursive=True)
        above = above.union(select(Member.id, Member.sponsor_id).join(above, Member.id == above.c.sponsor_id))
        found.update({row.id: row.sponsor_id for row in db.execute(select(above.c.id, above.c.sponsor_id))})
    return found


_COUNTS: Final = select(
    *(
        select(func.count()).select_from(Member).where(column == bindparam("upper")).scalar_subquery()
        for column in _LEVEL_COLUMNS
    )
)


def counts(db: Session, member: int) -> tuple[int, int, int]:
    """Return how many members stand one, two and three levels below."""
    one, two, three = db.execute(_COUNTS, {"upper": member}).one()
    return one, two, three


def downline(
    db: Session,
    member: int,
    level: int | None = None,
    *,
    after: tuple[int, int] | None = None,
    limit: int = 10,
    now: datetime,
) -> list[DownlineRow]:
    """Return members below, level by level and the newest of each first.

    `level` 1 to 3 shows that one only; `after` is the (level, id) of the last row of the page before.
    """
    rows: list[DownlineRow] = []
    for number in (level,) if level else range(1, LEVELS + 1):
        if after is not None and number < after[0]:
            continue
        mine: list[ColumnElement[bool]] = [_LEVEL_COLUMNS[number - 1] == member]
        if after is not None and number == after[0]:
            mine.append(Member.id < after[1])
        rows += _page(db, number, mine, limit - len(rows), now)
        if len(rows) >= limit:
            break
    return rows


def _page(db: Session, level: int, mine: list[ColumnElement[bool]], limit: int, now: datetime) -> list[DownlineRow]:
    sold = select(func.max(Order.paid_at)).where(Order.credited_id == Member.id).scalar_subquery()
    recent = (
        select(func.count())
        .where(Order.credited_id == Member.id, Order.paid_at > now - RECENT)
        .select_from(Order)
        .scalar_subquery()
    )
    seen = select(func.max(Contact.seen_at)).where(Contact.member_id == Member.id).scalar_subquery()
    rows = db.execute(
        select(
            Member.id,
            Member.member_id,
            Member.name,
            Member.role,
            Member.status,
            Member.joined_at,
            seen.label("seen"),
            sold.label("sold"),
            recent.label("recent"),
        )
        .where(*mine)
        .order_by(Member.id.desc())
        .limit(limit)
    )
    return [
        DownlineRow(r.id, r.member_id, r.name, r.role, r.status, level, r.joined_at, r.seen, r.sold, r.recent)
        for r in rows
    ]


def below(db: Session, upper: int, member: int) -> int | None:
    """Return on which of the three levels below `upper` the `member` stands; None elsewhere."""
    chain = upline(db, member)
    return chain.index(upper) + 1 if upper in chain else None


def move(db: Session, member: int, sponsor: int | None, *, actor: str, now: datetime) -> None:
    """Give `member` another sponsor, or none; the downline goes along.

    Raises SponsorCycle when the new sponsor is the member or stands below, SponsorCannotSell, NotFound.
    """
    lock(db)
    above = aliased(Member)
    people = {
        row.id: row
        for row in db.execute(
            select(Member.id, Member.member_id, Member.role, Member.sponsor_id, above.member_id.label("sponsor_name"))
            .outerjoin(above, above.id == Member.sponsor_id)
            .where(Member.id.in_({member, sponsor}))
        )
    }
    if member not in people or (sponsor is not None and sponsor not in people):
        raise NotFound()
    if people[member].sponsor_id == sponsor:
        return
    if sponsor is not None:
        if people[sponsor].role not in SELLERS:
            raise SponsorCannotSell(member_id=people[sponsor].member_id)
        if member == sponsor or member in ancestors(db, [sponsor]):
            raise SponsorCycle(member_id=people[member].member_id, sponsor_id=people[sponsor].member_id)
    set_sponsors(db, {member: sponsor})
    audit_log.record(
        db,
        actor=actor,
        action="member.move",
        subject=f"member:{people[member].member_id}",
        before={"sponsor": people[member].sponsor_name},
        after={"sponsor": None if sponsor is None else people[sponsor].member_id},
        now=now,
    )


def set_sponsors(db: Session, sponsors: dict[int, int | None]) -> None:
    """Write who sponsors whom, and whoever stands above up to two levels below them.

    The caller holds the lock and has made sure that no cycle comes of it.
    """
    if not sponsors:
        return
    people = Member.__table__
    db.execute(
        update(people).where(people.c.id == bindparam("whose")).values(sponsor_id=bindparam("sponsor")),  # type: ignore[arg-type]
        [{"whose": member, "sponsor": sponsor} for member, sponsor in sorted(sponsors.items())],
    )
    for part in sql.chunks(sorted(sponsors)):
        _look_up_again(db, part)


def _look_up_again(db: Session, moved: Sequence[int]) -> None:
    """Take the second and third sponsor anew from the tree, for `moved` and two levels below them."""
    child, parent, upper = aliased(Member), aliased(Member), aliased(Member)
    affected = union(
        select(Member.id).where(Member.id.in_(moved)),
        select(Member.id).where(Member.sponsor_id.in_(moved)),
        select(Member.id).join(child, child.id == Member.sponsor_id).where(child.sponsor_id.in_(moved)),
    ).subquery()
    second = select(parent.sponsor_id).where(parent.id == Member.sponsor_id).scalar_subquery()
    third = (
        select(upper.sponsor_id)
        .join(parent, parent.sponsor_id == upper.id)
        .where(parent.id == Member.sponsor_id)
        .scalar_subquery()
    )
    db.execute(
        update(Member)
        .where(Member.id.in_(select(affected.c.id)))
        .values(sponsor2_id=second, sponsor3_id=third)
        .execution_options(synchronize_session=False)
    )
