"""Pictures: drawn from the record, fetched where there is a photo, kept by their content, shown to whom they belong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from io import BytesIO

import pytest
from aiohttp import web
from PIL import Image
from sqlalchemy import update

from bot.channels.painting import Painted, Painter
from domain.errors import NotFound
from domain.schema import Contact, Member, Product
from handlers.routing import Picture
from tests.handlers.house import House
from tests.someone import chat

SERUM = Picture("product", {"sku": "SERUM-30"})


def painter(house: House) -> Painter:
    return Painter(house.database, house.texts, house.shop, lambda: house.now)


def contact_of(house: House, member_id: str) -> int:
    member = house.member(member_id)
    with house.database.transaction() as db:
        return chat(db, member, "telegram", f"account-{member_id}")


def photographed(house: House, address: str) -> None:
    with house.database.transaction() as db:
        db.execute(update(Product).where(Product.sku == "SERUM-30").values(image_url=address))


def size(painted: Painted) -> tuple[int, int]:
    return Image.open(BytesIO(painted.data)).size


@asynccontextmanager
async def photos(**by_name: bytes) -> AsyncIterator[str]:
    async def photo(request: web.Request) -> web.Response:
        if request.match_info["name"] == "slow":
            await asyncio.sleep(30)
        return web.Response(body=by_name[request.match_info["name"]])

    app = web.Application()
    app.add_routes([web.get("/{name}", photo)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def picture_file(kind: str, width: int, height: int) -> bytes:
    out = BytesIO()
    Image.new("RGBA", (width, height), (200, 40, 40, 128)).save(out, kind)
    return out.getvalue()


async def test_everybody_sees_a_product_and_only_its_owner_a_poster(house: House):
    lin, mei, stranger = contact_of(house, "lin"), contact_of(house, "mei"), 999_999
    code, invite = house.code("lin", "product", "SERUM-30"), house.code("lin", "invite")
    paint = painter(house).paint
    assert (await paint(SERUM, "zh", stranger)).content_type == "image/jpeg"
    poster, invitation = (
        Picture("poster", {"link": code, "sku": "SERUM-30"}),
        Picture("invite_poster", {"link": invite}),
    )
    assert size(await paint(poster, "zh", lin)) == (750, 1334)
    assert size(await paint(invitation, "en", lin)) == (750, 1334)
    for wanted in (poster, invitation):
        for somebody in (mei, stranger):
            with pytest.raises(NotFound):
                await paint(wanted, "zh", somebody)
    for made_up in (
        Picture("poster", {"link": invite}),
        Picture("invite_poster", {"link": code}),
        Picture("poster", {"link": "nothing8"}),
        Picture("product", {"sku": "NO-SUCH"}),
        Picture("product", {}),
        Picture("traffic", {"days": ["x"], "visits": [1], "visitors": [1], "orders": []}),
        Picture("url", {"url": "file:///etc/passwd"}),
        Picture("something", {}),
    ):
        with pytest.raises(NotFound):
            await paint(made_up, "zh", lin)


async def test_a_poster_follows_its_content_at_once(one_house: House):
    lin = contact_of(one_house, "lin")
    poster = Picture("poster", {"link": one_house.code("lin", "product", "SERUM-30"), "sku": "SERUM-30"})
    paint = painter(one_house).paint
    first, again = await paint(poster, "zh", lin), await paint(poster, "zh", lin)
    assert first is again
    with one_house.database.transaction() as db:
        db.execute(update(Product).where(Product.sku == "SERUM-30").values(price=19_900))
    cheaper = await paint(poster, "zh", lin)
    assert cheaper.key != first.key
    with one_house.database.transaction() as db:
        db.execute(update(Member).where(Member.member_id == "lin").values(name="]]><b>\u202eEvil😀" * 9))
    assert (await paint(poster, "zh", lin)).key != cheaper.key
    assert (await paint(poster, "en", lin)).key != first.key


async def test_photos_of_the_shop_are_fetched_once_and_made_fit(one_house: House):
    large = picture_file("PNG", 3000, 2000)
    async with photos(large=large, junk=b"<html>", bomb=b"x" * 9_000_000) as shop:
        paint = painter(one_house).paint
        photographed(one_house, f"{shop}/large")
        shown = await paint(SERUM, "zh", 1)
        assert shown.content_type == "image/jpeg"
        assert size(shown) == (1280, 853)
        assert await paint(SERUM, "zh", 1) is shown
        one_house.now += timedelta(hours=1)
        assert await paint(SERUM, "zh", 1) is not shown
        for wrong in ("junk", "bomb", "missing"):
            photographed(one_house, f"{shop}/{wrong}")
            assert size(await paint(SERUM, "zh", 1)) == (800, 800)  # drawn instead
    photographed(one_house, "http://127.0.0.1:9/refused")
    assert size(await paint(SERUM, "zh", 1)) == (800, 800)


async def test_thirty_days_become_a_chart_in_the_reader_s_language(one_house: House):
    days = [date(2026, 11, 1) + timedelta(days=n) for n in range(5)]
    asked = Picture(
        "traffic", {"days": days, "visits": [1, 2, 3, 4, 5], "visitors": [1, 1, 2, 2, 3], "orders": [0] * 5}
    )
    paint = painter(one_house).paint
    chinese, english = await paint(asked, "zh", 1), await paint(asked, "en", 1)
    assert chinese.content_type == english.content_type == "image/png"
    assert chinese.key != english.key


async def test_somebody_who_has_not_joined_has_no_posters(one_house: House):
    with one_house.database.transaction() as db:
        nobody = chat(db, None, "telegram", "visitor")
        assert db.get(Contact, nobody) is not None
    with pytest.raises(NotFound):
        await painter(one_house).paint(
            Picture("invite_poster", {"link": one_house.code("lin", "invite")}), "zh", nobody
        )
