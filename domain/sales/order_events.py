"""Every order event the shop sends, taken in once: applied, kept waiting for its payment, recognised, or refused.

Events that came together are dealt with together, in a few statements for all payments among them; each is answered by
itself, and one that is wrong harms no other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Table, bindparam, select, text, union_all, update
from sqlalchemy.orm import Session

from domain.bulk import among, insert_all
from domain.errors import NotFound
from domain.items import FieldError
from domain.messages import notices
from domain.money import plans
from domain.money.order_batch import Batch
from domain.sales import order_data, order_steps, payments, reasons
from domain.sales.order_data import Event, EventInvalid, IncomingEvent
from domain.schema import OrderEvent
from domain.schema.sales import EVENT_REFUSED, EVENT_REMEMBERED
from domain.sql import each_at_a_time

APPLIED, DUPLICATE, WAITING, UNAPPLIED = "applied", "duplicate", "waiting", "unapplied"
CONFLICT, REFUSED, RETRIED = "conflict", "refused", "retried"

MOST_TOGETHER: Final = 64
"""So many events are dealt with at once; more come in turns."""

_EVENT = cast(Table, OrderEvent.__table__)


@dataclass(frozen=True, slots=True)
class EventResult:
    """What an event is answered: applied, duplicate, waiting, conflict (409) or refused (422, with `errors`)."""

    status: str
    errors: tuple[FieldError, ...] = ()


class RefusedEvent(NamedTuple):
    """An event that an operator should look at. `waited`: it was answered 202 and proved invalid later."""

    id: int
    webhook_id: str
    type: str
    order_id: str
    data: Any
    errors: tuple[FieldError, ...]
    waited: bool
    received_at: datetime


class _Seen(NamedTuple):
    id: int
    webhook_id: str
    type: str
    order_id: str
    fact: str | None
    fingerprint: str
    status: str

    @property
    def once(self) -> tuple[str, str | None]:
        return self.order_id, self.fact


@dataclass(slots=True)
class _Item:
    """One event on its way; `event` is None if it could not be read."""

    incoming: IncomingEvent
    order_id: str
    event: Event | None = None
    result: EventResult | None = None


def record_events(
    db: Session, events: Sequence[IncomingEvent], *, now: datetime, settlement_currency: str
) -> list[EventResult]:
    """Take in events that came together and answer each, in the order given.

    Events of one order take effect in the order given, whatever their number. The caller commits.
    """
    items = [_read(incoming) for incoming in events]
    rest = items
    while rest:
        together, rest = _together(rest)
        _take_in(db, together, Batch(now, settlement_currency))
    return [item.result for item in items if item.result is not None]


def _read(incoming: IncomingEvent) -> _Item:
    try:
        event = order_data.read_all(incoming)
    except EventInvalid as invalid:
        order_id = order_data.order_id_of(incoming.data)
        return _Item(order_data.storable(incoming), order_id, result=EventResult(REFUSED, tuple(invalid.errors)))
    return _Item(incoming, event.order_id, event)


def _together(items: Sequence[_Item]) -> tuple[list[_Item], list[_Item]]:
    """Cut off what can be dealt with at once: nothing that repeats another, no payment after an event of its order."""
    together: list[_Item] = []
    later: list[_Item] = []
    ids: set[str] = set()
    facts: set[tuple[str, str | None]] = set()
    begun: set[str] = set()
    put_off: set[str] = set()
    for item in items:
        event, order_id = item.event, item.order_id
        fact = (order_id, event.fact if event and event.fact else None)
        repeats = item.incoming.webhook_id in ids or (fact[1] is not None and fact in facts)
        overtakes = order_id in put_off or (event is not None and event.type == "order.paid" and order_id in begun)
        if repeats or overtakes or len(together) == MOST_TOGETHER:
            later.append(item)
            put_off.add(order_id)
            continue
        together.append(item)
        ids.add(item.incoming.webhook_id)
        facts.add(fact)
        begun.add(order_id)
    return together, later


def _take_in(db: Session, items: Sequence[_Item], batch: Batch) -> None:
    webhook_ids = {item.incoming.webhook_id for item in items}
    read = [item.event for item in items if item.event]
    orders = {event.order_id for event in read}
    _lock(db, webhook_ids, read)
    seen = _seen(db, webhook_ids, orders)
    ids = {row.webhook_id: row for row in seen if row.status not in (REFUSED, RETRIED)}
    facts = {row.once: row for row in seen if row.fact and row.status in (APPLIED, WAITING)}
    for item in items:
        _recognise(item, ids, facts)
    new = [item for item in items if item.event and item.result is None]
    recorded = {order_id for order_id, fact in facts if fact == "paid"}
    recorded |= _record_payments(db, [item for item in new if item.event and item.event.fact == "paid"], batch)
    waiting = [row for row in seen if row.status == WAITING and row.order_id in recorded]
    later = [item for item in new if item.result is None]
    if waiting or any(item.order_id in recorded for item in later):
        known = order_steps.known(db, {row.order_id for row in waiting} | {item.order_id for item in later})
        _apply_waiting(db, waiting, known, batch)
    else:
        known = {}
    for item in later:
        item.result = _apply(db, known, cast(Event, item.event), batch)
    _keep(db, items, seen, batch.now)
    batch.write(db)


def _lock(db: Session, webhook_ids: Iterable[str], events: Sequence[Event]) -> None:
    names = [f"webhook:{webhook_id}" for webhook_id in webhook_ids]
    names += [order_lock(event.order_id) for event in events]
    names += [f"buyer:{event.data['buyer_id']}" for event in events if event.data.get("buyer_id")]
    each_at_a_time(db, names, shared=plans.LOCK)


def order_lock(order_id: str) -> str:
    """The lock under which an order is changed."""
    return f"order:{order_id}"


_KNOWN = select(
    OrderEvent.id,
    OrderEvent.webhook_id,
    OrderEvent.type,
    OrderEvent.order_id,
    OrderEvent.fact,
    OrderEvent.fingerprint,
    OrderEvent.status,
)
# The conditions are spelled out, not bound: SQLite uses a partial index only where the query repeats its condition.
_SEEN: Final = union_all(
    _KNOWN.where(among(OrderEvent.webhook_id, "webhook_ids"), text(EVENT_REMEMBERED)),
    _KNOWN.where(among(OrderEvent.webhook_id, "webhook_ids"), text(EVENT_REFUSED)),
    _KNOWN.where(among(OrderEvent.order_id, "orders")),
)


def _seen(db: Session, webhook_ids: Collection[str], orders: Collection[str]) -> list[_Seen]:
    """Return what is known of these webhook ids and orders, in the order of arrival."""
    rows = db.connection().execute(_SEEN, {"webhook_ids": webhook_ids, "orders": orders})
    found = {row[0]: _Seen(*row) for row in rows}
    return [found[id_] for id_ in sorted(found)]


def _recognise(item: _Item, ids: dict[str, _Seen], facts: dict[tuple[str, str | None], _Seen]) -> None:
    """Answer what was seen before: the same webhook id, or what can happen to an order only once."""
    said = item.event.fingerprint if item.event else None
    before = {"webhook-id": ids.get(item.incoming.webhook_id)}
    if item.event and item.event.fact:
        before[item.event.fact.partition(":")[0]] = facts.get((item.event.order_id, item.event.fact))
    known = {name: row for name, row in before.items() if row}
    other = [
        FieldError(name, "was told before, with other content")
        for name, row in known.items()
        if row.fingerprint != said
    ]
    if other:
        item.result = EventResult(CONFLICT, tuple(other))
    elif known:
        item.result = EventResult(DUPLICATE)


def _record_payments(db: Session, items: Sequence[_Item], batch: Batch) -> set[str]:
    """Record the payments and return the orders that there are now."""
    events = [item.event for item in items if item.event]
    if not events:
        return set()
    refused = payments.record(db, events, batch)
    for item in items:
        errors = refused.get(item.order_id)
        item.result = EventResult(REFUSED, errors) if errors else EventResult(APPLIED)
    return {event.order_id for event in events if event.order_id not in refused}


def _apply_waiting(db: Session, waiting: Sequence[_Seen], known: dict[str, order_steps.Known], batch: Batch) -> None:
    """Apply, in the order of their arrival, events whose payment has come; what proves invalid is for an operator."""
    if not waiting:
        return
    data = {
        row.id: row.data
        for row in db.execute(
            select(OrderEvent.id, OrderEvent.data).where(OrderEvent.id.in_([row.id for row in waiting]))
        )
    }
    for row in waiting:
        result = _apply(db, known, order_data.read(row.type, data[row.id]), batch)
        status = APPLIED if result.status == APPLIED else UNAPPLIED
        reasons = _reasons(result.errors)
        db.execute(update(OrderEvent).where(OrderEvent.id == row.id).values(status=status, reasons=reasons))
        if result.errors:
            _alert(db, row.webhook_id, row.order_id, row.type, data[row.id], result.errors, batch.now)


def _apply(db: Session, known: dict[str, order_steps.Known], event: Event, batch: Batch) -> EventResult:
    order = known.get(event.order_id)
    if order is None:
        return EventResult(WAITING)
    try:
        order_steps.apply(db, order, event, batch)
    except EventInvalid as invalid:
        return EventResult(REFUSED, tuple(invalid.errors))
    return EventResult(APPLIED)


def _keep(db: Session, items: Sequence[_Item], seen: Sequence[_Seen], now: datetime) -> None:
    """Remember what was answered 200 or 202, and keep what was refused for the operator."""
    refused_before = {(row.webhook_id, row.fingerprint): row.id for row in seen if row.status == REFUSED}
    remembered = {row.webhook_id for row in seen if row.status not in (REFUSED, RETRIED)}
    rows: list[dict[str, Any]] = []
    settled: list[str] = []
    again: list[dict[str, Any]] = []
    for item in items:
        result = cast(EventResult, item.result)
        webhook_id = item.incoming.webhook_id
        if result.status == CONFLICT or (result.status == DUPLICATE and webhook_id in remembered):
            continue
        row = _row(item, result, now)
        if result.status == REFUSED and (before := refused_before.get((webhook_id, row["fingerprint"]))):
            again.append({"its_id": before, "its_reasons": row["reasons"]})  # when it was received stays
        else:
            rows.append(row)
        if result.status != REFUSED:
            settled.append(webhook_id)
    insert_all(db, OrderEvent, rows)
    if again:
        statement = _EVENT.update().where(_EVENT.c.id == bindparam("its_id"))
        statement = statement.values(reasons=bindparam("its_reasons"))
        db.connection().execute(statement, again)
    for item in items:
        if item.result and item.result.status == REFUSED:
            incoming = item.incoming
            _alert(db, incoming.webhook_id, item.order_id, incoming.type, incoming.data, item.result.errors, now)
    came_right = {row.webhook_id for row in seen if row.status == REFUSED} & set(settled)
    if came_right:
        gone = (OrderEvent.webhook_id.in_(came_right), OrderEvent.status == REFUSED)
        db.execute(update(OrderEvent).where(*gone).values(status=RETRIED))
        for webhook_id in sorted(came_right):
            notices.event_came_right(db, webhook_id, now=now)
        if db.execute(select(OrderEvent.id).where(text(EVENT_REFUSED)).limit(1)).first() is None:
            notices.event_came_right(db, "many", now=now)


def _alert(
    db: Session, webhook_id: str, order_id: str, type_: str, data: Any, errors: Sequence[FieldError], now: datetime
) -> None:
    reason = [reasons.told_at(error, data) for error in errors[:3]]
    open_ones = db.execute(select(OrderEvent.id).where(text(EVENT_REFUSED)).limit(notices.MOST_ALERTS + 1)).all()
    many = len(open_ones) > notices.MOST_ALERTS
    notices.event_refused(db, "many" if many else webhook_id, order_id, reasons.event_name(type_), reason, now=now)


def _row(item: _Item, result: EventResult, now: datetime) -> dict[str, Any]:
    event, incoming = item.event, item.incoming
    return {
        "webhook_id": incoming.webhook_id,
        "type": incoming.type,
        "order_id": item.order_id,
        "fact": event.fact if event else None,
        "data": event.data if event else incoming.data,
        "fingerprint": event.fingerprint if event else order_data.fingerprint(incoming.type, incoming.data),
        "status": result.status,
        "reasons": _reasons(result.errors),
        "received_at": now,
    }


def _reasons(errors: Sequence[FieldError]) -> list[dict[str, str]] | None:
    return [error._asdict() for error in errors] or None


def refused_events(db: Session, *, limit: int = 100, after: int | None = None) -> list[RefusedEvent]:
    """Return the events that wait for an operator, the newest first; those before the event `after`."""
    wanted = select(OrderEvent).where(text(EVENT_REFUSED))
    if after is not None:
        wanted = wanted.where(OrderEvent.id < after)
    columns = (*RefusedEvent._fields[:5], "reasons", "status", "received_at")
    rows = db.execute(
        wanted.with_only_columns(*(getattr(OrderEvent, name) for name in columns))
        .order_by((OrderEvent.id + 0).desc())  # the few that are refused, not all events from the newest on
        .limit(limit)
    )
    return [
        RefusedEvent(
            row.id,
            row.webhook_id,
            row.type,
            row.order_id,
            row.data,
            tuple(FieldError(**reason) for reason in row.reasons or ()),
            row.status == UNAPPLIED,
            row.received_at,
        )
        for row in rows
    ]


def retry_event(db: Session, id_: int, *, now: datetime, settlement_currency: str) -> EventResult:
    """Judge a refused event anew, as if it came now; if it is still wrong it stays where it is."""
    row = db.execute(
        select(OrderEvent.webhook_id, OrderEvent.type, OrderEvent.data, OrderEvent.status)
        .where(OrderEvent.id == id_, text(EVENT_REFUSED))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(what="event", id=id_)
    db.execute(update(OrderEvent).where(OrderEvent.id == id_).values(status=REFUSED))
    incoming = IncomingEvent(row.webhook_id, row.type, "", row.data)
    [result] = record_events(db, [incoming], now=now, settlement_currency=settlement_currency)
    if result.status in (REFUSED, CONFLICT):
        db.execute(update(OrderEvent).where(OrderEvent.id == id_).values(status=row.status))
    return result
