"""A stranger looks around and joins by an invitation; what slips, wrong codes and empty lists are answered."""

from __future__ import annotations

from tests.scenarios.play import Play

EMPTY = ("orders", "parcels", "team", "shelf", "announcements", "commissions", "traffic", "links", "points", "unread")


async def story(play: Play) -> None:
    mei = await play.member("mei", "merchant")
    lin = play.actor("lin")
    play.scene("Mei invites a friend")
    await mei.starts()
    await mei.asks("invite")
    code = mei.found(r"/chat\?invite=(\w+)")

    if play.channel != "webchat":  # the page is opened by invitations only
        play.scene("A stranger looks around")
        await lin.starts()
        await lin.says("你们是干什么的", "What do you do?")
        await lin.says("Kx7Qm2Zt")
        await lin.asks("about")
        await lin.asks("help")
        await lin.asks("earnings")

    play.scene("Lin joins")
    await play.joins(lin, code)
    await lin.taps("button.home")

    play.scene("Nothing is there yet")
    for route in EMPTY:
        await lin.asks(route)

    play.scene("Slips, and what is not hers")
    await lin.says("佣今", "comission")
    await lin.asks("home")
    await lin.says("99")
    await lin.says("/downline:1")
    await lin.says("/order:1")
    await lin.says("/desk")
    await lin.says("谢谢", "thanks")

    play.scene("Questions, and another name")
    await lin.says("怎么提现？", "How do I withdraw?")
    await lin.asks("faq")
    await lin.chooses(play.say("faq.when.short"))
    await lin.asks("rename")
    await lin.says("小林", "Lynn")
    await lin.asks("language")
