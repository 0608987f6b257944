"""People on Telegram: every update once, every tap answered, screens in place, pictures, and only what is theirs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import event, func, select, update

from bot.channels.outcomes import Dead, Outcome, Retry, Sent, Unknown
from bot.channels.sending import Message, Recipient
from bot.channels.telegram import TelegramChannel, make_channel
from bot.rendering import Rendered
from domain.schema import Contact, Inbox, Link, Member
from tests.bot.channels.office import Office
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.fakes.telegram_chat import User
from tests.handlers.house import House
from tests.someone import chat

SECRET = "a-long-random-word"


@dataclass
class Scene:
    fake: FakeTelegram
    office: Office
    channel: TelegramChannel
    url: str

    def knows(self, user: User, member_id: str) -> None:
        """The person of this account is that member."""
        with self.office.database.transaction() as db:
            mine = select(Member.id).where(Member.member_id == member_id).scalar_subquery()
            this = (Contact.channel == "telegram", Contact.account == str(user.id))
            db.execute(update(Contact).where(*this).values(member_id=mine, state={}))

    async def post(self, body: Any, secret: str | None = SECRET) -> tuple[int, str]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/telegram", data=raw, headers=headers) as answer,
        ):
            return answer.status, await answer.text()

    def inbox(self) -> dict[str, str]:
        with self.office.database.transaction() as db:
            return {
                row.update_key: row.answer_state for row in db.execute(select(Inbox.update_key, Inbox.answer_state))
            }


async def soon(happens: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait until something has happened that no phone shows."""
    async with asyncio.timeout(seconds):
        while not happens():  # noqa: ASYNC110 - it is time we wait for
            await asyncio.sleep(0.02)


@asynccontextmanager
async def scene(house: House, *, webhook: bool = True, **options: Any) -> AsyncIterator[Scene]:
    async with FakeTelegram(**options) as fake:
        environ = {"FENXIAO_TELEGRAM__TOKEN": TOKEN, "FENXIAO_TELEGRAM__API_URL": fake.base_url}
        if webhook:
            environ["FENXIAO_TELEGRAM__WEBHOOK_SECRET"] = SECRET
        office = Office(house, **environ)
        channel = make_channel(office)
        async with office.serving(channel) as url:
            fake.webhook_at = f"{url}/telegram"
            await channel.start(may_poll=lambda: True)
            await soon(lambda: office.username and (fake.webhook_url or not webhook) and len(fake.commands) >= 3)
            yield Scene(fake, office, channel, url)


async def seller(at: Scene, name: str = "小林", member_id: str = "lin") -> User:
    """Somebody who sells already, with the home screen before them."""
    user = at.fake.user(name)
    await user.sends("/start")
    at.knows(user, member_id)
    await user.sends("/home")
    return user


@pytest.mark.parametrize("webhook", [True, False])
async def test_a_newcomer_joins_by_an_invite_link_and_every_tap_is_answered_in_place(house: House, webhook: bool):
    code = house.code("lin", "invite")
    async with scene(house, webhook=webhook) as at:
        li = at.fake.user("李华")
        shown = await li.opens(f"https://t.me/fenxiao_bot?start={code}")
        assert "小林" in shown.text
        before = len(li.chat.from_bot)
        joined = await li.taps("免费加入")
        assert joined.id == shown.id
        assert "李华" in joined.text
        home = await li.taps("首页")
        assert home.id == shown.id
        assert len(li.chat.from_bot) == before
        assert at.fake.unanswered == []
        with at.office.database.transaction() as db:
            sponsor = db.scalar(select(Member.sponsor_id).where(Member.name == "李华"))
        assert sponsor == house.member("lin")


async def test_english_clients_are_spoken_to_in_english(one_house: House):
    async with scene(one_house) as at:
        shown = await at.fake.user("Ann", language="en-GB").sends("/start")
        assert "Welcome" in shown.text


async def test_a_repeated_update_changes_nothing_and_says_nothing_twice(house: House):
    async with scene(house) as at:
        li = await seller(at)
        await li.taps("选品")
        seen, kept = li.chat.last.change, at.inbox()
        for update_id in list(at.fake.updates):
            await at.fake.redeliver(update_id)
        await asyncio.sleep(0.1)
        assert li.chat.last.change == seen
        assert at.inbox().keys() == kept.keys()


async def test_a_menu_tap_costs_six_statements_one_commit_and_one_call(one_house: House):
    async with scene(one_house) as at:
        li = await seller(at)
        await li.taps("选品")
        await asyncio.sleep(1.3)  # until the fates of the answers so far are written down
        statements: list[str] = []
        commits: list[int] = []
        engine = at.office.database.writing
        event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
        event.listen(engine, "commit", lambda _connection: commits.append(1))
        event.listen(at.office.database.reading, "before_cursor_execute", lambda *call: statements.append(call[2]))
        calls = len(at.fake.calls)
        await li.taps("首页")
        made = [
            statement
            for statement in statements
            if statement.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
        ]
        assert len(made) <= 6, made
        assert len(commits) == 1
        assert [method for method, _ in at.fake.calls[calls:]] == ["editMessageText"]


async def test_what_became_of_answers_is_written_down_together(one_house: House):
    async with scene(one_house) as at:
        li = await seller(at)
        for label in ("选品", "首页", "佣金", "首页"):
            await li.taps(label)
        await soon(lambda: set(at.inbox().values()) == {"sent"})


async def test_an_answer_that_was_being_sent_when_the_process_vanished_is_unknown_and_never_sent_again(house: House):
    async with scene(house) as at:
        await seller(at)
        await soon(lambda: set(at.inbox().values()) == {"sent"})
    with house.database.transaction() as db:
        db.execute(update(Inbox).values(answer_state="sending"))
    house.now += timedelta(minutes=5)
    async with scene(house) as at:
        await soon(lambda: set(at.inbox().values()) == {"unknown"})
        assert [method for method, _ in at.fake.calls if method == "sendMessage"] == []


async def test_an_answer_that_nobody_had_begun_to_send_is_sent_after_the_restart_once(house: House):
    async with scene(house) as at:
        li = await seller(at)
        await li.sends("佣金")
        await soon(lambda: set(at.inbox().values()) == {"sent"})
    with house.database.transaction() as db:
        newest = db.scalar(select(func.max(Inbox.id)))
        db.execute(update(Inbox).where(Inbox.id == newest).values(answer_state="waiting"))
    house.now += timedelta(seconds=5)
    async with scene(house, knows_everyone=True) as at, scene(house, knows_everyone=True) as other:
        await soon(lambda: set(at.inbox().values()) == {"sent"})
        await asyncio.sleep(0.3)
        sent = [call for fake in (at.fake, other.fake) for call in fake.calls if call[0] == "sendMessage"]
        assert len(sent) == 1
        assert "佣金" in sent[0][1]["text"]


async def test_a_product_shows_its_picture_and_the_poster_is_one_s_own(house: House):
    async with scene(house) as at:
        li = await seller(at)
        await li.taps("选品")
        product = await li.taps("1")
        assert product.photo
        share = await li.taps("分享")
        link = li.link_of("打开看看").removesuffix("?look")
        assert link.startswith("https://shop.example/r/")
        assert link in share.text
        poster = await li.taps("海报")
        assert poster.photo
        assert link in poster.text
        with at.office.database.transaction() as db:
            owner = db.scalar(select(Link.member_id).where(Link.code == link.rsplit("/", 1)[1]))
        assert owner == house.member("lin")


async def test_the_same_picture_is_uploaded_once(one_house: House):
    async with scene(one_house) as at:
        li = await seller(at)
        product = one_house.product("SERUM-30")
        first = await li.taps_data(f"product:{product}", li.chat.last)
        again = await li.taps_data(f"product:{product}", li.chat.from_bot[0])
        assert first.photo == again.photo
        uploads = [p for _, p in at.fake.calls if any(isinstance(value, bytes) for value in p.values())]
        assert len(uploads) == 1


async def test_links_to_a_host_without_a_dot_stand_in_the_text(one_house: House):
    async with scene(one_house) as at:
        at.office.gateway.shop = at.office.shop = one_house.shop.__class__(
            **{**_fields(one_house.shop), "public_url": "http://localhost:8080"}
        )
        li = await seller(at)
        await li.taps("选品")
        await li.taps("1")
        share = await li.taps("分享")
        assert "http://localhost:8080/r/" in share.text
        assert not [button for button in share.buttons if "打开看看" in button]


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


async def test_callback_data_of_others_or_made_up_is_refused_politely(house: House):
    """B7"""
    async with scene(house) as at:
        li = await seller(at)
        jun_downline = f"downline:{house.member('mei')}"
        for data in (
            jun_downline,
            "downline:999999",
            "announce",
            "why:99999",
            "::::",
            "product:１",
            "x" * 64,
            "join.name",
        ):
            await li.sends("/home")
            shown = await li.taps_data(data, li.chat.last)
            assert "没找到" in shown.text or "不对你开放" in shown.text, (data, shown)
        assert at.fake.unanswered == []


async def test_whoever_blocks_the_bot_is_left_alone_until_they_return(house: House):
    async with scene(house) as at:
        li = await seller(at)
        await li.blocks_bot()
        assert await _unreachable(at, li)
        await li.returns()
        assert not await _unreachable(at, li)


async def _unreachable(at: Scene, user: User) -> bool:
    with at.office.database.transaction() as db:
        return db.scalar(select(Contact.unreachable_since).where(Contact.account == str(user.id))) is not None


async def test_photos_and_groups_do_not_confuse_it(one_house: House):
    async with scene(one_house) as at:
        li = await seller(at)
        picture = (await li.taps_data(f"product:{one_house.product('OIL-5')}", li.chat.last)).photo
        assert picture
        shown = await li.sends_photo(picture)
        assert "直接发这些词" in shown.text
        inbox = len(at.inbox())
        group = {
            "message_id": 1,
            "date": 1,
            "text": "/start",
            "chat": {"id": -5, "type": "group"},
            "from": li.as_json(),
        }
        assert (await at.post({"update_id": 1, "message": group}))[0] == 200
        assert len(at.inbox()) == inbox


async def test_names_and_words_are_shown_as_text(one_house: House):
    """B5"""
    async with scene(one_house) as at:
        li = at.fake.user("<b>]]>*_`\u202eevil\x00😀")
        await li.sends("/start")
        await li.taps("我想卖货")
        joined = await li.taps("免费加入")
        assert "<b>]]>*_`" in joined.text
        assert "\u202e" not in joined.text
        assert "😀" in joined.text


async def test_bad_updates_are_answered_without_a_stir(one_house: House):
    """B1, B2"""
    async with scene(one_house) as at:
        assert (await at.post({"update_id": 1}, secret=None))[0] == 401
        assert (await at.post({"update_id": 1}, secret="wrong"))[0] == 401
        assert (await at.post(b"x" * 70_000))[0] == 413
        for junk in (
            b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60_000, b'{"update_id": ' + b"9" * 6000 + b"}",
            b'{"update_id": true}', b'{"update_id": "1"}', b'{"update_id": NaN}', b'{"update_id": -1}',
        ):  # fmt: skip
            status, _ = await at.post(junk)
            assert status == 400, (junk[:40], status)
        person = {"id": 7, "is_bot": False, "first_name": "\ud800x"}
        chat = {"id": 7, "type": "private"}
        updates: list[dict[str, Any]] = [
            {"message": 5}, {"message": {}}, {"message": {"chat": chat}}, {"message": {"chat": [], "from": person}},
            {"message": {"chat": chat, "from": person, "text": {"a": 1}}},
            {"message": {"chat": chat, "from": {"id": 1e300}, "text": "x"}},
            {"message": {"chat": chat, "from": person, "text": "a\x00b\ud800" + "长" * 5000}},
            {"callback_query": {"id": 5}}, {"callback_query": {"id": "1", "from": person, "data": "选" * 64}},
            {"callback_query": {"id": "1", "from": person, "data": "home", "message": {"chat": chat}}},
            {"my_chat_member": {}}, {"my_chat_member": {"chat": chat, "new_chat_member": {"status": []}}},
            {"poll": {}},
        ]  # fmt: skip
        for number, update in enumerate(updates, 10):
            status, _ = await at.post({"update_id": number, **update})
            assert status == 200, (update, status)


async def test_what_fails_on_the_way_is_tried_again_and_never_doubled(one_house: House):
    async with scene(one_house) as at:
        li = await seller(at)
        at.fake.fault("editMessageText", "429", times=1, retry_after=1)
        shown = await li.taps("选品")
        assert "热卖" in shown.text
        assert at.fake.too_early == []
        at.fake.fault("sendMessage", "accepted_then_no_answer", times=1)
        count = len(li.chat.from_bot)
        await li.sends("/help")
        await asyncio.sleep(1.3)
        assert len(li.chat.from_bot) == count + 1
        assert "unknown" in at.inbox().values()


async def test_a_screen_that_is_gone_is_shown_anew(one_house: House):
    async with scene(one_house) as at:
        li = await seller(at)
        old = li.chat.last
        old.deleted = True
        shown = await li.taps_data("products", old)
        assert shown.id != old.id


async def test_quick_taps_of_one_chat_end_in_order(one_house: House):
    async with scene(one_house) as at:
        li = await seller(at)
        at.fake.fault("editMessageText", "429", times=1, retry_after=1)
        screen = li.chat.last
        actions = ["products", "brands", "help", "earnings", "team"]
        for action in actions:
            await li.taps_data(action, screen, answered=False)
        await li.hears("我的团队")
        await asyncio.sleep(0.2)
        assert "我的团队" in li.chat.last.text


async def test_long_texts_come_in_parts_and_notices_say_what_became_of_them(one_house: House):
    async with scene(one_house) as at:
        li = await seller(at)
        long = "\n\n".join("第一段话，" + "很长很长。😀" * 60 for _ in range(14))
        to = Recipient(1, str(li.id), "zh")
        assert isinstance(await at.channel.send(to, Message("k", "announcement", {}, Rendered(long))), Sent)
        said = [text for text in li.chat.texts if "第一段话" in text]
        assert len(said) == 2
        assert "".join("".join(said).split()) == "".join(long.split())
        at.fake.fault("sendMessage", "429", times=1, retry_after=1, scope="account")
        hello = Message("k2", "announcement", {}, Rendered("hello"))
        assert isinstance(await at.channel.send(to, hello), Retry)
        assert isinstance(await at.channel.send(to, hello), Retry)
        assert at.fake.too_early == []
        assert isinstance(await at.channel.send(Recipient(1, "999", "zh"), hello), Retry | Dead)


async def test_a_long_text_is_completed_when_telegram_says_wait_between_its_parts_unless_that_is_too_long(
    one_house: House,
):
    async with scene(one_house) as at:
        li = await seller(at)
        long = "\n\n".join("第一段话，" + "很长很长。" * 80 for _ in range(12))
        to = Recipient(1, str(li.id), "zh")

        async def sent_with_a_wait(key: str, retry_after: int) -> Outcome:
            before = len(li.chat.from_bot)
            going = asyncio.create_task(at.channel.send(to, Message(key, "announcement", {}, Rendered(long))))
            await soon(lambda: len(li.chat.from_bot) == before + 1)
            at.fake.fault("sendMessage", "429", times=1, retry_after=retry_after, recipient=li.id)
            return await going

        assert isinstance(await sent_with_a_wait("k", 2), Sent)
        said = [text for text in li.chat.texts if "第一段话" in text]
        assert "".join("".join(said).split()) == "".join(long.split())
        await asyncio.sleep(1.1)  # as long as a chat is left alone between notices
        outcome = await sent_with_a_wait("k2", 100)
        assert isinstance(outcome, Unknown)
        assert "only its beginning" in outcome.reason
        assert at.fake.too_early == []


async def test_an_answer_whose_words_are_gone_keeps_no_other_waiting(one_house: House):
    async with scene(one_house) as at:
        li = await seller(at)
        await li.sends("佣金")
        await li.sends("帮助")
        await soon(lambda: set(at.inbox().values()) == {"sent"})
    with one_house.database.transaction() as db:
        spoilt, whole = db.scalars(select(Inbox.id).order_by(Inbox.id.desc()).limit(2)).all()[::-1]
        db.execute(update(Inbox).where(Inbox.id.in_([spoilt, whole])).values(answer_state="waiting"))
        db.execute(update(Inbox).where(Inbox.id == spoilt).values(answer={"lines": [["no.such.words", {}]]}))
    one_house.now += timedelta(seconds=5)
    async with scene(one_house, knows_everyone=True) as at:
        await soon(lambda: set(at.inbox().values()) == {"sent", "unknown"})
        assert [method for method, _ in at.fake.calls if method == "sendMessage"] == ["sendMessage"]


async def test_commands_stand_in_each_language_and_operators_have_their_own(one_house: House):
    with one_house.database.transaction() as db:
        ops = db.execute(select(Member.id).where(Member.operator)).scalar_one()
        chat(db, ops, "telegram", "4242")
    async with FakeTelegram() as fake:
        fake.user("ops", id=4242, started=True)
        environ = {"FENXIAO_TELEGRAM__TOKEN": TOKEN, "FENXIAO_TELEGRAM__API_URL": fake.base_url}
        office = Office(one_house, **environ)
        channel = make_channel(office)
        async with office.serving(channel):
            await channel.start(may_poll=lambda: False)
            await soon(lambda: len(fake.commands) == 6)
    everyone = dict(fake.commands["default", "en"])
    assert "products" in everyone
    assert "announce" not in everyone
    assert everyone["help"] != dict(fake.commands["default", "zh"])["help"]
    own = next(
        dict(commands) for (scope, language), commands in fake.commands.items() if "4242" in scope and language == "zh"
    )
    assert "announce" in own
