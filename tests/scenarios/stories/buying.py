"""A customer follows an order to the door, asks a person and gets an answer; somebody else's order stays closed."""

from __future__ import annotations

from functools import partial

from domain.mall import links
from tests.scenarios.mall import SERUM
from tests.scenarios.play import Play


async def story(play: Play) -> None:
    bai = await play.operator("bai")
    lin = await play.member("lin", "distributor")
    await bai.starts()
    await lin.starts()
    await lin.asks("share_shop")
    link = lin.found(r"(http\S+/r/\w+)")
    await play.sold("A-2001", link)
    await play.sold("A-2002", link, buyer="u-78")
    order = partial(links.order_link, order_id="A-2001", now=play.mall.clock())
    code = play.hide(await play.mall.app.database.write(order))

    play.scene("Zhou follows the order")
    zhou = play.actor("zhou")
    if play.channel == "webchat":
        await zhou.starts(code)
    else:
        await zhou.starts()
        await zhou.taps("start.bought")
        await zhou.says("A-2001")
        await zhou.says(code)

    play.scene("Its way")
    parcel = {"carrier": "SF", "tracking_number": "SF1020304050", "warehouse": "宁波", "items": []}
    await play.happens("shipped", "A-2001", parcels=[parcel])
    await play.happens("customs_cleared", "A-2001")
    await play.happens("delivered", "A-2001")
    await zhou.asks("parcels")
    await zhou.says("1")
    await zhou.says("A-2002")
    await zhou.asks("home")
    await zhou.says("我的包裹到哪了", "Where is my parcel?")

    play.scene("Something is broken")
    await zhou.asks("contact")
    await zhou.says("A-2001 的瓶盖裂了，怎么办？", "The cap of A-2001 is cracked. What can I do?")
    await bai.asks("alerts")
    await bai.says("1")
    await bai.taps("answer.write")
    await bai.says("给您退一件，两天内到账。", "We refund you; it takes two days.")
    item = {"sku": SERUM["sku"], "quantity": 1, "amount": SERUM["price"]}
    await play.happens("refunded", "A-2001", refund_id="R-1", items=[item])
    await zhou.asks("parcels")
    await zhou.says("1")
    await zhou.asks("shelf")
