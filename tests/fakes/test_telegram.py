"""The fake Telegram is as strict as the real one, and tells a test what a person would see."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.telegram import FakeTelegram

Call = Callable[..., Coroutine[Any, Any, dict[str, Any]]]


def caller(session: aiohttp.ClientSession, fake: FakeTelegram) -> Call:
    async def call(method: str, **params: Any) -> dict[str, Any]:
        async with session.post(f"{fake.api_url}/bot{fake.token}/{method}", json=params) as response:
            return await response.json()  # type: ignore[no-any-return]

    return call


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as fake:
        fake.user("Li", id=42, started=True)
        yield fake


@pytest.fixture
async def call(fake: FakeTelegram) -> AsyncIterator[Call]:
    async with aiohttp.ClientSession() as session:
        yield caller(session, fake)


@asynccontextmanager
async def echo_bot(fake: FakeTelegram, call: Call, *, secret: str = "s3cret") -> AsyncIterator[list[dict[str, Any]]]:
    """A bot on a webhook: offers a button, and edits the message when it is tapped."""
    got: list[dict[str, Any]] = []

    async def webhook(request: web.Request) -> web.Response:
        if request.headers.get("X-Telegram-Bot-Api-Secret-Token") != secret:
            return web.Response(status=401)
        update = await request.json()
        got.append(update)
        if tap := update.get("callback_query"):
            await call("answerCallbackQuery", callback_query_id=tap["id"])
            where = {"chat_id": tap["from"]["id"], "message_id": tap["message"]["message_id"]}
            await call("editMessageText", **where, text=f"tapped {tap['data']}")
        elif message := update.get("message"):
            buttons = [[{"text": "选品", "callback_data": "p:1"}, {"text": "链接", "url": "https://shop.example/r/a"}]]
            answer = {"chat_id": message["chat"]["id"], "text": f"echo {message['text']}"}
            return web.json_response({"method": "sendMessage", **answer, "reply_markup": {"inline_keyboard": buttons}})
        return web.Response()

    app = web.Application()
    app.router.add_post("/telegram", webhook)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await call("setWebhook", url=f"http://127.0.0.1:{runner.addresses[0][1]}/telegram", secret_token=secret)
    try:
        yield got
    finally:
        await runner.cleanup()


def inline(**button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "x", **button}]]}


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": "  \n"}, "message text is empty"),
        ({"text": "😀" * 2049}, "message is too long"),
        ({"text": "<b>x", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag"),
        ({"text": "a < b", "parse_mode": "HTML"}, "can't parse entities: Unsupported start tag"),
        ({"text": "x", "reply_markup": inline(callback_data="品" * 22)}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": inline(callback_data="")}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": inline()}, "Text buttons are unallowed"),
        ({"text": "x", "reply_markup": inline(url="http://localhost:8080/")}, "Wrong HTTP URL"),
        ({"text": "x", "reply_markup": inline(url="javascript:alert(1)")}, "Unsupported URL protocol"),
        ({"text": "x", "reply_markup": {"keyboard": [["b"] * 9]}}, "more than 8 buttons in a row"),
        ({"text": "x", "chat_id": 4711}, "chat not found"),
    ],
)
async def test_what_telegram_refuses_is_refused(params: dict[str, Any], complaint: str, fake: FakeTelegram, call: Call):
    answer = await call("sendMessage", **{"chat_id": 42, **params})
    assert answer["error_code"] == 400
    assert complaint in answer["description"]
    assert not fake.accepted


async def test_the_longest_text_that_telegram_takes_is_taken(fake: FakeTelegram, call: Call):
    for text in ("😀" * 2048, "长" * 4096, f"<b>{'a' * 4096}</b> "):
        assert (await call("sendMessage", chat_id=42, text=text, parse_mode="HTML"))["ok"]
    assert (await call("sendMessage", chat_id=42, text="x", reply_markup=inline(callback_data="a" * 64)))["ok"]
    assert len(fake.chat(42).texts[2]) == 4096


async def test_editing_follows_telegrams_rules(fake: FakeTelegram, call: Call):
    await call("sendMessage", chat_id=42, text="一", reply_markup=inline(callback_data="a"))
    same = await call("editMessageText", chat_id=42, message_id=1, text="一", reply_markup=inline(callback_data="a"))
    assert "message is not modified" in same["description"]
    assert (await call("editMessageText", chat_id=42, message_id=1, text="一"))["ok"], "the buttons are gone now"
    assert "no caption" in (await call("editMessageCaption", chat_id=42, message_id=1, caption="x"))["description"]
    assert "not found" in (await call("editMessageText", chat_id=42, message_id=9, text="x"))["description"]
    assert (await call("deleteMessage", chat_id=42, message_id=1))["ok"]
    assert fake.chat(42).messages == []


async def test_wrong_tokens_and_unknown_people_get_their_own_errors(fake: FakeTelegram, call: Call):
    stranger, gone = fake.user("Stranger"), fake.user("Gone", started=True)
    gone.has_blocked = True
    assert (await call("sendMessage", chat_id=stranger.id, text="x"))["error_code"] == 403
    assert "blocked" in (await call("sendMessage", chat_id=gone.id, text="x"))["description"]
    assert (await call("dropTables"))["error_code"] == 404
    fake.token = "1:other"
    async with aiohttp.ClientSession() as session, session.post(f"{fake.api_url}/bot2:wrong/getMe") as response:
        assert response.status == 401


async def test_a_person_talks_with_a_bot_on_a_webhook(fake: FakeTelegram, call: Call):
    li = fake.user("Li")
    async with echo_bot(fake, call) as got:
        assert (await li.sends("/start k3J9xQ")).text == "echo /start k3J9xQ"
        assert (await li.taps("选品")).text == "tapped p:1"
        assert li.chat.texts == ["tapped p:1"], "edited in place"
        await fake.redeliver(got[0]["update_id"])
        assert [update["update_id"] for update in got] == [700_000_001, 700_000_002, 700_000_001]
        assert li.link_of("链接") == "https://shop.example/r/a"
    assert fake.unanswered == []


async def test_a_failing_test_says_what_the_person_saw(fake: FakeTelegram, call: Call):
    li = fake.user("Li")
    li.patience = 0.1
    async with echo_bot(fake, call):
        await li.sends("你好")
        with pytest.raises(AssertionError, match=r"no message has the button \[提现\](.|\n)*\[选品\] \[链接\]"):
            await li.taps("提现")
        with pytest.raises(AssertionError, match=r"Li never heard '佣金'(.|\n)*#\d+ bot: echo 你好"):
            await li.hears("佣金")
        fake.webhook_secret = "wrong"
        with pytest.raises(AssertionError, match="did not take an update: status 401"):
            await li.sends("你好")
    await call("deleteWebhook")
    with pytest.raises(AssertionError, match="showed nothing new"):
        await li.sends("有人吗")


async def test_polling_keeps_updates_until_they_are_confirmed(fake: FakeTelegram, call: Call):
    li = fake.user("Li")
    await li.sends("一", answered=False)
    await li.sends("二", answered=False)
    first = (await call("getUpdates"))["result"]
    assert [update["message"]["text"] for update in first] == ["一", "二"]
    waiting = asyncio.create_task(call("getUpdates", offset=first[-1]["update_id"] + 1, timeout=5))
    await asyncio.sleep(0.05)
    await li.blocks_bot()
    (update,) = (await waiting)["result"]
    assert update["my_chat_member"]["new_chat_member"]["status"] == "kicked"

    older = asyncio.create_task(call("getUpdates", offset=update["update_id"] + 1, timeout=5))
    await asyncio.sleep(0.05)
    newer = asyncio.create_task(call("getUpdates", offset=update["update_id"] + 1, timeout=0))
    assert (await older)["error_code"] == 409
    assert (await newer)["result"] == []


async def test_the_rate_is_enforced_and_early_birds_are_noted(call: Call, fake: FakeTelegram):
    fake.rate, fake.per_chat = 30, 1
    people = fake.people(40)
    answers = await asyncio.gather(*(call("sendMessage", chat_id=person.id, text="早") for person in people))
    assert [answer["ok"] for answer in answers].count(True) == 30
    refused = next(answer for answer in answers if not answer["ok"])
    assert refused["error_code"] == 429
    assert refused["parameters"] == {"retry_after": 1}
    assert len(fake.too_early) == 9
    assert fake.busiest_second() == 40


async def test_one_chat_takes_one_message_a_second(call: Call, fake: FakeTelegram):
    fake.per_chat = 1
    answers = [await call("sendMessage", chat_id=42, text="早") for _ in range(2)]
    assert [answer["ok"] for answer in answers] == [True, False]
    fake.user("Mei", id=43, started=True)
    assert (await call("sendMessage", chat_id=43, text="早"))["ok"]


async def test_faults_strike_as_often_and_where_they_are_told_to(fake: FakeTelegram, call: Call):
    fake.user("Mei", id=43, started=True)
    fault = fake.fault("sendMessage", "429", share=0.05, recipient=42, retry_after=3)
    answers = [await call("sendMessage", chat_id=42 + n % 2, text=str(n)) for n in range(400)]
    assert 4 <= fault.hits <= 18
    assert len(fake.accepted) == 400 - fault.hits == [answer["ok"] for answer in answers].count(True)
    assert any("42: " in early for early in fake.too_early)
    fake.behave()
    with pytest.raises(AssertionError, match=r"there is no fault 'explode'; there are:(.|\n)*hang"):
        fake.fault("sendMessage", "explode")


async def test_commands_are_kept_per_language_and_scope(fake: FakeTelegram, call: Call):
    chinese, english = [{"command": "menu", "description": "首页"}], [{"command": "menu", "description": "Home"}]
    assert (await call("setMyCommands", commands=chinese))["ok"]
    assert (await call("setMyCommands", commands=english, language_code="en", scope={"type": "chat", "chat_id": 42}))[
        "ok"
    ]
    assert fake.commands == {("default", ""): [("menu", "首页")], ("chat:42", "en"): [("menu", "Home")]}
    assert not (await call("setMyCommands", commands=[{"command": "Menü", "description": "x"}]))["ok"]


async def test_it_runs_as_a_process_and_logs_what_it_accepted(tmp_path: Path):
    log = tmp_path / "accepted.jsonl"
    command = [sys.executable, "-m", "tests.fakes.telegram", "--port", "0", "--log", str(log)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode().split()
        url, token = (part.partition("=")[2] for part in line)
        async with aiohttp.ClientSession() as session:
            fault = {"method": "sendMessage", "kind": "accepted_then_no_answer", "times": 1}
            await session.post(f"{url}/_fake/faults", json=fault)
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await session.post(f"{url}/bot{token}/sendMessage", json={"chat_id": 7, "text": "你好"})
            async with session.get(f"{url}/_fake/chats/7") as response:
                assert "#1 bot: 你好" in await response.text()
    finally:
        process.kill()
        await process.wait()
    assert json.loads(log.read_text())["text"] == "你好"
