"""Members for scripts: put them, look at one, at the levels below and at the visits they bring."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from bot.web.api import lists
from bot.web.api.calls import Asked
from bot.web.api.shapes import (
    Answer,
    Body,
    Cursor2,
    Day,
    Level,
    Limit,
    NextCursor,
    Query,
    cursor,
    text_in_path,
)
from domain.errors import Invalid, NotFound
from domain.mall import visits
from domain.money import ledger
from domain.people import linking, members, network, tags
from domain.people.member_rules import LONGEST_TAG, MOST_TAGS
from domain.people.members import MemberProfile
from domain.periods import local_date

MOST_DAYS: Final = 366
USUAL_DAYS: Final = 30

Bp = Annotated[int, Field(ge=0, le=10_000)]


class MemberItem(BaseModel):
    """Fields left out stay, null goes back to what a new member has. A sponsor may come in the same call."""

    member_id: Annotated[str, Field(min_length=1, max_length=64)]
    name: Annotated[str | None, Field(max_length=100)] = None
    role: Literal["customer", "distributor", "merchant", "agent"] | None = None
    status: Literal["active", "suspended", "closed"] | None = None
    sponsor_id: Annotated[str | None, Field(max_length=64)] = None
    mode: Literal["network", "independent"] | None = None
    class_: Annotated[
        Literal[
            "single_product",
            "single_category",
            "single_brand",
            "self_picked_products",
            "self_picked_brands",
            "self_set_commission",
        ]
        | None,
        Field(alias="class"),
    ] = None
    class_scope: Annotated[str | None, Field(max_length=200)] = None
    split_bp: Annotated[list[Bp] | None, Field(min_length=1, max_length=3)] = None
    tier: Annotated[str | None, Field(max_length=64)] = None
    buyer_id: Annotated[str | None, Field(max_length=128)] = None
    channel: Literal["telegram", "wechat", "webchat"] | None = None
    account: Annotated[str | None, Field(max_length=128)] = None
    locale: Literal["zh", "en"] | None = None
    tags: Annotated[list[Annotated[str, Field(max_length=LONGEST_TAG)]] | None, Field(max_length=MOST_TAGS)] = None


if TYPE_CHECKING:
    Items = list[Any]
else:
    Items = lists.items_like(MemberItem)


class Members(Body):
    items: Items


class Balance(Answer):
    """Minor units. `payable` is never below zero: what is missing is `owed`."""

    pending: int
    payable: int
    withdrawing: int
    withdrawn: int
    owed: int
    prepaid: int


class Channel(Answer):
    """A chat of the member's; of its account just enough is shown to know it by."""

    channel: str
    account: str
    seen_at: datetime
    reachable: bool


class Shown(Answer):
    """One member; `balances` by currency; `channels` in the order in which notices try them."""

    member_id: str
    name: str
    role: str
    status: str
    sponsor_id: str | None
    mode: str
    class_: Annotated[str, Field(alias="class")]
    class_scope: str | None
    split_bp: list[int] | None
    tier: str | None
    buyer_id: str | None
    locale: str | None
    tags: list[str]
    operator: bool
    joined_at: datetime
    balances: dict[str, Balance]
    channels: list[Channel]


class Levels(Query):
    level: Level | None = None
    limit: Limit = 50
    cursor: Cursor2 | None = None


class Below(Answer):
    member_id: str
    name: str
    role: str
    status: str
    level: int
    joined_at: datetime
    last_seen_at: datetime | None
    last_sale_at: datetime | None
    orders_30d: int
    active: bool


class Downline(Answer):
    """`counts` are the members one, two and three levels below."""

    counts: Annotated[list[int], Field(min_length=3, max_length=3)]
    items: list[Below]
    cursor: NextCursor


class Days(Query):
    """Business days, both included; the last 30 without any."""

    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None


class TrafficDay(Answer):
    day: date
    visits: int
    visitors: int
    ips: int
    orders: int


class Traffic(Answer):
    days: list[TrafficDay]


def put(db: Session, asked: Asked, given: Members) -> lists.Results:
    return lists.results(members.put_members(db, given.items, actor=asked.actor, now=asked.now))


def show(db: Session, asked: Asked, given: None) -> Shown:
    member = _member(db, asked)
    found = ledger.balances(db, member.id, currency=asked.shop.currency)
    return Shown(
        member_id=member.member_id,
        name=member.name,
        role=member.role,
        status=member.status,
        sponsor_id=member.sponsor_member_id,
        mode=member.mode,
        class_=member.member_class,
        class_scope=member.class_scope,
        split_bp=member.split_bp,
        tier=member.tier,
        buyer_id=member.buyer_id,
        locale=member.locale,
        tags=tags.of(db, member.id),
        operator=member.operator,
        joined_at=member.joined_at,
        balances={currency: Balance(**asdict(balances)) for currency, balances in sorted(found.items())},
        channels=[
            Channel(channel=chat.channel, account=chat.account, seen_at=chat.seen_at, reachable=chat.reachable)
            for chat in linking.accounts(db, member.id)
        ],
    )


def downline(db: Session, asked: Asked, given: Levels) -> Downline:
    member = _member(db, asked)
    after = (given.cursor[0], given.cursor[1]) if given.cursor else None
    rows = network.downline(db, member.id, given.level, after=after, limit=given.limit + 1, now=asked.now)
    shown = rows[: given.limit]
    return Downline(
        counts=list(network.counts(db, member.id)),
        items=[
            Below(
                member_id=row.member_id,
                name=row.name,
                role=row.role,
                status=row.status,
                level=row.level,
                joined_at=row.joined_at,
                last_seen_at=row.last_seen_at,
                last_sale_at=row.last_sale_at,
                orders_30d=row.orders_30d,
                active=row.active(asked.now),
            )
            for row in shown
        ],
        cursor=cursor(shown[-1].level, shown[-1].id) if len(rows) > given.limit else None,
    )


def traffic(db: Session, asked: Asked, given: Days) -> Traffic:
    zone = asked.shop.timezone
    last = given.to or max(given.from_ or date.min, local_date(asked.now, zone))
    first = given.from_ or last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise Invalid("from", "must not lie after `to`")
    if (last - first).days >= MOST_DAYS:
        raise Invalid("from", f"must lie at most {MOST_DAYS} days before `to`")
    member = _member(db, asked)
    found = visits.traffic(db, member.id, first, last, zone=zone)
    return Traffic(
        days=[
            TrafficDay(day=row.day, visits=row.visits, visitors=row.visitors, ips=row.ips, orders=row.orders)
            for row in found
        ]
    )


def _member(db: Session, asked: Asked) -> MemberProfile:
    found = members.by_member_id(db, text_in_path(asked.path["member_id"]))
    if found is None:
        raise NotFound()
    return found
