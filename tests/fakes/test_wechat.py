"""The fake WeChat is as strict as the real one; its encryption is checked against another implementation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import wechatpy
from aiohttp import web
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import ArticlesReply, ImageReply, TextReply
from wechatpy.utils import check_signature

from tests.fakes.wechat import AES_KEY, APP_ID, APP_SECRET, TOKEN, FakeWeChat
from tests.fakes.wechat_wire import BadAnswer, read_answer

Api = Callable[..., Awaitable[dict[str, Any]]]
Say = Callable[[Any], Any]


@asynccontextmanager
async def account_server(fake: FakeWeChat, say: Say, *, slow: int = 0) -> AsyncIterator[list[Any]]:
    """A server that reads and answers with wechatpy: `say` turns a message into a reply, an XML text or None."""
    got: list[Any] = []

    async def post(request: web.Request) -> web.Response:
        query, body = request.query, await request.read()
        crypto = WeChatCrypto(TOKEN, fake.aes_key or AES_KEY, APP_ID)
        if fake.aes_key:
            body = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        else:
            check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
        message = wechatpy.parse_message(body)
        got.append(message)
        if len(got) <= slow:
            await asyncio.sleep(0.5)
        reply = say(message)
        text = reply if isinstance(reply, str) else reply.render() if reply else "success"
        if fake.aes_key and reply:
            text = crypto.encrypt_message(text, query["nonce"], query["timestamp"])
        return web.Response(text=text)

    async def get(request: web.Request) -> web.Response:
        query = request.query
        check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
        return web.Response(text=query["echostr"])

    app = web.Application()
    app.router.add_post("/wechat", post)
    app.router.add_get("/wechat", get)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.bot_url = f"http://127.0.0.1:{runner.addresses[0][1]}/wechat"
    try:
        yield got
    finally:
        await runner.cleanup()


@pytest.fixture(params=["plain", "aes"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeWeChat]:
    async with FakeWeChat(aes_key=AES_KEY if request.param == "aes" else None) as fake:
        yield fake


@pytest.fixture
async def api() -> AsyncIterator[tuple[FakeWeChat, Api]]:
    async with FakeWeChat() as fake, aiohttp.ClientSession() as session:

        async def call(path: str, **body: Any) -> dict[str, Any]:
            url = f"{fake.api_url}/cgi-bin/{path}"
            params = {} if path == "stable_token" else {"access_token": body.pop("token", None) or fake.token_now()}
            async with session.post(url, params=params, json=body) as response:
                return await response.json(content_type="text/plain")  # type: ignore[no-any-return]

        yield fake, call


def menu(message: Any) -> TextReply:
    words = {"1": "请选择商品", "首页": '1. 选品\n2 我的佣金\n<a href="https://shop.example/r/a">打开</a>'}
    text = words.get(getattr(message, "content", ""), f"{message.type} {getattr(message, 'event', '')}")
    return TextReply(message=message, content=text)


async def test_a_person_talks_with_the_account_by_numbers(fake: FakeWeChat):
    mei = fake.person("openid-mei")
    async with account_server(fake, menu) as got:
        assert await fake.verifies()
        assert (await mei.follows(scene="k3J9xQ")).text == "event subscribe_scan"
        assert (await mei.says("首页")).choices == {"1": "选品", "2": "我的佣金"}
        assert mei.link_of("打开") == "https://shop.example/r/a"
        assert (await mei.chooses("选品")).text == "请选择商品"
        assert (await mei.scans("promo")).text == "event scan"
        assert (await mei.clicks_menu("home")).text == "event click"
    assert got[0].scene_id == "k3J9xQ"
    assert "said: 首页" in str(mei)


async def test_a_slow_answer_brings_the_same_message_again(fake: FakeWeChat):
    fake.patience = 0.2
    mei = fake.person("openid-mei")
    async with account_server(fake, menu, slow=2) as got:
        assert (await mei.says("首页")).choices
        await mei.repeats()
    assert len(got) == 4
    assert len({message.id for message in got}) == 1
    assert len({message.create_time for message in got}) == 1


async def test_silence_is_an_answer_and_a_dead_server_is_not(fake: FakeWeChat):
    fake.patience, fake.retries = 0.2, 1
    mei = fake.person("openid-mei")
    async with account_server(fake, lambda message: None):
        assert (await mei.says("你好")).kind == "nothing"
    with pytest.raises(AssertionError, match=r"did not answer 2 times(.|\n)*said: 在吗"):
        await mei.says("在吗")
    assert mei.seen[-1].via == "error"


async def test_pictures_and_cards_are_read(fake: FakeWeChat):
    media_id = fake.store_media(b"\xff\xd8\xffposter")

    def say(message: Any) -> Any:
        if message.content == "海报":
            return ImageReply(message=message, media_id=media_id)
        card = {"title": "爆款", "description": "¥9", "image": "https://x.example/1.jpg", "url": "https://x.example"}
        return ArticlesReply(message=message, articles=[card])

    mei = fake.person("openid-mei")
    async with account_server(fake, say):
        assert (await mei.says("海报")).picture == b"\xff\xd8\xffposter"
        assert (await mei.says("卡片")).articles[0]["Url"] == "https://x.example"
        fake.advance(days=3)
        with pytest.raises(AssertionError, match="invalid media_id"):
            await mei.says("海报")


HEAD = "<ToUserName><![CDATA[mei]]></ToUserName><FromUserName><![CDATA[gh]]></FromUserName><CreateTime>1</CreateTime>"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (
            f"<xml>{HEAD}<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[a]]>b]]></Content></xml>",
            "not well-formed",
        ),
        (f"<xml>{HEAD}<MsgType><![CDATA[text]]></MsgType><Content>bare</Content></xml>", "not wholly inside CDATA"),
        (f"<xml>{HEAD}<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[ ]]></Content></xml>", "is empty"),
        (
            f"<xml>{HEAD}<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{'长' * 683}]]></Content></xml>",
            "2049 bytes",
        ),
        (f"<xml>{HEAD}{HEAD}</xml>", "twice"),
        (f"<!DOCTYPE xml><xml>{HEAD}</xml>", "DOCTYPE"),
        (f"<xml>{HEAD}<MsgType><![CDATA[news]]></MsgType></xml>", "exactly one article"),
        (f"<xml>{HEAD.replace('mei', 'hua')}</xml>", "must go from gh to mei"),
        ("<html>502</html>", "root is <html>"),
        ("Internal Server Error", "not well-formed"),
    ],
)
def test_an_answer_that_wechat_would_not_show_fails_the_test(body: str, complaint: str):
    with pytest.raises(BadAnswer, match=complaint):
        read_answer(body.encode(), person="mei", account="gh")


def test_cdata_that_is_split_around_its_own_end_is_read_whole():
    body = f"<xml>{HEAD}<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[a]]]]><![CDATA[>b]]></Content></xml>"
    assert read_answer(body.encode(), person="mei", account="gh").text == "a]]>b"


async def test_windows_open_and_shut_as_wechats_do(api: tuple[FakeWeChat, Api]):
    fake, call = api
    mei = fake.person("mei")

    async def send() -> int:
        text = {"content": "你好"}
        return int((await call("message/custom/send", touser="mei", msgtype="text", text=text))["errcode"])

    assert await send() == 45015, "has never written"
    async with account_server(fake, lambda message: None):
        await mei.clicks_menu("home")
        assert [await send() for _ in range(4)] == [0, 0, 0, 45047]
        fake.advance(minutes=1)
        assert await send() == 45015
        await mei.says("你好")
        assert [await send() for _ in range(6)] == [0] * 5 + [45047]
        fake.advance(hours=48)
        assert await send() == 45015
        await mei.says("又来了")
        await mei.unfollows()
        assert await send() == 45015
    assert (await call("message/custom/send", touser="nobody", msgtype="text", text={"content": "x"}))[
        "errcode"
    ] == 40003


async def test_templates_need_their_fields_and_a_follower_and_drop_repetitions(api: tuple[FakeWeChat, Api]):
    fake, call = api
    fake.templates["T1"] = ["amount"]
    mei, data = fake.person("mei"), {"amount": {"value": "¥9"}}

    async def send(**more: Any) -> dict[str, Any]:
        return await call("message/template/send", **{"touser": "mei", "template_id": "T1", "data": data, **more})

    assert (await send())["errcode"] == 43004
    mei.is_follower = True
    assert (await send(template_id="T2"))["errcode"] == 40037
    assert (await send(data={}))["errcode"] == 47003
    first, again = await send(client_msg_id="n1"), await send(client_msg_id="n1")
    assert first == again
    assert mei.texts == ["amount: ¥9"]
    fake.advance(minutes=10)
    assert (await send(client_msg_id="n1"))["msgid"] != first["msgid"]


async def test_mass_messages_are_counted_by_the_month(api: tuple[FakeWeChat, Api]):
    fake, call = api
    mei, hua = fake.person("mei", follows=True), fake.person("hua", follows=True)

    async def send(key: str, touser: list[str]) -> int:
        text = {"content": "周年庆"}
        return int(
            (await call("message/mass/send", touser=touser, msgtype="text", text=text, clientmsgid=key))["errcode"]
        )

    assert await send("a", ["mei"]) == 40130
    assert [await send(key, ["mei", "hua"]) for key in "aabcde"] == [0, 45065, 0, 0, 0, 0]
    assert len(mei.heard) == len(hua.heard) == 4


async def test_tokens_live_two_hours_and_are_the_same_for_everyone(api: tuple[FakeWeChat, Api]):
    fake, call = api
    asking = {"grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET}
    first, again = await call("stable_token", **asking), await call("stable_token", **asking)
    assert first["access_token"] == again["access_token"]
    fake.advance(seconds=7200)
    assert (await call("menu/get", token=first["access_token"]))["errcode"] == 42001
    renewed = await call("stable_token", **asking)
    assert renewed["access_token"] != first["access_token"]
    await call("stable_token", **asking, force_refresh=True)
    assert (await call("menu/get", token=renewed["access_token"]))["errcode"] == 40001
    assert (await call("stable_token", **{**asking, "secret": "?"}))["errcode"] == 40125


async def test_menus_keep_to_three_by_five(api: tuple[FakeWeChat, Api]):
    fake, call = api
    entry = {"type": "click", "name": "选品", "key": "pick"}
    view = {"type": "view", "name": "商城", "url": "https://shop.example"}
    assert (await call("menu/create", button=[entry] * 4))["errcode"] == 40016
    assert (await call("menu/create", button=[{"name": "更多", "sub_button": [entry] * 6}]))["errcode"] == 40023
    assert (await call("menu/create", button=[{**entry, "name": "一二三四五六"}]))["errcode"] == 40018
    assert (await call("menu/create", button=[entry, {"name": "更多", "sub_button": [view]}]))["errcode"] == 0
    async with account_server(fake, menu) as got:
        await fake.person("mei", follows=True).taps_menu("选品")
        await fake.person("mei").taps_menu("商城")
    assert [message.event for message in got] == ["click", "view"]
