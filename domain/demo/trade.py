"""The demo shop's trade: links passed on, visitors who follow them, and what some of them buy, day by day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from random import Random
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain import sql
from domain.codes import new_code
from domain.demo import goods as demo_goods
from domain.demo.goods import DemoProduct
from domain.demo.people import DemoPerson
from domain.mall import catalog
from domain.mall.visits import NewVisit
from domain.periods import format_instant, local_date
from domain.sales.order_data import IncomingEvent
from domain.schema import Link, PickedProduct, Product

VISITS_A_DAY: Final = 7.0
"""What a middling seller's links bring on a middling day."""

_CONVERSION: Final = 0.055
_HOURS: Final = (2, 1, 1, 1, 1, 1, 2, 4, 6, 7, 8, 8, 10, 8, 6, 6, 6, 7, 8, 11, 14, 14, 10, 5)
_CARRIERS: Final = (("顺丰速运", "SF"), ("中通快递", "ZT"), ("EMS", "EA"))
_FOREIGN: Final = {"USD": 7.1}


Items = list[dict[str, Any]]


class OwnLink(NamedTuple):
    id: int
    code: str
    sku: str | None


class Happening(NamedTuple):
    """An order event on its way, and when the shop sends it."""

    at: datetime
    number: int
    event: IncomingEvent


Afterwards = Callable[[str, Items, datetime], Iterator[Happening]]
"""What becomes of an order: its id, its lines, and when it was paid."""


@dataclass(slots=True)
class Market:
    """What the days to come are made of. `day_zero` is the first business day; nothing happens after `now`."""

    rng: Random
    people: Sequence[DemoPerson]
    ids: Mapping[str, int]
    links: Mapping[str, Sequence[OwnLink]]
    zone: tzinfo
    now: datetime
    currency: str
    buyers: dict[str, list[str]] = field(default_factory=dict)  # by seller, who has bought before
    orders: int = 0
    events: int = 0

    def day(self, day: date) -> tuple[list[NewVisit], list[Happening]]:
        """Let one business day happen: the visits of that day, and all that its orders lead to, also later on."""
        visits: list[NewVisit] = []
        happenings: list[Happening] = []
        mood = self.rng.uniform(0.75, 1.25) * (1.3 if day.weekday() >= 5 else 1.0)
        back = (local_date(self.now, self.zone) - day).days
        for seller in self.people:
            joined = back < seller.days_ago
            if joined and seller.drive and (links := self.links.get(seller.member_id)):
                for visit, link in self._visits(seller, links, day, mood):
                    visits.append(visit)
                    if not visit.bot and self.rng.random() < _CONVERSION:
                        happenings += self._order(seller, link, visit.at + timedelta(minutes=self.rng.randint(2, 50)))
        for _ in range(_poisson(self.rng, 0.008 * len(self.people))):
            happenings += self._order(None, None, self._moment(day))
        return visits, happenings

    def told(self, day: date, back: int) -> list[Happening]:
        """What every demo shows, `back` days before the last: an own purchase, and a refund after settlement."""
        happenings: list[Happening] = []
        for seller in self.people:
            links = self.links.get(seller.member_id, ())
            noon = datetime.combine(day, time(12, 20), self.zone).astimezone(UTC)
            if seller.member_id == "m-lin" and back == 3:
                happenings += self._sale(links[0], str(seller.more["buyer_id"]), noon, self._afterwards)
            if seller.member_id == "m-bo" and back == 16:
                happenings += self._sale(links[0], "u-500500", noon, self._returned, "SE-WATCH-38")
        return [one for one in happenings if one.at <= self.now]

    def _visits(
        self, seller: DemoPerson, links: Sequence[OwnLink], day: date, mood: float
    ) -> Iterator[tuple[NewVisit, OwnLink]]:
        known: list[tuple[int, int]] = []
        for _ in range(_poisson(self.rng, VISITS_A_DAY * seller.drive * mood)):
            link = links[min(int(self.rng.expovariate(0.6)), len(links) - 1)]
            if known and self.rng.random() < 0.22:
                visitor, address = self.rng.choice(known)
            else:
                visitor, address = self.rng.getrandbits(62), self.rng.getrandbits(62)
                known.append((visitor, address))
            at = self._moment(day)
            bot = self.rng.random() < 0.03
            if at <= self.now:
                yield NewVisit(link.id, self.ids[seller.member_id], day, at, visitor, address, bot), link

    def _moment(self, day: date) -> datetime:
        hour = self.rng.choices(range(24), _HOURS)[0]
        wall = datetime.combine(day, time(hour, self.rng.randrange(60), self.rng.randrange(60)), self.zone)
        return wall.astimezone(UTC)

    def _order(self, seller: DemoPerson | None, link: OwnLink | None, at: datetime) -> list[Happening]:
        ref, buyer_id = self._buyer(seller, link)
        told = self._paid(ref, buyer_id, self._items(link), at, self._afterwards)
        return [one for one in told if one.at <= self.now]

    def _sale(
        self, link: OwnLink, buyer_id: str, at: datetime, afterwards: Afterwards, sku: str = "JP-SERUM-30"
    ) -> list[Happening]:
        items = [{"sku": sku, "quantity": 1, "amount": demo_goods.products()[sku].price}]
        return self._paid(link.code, buyer_id, items, at, afterwards)

    def _paid(
        self, ref: str | None, buyer_id: str | None, items: Items, at: datetime, afterwards: Afterwards
    ) -> list[Happening]:
        self.orders += 1
        order_id = f"A-{100_000 + self.orders}"
        currency = self.currency
        if self.currency == "CNY" and self.rng.random() < 0.02:
            currency = self.rng.choice(list(_FOREIGN))
            for item in items:
                item["amount"] = int(item["amount"] / _FOREIGN[currency])
        data: dict[str, Any] = {
            "order_id": order_id,
            "buyer_id": buyer_id,
            "ref": ref,
            "currency": currency,
            "paid_at": format_instant(at),
            "items": items,
            "shipping": 0 if self.rng.random() < 0.7 else 1200,
        }
        return [self._happening(at, "order.paid", data), *afterwards(order_id, items, at)]

    def _buyer(self, seller: DemoPerson | None, link: OwnLink | None) -> tuple[str | None, str | None]:
        """Who buys, and whether the code of a link comes along: whoever comes back needs none."""
        if seller is None or link is None:
            return None, f"u-{self.rng.randrange(10**6):06d}" if self.rng.random() < 0.8 else None
        own = self.buyers.setdefault(seller.member_id, [])
        if own and self.rng.random() < 0.3:
            return (link.code if self.rng.random() < 0.5 else None), self.rng.choice(own)
        if self.rng.random() < 0.02 and (self_bought := seller.more.get("buyer_id")):
            return link.code, str(self_bought)
        buyer = self._customer(seller) or f"u-{self.rng.randrange(10**6):06d}"
        own.append(buyer)
        return link.code, buyer

    def _customer(self, seller: DemoPerson) -> str | None:
        """Now and then it is one of the customers who follow their parcels in chat."""
        customers = [one for one in self.people[:400] if one.role == "customer" and "buyer_id" in one.more]
        if not customers or self.rng.random() > (0.45 if seller.member_id in ("m-lin", "m-anna") else 0.08):
            return None
        return str(self.rng.choice(customers).more["buyer_id"])

    def _items(self, link: OwnLink | None) -> Items:
        goods = demo_goods.products()
        first = goods[link.sku] if link and link.sku else _popular(self.rng)
        chosen = [first]
        if self.rng.random() < 0.22 and (other := _popular(self.rng)) is not first:
            chosen.append(other)
        lines: Items = []
        for one in chosen:
            quantity = self.rng.choices((1, 2, 3), (74, 20, 6))[0]
            amount = one.price * quantity
            if not one.hot and self.rng.random() < 0.12:
                amount = amount * 95 // 100
            lines.append({"sku": one.sku, "quantity": quantity, "amount": amount})
        return lines

    def _returned(self, order_id: str, items: Items, paid_at: datetime) -> Iterator[Happening]:
        """Completed, settled, and then sent back after all."""
        completed = paid_at + timedelta(days=5)
        done = {"order_id": order_id, "completed_at": format_instant(completed)}
        yield self._happening(completed, "order.completed", done)
        yield self._tell(paid_at + timedelta(days=14), "order.refunded", order_id, refund_id="R-1", items=items)

    def _afterwards(self, order_id: str, items: Items, paid_at: datetime) -> Iterator[Happening]:
        rng = self.rng

        def later(at: datetime, least: float, most: float) -> datetime:
            return at + timedelta(seconds=round(rng.uniform(least, most) * 86_400))

        fate = rng.random()
        if fate < 0.03:
            yield self._tell(later(paid_at, 0.02, 0.4), "order.cancelled", order_id)
            return
        shipped = later(paid_at, 0.3, 1.4)
        carrier, prefix = rng.choice(_CARRIERS)
        parcel = {"carrier": carrier, "tracking_number": f"{prefix}{rng.randrange(10**9, 10**10)}"}
        yield self._tell(shipped, "order.shipped", order_id, parcels=[parcel])
        cleared = later(shipped, 0.8, 2.5)
        yield self._tell(cleared, "order.customs_cleared", order_id)
        delivered = later(cleared, 0.7, 2.0)
        yield self._tell(delivered, "order.delivered", order_id)
        completed = later(delivered, 0.3, 4.0)
        if 0.03 <= fate < 0.06:
            opened = later(delivered, 0.1, 0.3)
            yield self._tell(opened, "order.case_opened", order_id, case_id="C-1")
            if rng.random() < 0.6:
                yield self._tell(later(opened, 1, 4), "order.case_closed", order_id, case_id="C-1")
        done = {"order_id": order_id, "completed_at": format_instant(completed)}
        yield self._happening(completed, "order.completed", done)
        if 0.06 <= fate < 0.13:
            at = later(delivered, 0.5, 3.0) if fate < 0.115 else later(completed, 7.2, 10.0)
            yield self._tell(at, "order.refunded", order_id, refund_id="R-1", items=[_refund(rng, items[0])])

    def _tell(self, at: datetime, type_: str, order_id: str, **more: Any) -> Happening:
        return self._happening(at, type_, {"order_id": order_id, "at": format_instant(at), **more})

    def _happening(self, at: datetime, type_: str, data: Mapping[str, Any]) -> Happening:
        self.events += 1
        return Happening(at, self.events, IncomingEvent(f"demo-{self.events:07d}", type_, format_instant(at), data))


def _refund(rng: Random, line: Mapping[str, Any]) -> dict[str, Any]:
    """The whole line, one piece of it, or a little money for a dented box."""
    if rng.random() < 0.4:
        return {"sku": line["sku"], "quantity": line["quantity"], "amount": line["amount"]}
    if line["quantity"] > 1 and rng.random() < 0.6:
        return {"sku": line["sku"], "quantity": 1, "amount": line["amount"] // line["quantity"]}
    return {"sku": line["sku"], "quantity": 0, "amount": line["amount"] // 5}


def _popular(rng: Random) -> DemoProduct:
    goods = list(demo_goods.products().values())
    return rng.choices(goods, [5 if one.hot else 1 for one in goods])[0]


def _poisson(rng: Random, mean: float) -> int:
    """How often something happens that happens `mean` times on average."""
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count += 1
        left += rng.expovariate(1.0)
    return count


def make_links(
    db: Session, rng: Random, people: Sequence[DemoPerson], ids: Mapping[str, int], *, now: datetime
) -> dict[str, list[OwnLink]]:
    """Give every seller links to the shop, to their team and to a few products that they may sell and have picked."""
    goods = list(demo_goods.products().values())
    numbers = {row.sku: row.id for row in db.execute(select(Product.id, Product.sku))}
    codes: set[str] = set()
    rows: list[dict[str, Any]] = []
    picked: list[dict[str, Any]] = []
    for one in people:
        if not one.sells:
            continue
        skus = _assortment(rng, one, goods)
        member = ids[one.member_id]
        for kind, target in [*(("product", sku) for sku in skus), ("shop", ""), ("invite", "")]:
            code = new_code(choose=rng.choice)
            while code in codes:
                code = new_code(choose=rng.choice)
            codes.add(code)
            rows.append({"code": code, "member_id": member, "kind": kind, "target": target, "created_at": now})
        picked += [{"member_id": member, "product_id": numbers[sku], "picked_at": now} for sku in skus]
    sql.insert_ignore(db, PickedProduct, picked)
    sql.insert_ignore(db, Link, rows)
    owners = {ids[one.member_id]: one.member_id for one in people}
    found: dict[str, list[OwnLink]] = {}
    for row in db.execute(select(Link.id, Link.code, Link.member_id, Link.kind, Link.target).order_by(Link.id)):
        if row.kind != "invite":
            own = found.setdefault(owners[row.member_id], [])
            own.append(OwnLink(row.id, row.code, row.target or None))
    return found


def _assortment(rng: Random, one: DemoPerson, goods: Sequence[DemoProduct]) -> list[str]:
    """What somebody shares: three to six products that their class allows, the hot ones more often."""
    chosen, scope = str(one.more.get("class", "")), one.more.get("class_scope")
    scope = None if scope is None else str(scope)
    allowed = [item for item in goods if catalog.may_sell(chosen, scope, item.sku, item.brand, item.category)]
    wanted = min(len(allowed), rng.randint(3, 6))
    skus: list[str] = ["JP-SERUM-30"] if one.member_id == "m-lin" else []
    while len(skus) < wanted:
        item = rng.choices(allowed, [3 if item.hot else 1 for item in allowed])[0]
        if item.sku not in skus:
            skus.append(item.sku)
    return skus
