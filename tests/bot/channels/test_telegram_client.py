"""What becomes of a message to Telegram, for each way in which it can go wrong."""

import asyncio
import io
import logging
import socket
from collections.abc import AsyncIterator

import pytest
from PIL import Image
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto
from telegram.error import InvalidToken

from bot.channels.outcomes import Closed, Dead, Outcome, Refused, Retry, Sent, Stop, Unknown
from bot.channels.outgoing import Timeouts
from bot.channels.telegram_client import TelegramBot, attempt, make_bot, nothing_to_edit
from tests.fakes.telegram import FakeTelegram

PATIENT = Timeouts(connect=30, upload=30, answer=30)
"""Where the fake answers: it may take its time on a busy machine."""

HASTY = Timeouts(connect=1.5, upload=1.5, answer=1.5)
"""Where the fake hangs, and the wait is all there is."""


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as fake:
        fake.user("Li", id=42, started=True)
        yield fake


@pytest.fixture
async def bot(fake: FakeTelegram) -> AsyncIterator[TelegramBot]:
    bot = make_bot(fake.token, api_url=fake.api_url, timeouts=PATIENT)
    yield bot
    await bot.shutdown()


@pytest.fixture
async def hasty(fake: FakeTelegram) -> AsyncIterator[TelegramBot]:
    bot = make_bot(fake.token, api_url=fake.api_url, timeouts=HASTY)
    yield bot
    await bot.shutdown()


def picture(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 400), colour).save(out, "JPEG")
    return out.getvalue()


def keyboard(label: str, data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=data)]])


async def test_a_message_with_buttons_arrives_and_is_edited_in_place(fake: FakeTelegram, bot: TelegramBot):
    sent = await attempt(bot.send_message(42, "今天卖什么？\n😀", reply_markup=keyboard("选品", "p:1")))
    assert sent == Sent("1")
    assert fake.chat(42).last.buttons == ["选品"]

    assert await attempt(bot.edit_message_text("已选", 42, 1)) == Sent("1")
    assert fake.chat(42).texts == ["已选"]
    assert await attempt(bot.edit_message_text("已选", 42, 1)) == Sent(None), "nothing to change is no failure"


async def test_a_poster_is_uploaded_once_and_then_sent_by_its_id(fake: FakeTelegram, bot: TelegramBot):
    poster = picture()
    message = await bot.send_photo(42, poster, caption="海报 <b>", reply_markup=keyboard("返回", "home"))
    assert await attempt(bot.send_photo(42, message.photo[-1].file_id)) == Sent("2")
    assert [m.photo for m in fake.chat(42).from_bot] == [poster, poster]

    other = InputMediaPhoto(picture("blue"), caption="换一张")
    assert await attempt(bot.edit_message_media(other, 42, 1)) == Sent("1")
    assert fake.chat(42).texts == ["换一张", ""]

    file = await bot.get_file(message.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == poster


LOST = ["hang", "drop", "accepted_then_no_answer", "accepted_then_hang", "half_json", "cut", "html"]


@pytest.mark.parametrize("kind", LOST)
async def test_a_message_whose_answer_is_lost_is_unknown_and_not_sent_again(
    kind: str, fake: FakeTelegram, hasty: TelegramBot
):
    fake.fault("sendMessage", kind, times=1)
    outcome = await attempt(hasty.send_message(42, "佣金到账"))
    assert isinstance(outcome, Unknown)
    assert outcome.repeat_within_seconds == 0
    assert len([name for name, _ in fake.calls if name == "sendMessage"]) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"kind": "html", "status": 200}, Unknown),
        ({"kind": "html", "status": 404}, Unknown),
        ({"kind": "html", "status": 302}, Unknown),
        ({"kind": "500"}, Retry),
        ({"kind": "500", "description": "Internal Server Error: restart"}, Unknown),
        ({"kind": "500", "status": 502, "description": "Bad Gateway"}, Unknown),
        ({"kind": "ok_false"}, Refused),
        ({"kind": "ok_false", "code": 403, "description": "Forbidden: bot was blocked by the user"}, Dead),
        ({"kind": "ok_false", "code": 200, "description": "?"}, Unknown),
        ({"kind": "500", "status": 401, "description": "Unauthorized"}, Stop),
        ({"kind": "500", "status": 409, "description": "Conflict: terminated by other getUpdates request"}, Retry),
    ],
)
async def test_what_telegram_says_is_believed_and_what_a_gateway_says_is_not(
    options: dict[str, str], expected: type[Outcome], fake: FakeTelegram, bot: TelegramBot
):
    fake.fault("sendMessage", times=1, **options)  # type: ignore[arg-type]
    assert isinstance(await attempt(bot.send_message(42, "你好")), expected)
    assert await attempt(bot.send_message(42, "你好")) == Sent("1")


async def test_a_429_names_the_time_before_which_nothing_may_go(fake: FakeTelegram, bot: TelegramBot):
    fake.fault("sendMessage", "429", times=1, retry_after=17)
    fake.fault("sendMessage", "html", times=1, status=429)
    first, second = [await attempt(bot.send_message(42, "早上好")) for _ in range(2)]
    assert isinstance(first, Retry)
    assert (first.after_seconds, first.scope) == (17, "account")
    assert isinstance(second, Retry)


async def test_people_who_are_gone_are_told_from_messages_that_are_wrong(fake: FakeTelegram, bot: TelegramBot):
    gone, stranger = fake.user("Gone", started=True), fake.user("Stranger")
    gone.has_blocked = True
    for chat_id in (gone.id, stranger.id, 999_999):
        assert isinstance(await attempt(bot.send_message(chat_id, "你好")), Dead)

    for text, mode in ((" ", None), ("长" * 4097, None), ("<i>", "HTML")):
        assert isinstance(await attempt(bot.send_message(42, text, parse_mode=mode)), Refused)
    assert isinstance(await attempt(bot.send_message(42, "你好", reply_markup=keyboard("选", "品" * 22))), Refused)


async def test_an_edit_of_a_message_that_is_no_longer_there_says_send_a_new_one(fake: FakeTelegram, bot: TelegramBot):
    await bot.send_photo(42, picture())
    no_text = await attempt(bot.edit_message_text("首页", 42, 1))
    missing = await attempt(bot.edit_message_text("首页", 42, 77))
    assert isinstance(no_text, Closed)
    assert nothing_to_edit(no_text)
    assert nothing_to_edit(missing)


async def test_without_a_connection_the_message_surely_was_not_sent(fake: FakeTelegram):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = make_bot(fake.token, api_url=f"http://127.0.0.1:{unused.getsockname()[1]}", timeouts=PATIENT)
        outcome = await attempt(nowhere.send_message(42, "你好"))
    await nowhere.shutdown()
    assert isinstance(outcome, Retry)
    assert outcome.scope == "account"


async def test_a_message_that_waited_in_vain_for_a_free_connection_surely_was_not_sent(fake: FakeTelegram):
    narrow = make_bot(fake.token, api_url=fake.api_url, connections=1, timeouts=Timeouts(connect=1.0, answer=2.5))
    fake.fault("sendMessage", "hang", times=1)
    first, second = await asyncio.gather(*(attempt(narrow.send_message(42, text)) for text in ("a", "b")))
    await narrow.shutdown()
    assert isinstance(first, Unknown)
    assert isinstance(second, Retry)
    assert len(fake.calls) == 1


async def test_text_that_is_not_unicode_is_refused_before_anything_is_sent(fake: FakeTelegram, bot: TelegramBot):
    assert isinstance(await attempt(bot.send_message(42, "坏\ud800")), Refused)
    assert isinstance(await attempt(bot.send_photo(42, picture(), caption="坏\ud800")), Refused)
    assert not fake.calls


async def test_long_polling_gets_updates_as_they_come_and_never_delays_a_message(fake: FakeTelegram, bot: TelegramBot):
    polling = asyncio.create_task(bot.get_updates(timeout=5))
    await asyncio.sleep(0.05)
    assert await attempt(bot.send_message(42, "你好")) == Sent("1")
    await fake.user("Li").sends("/start k3J9xQ", answered=False)
    (update,) = await polling
    assert update.message is not None
    assert update.message.text == "/start k3J9xQ"
    assert await bot.get_updates(offset=update.update_id + 1, timeout=1) == ()


async def test_the_token_never_shows(
    fake: FakeTelegram, bot: TelegramBot, hasty: TelegramBot, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    shown = [repr(bot), str(bot)]
    for kind in [*LOST, "500", "ok_false"]:
        fake.fault("sendMessage", kind, times=1)
        shown.append(repr(await attempt(hasty.send_message(42, "你好"))))
    stranger = make_bot("99:SECRET-secret-SECRET-secret", api_url=fake.api_url)
    with pytest.raises(InvalidToken) as refused:
        await stranger.initialize()
    shown.append(repr(await attempt(stranger.send_message(42, "你好"))))
    await stranger.shutdown()
    shown += [str(refused.value), str(refused.value.__cause__), caplog.text]
    assert isinstance(await attempt(stranger.send_message(42, "你好")), Stop)
    await stranger.shutdown()
    assert not [text for text in shown if fake.token.split(":")[1] in text or "SECRET" in text]
