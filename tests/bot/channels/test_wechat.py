"""People on WeChat: answered in time, alike each time, by numbers, and nobody else's words taken for WeChat's."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select, update

from bot.channels import wechat
from bot.channels.outcomes import Closed, Sent
from bot.channels.sending import Message
from bot.channels.wechat_pages import pages
from bot.rendering import Button, Rendered
from domain.errors import NotFound
from domain.schema import Contact, Inbox, Member
from handlers.routing import Picture
from tests.bot.channels.wechat_scene import scene, seller
from tests.fakes.wechat import AES_KEY
from tests.handlers.house import House

BOTH_WAYS = pytest.mark.parametrize("aes_key", [None, AES_KEY], ids=["plain", "aes"])


@BOTH_WAYS
async def test_a_follower_joins_by_an_invite_code_and_chooses_by_numbers(house: House, aes_key: str | None):
    async with scene(house, aes_key=aes_key) as at:
        assert await at.fake.verifies()
        mei = at.fake.person("o-mei")
        shown = await mei.follows(scene=house.code("lin", "invite"))
        assert "小林" in shown.text
        asked = await mei.chooses("免费加入")
        assert "怎么称呼" in asked.text
        joined = await mei.says("小美")
        assert "小美" in joined.text
        home = await mei.says(" ０ ")
        assert "待结算" in home.text
        assert "回复数字" in home.text
        assert all(seen.via == "reply" for seen in mei.heard)
        with at.office.database.transaction() as db:
            sponsor = db.scalar(select(Member.sponsor_id).where(Member.name == "小美"))
        assert sponsor == house.member("lin")


@BOTH_WAYS
async def test_a_repetition_gets_the_same_answer_and_changes_nothing(house: House, aes_key: str | None):
    async with scene(house, aes_key=aes_key) as at:
        mei = at.fake.person("o-mei")
        await mei.follows()
        await mei.chooses("我想卖货")
        await mei.chooses("免费加入")
        joined = await mei.says("小美")
        before = at.counted()
        again = await mei.repeats()
        at.channel._answers.clear()  # as after a restart
        once_more = await mei.repeats()
        assert joined.text == again.text == once_more.text
        assert at.counted() == before


async def test_a_repetition_that_comes_while_the_first_is_at_work_waits_for_the_same_answer(
    one_house: House, monkeypatch: pytest.MonkeyPatch
):
    async with scene(one_house, patience=1.5) as at:  # three calls: 4.5 seconds in all, whatever else the machine does
        lin = await seller(at)
        handle, calls = at.office.gateway.handle, []

        async def slowly(incoming: Any, **more: Any) -> Any:
            calls.append(incoming.update_key)
            await asyncio.sleep(1.8)
            return await handle(incoming, **more)

        monkeypatch.setattr(at.office.gateway, "handle", slowly)
        shown = await lin.says("佣金")
        assert "我的佣金" in shown.text
        assert len(calls) == 1


async def test_what_takes_too_long_for_a_direct_reply_comes_after_it(one_house: House, monkeypatch: pytest.MonkeyPatch):
    async with scene(one_house) as at:
        lin = await seller(at)
        handle, answered = at.office.gateway.handle, asyncio.Event()

        async def slowly(incoming: Any, **more: Any) -> Any:
            await answered.wait()
            return await handle(incoming, **more)

        monkeypatch.setattr(at.office.gateway, "handle", slowly)
        monkeypatch.setattr(wechat, "ANSWER_SECONDS", 0.2)
        assert (await lin.says("佣金")).kind == "nothing"
        answered.set()
        assert (await lin.hears("我的佣金")).via == "customer"


async def test_events_are_told_apart_and_menu_scan_and_view_do_what_they_say(house: House):
    async with scene(house) as at:
        lin = await seller(at)
        assert "热卖" in (await lin.clicks_menu("products")).text
        assert "我的佣金" in (await lin.clicks_menu("earnings")).text  # within the same second
        assert "樱花" in (await lin.scans(house.code("lin", "product", "SERUM-30"))).text
        at.fake.menu = [{"name": "商城", "type": "view", "url": "https://shop.example"}]
        assert (await lin.taps_menu("商城")).kind == "nothing"
        assert "直接发这些词" in (await lin.clicks_menu("x" * 200)).text
        assert (await lin.unfollows()).kind == "nothing"
        with at.office.database.transaction() as db:
            gone = db.scalar(select(Contact.unreachable_since).where(Contact.account == lin.openid))
        assert gone is not None
        house.now += timedelta(seconds=1)
        await lin.follows()
        with at.office.database.transaction() as db:
            assert db.scalar(select(Contact.unreachable_since).where(Contact.account == lin.openid)) is None


@BOTH_WAYS
async def test_the_poster_is_the_answer_and_its_words_follow(house: House, aes_key: str | None):
    async with scene(house, aes_key=aes_key) as at:
        lin = await seller(at)
        await lin.says("选品")
        shown = await lin.says("1")
        assert "🖼 https://go.example.com/wechat/pictures/" in shown.text
        await lin.chooses("分享")
        poster = await lin.chooses("海报")
        assert poster.kind == "image"
        assert poster.picture
        assert poster.picture.startswith(b"\xff\xd8")
        words = await lin.hears("的海报")
        assert "https://shop.example/r/" in words.text


async def test_a_picture_that_wechat_does_not_take_is_shown_behind_a_link(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        at.fake.fault("media/upload", "errcode", code=45009)
        await lin.says("选品")
        await lin.says("1")
        await lin.chooses("分享")
        shown = await lin.chooses("海报")
        assert shown.kind == "text"
        [link] = [word for word in shown.text.split() if "/wechat/pictures/" in word]
        path = link.removeprefix("https://go.example.com")
        base = at.fake.bot_url.removesuffix("/wechat")
        async with aiohttp.ClientSession() as session:
            async with session.get(base + path) as answer:
                assert answer.status == 200
                assert (await answer.read()).startswith(b"\xff\xd8")
            for forged in (
                path[:-2] + "xx",
                path.replace("pictures/", "pictures/A"),
                "/wechat/pictures/.",
                "/wechat/pictures/é",
            ):
                async with session.get(base + forged) as answer:
                    assert answer.status == 404
            one_house.now += timedelta(days=4)
            async with session.get(base + path) as answer:
                assert answer.status == 404


async def test_nobody_gets_a_poster_of_somebody_else_s_link(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        with at.office.database.transaction() as db:
            contact = db.execute(select(Contact.id).where(Contact.account == lin.openid)).scalar_one()
        theirs = Picture("poster", {"link": one_house.code("mei", "product", "SERUM-30"), "sku": "SERUM-30"})
        with pytest.raises(NotFound):
            await at.office.painter.paint(theirs, "zh", contact)
        with pytest.raises(NotFound):
            await at.office.painter.paint(Picture("invite_poster", {"link": "nothing8"}), "zh", contact)


async def test_a_long_answer_is_read_on_by_asking_for_more(one_house: House):
    async with scene(one_house) as at:
        ops = await seller(at, "o-ops", "ops")
        await ops.says("发公告")
        text = "".join(f"第{n}句，写得很长很长，请慢慢读完。" for n in range(60))
        first = await ops.says(text)
        assert "更多2" in first.text
        second = await ops.says("更多2")
        assert (await ops.repeats()).text == second.text
        assert "第59句" in first.text + second.text
        assert "回复数字" in first.text
        assert "回复数字" in second.text


async def test_the_rest_of_an_answer_is_not_read_on_by_who_has_the_chat_next(one_house: House):
    async with scene(one_house) as at:
        ops = await seller(at, "o-ops", "ops")
        await ops.says("发公告")
        await ops.says("".join(f"第{n}句，写得很长很长，请慢慢读完。" for n in range(60)))
        at.knows(ops, "lin")
        assert "第59句" not in (await ops.says("更多2")).text


def test_no_text_is_too_long_and_the_menu_stands_on_every_page():
    body = "\n".join(f"{n}. 一行很长的字，" + "好" * 60 for n in range(1, 13))
    rows = tuple((Button(f"按钮{n}", action=f"a:{n}"),) for n in range(1, 6))
    said = pages(Rendered(body, rows), "回复数字选择", lambda n: f"更多{n}")
    assert len(said) == 2
    assert all(len(page.encode()) <= 2048 and "5 按钮5\n回复数字选择" in page for page in said)
    assert "更多2" in said[0]
    assert "更多" not in said[1]
    many = tuple((Button("很长的按钮" * 8, action=f"a:{n}"),) for n in range(1, 40))
    assert all(len(page.encode()) <= 2048 for page in pages(Rendered(body, many), "回复数字", lambda n: f"更多{n}"))


@BOTH_WAYS
async def test_names_are_shown_as_text_and_cannot_break_out(one_house: House, aes_key: str | None):
    """B5"""
    async with scene(one_house, aes_key=aes_key) as at:
        mei = at.fake.person("o-mei")
        await mei.follows()
        await mei.chooses("我想卖货")
        await mei.chooses("免费加入")
        joined = await mei.says('<a href="http://evil.com">x</a>]]>&amp;😀')
        assert joined.links == {}
        assert "evil.com" in joined.text
        assert "&amp;😀" in joined.text


async def test_notices_go_out_while_the_window_is_open_and_are_kept_when_it_is_shut(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        to = at.recipient(lin)
        notice = Message("earned:1", "notice.commission_earned", {}, Rendered("佣金 ¥38.70 " + "长" * 900))
        assert isinstance(await at.channel.send(to, notice), Sent)
        assert (await lin.hears("佣金 ¥38.70")).via == "customer"
        one_house.now += timedelta(hours=49)
        calls = len(at.fake.calls)
        assert isinstance(await at.channel.send(to, notice), Closed)
        assert len(at.fake.calls) == calls, "what surely is refused is not tried"


async def test_wrong_stale_split_and_reused_signatures_are_refused(one_house: House):
    """B4"""
    async with scene(one_house) as at:
        before = at.counted()
        message = at.text("o-eve", "选品")
        good = at.fake.signed_query()
        wrong: list[dict[str, str]] = [
            {"signature": "0" * 40},
            {"signature": ""},
            {"signature": "é"},
            {"timestamp": ""},
            {"nonce": ""},
            good | {"timestamp": good["timestamp"] + good["nonce"][:1], "nonce": good["nonce"][1:]},
            good | {"timestamp": good["timestamp"][:-1], "nonce": good["timestamp"][-1] + good["nonce"]},
        ]
        for query in wrong:
            assert (await at.fake.post(message, query=query))[0] == 403, query
        one_house.now -= timedelta(minutes=6)
        stale = at.fake.signed_query()
        one_house.now += timedelta(minutes=6)
        assert (await at.fake.post(message, query=stale))[0] == 403
        assert at.counted() == before
        first = await at.fake.post(message, query=good)
        again = await at.fake.post(message, query=good)
        assert first[0] == again[0] == 200
        assert first[1] == again[1]
        another = at.text("o-eve", "别的", MsgId=8)
        assert (await at.fake.post(another, query=good))[0] == 403
        asked = {**good, "signature": "0" * 40, "echostr": "hello"}
        async with aiohttp.ClientSession() as session, session.get(at.fake.bot_url, params=asked) as answer:
            assert answer.status == 403
            assert "hello" not in await answer.text()
    async with scene(one_house) as after_a_restart:
        assert (await after_a_restart.fake.post(another, query=good))[0] == 403
        assert (await after_a_restart.fake.post(message, query=good))[1] == first[1]


async def test_a_signature_that_was_seen_with_the_word_to_repeat_is_good_for_no_message(one_house: House):
    """B4"""
    async with scene(one_house) as at:
        before, good = at.counted(), at.fake.signed_query()
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.get(at.fake.bot_url, params={**good, "echostr": "hello"}) as answer:
                    assert (answer.status, await answer.text()) == (200, "hello")
            async with session.get(at.fake.bot_url, params={**good, "echostr": "other"}) as answer:
                assert answer.status == 403
        assert (await at.fake.post(at.text("o-eve", "选品"), query=good))[0] == 403
        assert at.counted() == before


@BOTH_WAYS
async def test_junk_inside_a_valid_signature_is_answered_without_a_stir(one_house: House, aes_key: str | None):
    """B2, B3"""
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    async with scene(one_house, aes_key=aes_key) as at:
        before = at.counted()
        good = at.text("o-eve", "hi").decode()
        for body, allowed in (
            (b"", {200, 400}),
            (b"hello", {200, 400}),
            (b"\xff\xfe<\x00x\x00", {400}),
            ((bomb + good).encode(), {400}),
            (bomb.replace("<!DOCTYPE", "<!doctype").encode() + good.replace("hi", "&b;").encode(), {400}),
            (b"<a>" * 15_000, {200, 400}),
            (b"<a>" * 100_000, {413}),
            (b"<xml></xml>", {200}),
            (b"<xml/>", {200}),
            (b"<other><MsgType>text</MsgType></other>", {200}),
            (good.replace("</xml>", "<FromUserName><![CDATA[o-adam]]></FromUserName></xml>").encode(), {200}),
            (good.replace("<![CDATA[text]]>", "").encode(), {200}),
            (good.replace("<![CDATA[text]]>", "<b>text</b>").encode(), {200}),
            (good.replace("<CreateTime>1<", "<CreateTime>abc<").encode(), {200}),
            (good.replace("<MsgId>7<", "<MsgId>٧<").encode(), {200}),
            (good.replace("<MsgId>7<", "<MsgId>" + "7" * 5000 + "<").encode(), {200}),
            (good.replace("o-eve", "o eve/../").encode(), {200}),
            (good.replace("<Content>", "<Content>x</Content><Content>").encode(), {200}),
        ):
            status, answer = await at.fake.post(body)
            assert status in allowed, (body[:80], status)
            if status == 200:
                assert answer == b"success", body[:80]
        assert at.counted() == before
        status, answer = await at.fake.post(at.text("o-eve", "<!DOCTYPE html> 选品", MsgId=9))
        assert status == 200
        assert answer != b"success"


async def test_an_encrypted_account_believes_no_plain_message_and_no_other_key(one_house: House):
    async with scene(one_house, aes_key=AES_KEY) as at:
        before = at.counted()
        at.fake.aes_key = None
        assert (await at.fake.post(at.text("o-eve", "选品")))[0] == 400
        at.fake.aes_key = AES_KEY.replace("a", "b")
        assert (await at.fake.post(at.text("o-eve", "选品")))[0] in (200, 400)
        at.fake.aes_key = AES_KEY
        assert (await at.fake.post(at.text("o-eve", "选品"), query={"msg_signature": "0" * 40}))[0] == 403
        at.fake.app_id = "wxanother"
        assert (await at.fake.post(at.text("o-eve", "选品")))[0] == 400
        assert at.counted() == before


async def test_pictures_and_voices_are_answered_with_what_we_can_do(one_house: House):
    async with scene(one_house) as at:
        lin = await seller(at)
        picture = (await at.office.painter.paint(Picture("product", {"sku": "OIL-5"}), "zh", 1)).data
        assert "直接发这些词" in (await lin.sends_photo(picture)).text
        spoken = await lin._message({"MsgType": "voice", "MediaId": "x", "Format": "amr", "Recognition": "佣金"})
        assert "我的佣金" in spoken.text
        unknown = await lin._message({"MsgType": "hologram"})
        assert "直接发这些词" in unknown.text


async def test_an_answer_that_a_vanished_process_did_not_give_is_kept_for_the_next_contact(house: House):
    async with scene(house) as at:
        mei = at.fake.person("openid-mei")
        await mei.follows()
        at.knows(mei, "lin")
        await mei.says("佣金")
    with house.database.transaction() as db:
        newest = db.scalar(select(func.max(Inbox.id)))
        db.execute(update(Inbox).where(Inbox.id == newest).values(answer_state="waiting"))
    house.now += timedelta(minutes=1)
    async with scene(house) as at:
        again = at.fake.person("openid-mei", follows=True)
        async with asyncio.timeout(5):
            while _answer_states(house) != {"sent", "kept"}:  # noqa: ASYNC110 - it is time we wait for
                await asyncio.sleep(0.02)
        for _ in range(9):
            at.fake.next_message_id()  # the first WeChat has used these
        home = await again.says("首页")
        assert "未读" in home.text
        unread = await again.says("未读")
        assert "上次没来得及回你的" in unread.text
        assert "待结算" in unread.text


def _answer_states(house: House) -> set[str]:
    with house.database.transaction() as db:
        return set(db.scalars(select(Inbox.answer_state)))
