"""An operator writes an announcement, looks at it, sends it and watches it; members read back, page and mute."""

from __future__ import annotations

from tests.scenarios.mall import SERUM
from tests.scenarios.play import Play

ZH = "周五晚八点直播：怎么讲清楚保湿。欢迎带朋友来看。"
EN = "Live on Friday at eight: how to explain hydration. Bring a friend."


async def story(play: Play) -> None:
    bai = await play.operator("bai")
    mei = await play.member("mei", "merchant")
    lin = await play.member("lin", "distributor")
    for one in (bai, mei, lin):
        await one.starts()

    play.scene("Bai writes it")
    await play.at(10)
    await bai.asks("desk")
    await bai.taps("menu.announce")
    await bai.says(ZH, EN)
    await bai.taps("announce.add_en" if play.locale == "zh" else "announce.add_zh")
    await bai.says(EN, ZH)
    await bai.says("摸鱼的人", "lazy people")
    await bai.says("分销商", "distributors")
    await bai.taps("announce.picture")
    await bai.says(str(SERUM["sku"]))
    await bai.taps("announce.kind")
    await bai.taps("announce.kind_button.promotion")
    await bai.taps("announce.choose_time")
    await bai.says("昨天", "yesterday")
    await bai.taps("announce.now")
    await bai.taps("announce.try")
    await bai.taps("announce.go_on")
    await bai.says("所有人", "everybody")

    play.scene("It goes out")
    await bai.taps("announce.send")
    await play.runs("announcements")
    await play.mall.app.live.look()
    await play.settle()
    await play.runs("announcements")
    await bai.comes_back()
    await bai.asks("announce")
    await bai.says("1")

    play.scene("Lin reads back and mutes")
    for number in range(1, 9):
        await play.mall.post("announcements", text=_text(play, number), audience="distributors")
        await play.runs("announcements")
    await lin.comes_back()
    await lin.asks("announcements")
    await lin.taps("button.older")
    await lin.says("1")
    await lin.asks("announcements")
    await lin.taps("announcements.mute.promotion")

    play.scene("Lin does not get the next one; Bai sees whom it missed")
    await bai.asks("announce")
    await bai.says("今晚的直播改到九点。", "Tonight's live session starts at nine.")
    await bai.says("分销商", "distributors")
    await bai.taps("announce.send")
    await play.runs("announcements")
    await bai.taps("announce.refresh")
    await bai.taps("announce.missed", n=1)
    await bai.says("1")
    await bai.asks("figures")


def _text(play: Play, number: int) -> str:
    return (
        f"第 {number} 期小课：先讲成分，再讲价格。"
        if play.locale == "zh"
        else f"Lesson {number}: first what is in it, then what it costs."
    )
