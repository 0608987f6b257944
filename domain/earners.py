"""The people behind an order: whose code it carries, whom its buyer is bound to, who stands above the seller."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from domain import attribution
from domain.commission import LEVELS, Earner
from domain.member_rules import SELLERS
from domain.notices import Reader
from domain.plan import Plan
from domain.schema import Binding, Link, Member, Order
from domain.sql import chunks


class Person(NamedTuple):
    """A member as stored now, with all that decides about earning. `sold_before`: some order is credited to them."""

    id: int
    member_id: str
    name: str
    live: bool
    buyer_id: str | None
    sponsors: tuple[int | None, int | None, int | None]
    earner: Earner
    sold_before: bool

    @property
    def reader(self) -> Reader:
        return Reader(self.id, self.member_id)


_PERSON: Final[tuple[ColumnElement[Any], ...]] = (
    Member.id.label("its_id"),  # type: ignore[assignment]
    Member.member_id,
    Member.name,
    Member.role,
    Member.status,
    Member.buyer_id.label("its_buyer_id"),
    Member.sponsor_id,
    Member.sponsor2_id,
    Member.sponsor3_id,
    Member.mode,
    Member.member_class,
    Member.split_bp,
    Member.tier,
    exists().where(Order.credited_id == Member.id).label("sold_before"),
)


def by_code(db: Session, codes: Collection[str]) -> dict[str, Person]:
    """Return the member each code belongs to, whatever the code was made for."""
    if not codes:
        return {}
    rows = db.execute(select(Link.code, *_PERSON).join(Member, Member.id == Link.member_id).where(Link.code.in_(codes)))
    return {row.code: _person(row) for row in rows}


def bound(
    db: Session, buyers: Collection[str], first: datetime, last: datetime
) -> dict[str, list[tuple[attribution.Binding, Person]]]:
    """Return the bindings of each buyer that are the newest at some instant from `first` to `last`, as recorded."""
    if not buyers:
        return {}
    before = aliased(Binding)
    newest = select(func.max(before.bound_at)).where(before.buyer_id == Binding.buyer_id, before.bound_at <= first)
    rows = db.execute(
        select(Binding.buyer_id, Binding.bound_at, *_PERSON)
        .join(Member, Member.id == Binding.member_id)
        .where(
            Binding.buyer_id.in_(buyers),
            Binding.bound_at <= last,
            Binding.bound_at >= func.coalesce(newest.scalar_subquery(), Binding.bound_at),
        )
        .order_by(Binding.order_id)
    )
    found: dict[str, list[tuple[attribution.Binding, Person]]] = {}
    for row in rows:
        person = _person(row)
        binding = attribution.Binding(row.bound_at, person.id, person.live)
        found.setdefault(row.buyer_id, []).append((binding, person))
    return found


def people(db: Session, ids: Collection[int], buyers: Collection[str] = ()) -> dict[int, Person]:
    """Return the members of these ids and those whose own customer id is among `buyers`."""
    found: dict[int, Person] = {}
    wanted = sorted(ids)
    for part in chunks(wanted) if wanted else [[]]:
        which = or_(Member.id.in_(part), Member.buyer_id.in_(buyers)) if buyers else Member.id.in_(part)
        if part or buyers:
            found.update((row.its_id, _person(row)) for row in db.execute(select(*_PERSON).where(which)))
    return found


def chains(
    db: Session, credited: Iterable[tuple[Person, Plan]], known: Mapping[int, Person]
) -> dict[int, list[Person]]:
    """Return for each credited member the chain upwards from it: three, and more where `pass_up` has to look further.

    `known` holds the sponsors and sponsors' sponsors of all of them.
    """
    known = dict(known)
    found: dict[int, list[Person]] = {}
    asking: dict[int, Plan] = {}
    for person, plan in credited:
        known[person.id] = person
        if person.id not in asking or plan.compression == "pass_up":
            asking[person.id] = plan
    while asking:
        missing: set[int] = set()
        for id_, plan in list(asking.items()):
            chain, next_ids = _walk(known[id_], plan, known)
            if next_ids:
                missing |= next_ids
            else:
                found[id_] = chain
                del asking[id_]
        if missing:
            known.update(people(db, missing))
    return found


def _walk(seller: Person, plan: Plan, known: Mapping[int, Person]) -> tuple[list[Person], set[int]]:
    """Walk upwards as far as the plan asks for; also return whom to read before it can go on."""
    chain = [seller]
    living = 1
    while living < LEVELS and (above := chain[-1].sponsors[0]) is not None:
        if len(chain) >= LEVELS and plan.compression != "pass_up":
            break
        if above not in known:
            return chain, {each for each in chain[-1].sponsors if each is not None and each not in known}
        chain.append(known[above])
        living += known[above].live
    return chain, set()


def sponsors_of(persons: Iterable[Person]) -> set[int]:
    """Return the two sponsors above each that a chain of three needs."""
    return {sponsor for person in persons for sponsor in person.sponsors[: LEVELS - 1] if sponsor is not None}


def _person(row: Row[Any]) -> Person:
    live = row.status == "active" and row.role in SELLERS
    split: Sequence[int] | None = row.split_bp
    earner = Earner(row.its_id, live, row.mode == "independent", row.member_class, split, row.tier)
    sponsors = (row.sponsor_id, row.sponsor2_id, row.sponsor3_id)
    return Person(row.its_id, row.member_id, row.name, live, row.its_buyer_id, sponsors, earner, row.sold_before)
