"""Who came through one's links: today, yesterday, the week beside the one before, thirty days as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from domain.mall import catalog, visits
from domain.mall.visits import LinkTraffic, TrafficDay
from domain.periods import local_date
from domain.wording import Words, words
from handlers.forms import BLANK, in_both, way_back
from handlers.routing import Chat, Picture, Reply, button, reply, route, sellers

MONTH = 30
_TOP = 5


@route("traffic", who=sellers, command=True)
def traffic(chat: Chat) -> Reply:
    days = _days(chat, 14)
    today, yesterday, week, before = days[-1], days[-2], days[-7:], days[-14:-7]
    body = [
        words("traffic.title"),
        BLANK,
        words("traffic.today", visits=today.visits, visitors=today.visitors, ips=today.ips, orders=today.orders),
        words("traffic.yesterday", visits=yesterday.visits, visitors=yesterday.visitors, orders=yesterday.orders),
        words(
            "traffic.week",
            visits=sum(day.visits for day in week),
            visitors=sum(day.visitors for day in week),
            orders=sum(day.orders for day in week),
        ),
        _compared(week, before),
        *([words("traffic.suspicious")] if today.suspicious else []),
    ]
    return reply(
        *body,
        rows=[
            [button("traffic.chart", "chart"), button("traffic.links", "links")],
            [button("menu.share_shop", "share_shop"), *way_back()],
        ],
        next_picture="traffic",
    )


@route("chart", who=sellers)
def chart(chat: Chat) -> Reply:
    days = _days(chat, MONTH)
    visitors, orders = sum(day.visitors for day in days), sum(day.orders for day in days)
    return reply(
        words("traffic.month", visitors=visitors, orders=orders),
        rows=[way_back("traffic")],
        picture=Picture(
            "traffic",
            {
                "days": [day.day for day in days],
                "visits": [day.visits for day in days],
                "visitors": [day.visitors for day in days],
                "orders": [day.orders for day in days],
            },
        ),
        edit=False,
    )


@route("links", who=sellers)
def links(chat: Chat) -> Reply:
    """Which of one's links brought most in thirty days."""
    today = local_date(chat.now, chat.shop.timezone)
    first = today - timedelta(days=MONTH - 1)
    top = visits.link_traffic(chat.db, chat.member, first, today, limit=_TOP)
    lines = [
        words(
            "traffic.link",
            number=at,
            name=_shown(chat, one),
            visits=one.visits,
            visitors=one.visitors,
            code=one.code,
        )
        for at, one in enumerate(top, 1)
    ]
    return reply(
        words("traffic.top"),
        *(lines or [words("traffic.no_links")]),
        rows=[[button("menu.products", "products"), button("menu.share_shop", "share_shop")], way_back("traffic")],
    )


def _days(chat: Chat, count: int) -> list[TrafficDay]:
    today = local_date(chat.now, chat.shop.timezone)
    return visits.traffic(chat.db, chat.member, today - timedelta(days=count - 1), today, zone=chat.shop.timezone)


def _shown(chat: Chat, link: LinkTraffic) -> Words:
    """What a link is for."""
    if link.kind == "product":
        product = catalog.product(chat.db, link.target)
        return in_both(product.name, product.name_en)
    return words(f"traffic.link_of.{link.kind}", name=link.target)


def _compared(week: Sequence[TrafficDay], before: Sequence[TrafficDay]) -> Words:
    """This week against the one before, in words; a share only where there is something to compare with."""
    now, then = (sum(day.visitors for day in days) for days in (week, before))
    if not then:
        return words("traffic.first_week" if now else "traffic.quiet")
    change = (now - then) * 100 // then
    if abs(change) < 5:
        return words("traffic.steady")
    return words("traffic.up", percent=change) if change > 0 else words("traffic.down", percent=-change)
