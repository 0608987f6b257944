"""Lin connects a second chat by a code, chooses where messages go first, and parts with it again."""

from __future__ import annotations

from tests.scenarios.play import Play


async def story(play: Play) -> None:
    lin = await play.member("lin", "distributor")
    await lin.starts()

    play.scene("A code for another chat")
    await lin.asks("settings")
    await lin.taps("settings.channels")
    await lin.taps("channels.new")
    code = lin.found(r"(LK\w{8})")

    play.scene("At a browser")
    browser = play.on_the_page("lin")
    await browser.starts(code)
    await browser.taps("channels.yes")
    await browser.taps("settings.first_button")
    await browser.taps("channel.webchat")
    await browser.taps("button.home")

    play.scene("A sale is told where it is wanted")
    await lin.asks("share_shop")
    link = lin.found(r"(http\S+/r/\w+)")
    await play.sold("A-3001", link)

    play.scene("Codes that do not work")
    await lin.asks("channel_enter")
    await lin.says("LK22222222")
    await lin.asks("channel_new")
    await lin.says(lin.found(r"(LK\w{8})"))

    play.scene("Parting")
    await lin.asks("channels")
    await lin.says(lin.found(r"(?m)^(\d)\. .*(?:最近|last used)"))
    await lin.taps("channels.part")
    await lin.taps("channels.part_yes")
    await browser.asks("home")
