"""Jun picks something, shares it and sells it; three people earn, see why, are settled, and a refund takes it back."""

from __future__ import annotations

from tests.scenarios.mall import SERUM
from tests.scenarios.play import Play

MASK = {
    "sku": "KR-MASK-10",
    "name": "积雪草舒缓面膜 10 片",
    "name_en": "Centella soothing masks, 10 pieces",
    "brand": "青禾",
    "category": "skincare",
    "price": 8_900,
    "cost": 6_000,
    "currency": "CNY",
}


async def story(play: Play) -> None:
    await play.mall.put("products", MASK)
    mei = await play.member("mei", "merchant")
    lin = await play.member("lin", "distributor", sponsor_id="mei")
    jun = await play.member("jun", "distributor", sponsor_id="lin")
    serum = str(SERUM["name"] if play.locale == "zh" else SERUM["name_en"])
    for one in (mei, lin, jun):
        await one.starts()

    play.scene("Jun looks for something to sell")
    await jun.taps("menu.products")
    await jun.taps("products.categories")
    await jun.taps("button.back")
    await jun.says("面膜", "masks")
    await jun.says("热水瓶", "kettle")
    await jun.asks("products")
    await jun.chooses(serum)
    await jun.taps("product.pick")
    await jun.asks("shelf")
    await jun.chooses(serum)

    play.scene("Jun shares it")
    await jun.taps("product.share")
    link = jun.found(r"(http\S+/r/\w+)")
    await jun.taps("share.poster")
    await jun.asks("share_shop")

    play.scene("Visitors come, and one buys")
    await play.visits(link)
    await jun.asks("traffic")
    await jun.taps("traffic.links")
    await play.sold("A-1001", link)

    play.scene("Why this amount")
    await jun.asks("earnings")
    await jun.taps("earnings.list")
    await jun.chooses(serum)
    await lin.asks("commissions")
    await lin.chooses(serum)

    play.scene("The order on its way")
    parcel = {"carrier": "SF", "tracking_number": "SF1020304050", "warehouse": "宁波", "items": []}
    await play.happens("shipped", "A-1001", parcels=[parcel])
    await play.happens("customs_cleared", "A-1001")
    await play.happens("delivered", "A-1001")
    await jun.asks("orders")
    await jun.chooses(serum)
    await play.happens("completed", "A-1001")
    await jun.asks("earnings")
    await jun.taps("earnings.list")

    play.scene("Settlement")
    await play.at(9, days=8)
    await play.runs("settle")
    await jun.comes_back()
    await jun.asks("earnings")
    await mei.comes_back()

    play.scene("Half of it comes back")
    await play.sold("A-1002", link, quantity=2)
    item = {"sku": SERUM["sku"], "quantity": 1, "amount": SERUM["price"]}
    await play.happens("refunded", "A-1002", refund_id="R-1", items=[item])
    await play.happens("refunded", "A-1001", refund_id="R-2", items=[item])
    await jun.asks("earnings")
    await jun.taps("earnings.list")
    await jun.says("A-1001")

    play.scene("Mei looks at her team")
    await mei.asks("team")
    await mei.taps("team.level_button_2")
    await mei.chooses(jun.name)
    await mei.asks("invite_poster")
