"""Days away: what WeChat does not let us send is kept and read at the next contact; long texts come in pages."""

from __future__ import annotations

from tests.scenarios.play import Play

ZH = "关于本周清关：{}\n\n有问题请发「客服」。"
ZH_LINE = "第 {} 批货从宁波保税仓发出，海关抽检的包裹会晚一到两天，请先和客户说一声。"
EN = "About customs this week: {}\n\nAny questions? Write “support”."
EN_LINE = "Batch {} leaves the bonded warehouse in Ningbo; parcels that are inspected come a day or two later. "


async def story(play: Play) -> None:
    lin = await play.member("lin", "distributor")
    jun = await play.member("jun", "distributor", sponsor_id="lin")
    await lin.starts()
    await jun.starts()
    await jun.asks("share_shop")
    link = jun.found(r"(http\S+/r/\w+)")

    play.scene("Lin is away for three days")
    await play.at(9, days=3)
    await play.runs("morning_tasks")
    for number in range(1, 5):
        await play.sold(f"A-{4000 + number}", link, buyer=f"u-{number}")
    await play.mall.post("announcements", text=_long(play), audience="distributors")
    await play.runs("announcements")

    play.scene("Lin is back")
    await lin.asks("earnings")
    await lin.comes_back()

    play.scene("A long announcement, page by page")
    await lin.asks("announcements")
    await lin.says("1")
    await lin.says("更多2", "more 2")
    await lin.says("更多9", "more 9")


def _long(play: Play) -> str:
    frame, line = (ZH, ZH_LINE) if play.locale == "zh" else (EN, EN_LINE)
    return frame.format("".join(line.format(number) for number in range(1, 29 if play.locale == "zh" else 14)))
