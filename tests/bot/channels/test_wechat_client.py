"""What becomes of a message to WeChat, for each way in which it can go wrong."""

import asyncio
import io
import logging
import socket
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from bot.channels.outcomes import Closed, Dead, Outcome, Refused, Retry, SendFailed, Sent, Stop, Unknown
from bot.channels.outgoing import Timeouts
from bot.channels.wechat_client import Article, WeChatClient, classify
from tests.fakes.wechat import APP_ID, APP_SECRET, FakeWeChat

PATIENT = Timeouts(connect=30, upload=30, answer=30)
"""Where the fake answers: it may take its time on a busy machine."""

HASTY = Timeouts(connect=1.5, upload=1.5, answer=1.5)
"""Where the fake hangs, and the wait is all there is."""
SEND = "message/custom/send"


@pytest.fixture
async def fake() -> AsyncIterator[FakeWeChat]:
    async with FakeWeChat() as fake:
        fake.templates["commission"] = ["amount", "order"]
        mei = fake.person("mei", follows=True)
        mei.opens_window()
        yield fake


@pytest.fixture
async def client(fake: FakeWeChat) -> AsyncIterator[WeChatClient]:
    client = WeChatClient(app_id=APP_ID, app_secret=APP_SECRET, api_url=fake.api_url, timeouts=PATIENT)
    yield client
    await client.close()


@pytest.fixture
async def hasty(fake: FakeWeChat) -> AsyncIterator[WeChatClient]:
    client = WeChatClient(app_id=APP_ID, app_secret=APP_SECRET, api_url=fake.api_url, timeouts=HASTY)
    yield client
    await client.close()


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 400), "red").save(out, "JPEG")
    return out.getvalue()


async def test_text_picture_card_and_template_arrive(fake: FakeWeChat, client: WeChatClient):
    mei, poster = fake.person("mei"), picture()
    assert await client.send_text("mei", "佣金 ¥12.00 已到账 😀") == Sent(None)
    media_id = await client.upload_image(poster)
    assert await client.send_image("mei", media_id) == Sent(None)
    card = Article("爆款面膜", "佣金 ¥9", "https://shop.example/p/1", "https://shop.example/1.jpg")
    assert await client.send_news("mei", card) == Sent(None)
    outcome = await client.send_template("mei", "commission", {"amount": "¥12.00", "order": "A-1"}, client_msg_id="n1")
    assert isinstance(outcome, Sent)
    assert outcome.message_id

    assert mei.texts == ["佣金 ¥12.00 已到账 😀", "", "爆款面膜\n佣金 ¥9", "amount: ¥12.00\norder: A-1"]
    assert [seen.picture for seen in mei.heard] == [None, poster, None, None]
    assert fake.token_fetches == 1


async def test_menu_and_codes_are_made(fake: FakeWeChat, client: WeChatClient):
    await client.create_menu([{"name": "赚佣金", "sub_button": [{"type": "click", "name": "选品", "key": "pick"}]}])
    assert fake.menu[0]["sub_button"][0]["name"] == "选品"
    code = await client.create_qrcode("k3J9xQ", expire_seconds=3600)
    assert fake.scenes[code.url] == "k3J9xQ"
    assert (await client.user_info("mei"))["subscribe"] == 1
    with pytest.raises(SendFailed) as failed:
        await client.create_menu([])
    assert isinstance(failed.value.outcome, Refused)


async def test_fifty_sends_at_a_token_rotation_cost_one_fetch(fake: FakeWeChat):
    client = WeChatClient(app_id=APP_ID, app_secret=APP_SECRET, api_url=fake.api_url)
    people = [fake.person(f"p{n}", follows=True) for n in range(50)]
    for person in people:
        person.opens_window()
    await client.send_text("mei", "先取一次令牌")
    fake.rotate_token()
    outcomes = await asyncio.gather(*(client.send_text(person.openid, "早上好") for person in people))
    assert outcomes == [Sent(None)] * 50
    assert fake.token_fetches == 2
    assert all(person.texts == ["早上好"] for person in people)
    await client.close()


async def test_fifty_first_sends_share_one_fetch_and_its_failure(fake: FakeWeChat, hasty: WeChatClient):
    fake.fault("stable_token", "hang", times=1)
    outcomes = await asyncio.gather(*(hasty.send_text("mei", str(n)) for n in range(50)))
    assert {type(outcome) for outcome in outcomes} == {Retry}, "no message left, so nothing is unknown"
    assert fake.token_fetches == 1
    assert await hasty.send_text("mei", "再来") == Sent(None)


async def test_an_endless_40001_stays_bounded(fake: FakeWeChat, client: WeChatClient):
    fake.fault(SEND, "errcode", code=40001)
    outcomes = await asyncio.gather(*(client.send_text("mei", str(n)) for n in range(20)))
    assert all(isinstance(outcome, Retry) and outcome.scope == "account" for outcome in outcomes)
    assert len([path for path, _ in fake.calls if path == SEND]) == 40
    assert fake.token_fetches == 2


async def test_a_token_is_renewed_when_its_time_is_over(fake: FakeWeChat, client: WeChatClient):
    await client.send_text("mei", "一")
    fake.advance(hours=2)
    fake.person("mei").opens_window()
    assert await client.send_text("mei", "二") == Sent(None)
    assert fake.token_fetches == 2


@pytest.mark.parametrize("kind", ["hang", "drop", "accepted_then_no_answer", "half_json", "cut", "html", "500"])
async def test_only_where_wechat_drops_repetitions_may_a_lost_answer_be_repeated(
    kind: str, fake: FakeWeChat, client: WeChatClient, hasty: WeChatClient
):
    for path in (SEND, "message/template/send", "message/mass/send"):
        fake.fault(path, kind, times=1)
    fields = {"amount": "¥1", "order": "A-1"}
    fake.person("hua", follows=True)

    text = await hasty.send_text("mei", "佣金到账", client_msg_id="n1")
    assert isinstance(text, Unknown)
    assert text.repeat_within_seconds == 0

    template = await hasty.send_template("mei", "commission", fields, client_msg_id="n2")
    assert isinstance(template, Unknown)
    assert template.repeat_within_seconds == 540
    assert isinstance(await client.send_template("mei", "commission", fields, client_msg_id="n2"), Sent)

    mass = await hasty.send_mass_text(["mei", "hua"], "周年庆", client_msg_id="n3")
    assert isinstance(mass, Unknown)
    assert mass.repeat_within_seconds > 23 * 3600
    assert isinstance(await client.send_mass_text(["mei", "hua"], "周年庆", client_msg_id="n3"), Sent)

    assert [seen.via for seen in fake.person("mei").heard].count("template") == 1
    assert fake.person("hua").texts == ["周年庆"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (-1, Retry),
        (40003, Dead),
        (40007, Refused),
        (40037, Refused),
        (43004, Dead),
        (43019, Dead),
        (43101, Dead),
        (43107, Closed),
        (43108, Retry),
        (43117, Retry),
        (45009, Retry),
        (45011, Retry),
        (45015, Closed),
        (45028, Closed),
        (45047, Closed),
        (45065, Sent),
        (48001, Closed),
        (48002, Dead),
        (48004, Stop),
        (50002, Stop),
        (99999, Refused),
    ],
)
async def test_each_error_code_has_its_consequence(
    code: int, expected: type[Outcome], fake: FakeWeChat, client: WeChatClient
):
    fake.fault(SEND, "errcode", code=code, times=1)
    assert isinstance(await client.send_text("mei", "你好"), expected)
    assert await client.send_text("mei", "你好") == Sent(None)


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_a_token_that_is_refused_is_renewed_and_the_call_repeated_once(
    code: int, fake: FakeWeChat, client: WeChatClient
):
    await client.send_text("mei", "一")
    fake.fault(SEND, "errcode", code=code, times=1)
    assert await client.send_text("mei", "二") == Sent(None)
    assert (fake.token_fetches, fake.person("mei").texts) == (2, ["一", "二"])


async def test_a_notice_without_consent_says_nothing_about_the_person(fake: FakeWeChat, client: WeChatClient):
    fields = {"amount": "¥1", "order": "A-1"}
    fake.person("mei").consents["commission"] = 1
    assert await client.send_subscription("mei", "commission", fields) == Sent(None)
    refused = await client.send_subscription("mei", "commission", fields)
    assert isinstance(refused, Closed)
    assert refused.reason.startswith("43101")


def test_quotas_park_the_account_and_a_person_only_themselves():
    def scope(code: int) -> str:
        outcome = classify(code, "")
        assert isinstance(outcome, Retry)
        return outcome.scope

    assert [scope(code) for code in (-1, 43117)] == ["recipient"] * 2
    assert [scope(code) for code in (45009, 45011, 40001)] == ["account"] * 3
    assert classify(48001, "") == Closed("48001 ", alert=True)
    assert classify(40037, "") == Refused("40037 ", alert=True)


async def test_a_window_that_is_used_up_or_shut_means_the_next_route(fake: FakeWeChat, client: WeChatClient):
    outcomes = [await client.send_text("mei", str(n)) for n in range(6)]
    assert outcomes[:5] == [Sent(None)] * 5
    assert isinstance(outcomes[5], Closed)
    fake.advance(hours=49)
    shut = await client.send_text("mei", "还在吗")
    assert isinstance(shut, Closed)
    assert shut.reason.startswith("45015")


async def test_without_a_connection_the_message_surely_was_not_sent():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        client = WeChatClient(app_id=APP_ID, app_secret=APP_SECRET, api_url=url, timeouts=PATIENT)
        outcome = await client.send_text("mei", "你好", client_msg_id="n1")
    await client.close()
    assert isinstance(outcome, Retry)


async def test_text_that_is_not_unicode_is_refused_before_anything_is_sent(fake: FakeWeChat, client: WeChatClient):
    assert isinstance(await client.send_text("mei", "坏\ud800"), Refused)
    assert not [path for path, _ in fake.calls if path == SEND]


async def test_a_wrong_secret_stops_the_channel(fake: FakeWeChat):
    client = WeChatClient(app_id=APP_ID, app_secret="wrong", api_url=fake.api_url)
    assert isinstance(await client.send_text("mei", "你好"), Stop)
    await client.close()


async def test_secret_and_token_never_show(
    fake: FakeWeChat, client: WeChatClient, hasty: WeChatClient, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    for each in (client, hasty):
        await each.send_text("mei", "你好")
    token = fake.token_now()
    shown = [repr(client)]
    for kind in ("hang", "drop", "half_json", "cut", "html", "500"):
        fake.fault("*", kind, times=1)
        shown.append(repr(await hasty.send_text("mei", "你好")))
    fake.fault(SEND, "errcode", code=99999, words=f"bad request {token} of {APP_SECRET}", times=1)
    shown += [repr(await client.send_text("mei", "你好")), caplog.text]
    assert "***" in shown[-2]
    assert not [text for text in shown if token in text or APP_SECRET in text]
