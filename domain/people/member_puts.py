"""Members as scripts and files send them: made or changed by the list, sponsors in any order, nobody twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, tuple_, update
from sqlalchemy.orm import Session

from domain import audit_log, sql
from domain.items import CREATED, UNCHANGED, UPDATED, Item, PutResult, read, rounds
from domain.messages import ways
from domain.people import network
from domain.people.member_rules import DEFAULTS, FIELDS, Account, Put, World, decide
from domain.schema import Contact, Member

_MEMBER = cast(Table, Member.__table__)


def put_members(db: Session, items: Sequence[object], *, actor: str, now: datetime) -> list[PutResult]:
    """Make or change the members of `items`, each a mapping as `PUT /members` takes it; one result for each.

    Fields left out stay, null goes back to what a new member has. A refused item changes nothing. A sponsor may come
    anywhere in the list; of a circle the last item is refused. A member that comes twice is dealt with twice, in order.
    """
    network.lock(db)
    read_items = [read(item, FIELDS, keys=["member_id"], defaults=DEFAULTS) for item in items]
    results = {position: item.refused() for position, item in enumerate(read_items) if item.errors}
    sound = [(position, item) for position, item in enumerate(read_items) if not item.errors]
    for turn in rounds(sound, lambda pair: pair[1].id):
        done = _put_round(db, [item for _, item in turn], actor=actor, now=now)
        results |= {position: result for (position, _), result in zip(turn, done, strict=True)}
    return [results[position] for position in range(len(read_items))]


def _put_round(db: Session, items: Sequence[Item], *, actor: str, now: datetime) -> list[PutResult]:
    puts = _stored(db, items)
    decide(puts, lambda complete: _world(db, complete))
    accepted = [put for put in puts if not put.item.errors]
    status = {put.member_id: CREATED if put.id is None else UPDATED if put.changes else UNCHANGED for put in accepted}
    _write(db, [put for put in accepted if put.changes], now=now)
    for put in _link(db, accepted, now=now):
        if status[put.member_id] == UNCHANGED:
            status[put.member_id] = UPDATED
    changed = [put for put in accepted if status[put.member_id] != UNCHANGED]
    audit_log.record_all(db, [_change(put, status[put.member_id]) for put in changed], actor=actor, now=now)
    return [put.item.refused() if put.item.errors else PutResult(put.member_id, status[put.member_id]) for put in puts]


def _stored(db: Session, items: Sequence[Item]) -> list[Put]:
    rows: dict[str, Mapping[str, Any]] = {}
    for part in sql.chunks([item.id for item in items]):
        mine = select(_MEMBER).where(_MEMBER.c.member_id.in_(part)).order_by(_MEMBER.c.id).with_for_update()
        rows |= {row.member_id: row._mapping for row in db.execute(mine)}
    names = _names(db, {row["sponsor_id"] for row in rows.values() if row["sponsor_id"] is not None})
    puts = []
    for item in items:
        row = rows.get(item.id)
        if row is None:
            puts.append(Put(item, None, DEFAULTS, None))
        else:
            puts.append(Put(item, row["id"], {name: row[name] for name in DEFAULTS}, names.get(row["sponsor_id"])))
    return puts


def _names(db: Session, ids: Collection[int]) -> dict[int | None, str]:
    return {
        row.id: row.member_id
        for part in sql.chunks(sorted(ids))
        for row in db.execute(select(Member.id, Member.member_id).where(Member.id.in_(part)))
    }


def _people(db: Session, member_ids: Collection[str]) -> dict[str, tuple[int, str]]:
    """Id and role by member id."""
    return {
        row.member_id: (row.id, row.role)
        for part in sql.chunks(sorted(member_ids))
        for row in db.execute(select(Member.id, Member.member_id, Member.role).where(Member.member_id.in_(part)))
    }


def _world(db: Session, puts: Sequence[Put]) -> World:
    own = {put.member_id: (put.id, str(put.before["role"])) for put in puts if put.id is not None}
    people = own | _people(db, {put.sponsor for put in puts if put.moves and put.sponsor} - own.keys())
    leaving = {put.id for put in puts if put.id and put.before["role"] != "customer" == put.after["role"]}
    return World(
        roles={name: role for name, (_, role) in people.items()},
        sponsors=_tree(db, puts, [member for member, _ in people.values()]),
        downline=_downline(db, leaving),
        buyers=_buyers(db, {put.after["buyer_id"] for put in puts if put.after["buyer_id"] != put.before["buyer_id"]}),
        accounts=_accounts(db, {put.account for put in puts if not put.item.errors and put.account}),
    )


def _tree(db: Session, puts: Sequence[Put], starts: Collection[int]) -> dict[str, str | None]:
    if all(put.id is None for put in puts if put.moves):
        return {}  # nobody stands below somebody new
    tree = network.ancestors(db, starts)
    names = _names(db, tree)
    return {names[member]: names.get(above) for member, above in tree.items()}


def _downline(db: Session, ids: Collection[int]) -> dict[str, set[str]]:
    upper = _MEMBER.alias("upper")
    found: dict[str, set[str]] = {}
    for part in sql.chunks(sorted(ids)):
        below = select(upper.c.member_id.label("sponsor"), Member.member_id).where(Member.sponsor_id.in_(part))
        for row in db.execute(below.join(upper, upper.c.id == Member.sponsor_id)):
            found.setdefault(row.sponsor, set()).add(row.member_id)
    return found


def _buyers(db: Session, buyers: Collection[str | None]) -> dict[str, str]:
    return {
        row.buyer_id: row.member_id
        for part in sql.chunks(sorted(buyer for buyer in buyers if buyer is not None))
        for row in db.execute(select(Member.buyer_id, Member.member_id).where(Member.buyer_id.in_(part)))
    }


def _accounts(db: Session, accounts: Collection[Account]) -> dict[Account, str]:
    return {
        (row.channel, row.account): row.member_id
        for part in sql.chunks(sorted(accounts))
        for row in db.execute(
            select(Contact.channel, Contact.account, Member.member_id)
            .join(Member, Member.id == Contact.member_id)
            .where(tuple_(Contact.channel, Contact.account).in_(part))
        )
    }


def _write(db: Session, puts: Sequence[Put], *, now: datetime) -> None:
    stored = [put for put in puts if put.id is not None and put.after != put.before]
    released = [put.id for put in stored if put.after["buyer_id"] != put.before["buyer_id"] is not None]
    for part in sql.chunks(released):  # first, so that somebody else in the list can have it
        db.execute(update(_MEMBER).where(_MEMBER.c.id.in_(part)).values(buyer_id=None))
    if stored:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in DEFAULTS}
        db.execute(
            update(_MEMBER).where(_MEMBER.c.id == bindparam("whose")).values(values),
            [{"whose": put.id, **{f"new_{name}": put.after[name] for name in DEFAULTS}} for put in stored],
        )
    new = {put.member_id: put for put in puts if put.id is None}
    rows = [{"member_id": name, "operator": False, "joined_at": now, **put.after} for name, put in new.items()]
    moving = [put for put in puts if put.moves]
    for row in sql.insert_ignore(db, Member, rows, returning=("id", "member_id")):
        new[row.member_id].id = row.id
    people = _people(db, {put.sponsor for put in moving if put.sponsor})
    network.set_sponsors(db, {put.id: people[put.sponsor][0] if put.sponsor else None for put in moving if put.id})


def _link(db: Session, puts: Sequence[Put], *, now: datetime) -> list[Put]:
    """Link chat accounts, met before or not, and let go of others; returns whose accounts changed."""
    changed = []
    for put in puts:
        if put.unlinks:
            mine = update(Contact).where(Contact.member_id == put.id).values(member_id=None)
            channel = put.item.values.get("channel")
            if channel is not None:
                mine = mine.where(Contact.channel == channel)
            if gone := db.scalars(mine.returning(Contact.id)).all():
                ways.forget(db, gone)
                changed.append(put)
    wanted = {put.account: put for put in puts if put.account}
    met = {"name": "", "state": {}, "first_seen_at": now, "seen_at": now}
    rows = [{"channel": channel, "account": account, **met} for channel, account in sorted(wanted)]
    sql.insert_ignore(db, Contact, rows, key=["channel", "account"])
    for part in sql.chunks(sorted(wanted)):
        loose = select(Contact.id, Contact.channel, Contact.account).where(
            tuple_(Contact.channel, Contact.account).in_(part), Contact.member_id.is_(None)
        )
        for row in db.execute(loose).all():
            put = wanted[row.channel, row.account]
            db.execute(update(Contact).where(Contact.id == row.id).values(member_id=put.id))
            changed.append(put)
    return changed


def _change(put: Put, status: str) -> tuple[str, str, Any, Any]:
    fields = [name for name in DEFAULTS if put.after[name] != put.before[name]]
    before = {name: put.before[name] for name in fields}
    after: dict[str, Any] = {name: put.after[name] for name in fields}
    if put.moves:
        before["sponsor_id"], after["sponsor_id"] = put.sponsor_before, put.sponsor
    if "account" in put.item.values:
        after |= {"channel": put.item.values.get("channel"), "account": put.item.values["account"]}
    return ("member.put", f"member:{put.member_id}", None if status == CREATED else before, after)
