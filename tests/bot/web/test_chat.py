"""The chat page's own calls: who may talk, what is kept, and that nobody reads or says anything for somebody else."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
from aiohttp import ClientError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bot.web import chat, problems
from domain.mall import links
from domain.messages import chat_history
from domain.people import linking
from domain.schema import ChatMessage, Contact, Inbox, Member
from tests.bot.web.chatting import ChatHouse, Page, chat_open
from tests.bot.web.house import NOW

WEB = Path(chat.__file__).parent


@pytest.fixture
async def demo(sqlite_url: str) -> AsyncIterator[ChatHouse]:
    async with chat_open(sqlite_url, demo=True) as house:
        yield house


@pytest.fixture
async def house(sqlite_url: str) -> AsyncIterator[ChatHouse]:
    """A house with real people."""
    async with chat_open(sqlite_url, demo=False) as house:
        yield house


@pytest.fixture
async def page(demo: ChatHouse) -> AsyncIterator[Page]:
    async with demo.page() as page:
        yield page


async def sit(page: Page, member_id: str | None) -> int:
    status, _ = await page.post("/chat/api/seat", {"member_id": member_id})
    return status


def texts(messages: list[dict[str, object]]) -> str:
    return "\n".join(str(message["text"]) for message in messages)


# What is kept


@pytest.mark.parametrize("database", ["sqlite_url", "postgresql_url"])
async def test_both_sides_of_the_talk_are_there_after_a_reload(request: pytest.FixtureRequest, database: str):
    async with chat_open(request.getfixturevalue(database), demo=True) as house, house.page() as page:
        await page.says(start="")
        [mine, answer] = await page.says("帮助")
        assert (mine["mine"], mine["text"]) == (True, "帮助")
        assert not answer["mine"]
        kept = await page.history()
        assert [message["id"] for message in kept["messages"]][-2:] == [mine["id"], answer["id"]]
        assert not kept["fresh"]
        assert not kept["more"]


async def test_a_button_of_an_old_message_still_works_and_is_said_in_its_own_words(page: Page):
    [welcome] = await page.says(start="")
    await page.says("帮助")
    button = next(b for row in welcome["rows"] for b in row if b["action"] == "products")
    [mine, products] = await page.says(action=button["action"], message=welcome["id"])
    assert mine["text"] == button["label"]
    assert products["rows"] != welcome["rows"]


async def test_the_same_message_sent_twice_is_answered_once(page: Page, demo: ChatHouse):
    await page.says("帮助", id_="the-same-id")
    await page.says("帮助", id_="the-same-id")
    assert demo.write(lambda db: db.scalar(select(func.count()).select_from(ChatMessage))) == 2
    assert demo.write(lambda db: db.scalars(select(Inbox.answer_state)).all()) == ["sent"]


async def test_earlier_messages_come_page_by_page(page: Page):
    for number in range(20):
        await page.says(f"精华 {number}")
    newest = await page.history()
    assert len(newest["messages"]) == chat.PAGE
    assert newest["more"]
    earlier = await page.history(before=newest["messages"][0]["id"])
    assert len(earlier["messages"]) == 40 - chat.PAGE
    assert not earlier["more"]


async def test_whoever_changes_the_language_reads_everything_in_it(page: Page):
    await page.says("帮助")
    await page.says("语言")
    status, answer = await page.post("/chat/api/say", {"id": "12345678", "action": "speak:en"})
    assert (status, answer["locale"]) == (200, "en")
    kept = await page.history()
    assert kept["locale"] == "en"
    assert "Choose your language" in texts(kept["messages"])
    assert '<html lang="en">' in (await page.opens())[1]
    await page.post("/chat/api/language", {"locale": "zh"})
    assert (await page.history())["locale"] == "zh"


async def test_a_message_that_nobody_has_words_for_any_more_is_left_out(page: Page, demo: ChatHouse):
    await page.says("帮助")
    body = {"body": [["notice.of_an_old_version", {}]], "choices": [], "picture": None, "edit": True}
    chat_id = demo.write(lambda db: db.scalars(select(Contact.id).where(Contact.account.like("web:%"))).one())
    demo.write(lambda db: chat_history.keep(db, chat_id, outgoing=True, body=body, now=NOW))
    assert len((await page.history())["messages"]) == 2


# What comes by itself


@pytest.mark.parametrize("database", ["sqlite_url", "postgresql_url"])
async def test_a_notice_appears_on_the_open_page_and_in_the_history(request: pytest.FixtureRequest, database: str):
    async with chat_open(request.getfixturevalue(database), demo=True) as house, house.page() as page:
        assert await sit(page, "m-lin") == 200
        [home] = await page.says(start="")
        async with page.listening(after=home["id"]) as following:
            house.tell("m-lin", order_id="A-7")
            kind, told = await following()
        assert kind == "message"
        assert "A-7" in told["text"]
        assert (await page.history())["messages"][-1] == told
        async with page.listening(after=home["id"]) as following:  # the line broke: it goes on where it was
            assert await following() == ("message", told)


async def test_in_a_demo_the_page_shows_that_somebody_elses_seat_has_news(page: Page, demo: ChatHouse):
    await sit(page, "m-yun")
    [home] = await page.says(start="")
    async with page.listening(after=home["id"]) as following:
        demo.tell("m-lin")
        assert await following() == ("elsewhere", {"seats": ["m-lin"]})


async def test_what_another_process_wrote_is_seen_by_looking(postgresql_url: str):
    async with chat_open(postgresql_url, demo=True) as house, house.page() as page:
        [welcome] = await page.says(start="")
        contact = house.write(lambda db: db.scalars(select(Contact.id).where(Contact.account.like("web:%"))).one())
        body = {"body": [["as_is", {"text": "来自别的进程"}]], "choices": [], "picture": None, "edit": True}
        async with page.listening(after=welcome["id"]) as following:
            house.write(lambda db: chat_history.keep(db, contact, outgoing=True, body=body, now=NOW))
            assert (await following())[1]["text"] == "来自别的进程"


async def test_a_ninth_open_page_of_one_chat_makes_the_first_one_close(page: Page, demo: ChatHouse):
    [welcome] = await page.says(start="")
    async with page.listening(after=welcome["id"]) as first:
        open_ones = [page.listening(after=welcome["id"]) for _ in range(chat.MOST_PAGES)]
        for one in open_ones:
            await one.__aenter__()
        with pytest.raises(EOFError):
            await first()
        for one in open_ones:
            await one.__aexit__(None, None, None)


async def test_an_open_page_does_not_hold_up_the_stop(sqlite_url: str):
    async with chat_open(sqlite_url, demo=True) as house, house.page() as page:
        [welcome] = await page.says(start="")
        async with page.listening(after=welcome["id"]) as following:
            began = monotonic()
            await house.app.stop()
            assert monotonic() - began < 6
            with pytest.raises((EOFError, ClientError)):
                await following()


# Who may talk


async def test_a_code_that_joins_chats_opens_the_page_and_only_a_right_one_is_let_in(house: ChatHouse):
    def ask(db: Session) -> str:
        row = db.execute(select(Contact.id, Contact.member_id).where(Contact.account == "seat:m-lin")).one()
        return linking.new_code(db, row.member_id, row.id, now=NOW)

    code = house.write(ask)
    async with house.page() as page:
        for tried in ("LK22222222", code):
            _, html = await page.opens(f"/chat?invite={tried}")
            assert "chat.js" in html
        status, answer = await page.post("/chat/api/say", {"id": "12345678", "start": "LK22222222"})
        assert (status, answer["type"]) == (403, problems.TYPE_PREFIX + "not_invited")
        status, answer = await page.post("/chat/api/say", {"id": "12345679", "start": code})
        assert status == 200
        assert "小林" in answer["messages"][-1]["text"]


async def test_whoever_was_not_invited_is_told_kindly_how_to_get_in(house: ChatHouse):
    async with house.page() as page:
        status, html = await page.opens()
        assert status == 200
        assert "邀请" in html
        assert "chat.js" not in html
        for said in ({"text": "你好"}, {"start": ""}, {"start": "ABCD2345"}):
            status, answer = await page.post("/chat/api/say", {"id": "12345678", **said})
            assert (status, answer["type"]) == (403, problems.TYPE_PREFIX + "not_invited")
        _, html = await page.opens("/chat?invite=ABCD2345")
        assert "ABCD2345" in html
        assert "chat.js" not in html
    contacts = house.write(lambda db: db.scalars(select(Contact.account)).all())
    assert sorted(contacts) == ["seat:m-lin", "seat:m-yun"]


async def test_an_invitation_opens_the_chat_and_is_not_lost_on_the_way(house: ChatHouse):
    code = house.code("anna")
    async with house.page() as page:
        _, html = await page.opens(f"/chat?invite={code}")
        assert f'data-code="{code}"' in html
        [mine, invited] = await page.says(start=code)
        assert mine["text"] == code
        assert "Anna" in invited["text"]
        await page.says(action="join_yes")
        [_, welcome] = await page.says("小新")
        assert "小新" in welcome["text"]
        assert 'data-code=""' in (await page.opens())[1]  # known by the cookie from now on
    new = house.write(lambda db: db.execute(select(Member.sponsor_id, Member.role).where(Member.name == "小新")).one())
    anna = house.write(lambda db: db.scalar(select(Member.id).where(Member.member_id == "anna")))
    assert tuple(new) == (anna, "distributor")


async def test_an_orders_code_lets_its_buyer_in(house: ChatHouse):
    code = house.write(lambda db: links.order_link(db, "A-1", now=NOW))
    async with house.page() as page:
        assert f'data-code="{code}"' in (await page.opens(f"/chat?code={code}"))[1]
        assert (await page.says(start=code))[-1]["text"]


async def test_a_database_that_is_no_demo_never_lets_anybody_take_anothers_seat(house: ChatHouse):
    async with house.page(Cookie="fenxiao-seat=m-lin") as page:
        assert (await page.opens("/chat/shop"))[0] == 404
        assert await sit(page, "m-lin") == 404
        status, html = await page.opens()
        assert (status, "小林" in html) == (200, False)
        status, _ = await page.post("/chat/api/say", {"id": "12345678", "action": "home"})
        assert status == 403
        assert (await page.history())["messages"] == []
    async with house.page(Cookie="fenxiao-chat=seat:m-lin; fenxiao-seat=m-lin") as page:
        assert (await page.history())["fresh"]


async def test_in_a_demo_seats_are_those_of_its_people_and_of_nobody_else(page: Page, demo: ChatHouse):
    assert await sit(page, "anna") == 404  # she has no seat
    assert await sit(page, "m-lin") == 200
    assert "小林" in (await page.says(start=""))[-1]["text"]
    assert await sit(page, None) == 200
    assert (await page.history())["fresh"]
    async with demo.page(Cookie="fenxiao-seat=nobody") as other:
        await other.says(start="")
    accounts = demo.write(lambda db: db.scalars(select(Contact.account)).all())
    assert "seat:nobody" not in accounts


async def shop_opened(page: Page) -> tuple[str, str]:
    """Open the shop from the chat; returns the code it was opened with and what is shown."""
    async with page.http.get(page.house.base + "/chat/shop", headers=page.headers) as answer:
        assert answer.url.path == "/shop"
        return answer.url.query.get("code", ""), await answer.text()


@pytest.mark.parametrize("word", ["访问", "traffic"])
async def test_what_draws_the_chart_is_loaded_while_the_traffic_screen_is_read(
    page: Page, demo: ChatHouse, monkeypatch: pytest.MonkeyPatch, word: str
):
    loaded = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr("bot.pictures.charts.load", lambda: loop.call_soon_threadsafe(loaded.set))
    await sit(page, "m-lin")
    await page.says(start="")
    assert not loaded.is_set()
    await page.says(word)
    async with asyncio.timeout(30):
        await loaded.wait()


@pytest.mark.parametrize(
    ("locale", "by_lin", "words"), [("zh", "小林", "全球好物"), ("en", "Recommended by", "Good things")]
)
async def test_a_sellers_seat_opens_the_shop_with_that_sellers_own_link(
    demo: ChatHouse, locale: str, by_lin: str, words: str
):
    async with demo.page(locale=locale) as page:
        assert (await shop_opened(page))[0] == "", "nobody knows yet who this is"
        await sit(page, "m-lin")
        code, html = await shop_opened(page)
        assert code == demo.code("m-lin", "shop")
        assert by_lin in html
        assert words in html
        await page.opens(f"/shop?code={demo.code('anna', 'shop')}")  # a friend's link
        assert (await shop_opened(page))[0] == code
        await sit(page, "m-yun")
        code, html = await shop_opened(page)
        assert code == "", "an operator sells for nobody"
        assert "小林" not in html


async def test_changing_seats_changes_whom_the_open_shop_sells_for(page: Page, demo: ChatHouse):
    await sit(page, "m-lin")
    assert "小林" in (await page.opens("/shop/JP-SERUM-30"))[1]
    await sit(page, "m-yun")
    assert "小林" not in (await page.opens("/shop/JP-SERUM-30"))[1]


async def test_a_customer_opens_the_shop_with_the_code_they_came_with(page: Page, demo: ChatHouse):
    code = demo.code("m-lin", "shop")
    await page.opens(f"/chat?code={code}")
    await page.says(start=code)
    assert (await shop_opened(page))[0] == code
    other = demo.code("anna", "shop")
    async with demo.page() as friend:
        await friend.says(start="")
        await friend.opens(f"/shop?code={other}")
        assert "Anna" in (await shop_opened(friend))[1], "what they have followed since stays with them"


async def test_nobody_sees_or_takes_over_what_another_page_was_told(demo: ChatHouse):
    async with demo.page() as mine, demo.page() as theirs:
        await sit(mine, "m-lin")
        await mine.says("选品")
        [_, shown] = await mine.says(action="product:1", id_="an-id-of-mine")
        assert shown["picture"]
        await theirs.says(start="")
        assert (await theirs.opens(shown["picture"]))[0] == 404
        assert (await theirs.opens("/chat/pictures/999999"))[0] == 404
        foreign = await theirs.says(action="home", id_="an-id-of-mine", message=shown["id"])
        assert "小林" not in texts(foreign)
        assert all("分享" not in str(message["rows"]) for message in foreign)


async def test_the_picture_of_a_product_is_a_picture(page: Page, demo: ChatHouse):
    await page.says("选品")
    [_, shown] = await page.says(action="product:1", id_="an-id-of-mine")
    async with page.http.get(demo.base + shown["picture"]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        tag = answer.headers["ETag"]
    async with page.http.get(demo.base + shown["picture"], headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


async def test_no_other_site_can_speak_for_somebody(page: Page):
    for origin in ("https://evil.example", "null", "", "http://127.0.0.1.evil.example"):
        for path, body in (
            ("/chat/api/say", {"id": "12345678", "text": "帮助"}),
            ("/chat/api/seat", {"member_id": "m-lin"}),
            ("/chat/api/language", {"locale": "en"}),
        ):
            status, answer = await page.post(path, body, Origin=origin)
            assert (status, answer["type"]) == (403, problems.TYPE_PREFIX + "foreign_origin"), origin


async def test_a_form_of_another_page_is_no_json(page: Page, demo: ChatHouse):
    url = demo.base + "/chat/api/say"
    async with page.http.post(url, data={"text": "x"}, headers={"Origin": demo.base}) as answer:
        assert answer.status == 415


async def test_what_no_page_of_ours_says_is_refused(page: Page):
    said: list[tuple[object, int]] = [
        ({}, 422),
        ([], 422),
        ({"id": "x", "text": "hello"}, 422),
        ({"id": "12345678"}, 422),
        ({"id": "12345678", "text": "hello", "action": "home"}, 422),
        ({"id": "12345678", "text": 7}, 422),
        ({"id": "12345678", "text": "x" * 4001}, 422),
        ({"id": "12345678", "text": " \x00 "}, 422),
        ({"id": "12345678", "start": "../etc"}, 422),
        ({"id": "12345678", "text": "hello", "seat": "m-lin"}, 422),
        ({"id": "12345678", "text": "hello", "after": "all", "message": {}}, 200),
        ({"id": "12345678", "action": "no_such_thing:💥"}, 200),
    ]
    for body, status in said:
        assert (await page.post("/chat/api/say", body))[0] == status, body


@pytest.mark.parametrize("number", [-1, 2**53, 2**63])
async def test_a_button_on_a_message_that_no_database_could_number_is_answered_all_the_same(page: Page, number: int):
    assert await page.says(action="help", message=number)


async def test_who_writes_too_fast_is_asked_to_wait(page: Page):
    statuses = [(await page.post("/chat/api/say", {"id": f"1234567{n}", "text": "hi"}))[0] for n in range(40)]
    assert statuses[:20] == [200] * 20
    assert statuses[-1] == 429


# Cookies and pages


async def test_the_cookie_is_for_this_host_alone_and_only_its_hash_is_stored(sqlite_url: str):
    async with chat_open(sqlite_url, demo=True, PUBLIC_URL="https://shop.example") as house, house.page() as page:
        async with page.http.get(house.base + "/chat", headers={"Host": "shop.example"}) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-fenxiao-chat=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
        await page.says(start="")
        token = next(kept.value for kept in page.http.cookie_jar if kept.key == "fenxiao-chat")
        [account] = house.write(
            lambda db: db.scalars(select(Contact.account).where(Contact.account.like("web:%")))
        ).all()
        assert token not in account


async def test_real_people_do_not_chat_over_plain_http(sqlite_url: str):
    async with chat_open(sqlite_url, demo=False, PUBLIC_URL="http://shop.example") as house:
        async with house.page(Host="shop.example") as page:
            status, said = await page.opens()
        assert status == 403
        assert "needs_https" in said


async def test_b5_whatever_people_are_called_stands_in_the_page_as_text(page: Page, demo: ChatHouse):
    demo.write(lambda db: db.execute(update(Member).where(Member.member_id == "m-yun").values(name='"><script>x')))
    _, html = await page.opens("/chat?lang=en")
    assert "<b>]]>" not in html
    assert "小林 &lt;b&gt;]]&gt;" in html
    assert "<script>x" not in html


def test_the_pages_hold_no_script_and_no_style_that_their_policy_forbids():
    for template in (WEB / "templates").glob("chat*.html"):
        html = template.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", html)


def test_the_chat_page_has_the_same_words_in_both_languages():
    zh, en = (
        tomllib.loads((WEB / "chat_texts" / f"{locale}.toml").read_text(encoding="utf-8")) for locale in ("zh", "en")
    )
    assert zh.keys() == en.keys()
    assert zh["role"].keys() == en["role"].keys()
    for key in zh.keys() - {"role"}:
        assert re.findall(r"\{\w+\}", zh[key]) == re.findall(r"\{\w+\}", en[key])
