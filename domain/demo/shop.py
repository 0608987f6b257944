"""The demo shop: invented goods and people, and weeks of visits and orders that went through the real books."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from domain import wording
from domain.demo import goods as demo_goods
from domain.demo import people as demo_people
from domain.demo import trade as demo_trade
from domain.demo.people import DemoPerson
from domain.demo.trade import Happening, Market
from domain.mall import visits
from domain.messages import announcements, chat_history, outbox
from domain.messages.chat_history import CHANNEL
from domain.money import plans, rates, settlement
from domain.periods import business_day, days_up_to, format_instant, local_date
from domain.sales import holds, order_events
from domain.sales.order_data import IncomingEvent
from domain.schema import Announcement, Commission, Contact, Order, Outbox, Visit
from domain.sql import chunks
from domain.wording import Words
from domain.work import task_giving, task_templates, tasks

T = TypeVar("T")

MEMBERS: Final = 40
DAYS: Final = 35
ACTOR: Final = "demo"

_WITH_TASKS: Final = 3  # days
_HISTORY: Final = 14  # notices in a chat
_HISTORIES: Final = 200  # chats
_PLAN: Final = Path(__file__).with_name("plan.toml")

_ANNOUNCED: Final = (
    (
        18,
        "all",
        "【上新】薇芮安香氛到仓，宁波保税仓现货，付款后 48 小时内发出。",
        "New: VERIANNE fragrances have arrived, shipped within 48 hours.",
    ),
    (
        9,
        "distributors",
        "【素材】本周主推紫草修护精华：卖点和海报已更新，点「选品」就能拿。",
        "This week: the Gromwell Repair Serum. New selling points and poster are under Products.",
    ),
    (
        1,
        "all",
        "【物流】郑州保税仓周三上午盘点，周三的订单当天下午发出，不影响时效。",
        "Logistics: the Zhengzhou warehouse takes stock on Wednesday morning; orders leave the same afternoon.",
    ),
)


class InTransaction(Protocol):
    """Runs a function of a session in one transaction of its own and returns what it returned."""

    def __call__(self, work: Callable[[Session], T], /) -> T: ...


def build(
    write: InTransaction,
    read: InTransaction,
    *,
    members: int = MEMBERS,
    days: int = DAYS,
    seed: int = 1,
    now: datetime,
    zone: tzinfo,
    currency: str = "CNY",
) -> Mapping[str, int]:
    """Fill an empty database with `members` people and `days` business days up to `now`; return how much of what.

    In one transaction: a demo that is cut off while it loads leaves nothing behind. The same arguments give the same
    shop. Orders, visits and settlements take the ways that real ones take.
    """
    write(lambda db: _build(db, members, days, Random(seed), now, zone, currency))  # noqa: S311 - meant to repeat
    return read(_counts)


def _build(db: Session, members: int, days: int, rng: Random, now: datetime, zone: tzinfo, currency: str) -> None:
    dates = days_up_to(local_date(now, zone), days)
    start = min(business_day(dates[0], zone).start, now)
    demo_goods.load(db, rng, actor=ACTOR, now=start, currency=currency)
    if currency == "CNY":
        rate = {"currency": "USD", "from": format_instant(start - timedelta(days=1)), "rate": "7.1"}
        rates.put_rates(db, [rate], settlement_currency=currency, actor=ACTOR, now=start)
    plans.publish(db, _PLAN.read_text(encoding="utf-8"), effective_from=start, by=ACTOR, now=start)
    task_templates.seed(db)
    people = demo_people.cast_of(rng, members, days)
    ids = demo_people.load(db, rng, people, actor=ACTOR, start=start, now=now)
    links = demo_trade.make_links(db, rng, people, ids, now=start)
    _live_through(db, Market(rng, people, ids, links, zone, now, currency), dates)
    _decide(db, now)
    _deliver(db, people, ids)


def _live_through(db: Session, market: Market, dates: Sequence[date]) -> None:
    """Let the days go by, hour by hour towards the end: events as they come, settlement each day, tasks at last."""
    coming: list[Happening] = []
    for back, day in zip(range(len(dates) - 1, -1, -1), dates, strict=True):
        clicks, happenings = market.day(day)
        for part in chunks(clicks):
            visits.record_all(db, part)
        for happening in (*happenings, *market.told(day, back)):
            heappush(coming, happening)
        for at, what in _clockwork(day, back, market):
            _record(db, market, coming, until=at)
            what(db, at)
        if back:
            visits.roll_up(db, day)


def _clockwork(day: date, back: int, market: Market) -> Iterator[tuple[datetime, Callable[[Session, datetime], None]]]:
    """What the clock does on one day, in order, as far as it has come."""

    def wall(hour: int, minute: int = 0) -> datetime:
        return datetime.combine(day, time(hour, minute), market.zone)

    def assign(db: Session, at: datetime) -> None:
        reached: int | None = 0
        while reached is not None:
            reached = task_giving.assign(db, day, now=at, zone=market.zone, after=reached)

    def check(db: Session, at: datetime) -> None:
        tasks.check(db, day, now=at, zone=market.zone)

    def settle(db: Session, at: datetime) -> None:
        def inside(work: Callable[[Session], T], /) -> T:
            return work(db)

        settlement.settle(inside, inside, as_of=at, now=at)

    def announce(db: Session, at: datetime) -> None:
        for days_ago, audience, said, said_en in _ANNOUNCED:
            if days_ago == back:
                _announce(db, audience, said, said_en, at)

    def nothing(_db: Session, _at: datetime) -> None:
        """Events are taken in up to here."""

    recent = back < _WITH_TASKS
    points: list[tuple[datetime, Callable[[Session, datetime], None]]] = [(wall(10, 5), settle), (wall(11), announce)]
    if recent:
        points += [(wall(8, 30), assign), *((wall(hour), check) for hour in range(9, 24))]
        points += [(wall(hour, 30), nothing) for hour in range(24)]
    points = sorted(((at, what) for at, what in points if at <= market.now), key=lambda point: point[0])
    end = min(business_day(day, market.zone).end - timedelta(seconds=1), market.now)
    yield from ((at.astimezone(end.tzinfo), what) for at, what in points)
    yield end, settle if back == 0 else nothing


def _record(db: Session, market: Market, coming: list[Happening], *, until: datetime) -> None:
    """Take in what the shop sent up to `until`."""
    due: list[Happening] = []
    while coming and coming[0].at <= until:
        due.append(heappop(coming))
    for part in chunks(due, 500):
        results = order_events.record_events(
            db, [one.event for one in part], now=part[-1].at, settlement_currency=market.currency
        )
        wrong = [(one.event, result) for one, result in zip(part, results, strict=True) if result.status != "applied"]
        assert not wrong, wrong[0]


def _announce(db: Session, audience: str, said: str, said_en: str, at: datetime) -> None:
    number = announcements.schedule(db, said, audience, at, text_en=said_en, by="member:m-yun", now=at)
    while announcements.enqueue_chunk(db, number, now=at):
        pass


def _decide(db: Session, now: datetime) -> None:
    """Leave an operator something to look at: an order held, one denied, and an event that makes no sense."""
    recent = db.scalars(
        select(Order.order_id)
        .where(Order.decision == "none", Order.cancelled_at.is_(None), Order.completed_at.is_(None))
        .where(select(Commission.id).where(Commission.order_id == Order.id).exists())
        .order_by(Order.paid_at.desc(), Order.id)
        .limit(12)
    ).all()
    actor = "member:m-yun"
    if len(recent) > 4:
        holds.hold(db, recent[4], "收货人和分销商同名，等客服核实", actor=actor, now=now)
    if len(recent) > 11:
        holds.deny(db, recent[11], "买家确认是误下单，商城已协商关闭", actor=actor, now=now)
    data = {"order_id": "A-99001", "currency": "CNY", "paid_at": format_instant(now - timedelta(hours=3))}
    unknown = {**data, "items": [{"sku": "JP-OLD-001", "quantity": 1, "amount": 9900}]}
    event = IncomingEvent("demo-unknown-sku", "order.paid", format_instant(now), unknown)
    order_events.record_events(db, [event], now=now - timedelta(hours=3), settlement_currency="CNY")


def _deliver(db: Session, people: Sequence[DemoPerson], ids: Mapping[str, int]) -> None:
    """What the past days brought has been delivered: it stands in the chats and is not sent now."""
    chat = select(func.min(Contact.id)).where(Contact.member_id == Outbox.member_id).scalar_subquery()
    db.execute(
        update(Outbox)
        .where(text("state = 'queued'"))
        .values(state="sent", attempts=1, finished_at=Outbox.created_at, channel=CHANNEL, contact_id=chat)
        .execution_options(synchronize_session=False)
    )
    shown = [ids[one.member_id] for one in people[:_HISTORIES]]
    told: dict[int, list[Any]] = {}
    for row in db.execute(
        select(
            Outbox.contact_id,
            Outbox.text_key,
            Outbox.params,
            Outbox.created_at,
            Announcement.text,
            Announcement.text_en,
        )
        .outerjoin(Announcement, Announcement.id == Outbox.announcement_id)
        .where(Outbox.member_id.in_(shown), Outbox.state == "sent")
        .order_by(Outbox.created_at, Outbox.id)
    ):
        told.setdefault(row.contact_id, []).append(row)
    kept = sorted((row for rows in told.values() for row in rows[-_HISTORY:]), key=lambda row: row.created_at)
    chat_history.keep_all(
        db, [(row.contact_id, True, chat_history.notice(_words(row)), row.created_at) for row in kept]
    )


def _words(row: Any) -> Words:
    if row.text is not None:
        return outbox.announced(row.text, row.text_en)
    return Words(row.text_key, wording.from_json(row.params))


def _counts(db: Session) -> Mapping[str, int]:
    counted = {
        "members": select(func.count()).select_from(Contact).where(Contact.channel == CHANNEL),
        "visits": select(func.count()).select_from(Visit),
        "orders": select(func.count()).select_from(Order),
        "commissions": select(func.count()).select_from(Commission),
    }
    return {"products": len(demo_goods.products())} | {name: db.scalar(query) or 0 for name, query in counted.items()}
