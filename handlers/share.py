"""Passing a product on: one's own link, a text ready to send, a poster to print or post."""

from __future__ import annotations

from collections.abc import Sequence

from domain.mall import catalog, links
from domain.mall.catalog import ProductRow
from domain.money import Money
from domain.wording import Words, words
from handlers.forms import BLANK, beginning, in_both, in_both_each, to_look, way_back
from handlers.routing import Chat, Choice, Picture, Reply, button, number, reply, route, sellers

POINTS = 2
ROOM = 600
ROOM_ON_TELEGRAM = 256  # what its copy button carries
BESIDES = 40  # the price and what stands between the parts


@route("share", who=sellers)
def share(chat: Chat, which: str) -> Reply:
    chosen = catalog.product(chat.db, number(which))
    link = links.make(chat.db, chat.member, "product", chosen.sku, now=chat.now)
    url = links.url(chat.shop.public_url, link.code)
    offer = _offer(chosen, room=(ROOM_ON_TELEGRAM if chat.person.channel == "telegram" else ROOM) - len(url))
    text = words("share.text", offer=offer, url=url)
    return reply(
        words("share.title", name=in_both(chosen.name, chosen.name_en)),
        words("share.link", url=url),
        BLANK,
        words("share.ready"),
        text,
        rows=[
            [Choice(words("share.copy_link"), copy=url), Choice(words("share.copy_text"), copy=text)],
            [button("share.poster", f"poster:{chosen.id}"), *_telegram(chat, url, offer)],
            [Choice(words("share.open"), url=to_look(chat, url))],
            way_back(f"product:{chosen.id}"),
        ],
        edit=False,
    )


@route("poster", who=sellers)
def poster(chat: Chat, which: str) -> Reply:
    chosen = catalog.product(chat.db, number(which))
    link = links.make(chat.db, chat.member, "product", chosen.sku, now=chat.now)
    url = links.url(chat.shop.public_url, link.code)
    return reply(
        words("share.poster_ready", name=in_both(chosen.name, chosen.name_en), url=url),
        rows=[[Choice(words("share.copy_link"), copy=url)], way_back(f"share:{chosen.id}")],
        picture=Picture("poster", {"link": link.code, "sku": chosen.sku}),
        edit=False,
    )


@route("share_shop", who=sellers, command=True)
def share_shop(chat: Chat) -> Reply:
    """One link to the whole shop, for whoever likes to look around."""
    link = links.make(chat.db, chat.member, "shop", "", now=chat.now)
    url = links.url(chat.shop.public_url, link.code)
    text = words("share.shop_text", url=url)
    return reply(
        words("share.shop_title"),
        words("share.link", url=url),
        BLANK,
        words("share.ready"),
        text,
        rows=[
            [Choice(words("share.copy_link"), copy=url), Choice(words("share.copy_text"), copy=text)],
            [*_telegram(chat, url, words("share.shop_plain"))],
            [button("menu.products", "products")],
            way_back("traffic"),
        ],
        edit=False,
    )


def _offer(chosen: ProductRow, *, room: int) -> Words:
    """Name, price and the first selling points, as many as go in whole: half a sentence sells nothing."""
    name_zh, name_en = (beginning(chosen.title(locale), room // 4) for locale in ("zh", "en"))
    name, price = in_both(name_zh, name_en), Money(chosen.price, chosen.currency)
    left = room - BESIDES - max(_units(name_zh), _units(name_en))
    zh, en = (whole(chosen.points(locale), left) for locale in ("zh", "en"))
    as_many = min(len(zh), len(en))
    if not as_many:
        return words("share.offer_plain", name=name, price=price)
    points = [words("product.point", text=point) for point in in_both_each(zh[:as_many], en[:as_many])]
    return words("share.offer", name=name, price=price, points=points)


def whole(points: Sequence[str], room: int) -> list[str]:
    """The first points that fit into `room` one after the other, each with its mark; those too long are left out."""
    taken: list[str] = []
    for point in (one.replace("\n", " ").strip() for one in points):
        if len(taken) < POINTS and (need := _units(point) + 3) <= room:
            taken.append(point)
            room -= need
    return taken


def _units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def _telegram(chat: Chat, url: str, text: Words) -> list[Choice]:
    if chat.person.channel != "telegram":
        return []
    return [Choice(words("share.telegram"), url=words("share.telegram_url", url=url, text=text))]
