"""The demo's shop as a customer walks through it, with the distributor's commission watched from the books."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from bot.web import shop
from domain.mall import catalog, links
from domain.sales import orders
from domain.schema import Stock
from tests.bot.web.house import NOW, SECRET, House, furnish, running


@dataclass
class DemoHouse(House):
    demo: bool = True
    demo_hook_secret: str = SECRET

    def __post_init__(self) -> None:
        super().__post_init__()
        self.extra_routes = [shop.routes(self)]


@asynccontextmanager
async def shop_open(url: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> AsyncIterator[House]:
    """A demo house, visited with a browser's memory for cookies."""
    monkeypatch.setattr("tests.bot.web.house.House", DemoHouse)
    async with running(url, **more) as made, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        made.client = client
        made.write(furnish)
        yield made


@pytest.fixture
async def house(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async with shop_open(database_url, monkeypatch) as made:
        yield made


@pytest.fixture
async def plain_house(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async with shop_open(database_url, monkeypatch, demo=False) as made:
        yield made


def code_of(house: House, member_id: str) -> str:
    from domain.people import members

    def make(db: Any) -> str:
        member = members.by_member_id(db, member_id)
        assert member is not None
        return links.make(db, member.id, "product", "JP-SERUM-30", now=house.now).code

    return str(house.write(make))


async def page(house: House, path: str, **more: Any) -> tuple[int, str]:
    async with house.client.get(house.base + path, **more) as answer:
        return answer.status, await answer.text()


async def press(house: House, path: str, **form: str) -> tuple[str, str]:
    """Press a button; returns where it led and what is shown there."""
    async with house.client.post(house.base + path, data=form) as answer:
        assert answer.status == 200, await answer.text()
        return answer.url.path, await answer.text()


def steps_offered(html: str) -> list[str]:
    return re.findall(r'action="/shop/orders/\w+/(\w+)"', html)


async def test_what_is_bought_through_a_link_earns_and_a_refund_takes_its_part_back(house: House) -> None:
    _, html = await page(house, f"/shop/JP-SERUM-30?code={code_of(house, 'anna')}&lang=en")
    assert "Recommended by Anna" in html
    assert "Hyaluronic serum" in html
    where, html = await press(house, "/shop/buy/JP-SERUM-30", quantity="2", days_ago="10")
    for step in ("ship", "customs", "deliver", "complete"):
        assert step in steps_offered(html)
        _, html = await press(house, f"{where}/{step}")
    assert "SwiftGlobe" in html

    def commissions() -> dict[str, tuple[str, int, int]]:
        def read(db: Any) -> orders.OrderView:
            target = links.resolve(db, where.rpartition("/")[2])
            assert target is not None
            return orders.order(db, target.target)

        return {c.member_id: (c.state, c.amount, c.reversed) for c in house.database.read_now(read).commissions}

    assert commissions()["anna"] == ("frozen", 4060, 0)
    _, html = await press(house, f"{where}/settle")
    assert commissions()["anna"] == ("payable", 4060, 0)
    assert commissions()["merchant"] == ("payable", 1740, 0)
    _, html = await press(house, f"{where}/refund_one")
    assert commissions()["anna"] == ("payable", 4060, 2030)
    assert "refunded" in html


async def test_a_code_stays_with_the_visitor_while_they_look_around(house: House) -> None:
    await page(house, f"/shop?code={code_of(house, 'anna')}&lang=en")
    _, html = await page(house, "/shop/JP-SERUM-30")
    assert "Recommended by Anna" in html


async def test_the_shop_speaks_both_languages_and_remembers_the_choice(house: House) -> None:
    _, html = await page(house, "/shop?lang=en")
    assert "Good things from everywhere" in html
    _, html = await page(house, "/shop")
    assert "Good things from everywhere" in html
    _, html = await page(house, "/shop?lang=zh")
    assert "全球好物" in html


async def test_a_link_that_nobody_made_is_said_to_be_unknown_and_spoils_no_other(house: House) -> None:
    code = code_of(house, "anna")
    status, html = await page(house, "/shop?code=NOPE1234", headers={"Accept-Language": "en"})
    assert status == 200
    assert "There is no link “NOPE1234”" in html
    _, html = await page(house, f"/shop?code={code}&lang=en")
    assert "There is no link" not in html
    _, html = await page(house, "/shop/JP-SERUM-30?code=NOPE1234")
    assert "There is no link “NOPE1234”" in html
    assert "Recommended by Anna" in html
    _, html = await page(house, "/shop/JP-SERUM-30")
    assert "There is no link" not in html
    assert "Recommended by Anna" in html
    _, html = await page(house, "/shop?ref=%3Cb%3E")
    assert "<b>" not in html


def stock(house: House, **more: int) -> list[int]:
    """Put so many pieces into these warehouses, if any, and return how many there are."""
    given = [{"sku": "JP-SERUM-30", "warehouse": name, "quantity": count} for name, count in more.items()]
    if given:
        house.write(lambda db: catalog.put_stock(db, given, actor="test", now=NOW))
    return sorted(house.database.read_now(lambda db: list(db.scalars(select(Stock.quantity)))))


async def test_what_is_bought_leaves_the_shelf_and_what_comes_back_returns_to_it(house: House) -> None:
    stock(house, north=2, south=1)
    _, html = await page(house, "/shop/JP-SERUM-30?lang=en")
    assert "Only 3 left" in html
    assert "Shipping ¥12.00" in html.replace("CN¥", "¥")
    where, _ = await press(house, "/shop/buy/JP-SERUM-30", quantity="3")
    assert stock(house) == [0, 0]
    _, html = await page(house, "/shop/JP-SERUM-30")
    assert "Sold out" in html
    browser = {"Accept": "text/html", "Referer": f"{house.base}/shop/JP-SERUM-30"}
    async with house.client.post(
        f"{house.base}/shop/buy/JP-SERUM-30", data={"quantity": "1"}, headers=browser
    ) as answer:
        assert answer.status == 409
        html = await answer.text()
    assert "not so many left" in html
    assert 'href="/shop/JP-SERUM-30"' in html
    await press(house, f"{where}/refund_one")
    assert stock(house) == [0, 1]
    await press(house, f"{where}/cancel")
    assert stock(house) == [0, 3]


async def test_a_completed_order_offers_no_cancelling_and_promises_no_parcel(house: House) -> None:
    await page(house, f"/shop?code={code_of(house, 'anna')}&lang=en")
    where, html = await press(house, "/shop/buy/JP-SERUM-30", quantity="1")
    assert "cancel" in steps_offered(html)
    assert "when it ships" in html
    assert "watch the commission" in html
    for step in ("ship", "customs", "deliver", "complete"):
        _, html = await press(house, f"{where}/{step}")
    assert "cancel" not in steps_offered(html)
    assert "when it ships" not in html


async def test_an_order_that_credits_nobody_has_no_commission_to_watch(house: House) -> None:
    _, html = await press(house, "/shop/buy/JP-SERUM-30?lang=en", quantity="1")
    assert "watch the commission" not in html


async def test_a_product_name_with_markup_is_shown_as_text(house: House) -> None:
    evil = {"sku": "EVIL", "name": "<script>alert(1)</script>]]>&", "price": 100}
    house.write(lambda db: catalog.put_products(db, [evil], actor="test", now=NOW))
    status, html = await page(house, "/shop/EVIL")
    assert status == 200
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("path", ["/shop/NOPE", "/shop/orders/zzzzzzzz", "/shop/pictures/NOPE.jpg"])
async def test_what_is_not_there_is_said_so(house: House, path: str) -> None:
    assert (await page(house, path))[0] == 404


@pytest.mark.parametrize("quantity", ["0", "10", "-1", "x", "１", "9" * 50, ""])
async def test_a_quantity_that_makes_no_sense_is_refused(house: House, quantity: str) -> None:
    async with house.client.post(house.base + "/shop/buy/JP-SERUM-30", data={"quantity": quantity}) as answer:
        assert answer.status == 422


async def test_another_sites_page_cannot_press_our_buttons(house: House) -> None:
    headers = {"Origin": "https://evil.example"}
    async with house.client.post(
        house.base + "/shop/buy/JP-SERUM-30", data={"quantity": "1"}, headers=headers
    ) as answer:
        assert answer.status == 403


async def test_steps_whose_turn_is_past_change_nothing(house: House) -> None:
    where, _ = await press(house, "/shop/buy/JP-SERUM-30", quantity="1")
    await press(house, f"{where}/cancel")
    async with house.client.post(f"{house.base}{where}/ship") as answer:
        assert answer.status == 404


async def test_outside_the_demo_the_page_only_shows(plain_house: House) -> None:
    status, html = await page(plain_house, "/shop/JP-SERUM-30?lang=en")
    assert status == 200
    assert "Buy now" not in html
    assert "Ask whoever sent you this link" in html
    async with plain_house.client.post(plain_house.base + "/shop/buy/JP-SERUM-30") as answer:
        assert answer.status == 404


async def test_a_refund_pressed_several_times_at_once_is_given_once(house: House) -> None:
    where, _ = await press(house, "/shop/buy/JP-SERUM-30", quantity="1")

    async def status(step: str) -> int:
        async with house.client.post(f"{house.base}{where}/{step}", allow_redirects=False) as answer:
            return answer.status

    answers = await asyncio.gather(*(status("refund_one") for _ in range(4)))
    assert answers.count(303) == 1
    assert set(answers) <= {303, 404, 409}


@pytest.mark.parametrize("kept", ["x" * 200, "a\u00ffb", "B-somebody-else", "demo-0"])
async def test_nobody_buys_as_a_customer_that_the_shop_did_not_make(house: House, kept: str) -> None:
    headers = {"Cookie": f"shop_shopper={kept}"}
    async with house.client.post(
        f"{house.base}/shop/buy/JP-SERUM-30", data={"quantity": "1"}, headers=headers, allow_redirects=False
    ) as answer:
        assert answer.status == 303
        assert answer.cookies["shop_shopper"].value.startswith("demo-")
        assert answer.cookies["shop_shopper"].value != kept
