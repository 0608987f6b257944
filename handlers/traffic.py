"""Who came through one's links: today, yesterday, the week beside the one before, thirty days as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from domain.errors import NotFound
from domain.mall import catalog, visits
from domain.mall import links as mall_links
from domain.mall.visits import TrafficDay
from domain.periods import local_date
from domain.wording import Words, words
from handlers.forms import BLANK, Item, in_both, numbered_list, to_look, way_back
from handlers.routing import Chat, Choice, Picture, Reply, button, reply, route, sellers

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
    items = []
    for one in top:
        name = _shown(chat, one.kind, one.target)
        line = words("traffic.link", name=name, visits=one.visits, visitors=one.visitors)
        items.append(Item(line, name, f"link:{one.code}"))
    lines, buttons = numbered_list(items)
    return reply(
        words("traffic.top"),
        *(lines or [words("traffic.no_links")]),
        *([BLANK, words("traffic.counted")] if len(lines) > 1 else []),
        rows=[
            *buttons,
            [button("menu.products", "products"), button("menu.share_shop", "share_shop")],
            way_back("traffic"),
        ],
    )


@route("link", who=sellers)
def link(chat: Chat, code: str) -> Reply:
    """One of one's own links, to open or to pass on again; anybody else's is answered like a missing one."""
    found = mall_links.resolve(chat.db, code)
    if found is None or found.member != chat.member:
        raise NotFound()
    url = mall_links.url(chat.shop.public_url, code)
    return reply(
        words("traffic.one_link", name=_shown(chat, found.kind, found.target)),
        words("share.link", url=url),
        rows=[
            [Choice(words("share.copy_link"), copy=url), Choice(words("share.open"), url=to_look(chat, url))],
            _again(chat, found.kind, found.target),
            way_back("links"),
        ],
        edit=False,
    )


def _again(chat: Chat, kind: str, target: str) -> list[Choice]:
    """Where the text and the poster for it are."""
    if kind == "product":
        return [button("product.share", f"share:{catalog.product(chat.db, target).id}")]
    ways = {"shop": "share_shop", "invite": "invite"}
    return [button(f"menu.{ways[kind]}", ways[kind])] if kind in ways else []


def _days(chat: Chat, count: int) -> list[TrafficDay]:
    today = local_date(chat.now, chat.shop.timezone)
    return visits.traffic(chat.db, chat.member, today - timedelta(days=count - 1), today, zone=chat.shop.timezone)


def _shown(chat: Chat, kind: str, target: str) -> Words:
    """What a link is for."""
    if kind == "product":
        product = catalog.product(chat.db, target)
        return in_both(product.name, product.name_en)
    return words(f"traffic.link_of.{kind}", name=target)


def _compared(week: Sequence[TrafficDay], before: Sequence[TrafficDay]) -> Words:
    """This week against the one before, in words; a share only where there is something to compare with."""
    now, then = (sum(day.visitors for day in days) for days in (week, before))
    if not then:
        return words("traffic.first_week" if now else "traffic.quiet")
    change = (now - then) * 100 // then
    if abs(change) < 5:
        return words("traffic.steady")
    return words("traffic.up", percent=change) if change > 0 else words("traffic.down", percent=-change)
