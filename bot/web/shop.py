"""The built-in shop: what links and posters lead to where no other shop is named; in the demo it sells for real."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy.orm import Session

from bot.pictures import demo_shelf
from bot.rendering import LOCALES, Texts, money_text
from bot.web import forms, problems, reader
from bot.web.app import STATIC
from bot.web.shop_orders import SHIPPING, Checkout, ShopParts
from domain.codes import is_code
from domain.errors import NotFound
from domain.mall import catalog, links
from domain.mall.catalog import ProductRow
from domain.money import Money
from domain.sales import orders
from domain.sales.orders import OrderView
from domain.wording import Words, in_two_languages

FOLDER: Final = Path(__file__).parent
ON_FRONT: Final = 60
_CODE, _SHOPPER = "shop_code", "shop_shopper"
_MONTH: Final = 30 * 24 * 3600


def come_with(answer: web.StreamResponse, code: str | None, *, secure: bool) -> None:
    """Let the browser come to the shop with this code from now on, or with none."""
    if code:
        answer.set_cookie(_CODE, code, max_age=_MONTH, path="/shop", httponly=True, samesite="Lax", secure=secure)
    else:
        answer.del_cookie(_CODE, path="/shop")


def routes(parts: ShopParts) -> Iterable[web.AbstractRouteDef]:
    return Shop(parts).routes()


class Shop:
    def __init__(self, parts: ShopParts) -> None:
        self._parts = parts
        self._texts = Texts(parts.shop.timezone, FOLDER / "shop_texts")
        self._checkout = Checkout(parts)
        self._pages = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [
            web.get("/shop", self.front),
            web.get("/shop/pictures/{name}", self.picture),
            web.post("/shop/buy/{sku}", self.buy),
            web.get("/shop/orders/{token}", self.order),
            web.post("/shop/orders/{token}/{step}", self.step),
            web.get("/shop/{sku}", self.product),
        ]

    async def front(self, request: web.Request) -> web.Response:
        """Hot goods first, then the halls of the brands by region; or what was searched for."""
        query = {name: request.query.get(name, "").strip()[:80] or None for name in ("q", "brand", "category")}

        def read(db: Session) -> dict[str, Any]:
            found = catalog.browse(
                db, text=query["q"], brand=query["brand"], category=query["category"], limit=ON_FRONT
            )
            regions: dict[str, list[Any]] = defaultdict(list)
            for brand in catalog.brands(db):
                regions[brand.region or ""].append(brand)
            return {
                "goods": found.items,
                "total": found.total,
                "regions": dict(sorted(regions.items())),
                "categories": catalog.categories(db),
                **_sent_by(db, request),
            }

        return self._page(request, "shop_front.html", query=query, **await self._parts.database.read(read))

    async def product(self, request: web.Request) -> web.Response:
        sku = request.match_info["sku"]

        def read(db: Session) -> tuple[ProductRow, dict[str, str | None]]:
            return catalog.product(db, sku), _sent_by(db, request)

        try:
            product, sent_by = await self._parts.database.read(read)
        except NotFound:
            return self._page(request, "shop_gone.html", status=404)
        values: dict[str, Any] = {"product": product, "shipping": SHIPPING, **sent_by}
        return self._page(request, "shop_product.html", **values)

    async def picture(self, request: web.Request) -> web.Response:
        """A drawn picture of one of the demo's goods."""
        sku = request.match_info["name"].removesuffix(".jpg")
        try:
            body = await asyncio.to_thread(demo_shelf.picture, sku)
        except KeyError:
            raise problems.not_found() from None
        return web.Response(body=body, content_type="image/jpeg", headers={"Cache-Control": "public, max-age=86400"})

    async def buy(self, request: web.Request) -> web.Response:
        """Buy for real, in the demo: the order goes to `/hooks/shop` as a signed event like any shop's."""
        self._check_demo(request)
        form = await forms.read(request)
        shopper = self._checkout.shopper(request.cookies.get(_SHOPPER, ""))
        token = await self._checkout.buy(
            request,
            sku=request.match_info["sku"],
            quantity=str(form.get("quantity", "1")),
            days_ago=str(form.get("days_ago", "0")),
            code=_code(request),
            shopper=shopper,
        )
        answer = web.Response(status=303, headers={"Location": f"/shop/orders/{token}"})
        self._keep(answer, _SHOPPER, shopper)
        return answer

    async def order(self, request: web.Request) -> web.Response:
        if not self._parts.demo:
            raise problems.not_found()
        view = await self._parts.database.read(partial(_order, token=request.match_info["token"]))
        now = self._parts.clock()
        return self._page(
            request,
            "shop_order.html",
            order=view,
            token=request.match_info["token"],
            steps=_steps(view),
            settled=_settled(view),
            coming=view.state in ("paid", "shipped", "customs_cleared"),
            next_steps=self._checkout.next_steps(view, now),
        )

    async def step(self, request: web.Request) -> web.Response:
        self._check_demo(request)
        token = request.match_info["token"]
        view = await self._parts.database.read(partial(_order, token=token))
        await self._checkout.take_step(request, view, request.match_info["step"])
        return web.Response(status=303, headers={"Location": f"/shop/orders/{token}"})

    def _check_demo(self, request: web.Request) -> None:
        """Nothing is bought outside the demo, and no other site's page may press our buttons."""
        origin = request.headers.get("Origin")
        if not self._parts.demo:
            raise problems.not_found()
        if origin is not None and origin.split("://")[-1] != request.host:
            raise problems.Problem(403, "foreign_origin", "This page may only be used from the shop itself")

    def _page(
        self, request: web.Request, template: str, *, status: int = 200, unknown_code: str | None = None, **values: Any
    ) -> web.Response:
        locale = self._locale(request)
        say = partial(self._say, locale)
        static = request.app[STATIC]
        html = self._pages.get_template(template).render(
            say=say,
            money=lambda minor, currency: money_text(Money(minor, currency), locale),
            at=lambda instant: self._texts.say(Words("at", {"at": instant}), locale),
            static=static.url,
            locale=locale,
            other=next(other for other in LOCALES if other != locale),
            region=partial(self._region, locale),
            hall=partial(_hall, locale),
            named=partial(_named, locale),
            demo=self._parts.demo,
            code=_code(request),
            path=request.path,
            unknown_code=unknown_code,
            **values,
        )
        answer = web.Response(text=html, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})
        if request.query.get("lang") in LOCALES:
            self._keep(answer, reader.SHOP_LANGUAGE, locale)
        if (given := _code_given(request)) and not unknown_code:
            self._keep(answer, _CODE, given)
        return answer

    def _keep(self, answer: web.Response, name: str, value: str) -> None:
        secure = self._parts.settings.public_url.startswith("https://")
        answer.set_cookie(name, value, max_age=_MONTH, path="/shop", httponly=True, samesite="Lax", secure=secure)

    def _say(self, locale: str, key: str, **params: object) -> str:
        return self._texts.say(Words(key, params), locale)

    def _region(self, locale: str, name: str) -> str:
        """The regions A to D are known by a name in each language; others are called what the catalogue calls them."""
        key = f"region.{name[:1]}"
        return self._say(locale, key) if key in self._texts.keys(locale) else name

    def _locale(self, request: web.Request) -> str:
        return reader.locale_of(request, self._parts.shop.locale)


def _order(db: Session, token: str) -> OrderView:
    found = links.resolve(db, token)
    if found is None or found.kind != "order":
        raise problems.not_found()
    return orders.order(db, found.target)


def _sent_by(db: Session, request: web.Request) -> dict[str, str | None]:
    """Who recommends what is shown, and the code that somebody came with now if it is nobody's."""
    given = (request.query.get("code") or request.query.get("ref") or "")[:32]
    unknown = bool(given) and links.resolve(db, given) is None
    code = _code_kept(request) if unknown else _code(request)
    return {"recommender": links.owner_name(db, code or ""), "unknown_code": given if unknown else None}


def _code_given(request: web.Request) -> str | None:
    given = request.query.get("code") or request.query.get("ref") or ""
    return given if is_code(given) else None


def _code(request: web.Request) -> str | None:
    """The code that the visitor came with, now or the last time: it stays with them for a month."""
    return _code_given(request) or _code_kept(request)


def _code_kept(request: web.Request) -> str | None:
    kept = request.cookies.get(_CODE, "")
    return kept if is_code(kept) else None


def _hall(locale: str, brand: Any) -> str:
    return str(brand.name_en if locale == "en" and brand.name_en else brand.name)


def _named(locale: str, name: str) -> str:
    """A brand or category that names itself in both languages, in the reader's."""
    return in_two_languages(name)[locale == "en"]


def _settled(view: OrderView) -> bool:
    """Whether somebody earned on the order and all of it has become payable."""
    states = {one.state for one in view.commissions}
    return "payable" in states and states <= {"payable", "reversed"}


def _steps(view: OrderView) -> Sequence[tuple[str, datetime | None]]:
    """What becomes of a parcel, step by step, each with its time once it has happened."""
    return (
        ("paid", view.paid_at),
        ("shipped", view.shipped_at),
        ("customs_cleared", view.customs_cleared_at),
        ("delivered", view.delivered_at),
        ("completed", view.completed_at),
    )
