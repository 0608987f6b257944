"""The people behind an order: whose code it carries, whom its buyer is bound to, who stands above the seller."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, bindparam, exists, func, select, union_all
from sqlalchemy.orm import Session, aliased

from domain.bulk import among
from domain.messages.notices import Reader
from domain.money.commission import LEVELS, Earner
from domain.money.plan import Plan
from domain.roles import SELLERS
from domain.sales import attribution
from domain.schema import Binding, Link, Member, Order


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
    Member.id,  # type: ignore[assignment]
    Member.member_id,
    Member.name,
    Member.role,
    Member.status,
    Member.buyer_id,
    Member.sponsor_id,
    Member.sponsor2_id,
    Member.sponsor3_id,
    Member.mode,
    Member.member_class,
    Member.split_bp,
    Member.tier,
    exists().where(Order.credited_id == Member.id),
)


_BY_CODE: Final = select(Link.code, *_PERSON).join(Member, Member.id == Link.member_id).where(among(Link.code, "codes"))


def by_code(db: Session, codes: Collection[str]) -> dict[str, Person]:
    """Return the member each code belongs to, whatever the code was made for."""
    if not codes:
        return {}
    rows = db.connection().execute(_BY_CODE, {"codes": codes})
    return {row[0]: _person(row[1:]) for row in rows}


_before = aliased(Binding)
_newest = select(func.max(_before.bound_at)).where(
    _before.buyer_id == Binding.buyer_id, _before.bound_at <= bindparam("first", type_=Binding.bound_at.type)
)
_BOUND: Final = (
    select(Binding.buyer_id, Binding.bound_at, *_PERSON)
    .join(Member, Member.id == Binding.member_id)
    .where(
        among(Binding.buyer_id, "buyers"),
        Binding.bound_at <= bindparam("last", type_=Binding.bound_at.type),
        Binding.bound_at >= func.coalesce(_newest.scalar_subquery(), Binding.bound_at),
    )
    .order_by(Binding.order_id)
)


def bound(
    db: Session, buyers: Collection[str], first: datetime, last: datetime
) -> dict[str, list[tuple[attribution.Binding, Person]]]:
    """Return the bindings of each buyer that are the newest at some instant from `first` to `last`, as recorded."""
    if not buyers:
        return {}
    found: dict[str, list[tuple[attribution.Binding, Person]]] = {}
    for row in db.connection().execute(_BOUND, {"buyers": buyers, "first": first, "last": last}):
        person = _person(row[2:])
        binding = attribution.Binding(row[1], person.id, person.live)
        found.setdefault(row[0], []).append((binding, person))
    return found


_BY_ID: Final = select(*_PERSON).where(among(Member.id, "ids"))
_BY_ID_OR_BUYER: Final = union_all(_BY_ID, select(*_PERSON).where(among(Member.buyer_id, "buyers")))


def people(db: Session, ids: Collection[int], buyers: Collection[str] = ()) -> dict[int, Person]:
    """Return the members of these ids and those whose own customer id is among `buyers`."""
    if not ids and not buyers:
        return {}
    wanted = {"ids": ids, "buyers": buyers} if buyers else {"ids": ids}
    rows = db.connection().execute(_BY_ID_OR_BUYER if buyers else _BY_ID, wanted)
    return {row[0]: _person(row) for row in rows}


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


def _person(row: Sequence[Any]) -> Person:
    id_, member_id, name, role, status, buyer_id, sponsor, second, third, mode, class_, split_bp, tier, sold = row
    live = status == "active" and role in SELLERS
    earner = Earner(id_, live, mode == "independent", class_, split_bp, tier)
    return Person(id_, member_id, name, live, buyer_id, (sponsor, second, third), earner, sold)
