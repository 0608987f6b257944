"""A small shop with people in it, and a way to talk to the bot as any of them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.database import Database
from bot.gateway import Answer, Gateway
from bot.rendering import Rendered, Texts
from domain.errors import Refusal
from domain.mall import links, visits
from domain.mall.catalog import put_products, put_stock
from domain.messages import alerts, announcements
from domain.money import plans, settlement
from domain.people.members import put_members, set_operator
from domain.periods import format_instant
from domain.sales import order_events
from domain.sales.order_data import IncomingEvent
from domain.schema import Contact, Link, Member, Product
from domain.wording import words
from domain.work import task_giving, task_templates
from handlers.routing import Incoming, Shop, discover

ZONE = ZoneInfo("Asia/Shanghai")

SHOP = Shop(
    public_url="https://shop.example",
    shop_url="https://shop.example/shop/{sku}?ref={code}",
    timezone=ZONE,
    locale="zh",
    currency="CNY",
    demo=False,
    channels=("webchat", "telegram", "wechat"),
    telegram_username="globalmallbot",
    wechat_mass="service",
)

PLAN = """
name = "autumn"
base = "margin"
levels_bp = [3500, 1500, 500]
max_margin_share_bp = 6000
freeze_days = 7
[compliance]
market = "CN"
acknowledged_by = "the owner"
"""

PRODUCTS: list[dict[str, Any]] = [
    {
        "sku": "SERUM-30",
        "name": "樱花玻尿酸精华 30ml",
        "name_en": "Sakura hyaluron serum 30 ml",
        "brand": "朝露",
        "category": "护肤",
        "region": "日本",
        "price": 25_800,
        "cost": 20_000,
        "hot": True,
        "selling_points": ["一夜水润，早上上妆不起皮", "无香精，敏感肌可用", "日本本土仓直发"],
        "selling_points_en": ["Plump by morning", "No perfume, kind to sensitive skin", "Shipped from Japan"],
    },
    {"sku": "MASK-10", "name": "蜂蜜保湿面膜 10 片", "brand": "朝露", "category": "护肤",
     "price": 9_900, "cost": 7_500, "hot": True},
    {"sku": "OIL-5", "name": "特级初榨橄榄油", "name_en": "Extra virgin olive oil", "brand": "橄榄山",
     "category": "食品", "price": 15_000, "cost": 12_000},
    {"sku": "NOCOST-1", "name": "手工陶杯", "brand": "橄榄山", "category": "家居", "price": 6_000},
    {"sku": "GONE-1", "name": "去年的月饼", "category": "食品", "price": 8_000, "cost": 5_000, "on_shelf": False},
    *(
        {"sku": f"TEA-{n}", "name": f"高山茶 {n} 号", "category": "食品", "price": 10_000 + n, "cost": 8_000}
        for n in range(1, 12)
    ),
]  # fmt: skip

PEOPLE: list[dict[str, Any]] = [
    {"member_id": "mei", "name": "小梅", "role": "merchant"},
    {"member_id": "lin", "name": "小林", "role": "distributor", "sponsor_id": "mei", "buyer_id": "u-lin"},
    {"member_id": "jun", "name": "阿俊", "role": "distributor", "sponsor_id": "lin", "class": "single_brand",
     "class_scope": "朝露"},
    {"member_id": "tao", "name": "小涛", "role": "agent", "sponsor_id": "jun"},
    {"member_id": "an", "name": "安安", "role": "customer", "buyer_id": "u-77"},
    {"member_id": "ops", "name": "运营小白", "role": "customer"},
    {"member_id": "off", "name": "停用的人", "role": "distributor", "status": "suspended", "sponsor_id": "mei"},
]  # fmt: skip


@dataclass
class Talk:
    """One chat account. `last` is the screen that was answered last."""

    house: House
    channel: str
    account: str
    name: str = ""
    locale: str = "zh"
    last: Rendered = field(default_factory=lambda: Rendered(""))

    def says(self, text: str) -> Rendered:
        return self._send(text=text)

    def taps(self, action: str) -> Rendered:
        return self._send(action=action)

    def opens(self, code: str) -> Rendered:
        return self._send(start_code=code)

    def presses(self, label: str) -> Rendered:
        """Press the button of the last screen that has `label` in it."""
        found = [button for button in self.last.buttons if label in button.label and button.action]
        assert found, f"no button {label!r} among {[button.label for button in self.last.buttons]}"
        assert found[0].action
        return self.taps(found[0].action)

    def labels(self) -> str:
        return " ".join(button.label for button in self.last.buttons)

    def _send(self, **said: Any) -> Rendered:
        update_key = f"{self.account}-{next(self.house.counter)}"
        incoming = Incoming(self.channel, self.account, update_key, name=self.name, locale=self.locale, **said)
        self.last = self.house.answers(incoming).rendered
        return self.last


@dataclass
class House:
    database: Database
    now: datetime
    counter: Any = field(default_factory=lambda: itertools.count(secrets.randbits(60)))
    shop: Shop = SHOP

    def __post_init__(self) -> None:
        self.texts = Texts(ZONE)
        self.gateway = Gateway(self.database, discover(), self.texts, self.shop, lambda: self.now)

    def answers(self, incoming: Incoming) -> Answer:
        """As the gateway handles an update, without the loop around it."""
        try:
            return self.database.write_now(lambda db: self.gateway.converse(db, incoming))
        except Refusal as refusal:
            refused = refusal
        return self.database.write_now(lambda db: self.gateway.converse(db, incoming, refused))

    def stranger(self, account: str = "somebody", channel: str = "telegram", **more: Any) -> Talk:
        return Talk(self, channel, account, **more)

    def talk(self, member_id: str, channel: str = "webchat", locale: str = "zh") -> Talk:
        """Somebody of the house, on a chat account of their own."""
        account = f"{member_id}-{channel}-{locale}"
        talk = Talk(self, channel, account, locale=locale)
        talk.says("help")
        with self.database.transaction() as db:
            mine = select(Member.id).where(Member.member_id == member_id).scalar_subquery()
            db.execute(
                update(Contact)
                .where(Contact.channel == channel, Contact.account == account)
                .values(member_id=mine, state={}, locale=locale)
            )
        return talk

    def member(self, member_id: str) -> int:
        with self.database.transaction() as db:
            return db.execute(select(Member.id).where(Member.member_id == member_id)).scalar_one()

    def product(self, sku: str) -> int:
        with self.database.transaction() as db:
            return db.execute(select(Product.id).where(Product.sku == sku)).scalar_one()

    def code(self, member_id: str, kind: str, target: str = "") -> str:
        with self.database.transaction() as db:
            member = db.execute(select(Member.id).where(Member.member_id == member_id)).scalar_one()
            return links.make(db, member, kind, target, now=self.now).code

    def link_codes(self) -> set[str]:
        with self.database.transaction() as db:
            return set(db.scalars(select(Link.code)))

    def order_code(self, order_id: str) -> str:
        with self.database.transaction() as db:
            return links.order_link(db, order_id, now=self.now)

    def happens(self, type_: str, order_id: str, **data: Any) -> None:
        """The shop reports an order event."""
        event = IncomingEvent(
            f"evt-{next(self.counter)}", type_, format_instant(self.now), {"order_id": order_id, **data}
        )
        with self.database.transaction() as db:
            [result] = order_events.record_events(db, [event], now=self.now, settlement_currency="CNY")
        assert result.status == "applied", result

    def visited(self, code: str, at: datetime, visitors: int) -> None:
        """So many different people follow a link, each once."""
        with self.database.transaction() as db:
            link = db.execute(select(Link.id, Link.member_id).where(Link.code == code)).one()
            day = at.astimezone(ZONE).date()
            clicks = [
                visits.NewVisit(link.id, link.member_id, day, at, number, number, False) for number in range(visitors)
            ]
            visits.record_all(db, clicks)

    def sells(self, order_id: str, ref: str, at: datetime, items: Mapping[str, int], buyer: str = "u-77") -> None:
        """The shop sells `items` (pieces by SKU) at their price."""
        prices = {str(product["sku"]): product["price"] for product in PRODUCTS}
        self.happens(
            "order.paid",
            order_id,
            buyer_id=buyer,
            ref=ref,
            currency="CNY",
            paid_at=format_instant(at),
            shipping=1_200,
            items=[{"sku": sku, "quantity": n, "amount": prices[sku] * n} for sku, n in items.items()],
        )

    def settles(self, as_of: datetime) -> None:
        settlement.settle(self.database.write_now, self.database.read_now, as_of=as_of, now=max(as_of, self.now))


def furnish(house: House) -> None:
    """Fill an empty database: the shop as it stands on an ordinary Monday morning."""
    now = house.now
    with house.database.transaction() as db:
        _open(db, now)
    _sell(house)
    with house.database.transaction() as db:
        said = words("alert.job_failing", job="x", period="1", error="disk full")
        alerts.raise_alert(db, "job_failing:x", said, now=now)
        for text in ("双十一清关会慢两天，请提前告诉客户。", "新品「高山茶」上架。\n今晚八点直播。"):
            new = announcements.schedule(db, text, "all", now, by="member:ops", now=now)
            announcements.enqueue_chunk(db, new, now=now)
        wrong = IncomingEvent("evt-wrong", "order.paid", "", {"order_id": "W-1"})
        order_events.record_events(db, [wrong], now=now, settlement_currency="CNY")


def _open(db: Session, now: datetime) -> None:
    then = now - timedelta(days=60)
    _all_right(put_products(db, PRODUCTS, actor="test", now=then))
    stock = [
        {"sku": "SERUM-30", "warehouse": "上海", "quantity": 320},
        {"sku": "MASK-10", "warehouse": "上海", "quantity": 0},
    ]
    _all_right(put_stock(db, stock, actor="test", now=then))
    _all_right(put_members(db, PEOPLE, actor="test", now=then))
    plans.publish(db, PLAN, effective_from=then, by="test", accept_guard=True, now=then)
    ops = db.execute(select(Member.id).where(Member.member_id == "ops")).scalar_one()
    set_operator(db, ops, True, actor="test", now=then)
    task_templates.seed(db)
    task_giving.assign(db, now.astimezone(ZONE).date(), now=now, zone=ZONE)


def _all_right(results: Any) -> None:
    assert [result.errors for result in results if result.errors] == []


def _sell(house: House) -> None:
    now, code = house.now, house.code("lin", "shop")
    for ago, visitors in ((0, 3), (1, 6), (8, 4)):
        house.visited(code, now - timedelta(days=ago), visitors)
    house.visited(house.code("lin", "product", "SERUM-30"), now - timedelta(days=2), 2)
    house.sells("A-1", code, now - timedelta(days=20), {"SERUM-30": 2, "MASK-10": 1})
    at = format_instant(now - timedelta(days=19))
    parcel = {"carrier": "SF", "tracking_number": "SF100", "warehouse": "上海"}
    house.happens("order.shipped", "A-1", at=at, parcels=[parcel | {"items": [{"sku": "SERUM-30", "quantity": 2}]}])
    house.happens("order.customs_cleared", "A-1", at=at)
    house.happens("order.delivered", "A-1", at=at)
    house.happens("order.completed", "A-1", completed_at=format_instant(now - timedelta(days=15)))
    house.sells("A-2", code, now - timedelta(days=5), {"SERUM-30": 1})
    house.happens("order.completed", "A-2", completed_at=format_instant(now - timedelta(days=2)))
    house.sells("A-3", code, now - timedelta(hours=1), {"OIL-5": 3})
    refund = [{"sku": "OIL-5", "quantity": 1, "amount": 15_000}]
    house.happens("order.refunded", "A-3", refund_id="R-1", at=format_instant(now), items=refund)
    house.sells("A-4", code, now - timedelta(days=1), {"MASK-10": 1}, buyer="u-lin")
    house.settles(now - timedelta(hours=2))
