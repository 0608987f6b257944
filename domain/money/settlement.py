"""Settlement: what is due becomes payable, once; whole members at a time, so that it may be cut off anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

from sqlalchemy import BigInteger, ColumnElement, cast, func, select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from domain.errors import Refusal
from domain.messages import alerts, notices, outbox
from domain.messages.notices import Reader
from domain.money import Money, bookkeeping, ledger
from domain.money.commissions import LEFT
from domain.schema import Account, Commission, Entry, Member
from domain.sql import chunks, is_postgresql, one_at_a_time
from domain.wording import words

T = TypeVar("T")


class Limits(NamedTuple):
    """How much one transaction settles."""

    rows: int
    members: int


ON_SQLITE: Final = Limits(15_000, 2_000)
"""A chat answer waits for the one writer: well under 300 ms."""
ON_POSTGRESQL: Final = Limits(100_000, 10_000)
"""Only changes to the very orders that are being settled wait; many rows at once touch each page less often."""
OF_ONE_MEMBER: Final = 20_000
"""Who has more than this due gets an entry for each so many, on both databases alike."""


class InTransaction(Protocol):
    """Runs a function of a session in one transaction of its own and returns what it returned."""

    def __call__(self, work: Callable[[Session], T], /) -> T: ...


class SettlementInFuture(Refusal):
    """Nothing can be settled before its time. Says until when it can: `now`."""

    code = "settlement_in_future"


@dataclass(slots=True)
class Settled:
    """What one run made payable: commissions, and minor units by currency. `set_aside` are the members whose
    commissions could not be settled, by external id; everybody else's were."""

    made_payable: int = 0
    amounts: dict[str, int] = field(default_factory=dict)
    set_aside: list[str] = field(default_factory=list)


class _Due(NamedTuple):
    """Somebody with something due: `rows` commissions when the work was planned."""

    member: int
    member_id: str
    rows: int


class _Taken(NamedTuple):
    member: int
    member_id: str
    rows: int
    amount: int


def settle(write: InTransaction, read: InTransaction, *, as_of: datetime, now: datetime) -> Settled:
    """Make payable every commission that is due at or before `as_of` and neither held nor under an open case.

    Each portion of members is one transaction. Killed anywhere and run again for the same `as_of`, the books end
    as those of an uninterrupted run. A portion that fails is halved until the member at fault stands alone, is set
    aside and reported to the operators. Raises SettlementInFuture.
    """
    if as_of > now:
        raise SettlementInFuture(as_of=as_of, now=now)
    currency, limits, due = read(lambda db: (_currency(db), _limits(db), _due_members(db, as_of)))
    settled = Settled()
    todo = list(_portions(due, limits))[::-1]
    while todo:
        portion = todo.pop()
        try:
            taken = write(partial(_settle_portion, portion=portion, currency=currency, as_of=as_of, now=now))
        except (IntegrityError, DataError, ValueError) as error:
            if len(portion) > 1:
                half = len(portion) // 2
                todo += [portion[half:], portion[:half]]
            else:
                reason = str(error).splitlines()[0][:200]
                settled.set_aside.append(write(partial(_set_aside, who=portion[0], reason=reason, now=now)))
            continue
        for each in taken:
            settled.made_payable += each.rows
            settled.amounts[currency] = settled.amounts.get(currency, 0) + each.amount
        if len(portion) == 1 and sum(each.rows for each in taken) == OF_ONE_MEMBER:
            todo.append(portion)
    return settled


def _currency(db: Session) -> str:
    """The settlement currency: the one in which commissions are pending. A shop has one for good."""
    kinds = Account.kind == bookkeeping.Account.PENDING.value
    found = db.scalars(select(Account.currency).where(kinds).distinct()).all()
    if len(found) > 1:
        raise RuntimeError(f"commissions are pending in more than one currency: {', '.join(sorted(found))}")
    return found[0] if found else ""


def _limits(db: Session) -> Limits:
    return ON_POSTGRESQL if is_postgresql(db) else ON_SQLITE


def _is_due(as_of: datetime) -> ColumnElement[bool]:
    return Commission.settle_at.is_not(None) & (Commission.settle_at <= as_of)


def _due_members(db: Session, as_of: datetime) -> list[_Due]:
    due = (
        select(Commission.member_id, func.count().label("rows"))
        .where(_is_due(as_of))
        .group_by(Commission.member_id)
        .subquery()
    )
    rows = db.execute(
        select(Member.id, Member.member_id, due.c.rows).join(due, due.c.member_id == Member.id).order_by(Member.id)
    )
    return [_Due(*row) for row in rows]


def _portions(due: Sequence[_Due], limits: Limits) -> Iterator[list[_Due]]:
    """Cut those with something due into portions that respect both limits; a single member may exceed one."""
    portion: list[_Due] = []
    rows = 0
    for each in due:
        if portion and (rows + each.rows > limits.rows or len(portion) >= limits.members):
            yield portion
            portion, rows = [], 0
        portion.append(each)
        rows += each.rows
    if portion:
        yield portion


def _settle_portion(
    db: Session, portion: Sequence[_Due], currency: str, as_of: datetime, now: datetime
) -> list[_Taken]:
    one_at_a_time(db, "settlement")  # lest two of them give a member's entries the same number
    taken = _take(db, portion, as_of)
    causes = _causes(db, [each.member_id for each in taken], as_of)
    ledger.post(
        db,
        [bookkeeping.due(causes[each.member_id], {each.member: each.amount}, currency) for each in taken],
        at=as_of,
        now=now,
    )
    outbox.put_all(
        db,
        [
            notices.commission_payable(
                Reader(each.member, each.member_id), causes[each.member_id], Money(each.amount, currency)
            )
            for each in taken
        ],
        now=now,
    )
    return taken


def _take(db: Session, portion: Sequence[_Due], as_of: datetime) -> list[_Taken]:
    """Mark the portion's due commissions as settled and return what they come to for each member.

    What is summed is what the same statement marked, whoever else is writing.
    """
    rows = _is_due(as_of) & Commission.member_id.between(portion[0].member, portion[-1].member)
    if len(portion) == 1 and portion[0].rows > OF_ONE_MEMBER:
        first = select(Commission.id).where(rows).order_by(Commission.id).limit(OF_ONE_MEMBER)
        rows &= Commission.id.in_(first)
    marked = (
        update(Commission)
        .where(rows)
        .values(settled_as_of=as_of, settle_at=None)
        .returning(Commission.member_id, LEFT.label("left"))
        .execution_options(synchronize_session=False)
    )
    sums = _sums(db, marked)
    names = {each.member: each.member_id for each in portion}
    missing = sorted(set(sums) - set(names))  # somebody became due between the plan and now
    if missing:
        named = select(Member.id, Member.member_id).where(Member.id.in_(missing))
        names.update((row.id, row.member_id) for row in db.execute(named))
    return [_Taken(member, names[member], *sums[member]) for member in sorted(sums)]


def _sums(db: Session, marked: ReturningUpdate[int, int]) -> dict[int, tuple[int, int]]:
    """Return by member how many rows `marked` updates and what is left of them together."""
    if is_postgresql(db):
        each = marked.cte("marked")
        total = cast(func.sum(each.c.left), BigInteger)
        grouped = select(each.c.member_id, func.count(), total).group_by(each.c.member_id)
        return {member: (rows, amount) for member, rows, amount in db.execute(grouped)}
    sums: dict[int, tuple[int, int]] = {}
    for member, left in db.connection().execute(marked):
        rows, amount = sums.get(member, (0, 0))
        sums[member] = rows + 1, amount + left
    return sums


def _causes(db: Session, member_ids: Sequence[str], as_of: datetime) -> Mapping[str, str]:
    """Name each member's settlement: its instant, the member, and a number that is 1 unless more became due for the
    same instant after it had been settled (an order reported late, a hold released)."""
    instant = f"{as_of.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}".replace(".000000", "")
    causes: dict[str, str] = {}
    missing, number = list(member_ids), 0
    while missing:
        number += 1
        keys = {bookkeeping.due_key(f"{instant}/{number}/{each}"): each for each in missing}
        taken = {key for part in chunks(list(keys)) for key in db.scalars(select(Entry.key).where(Entry.key.in_(part)))}
        causes.update({each: f"{instant}/{number}/{each}" for key, each in keys.items() if key not in taken})
        missing = [keys[key] for key in taken]
    return causes


def _set_aside(db: Session, who: _Due, reason: str, now: datetime) -> str:
    said = words("alert.settlement_set_aside", member=who.member_id, reason=reason)
    alerts.raise_alert(db, f"settlement_set_aside:{who.member_id}", said, now=now)
    return who.member_id
