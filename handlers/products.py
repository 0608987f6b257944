"""Something to sell: looking through the catalogue, searching it, and what each product would bring."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from domain.errors import NotFound, Refusal
from domain.mall import catalog
from domain.mall.catalog import Page, ProductRow, Shelf
from domain.money import Money
from domain.sales import earnings
from domain.wording import Words, in_two_languages, words
from handlers.forms import (
    BLANK,
    PAGE,
    Item,
    Row,
    by_mark,
    category_name,
    in_both,
    in_both_each,
    mark,
    numbered_list,
    page_number,
    pager,
    pages_of,
    pairs,
    region_name,
    to_goods,
    way_back,
)
from handlers.routing import Chat, Choice, Picture, Reply, anyone, button, number, reply, route, sellers

LONGEST_QUERY = 60
_MOST_POINTS = 4


@route("products", who=anyone, command=True)
def products(chat: Chat, page: str = "1") -> Reply:
    """What sells best comes first, and every other way into the catalogue beside it."""
    return _hot(chat, page, "products")


def _hot(chat: Chat, page: str, action: str) -> Reply:
    at = page_number(page, 10_000)
    found = catalog.browse(chat.db, hot=True, page=at, limit=PAGE)
    ways = [button("products.brands", "brands"), button("products.categories", "categories")]
    ways.append(button("products.all", "all_products"))
    if chat.person.sells:
        ways.append(button("products.shelf", "shelf"))
    return _list(chat, found, at, action, words("products.hot", total=found.total), ways=ways)


@route("all_products", who=anyone)
def all_products(chat: Chat, page: str = "1") -> Reply:
    at = page_number(page, 100_000)
    found = catalog.browse(chat.db, page=at, sort="new", limit=PAGE)
    return _list(chat, found, at, "all_products", words("products.newest", total=found.total), back="products")


@route("brands", who=anyone)
def brands(chat: Chat, page: str = "1") -> Reply:
    return _shelves(chat, catalog.brands(chat.db), "brand", "brands", page)


@route("categories", who=anyone)
def categories(chat: Chat, page: str = "1") -> Reply:
    return _shelves(chat, catalog.categories(chat.db), "category", "categories", page)


@route("brand", who=anyone)
def brand(chat: Chat, which: str, page: str = "1") -> Reply:
    name = by_mark((shelf.name for shelf in catalog.brands(chat.db)), which)
    at = page_number(page, 100_000)
    found = catalog.browse(chat.db, brand=name, page=at, limit=PAGE)
    hall = catalog.brand(chat.db, name)
    title = words("products.brand", name=in_both(name, hall.name_en), total=found.total)
    story = [in_both(hall.story, hall.story_en)] if hall.story and at == 1 else []
    return _list(chat, found, at, f"brand:{which}", title, *story, back="brands")


@route("category", who=anyone)
def category(chat: Chat, which: str, page: str = "1") -> Reply:
    name = by_mark((shelf.name for shelf in catalog.categories(chat.db)), which)
    at = page_number(page, 100_000)
    found = catalog.browse(chat.db, category=name, page=at, limit=PAGE)
    title = words("products.category", name=category_name(name), total=found.total)
    return _list(chat, found, at, f"category:{which}", title, back="categories")


@route("shelf", who=sellers, command=True)
def shelf(chat: Chat, page: str = "1") -> Reply:
    at = page_number(page, 100_000)
    found = catalog.browse(chat.db, member=chat.member, page=at, limit=PAGE, sort="new")
    if not found.total:
        return reply(words("products.shelf_empty"), rows=[[button("menu.products", "products")], way_back()])
    return _list(chat, found, at, "shelf", words("products.on_shelf", total=found.total), back="products")


@route("search", who=anyone)
def search(chat: Chat) -> Reply:
    """What was written and is no command is looked for in the catalogue."""
    query = " ".join(chat.text.split())[:LONGEST_QUERY]
    if not query:
        return products(chat)
    chat.state["query"] = query
    return found(chat)


@route("found", who=anyone)
def found(chat: Chat, page: str = "1") -> Reply:
    query = chat.state.get("query")
    if not query:
        return products(chat)
    at = page_number(page, 100_000)
    hits = catalog.browse(chat.db, text=query, page=at, limit=PAGE)
    said: list[Words] = []
    if not hits.total:
        instead, hits = catalog.nearest(chat.db, query, page=at, limit=PAGE)
        if hits.total:
            said = [words("products.guessed", query=query, instead=instead) if instead else _near(query)]
    if not hits.total and chat.person.member is None:
        return chat.go("start")
    if not hits.total:
        return reply(
            words("products.not_found", query=query),
            rows=[
                [to_goods(chat), button("products.categories", "categories")],
                [button("menu.contact", "contact"), button("menu.help", "help")],
                way_back(),
            ],
        )
    title = said or [words("products.found", query=query, total=hits.total)]
    return _list(chat, hits, at, "found", *title, back="products")


def _near(query: str) -> Words:
    return words("products.nearest", query=query)


@route("product", who=anyone)
def product(chat: Chat, which: str) -> Reply:
    return _show(chat, catalog.product(chat.db, number(which)))


@route("pick", who=sellers)
def pick(chat: Chat, which: str) -> Reply:
    chosen = catalog.product(chat.db, number(which))
    catalog.pick(chat.db, chat.member, chosen.id, now=chat.now)
    return _show(chat, chosen, words("products.picked"))


@route("unpick", who=sellers)
def unpick(chat: Chat, which: str) -> Reply:
    chosen = catalog.product(chat.db, number(which))
    catalog.unpick(chat.db, chat.member, chosen.id)
    return _show(chat, chosen, words("products.unpicked"))


def _show(chat: Chat, chosen: ProductRow, *said: Words) -> Reply:
    if not chosen.on_shelf and not chat.person.sells:
        raise NotFound()
    price = Money(chosen.price, chosen.currency)
    body = [*said, words("product.title", name=in_both(chosen.name, chosen.name_en))]
    body += _kind(chosen)
    body.append(words("product.price", price=price))
    body.append(_stock(chosen))
    body += _points(chosen)
    rows: list[Row] = []
    if chat.person.sells:
        earned, rows = _for_sellers(chat, chosen)
        body += [BLANK, *earned]
    else:
        rows = _for_buyers(chat, chosen)
    back = chat.state.get("list", "products")
    return reply(*body, rows=[*rows, way_back(back)], picture=Picture("product", {"sku": chosen.sku}))


def _for_sellers(chat: Chat, chosen: ProductRow) -> tuple[list[Words], list[Row]]:
    try:
        catalog.check_may_sell(chat.db, chat.member, chosen)
    except Refusal as refusal:
        return [words(f"refusal.{refusal.code}", **refusal.params)], []
    picked = bool(catalog.picked(chat.db, chat.member, [chosen.id]))
    keep = button("product.unpick", f"unpick:{chosen.id}") if picked else button("product.pick", f"pick:{chosen.id}")
    return _earnings(chat, chosen), [(button("product.share", f"share:{chosen.id}"), keep)]


def _for_buyers(chat: Chat, chosen: ProductRow) -> list[Row]:
    url = chat.shop.shop_url.replace("{sku}", quote(chosen.sku, safe="")).replace("{code}", chat.state.get("ref", ""))
    buttons = [Choice(words("product.buy"), url=url)]
    if chat.person.status == "active":
        buttons.append(button("menu.join", "join"))
    return pairs(*buttons)


def _earnings(chat: Chat, chosen: ProductRow) -> list[Words]:
    """What a sale of one piece would bring this member at each level, after the guard."""
    found = earnings.would_earn(chat.db, chat.member, [chosen], now=chat.now, currency=chat.shop.currency)
    would = found.get(chosen.sku)
    if would is None:
        return [words("product.earn_unknown")]
    mine, second, third = (Money(amount, chat.shop.currency) for amount in would.amounts)
    said = [words("product.earn", amount=mine)]
    if second or third:
        said.append(words("product.earn_team", second=second, third=third))
    return said


def _kind(chosen: ProductRow) -> list[Words]:
    brand, category, region = chosen.brand or "", chosen.category or "", chosen.region or ""
    known = [
        in_both(brand, in_two_languages(brand)[1]) if brand else None,
        category_name(category) if category else None,
        region_name(region) if region else None,
    ]
    told = [one for one in known if one is not None]
    return [words(f"product.kind_{len(told)}", **dict(zip("abc", told, strict=False)))] if told else []


def _stock(chosen: ProductRow) -> Words:
    if not chosen.on_shelf:
        return words("product.off_shelf")
    if chosen.stock is None:
        return words("product.stock_unknown")
    return words("product.in_stock", n=chosen.stock) if chosen.stock > 0 else words("product.sold_out")


def _points(chosen: ProductRow) -> list[Words]:
    points = in_both_each(chosen.points("zh"), chosen.points("en"))
    return [words("product.point", text=point) for point in points[:_MOST_POINTS]]


def _list(
    chat: Chat,
    page: Page,
    at: int,
    action: str,
    title: Words,
    *more: Words,
    ways: Sequence[Choice] = (),
    back: str | None = None,
) -> Reply:
    chat.state["list"] = f"{action}:{at}"
    lines, buttons = numbered_list(_items(chat, page.items))
    if pages_of(page.total) > 1:
        more = (*more, words("list.page", page=at, pages=pages_of(page.total)))
    hint = [words("products.hint")] if ways else []
    return reply(
        title, *more, *lines, *hint, rows=[*buttons, pager(action, at, page.total), *pairs(*ways), way_back(back)]
    )


def _items(chat: Chat, shown: Sequence[ProductRow]) -> list[Item]:
    would = (
        earnings.would_earn(chat.db, chat.member, shown, now=chat.now, currency=chat.shop.currency)
        if chat.person.sells
        else {}
    )
    items = []
    for one in shown:
        name = in_both(one.name, one.name_en)
        price = Money(one.price, one.currency)
        if one.sku in would:
            earn = Money(would[one.sku].amounts[0], chat.shop.currency)
            line = words("products.line_earn", name=name, price=price, earn=earn)
        else:
            line = words("products.line", name=name, price=price)
        items.append(Item(line, name, f"product:{one.id}"))
    return items


def _shelves(chat: Chat, shelves: Sequence[Shelf], kind: str, action: str, page: str) -> Reply:
    at = page_number(page, len(shelves))
    items = []
    for one in shelves[(at - 1) * PAGE : at * PAGE]:
        name = category_name(one.name) if kind == "category" else in_both(one.name, one.name_en)
        line = words("products.shelf_line", name=name, n=one.products)
        items.append(Item(line, name, f"{kind}:{mark(one.name)}"))
    lines, buttons = numbered_list(items)
    title = words(f"products.{action}_title", n=len(shelves))
    return reply(title, *lines, rows=[*buttons, pager(action, at, len(shelves)), way_back("products")])
