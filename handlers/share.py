"""Passing a product on: one's own link, a text ready to send, a poster to print or post."""

from __future__ import annotations

from domain.mall import catalog, links
from domain.mall.catalog import ProductRow
from domain.money import Money
from domain.wording import Words, words
from handlers.forms import BLANK, beginning, in_both, in_both_each, way_back
from handlers.routing import Chat, Choice, Picture, Reply, button, number, reply, route, sellers

POINTS = 2
LONGEST_POINT = 48  # a ready-made text has to fit into Telegram's copy button: 256 characters
LONGEST_NAME = 48


@route("share", who=sellers)
def share(chat: Chat, which: str) -> Reply:
    chosen = catalog.product(chat.db, number(which))
    link = links.make(chat.db, chat.member, "product", chosen.sku, now=chat.now)
    url = links.url(chat.shop.public_url, link.code)
    text = _ready_text(chosen, url)
    return reply(
        words("share.title", name=in_both(chosen.name, chosen.name_en)),
        words("share.link", url=url),
        BLANK,
        words("share.ready"),
        text,
        rows=[
            [Choice(words("share.copy_link"), copy=url), Choice(words("share.copy_text"), copy=text)],
            [button("share.poster", f"poster:{chosen.id}"), *_telegram(chat, url, _without_link(chosen))],
            [Choice(words("share.open"), url=_to_look(chat, url))],
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


def _ready_text(chosen: ProductRow, url: str) -> Words:
    return words("share.text", offer=_without_link(chosen), url=url)


def _without_link(chosen: ProductRow) -> Words:
    zh, en = ([beginning(point, LONGEST_POINT) for point in chosen.points(locale)[:POINTS]] for locale in ("zh", "en"))
    name = in_both(beginning(chosen.name, LONGEST_NAME), beginning(chosen.title("en"), LONGEST_NAME))
    price = Money(chosen.price, chosen.currency)
    if not zh:
        return words("share.offer_plain", name=name, price=price)
    points = [words("product.point", text=point) for point in in_both_each(zh, en)]
    return words("share.offer", name=name, price=price, points=points)


def _to_look(chat: Chat, url: str) -> str:
    """Where members look at their own link: not counted, but in the demo, where one person is everybody; without
    buttons it would be one more address in the text."""
    return url if chat.shop.demo or chat.person.channel == "wechat" else f"{url}?{links.LOOK}"


def _telegram(chat: Chat, url: str, text: Words) -> list[Choice]:
    if chat.person.channel != "telegram":
        return []
    return [Choice(words("share.telegram"), url=words("share.telegram_url", url=url, text=text))]
