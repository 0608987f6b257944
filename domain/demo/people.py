"""The demo shop's people: a few with a story of their own, and as many others around them as wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from domain.items import MAX_ITEMS
from domain.mall import links
from domain.messages.chat_history import CHANNEL
from domain.people import members
from domain.roles import SELLERS
from domain.schema import Contact, Member
from domain.sql import chunks

SEAT: Final = "seat:"
"""How the web chat accounts of the demo's people begin, before the member id: any visitor of a demo may sit there."""

SHOWN_FIRST: Final = ("m-lin", "m-anna", "m-yun", "m-yu", "m-chen", "m-mia")

_LIVELY: Final = 100
"""So many are mostly busy; in a larger house most have fallen asleep, as everywhere."""

_CONTACT: Final = cast(Table, Contact.__table__)


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """`drive` is how much traffic a seller makes, 1 for a middling one; `more` are other fields of `PUT /members`."""

    member_id: str
    name: str
    role: str
    sponsor: str | None
    days_ago: int
    drive: float = 0.0
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def sells(self) -> bool:
        return self.role in SELLERS and self.more.get("status") != "suspended"


OPERATORS: Final = ("m-yun", "m-kai")

_CAST: Final = (
    DemoPerson("m-yun", "云姐", "customer", None, 420),
    DemoPerson("m-anna", "安娜", "merchant", None, 410, 1.7, {"tier": "gold", "buyer_id": "c-1010"}),
    DemoPerson("m-lin", "小林", "distributor", "m-anna", 300, 2.4, {"tier": "gold", "buyer_id": "c-1011"}),
    DemoPerson("m-yu", "小雨", "customer", None, 280, more={"buyer_id": "c-1001"}),
    DemoPerson("m-chen", "老陈", "agent", None, 260, 0.9, {"buyer_id": "c-1012"}),
    DemoPerson("m-leo", "Leo", "merchant", None, 250, 1.0, {"locale": "en"}),
    DemoPerson("m-mia", "Mia", "distributor", "m-leo", 200, 1.3, {"locale": "en", "buyer_id": "c-1013"}),
    DemoPerson("m-mei", "阿梅", "distributor", "m-lin", 190, 1.4),
    DemoPerson("m-tang", "唐哥", "merchant", None, 180, 1.2),
    DemoPerson("m-zhi", "大志", "distributor", "m-lin", 150, 0.6),
    DemoPerson("m-ting", "婷婷", "distributor", "m-mei", 120, 1.0),
    DemoPerson(
        "m-qing",
        "青青",
        "distributor",
        "m-anna",
        110,
        0.6,
        {"class": "single_brand", "class_scope": "绵羊湾 MERINOVA"},
    ),
    DemoPerson(
        "m-jie",
        "阿杰",
        "distributor",
        "m-anna",
        100,
        0.9,
        {"class": "single_category", "class_scope": "母婴 Baby"},
    ),
    DemoPerson(
        "m-hong",
        "红姐",
        "distributor",
        "m-tang",
        95,
        1.0,
        {"class": "self_set_commission", "split_bp": [3000, 2000, 500]},
    ),
    DemoPerson("m-bo", "小博", "distributor", "m-hong", 80),
    DemoPerson("m-ann", "安安", "distributor", "m-tang", 75, 0.6, {"mode": "independent"}),
    DemoPerson("m-kai", "阿凯", "customer", None, 70),
    DemoPerson("m-fei", "小飞", "distributor", "m-tang", 66, more={"status": "suspended"}),
    DemoPerson("m-xue", "小雪", "customer", None, 60, more={"buyer_id": "c-1002"}),
    DemoPerson("m-noah", "Noah", "distributor", "m-mia", 55, 0.5, {"locale": "en"}),
    DemoPerson("m-man", "小满", "distributor", "m-ting", 40, 0.6),
    DemoPerson("m-peng", "老彭", "agent", "m-chen", 38, 0.4),
    DemoPerson("m-hui", "慧慧", "customer", None, 33, more={"buyer_id": "c-1003"}),
    DemoPerson("m-jun", "阿俊", "merchant", "m-anna", 30, 0.8),
)

_FIRST: Final = "小阿大老"
_SECOND: Final = (
    "安北晨成丹东芳峰光桂海涵佳静娟军可兰乐雷丽林琳璐敏明"
    "娜楠宁平倩晴然蓉森思涛甜薇伟文希霞贤欣秀雅燕阳怡瑶颖宇云哲真竹紫"
)
_FOREIGN: Final = ("Ben", "Chloe", "Daniel", "Emma", "Felix", "Grace", "Hana", "Ivan", "Julia", "Kevin", "Lily", "Max")


def cast_of(rng: Random, count: int, days: int) -> list[DemoPerson]:
    """Return `count` people, each after their sponsor and in the order in which they joined."""
    people = list(_CAST[:count])
    sellers = [one for one in people if one.sells]
    for number in range(len(people), count):
        role = rng.choices(("distributor", "merchant", "agent", "customer"), (66, 7, 4, 23))[0]
        newest = people[-1].days_ago if people else days
        # They come evenly over the days of the demo; each found the house through somebody who was there already.
        days_ago = min(newest, max(0, days - 1 - (number - len(_CAST)) * days // max(1, count - len(_CAST))))
        sponsor = rng.choice(sellers[-400:]) if role != "customer" and sellers and rng.random() < 0.9 else None
        quiet = role == "customer" or rng.random() < (0.25 if number < _LIVELY else 0.88)
        drive = 0.0 if quiet else round(rng.paretovariate(2.2) * 0.35, 2)
        more: dict[str, object] = {"buyer_id": f"c-{number + 2000}"} if role == "customer" or rng.random() < 0.3 else {}
        name = _name(rng)
        if name in _FOREIGN:
            more["locale"] = "en"
        one = DemoPerson(
            f"m-{number:04d}", name, role, sponsor.member_id if sponsor else None, days_ago, min(drive, 4.0), more
        )
        people.append(one)
        if one.sells:
            sellers.append(one)
    return people


def _name(rng: Random) -> str:
    which = rng.random()
    if which < 0.08:
        return rng.choice(_FOREIGN)
    second = rng.choice(_SECOND)
    if which < 0.3:
        return second * 2
    return rng.choice(_FIRST) + second if which < 0.85 else second + rng.choice("姐哥")


def load(
    db: Session, rng: Random, people: Sequence[DemoPerson], *, actor: str, start: datetime, now: datetime
) -> dict[str, int]:
    """Let everybody join at their time, each with a seat in the web chat; return the ids by member id.

    `start` is when the shop opened: whoever has been there for longer joined before.
    """

    def joined(one: DemoPerson) -> datetime:
        return now - timedelta(days=one.days_ago, minutes=37 * (hash_of(one.member_id) % 17) + 11)

    for _, together in groupby(people, key=lambda one: one.days_ago):
        same_day = list(together)
        for part in chunks(same_day, MAX_ITEMS):
            done = members.put_members(db, [_put(one) for one in part], actor=actor, now=joined(part[0]))
            assert all(result.status == "created" for result in done), done
    ids = {row.member_id: row.id for row in db.execute(select(Member.id, Member.member_id))}
    for one in people:
        if one.member_id in OPERATORS:
            members.set_operator(db, ids[one.member_id], True, actor=actor, now=start)
    _seen(db, rng, people, ids, now)
    return ids


def hash_of(text: str) -> int:
    """A number for a text that is the same in every process."""
    return sum(ord(letter) * (place + 7) for place, letter in enumerate(text))


def _put(one: DemoPerson) -> dict[str, object]:
    return {
        "member_id": one.member_id,
        "name": one.name,
        "role": one.role,
        "sponsor_id": one.sponsor,
        "channel": CHANNEL,
        "account": f"{SEAT}{one.member_id}",
        **one.more,
    }


def _seen(db: Session, rng: Random, people: Collection[DemoPerson], ids: Mapping[str, int], now: datetime) -> None:
    """Who sells much looks in often; others have not been here for weeks."""
    rows: list[dict[str, Any]] = []
    for one in people:
        hours = rng.uniform(0.2, 30) if one.drive > 0.5 or one.role == "customer" else rng.uniform(20, 24 * 30)
        seen = max(now - timedelta(hours=hours), now - timedelta(days=one.days_ago))
        rows.append({"whose": ids[one.member_id], "its_name": one.name, "its_time": seen})
    db.execute(
        update(_CONTACT)
        .where(_CONTACT.c.member_id == bindparam("whose"))
        .values(name=bindparam("its_name"), seen_at=bindparam("its_time")),
        rows,
    )


@dataclass(frozen=True, slots=True)
class Seat:
    """One of the demo's people, for whoever wants to see the house through their eyes."""

    member_id: str
    contact_id: int
    name: str
    role: str
    operator: bool


def shop_code(db: Session, contact_id: int, *, now: datetime) -> str | None:
    """Return the code with which this person opens the demo's shop, so that what is bought there credits somebody.

    A seller's own link to the shop; whatever a customer came with, None if they came by themselves; "" for those who
    bring nobody: operators, and sellers who may not sell now.
    """
    row = db.execute(
        select(Contact.state, Member.id, Member.role, Member.status, Member.operator)
        .outerjoin(Member, Member.id == Contact.member_id)
        .where(Contact.id == contact_id)
    ).one()
    if row.operator:
        return ""
    if row.role in SELLERS:
        return links.make(db, row.id, "shop", now=now).code if row.status == "active" else ""
    return (row.state or {}).get("ref")


def seats(db: Session, limit: int = 60) -> list[Seat]:
    """Return the people whose seat a visitor of the demo may take, those with most to see first."""
    rows = db.execute(
        select(Member.member_id, Contact.id, Member.name, Member.role, Member.operator)
        .join(Contact, Contact.member_id == Member.id)
        .where(Contact.channel == CHANNEL, Contact.account == SEAT + Member.member_id)
        .order_by(Member.id)
        .limit(limit)
    )
    found = [Seat(*row) for row in rows]
    return sorted(found, key=lambda seat: (*SHOWN_FIRST, seat.member_id).index(seat.member_id))
