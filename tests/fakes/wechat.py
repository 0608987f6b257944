"""A WeChat on this machine: an official account's server API with its limits, people who write, and faults on demand.

In a test:

    async with FakeWeChat(aes_key=KEY) as fake:
        ...                                    # start the bot with FENXIAO_WECHAT__API_URL=fake.base_url etc.
        fake.bot_url = "http://127.0.0.1:8080/wechat"
        mei = fake.person("openid-mei")
        home = await mei.follows(scene="k3J9xQ")   # the direct reply
        await mei.chooses("选品")                   # replies with the number that stands before it
        await mei.hears("佣金")                     # waits for it, by whichever way it comes
        fake.advance(hours=49)                      # now her window is shut
        print(mei)                                  # the transcript, also part of every failure message

As a process of its own: `python -m tests.fakes.wechat --port 8082 --bot http://127.0.0.1:8080/wechat`, and then
`POST /_fake/people/openid1/says {"text": …}`, `GET /_fake/people/openid1`, `POST /_fake/faults {"method", "kind", …}`.
"""

import argparse
import asyncio
import itertools
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.server import FakeServer, Fault
from tests.fakes.wechat_methods import MEDIA_LIFE, METHODS, Refusal
from tests.fakes.wechat_person import Person
from tests.fakes.wechat_wire import Answer, BadAnswer, encrypt, read_answer, read_encrypted, sign, to_xml

APP_ID = "wx0123456789abcdef"
APP_SECRET = "fake-wechat-secret-for-tests-000"
TOKEN = "fakeWeChatToken"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE"
TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_OVERLAP = timedelta(minutes=5)


@dataclass
class AccessToken:
    value: str
    until: datetime


class FakeWeChat(FakeServer):
    """The server API and the people of one official account; with `aes_key` its messages are encrypted.

    `patience` is how long the direct reply may take (5 seconds at WeChat), `retries` how often the message is then
    sent again.
    """

    def __init__(
        self,
        *,
        app_id: str = APP_ID,
        app_secret: str = APP_SECRET,
        token: str = TOKEN,
        aes_key: str | None = None,
        bot_url: str = "",
        patience: float = 5.0,
        retries: int = 3,
        now: Callable[[], datetime] | None = None,
        log_file: str | Path | None = None,
    ) -> None:
        super().__init__(now=now, log_file=log_file)
        self.app_id, self.app_secret, self.token, self.aes_key = app_id, app_secret, token, aes_key
        self.bot_url = bot_url
        self.patience, self.retries = patience, retries
        self.account = "gh_fenxiao00000"
        self.people: dict[str, Person] = {}
        self.templates: dict[str, list[str]] = {}
        """Template id → the names of its fields."""
        self.menu: list[dict[str, Any]] = []
        self.scenes: dict[str, str] = {}
        """What is drawn in a QR code → its scene."""
        self.mass_sent: dict[int, int] = {}
        """Mass message → how many people got it."""
        self.customer_tries = 0
        self.token_fetches = 0
        self.tries: list[float] = []
        """How long the bot took for each message that WeChat gave to it, in seconds."""
        self.repetitions: list[str] = []
        """Messages that were not delivered again because their idempotency key was known."""
        self._clock = self.now
        self._skipped = timedelta()
        self.now = lambda: self._clock() + self._skipped
        self._tokens: list[AccessToken] = []
        self._media: dict[str, tuple[bytes, datetime]] = {}
        self._memory: dict[tuple[str, str], tuple[int, datetime]] = {}
        self._message_ids = itertools.count(24_000_000_000_000_001)

    @property
    def api_url(self) -> str:
        """What FENXIAO_WECHAT__API_URL is set to."""
        return self.base_url

    def person(self, openid: str, *, follows: bool = False) -> Person:
        """Return the person with this openid, new unless known; `follows`: without an event to the bot."""
        if openid not in self.people:
            self.people[openid] = Person(self, openid)
        self.people[openid].is_follower |= follows
        return self.people[openid]

    def advance(self, **step: float) -> None:
        """Let time pass at WeChat: `advance(hours=49)`."""
        self._skipped += timedelta(**step)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.people.values()))

    # Messages to the bot

    async def reports_mass(self, msg_id: int, status: str = "send success") -> Answer:
        """Tell the bot how a mass message came out, as WeChat does some minutes later; a failure takes it back."""
        delivered = self.mass_sent[msg_id] if status == "send success" else 0
        now = int(self.now().timestamp())
        counts = {"TotalCount": delivered, "FilterCount": delivered, "SentCount": delivered, "ErrorCount": 0}
        event = {"MsgType": "event", "Event": "MASSSENDJOBFINISH", "MsgID": msg_id, "Status": status, **counts}
        whole = {"ToUserName": self.account, "FromUserName": "mphelper", "CreateTime": now, **event}
        return await self.deliver("mphelper", whole)

    async def verifies(self) -> bool:
        """Ask the bot's address to echo, as WeChat does when the address is registered."""
        echo = secrets.token_hex(8)
        params = {**self.signed_query(), "echostr": echo}
        async with self._session() as session, session.get(self.bot_url, params=params) as response:
            return response.status == 200 and await response.text() == echo

    async def deliver(self, openid: str, fields: dict[str, Any]) -> Answer:
        """Give a message to the bot and return its direct reply; no reply in time: the same message again."""
        assert self.bot_url, "tell the fake WeChat where the bot is: fake.bot_url = 'http://127.0.0.1:…/wechat'"
        trouble = ""
        for _ in range(1 + self.retries):
            try:
                status, body = await self.post(to_xml(fields), openid=openid)
            except (aiohttp.ClientError, TimeoutError) as failure:
                trouble = f"no answer in {self.patience} s ({failure!r})"
                continue
            if status != 200:
                raise BadAnswer(f"the bot answered status {status}: {body[:300]!r}")
            return self._read(openid, body)
        raise BadAnswer(f"the bot did not answer {1 + self.retries} times: {trouble}")

    async def post(self, message: bytes, *, openid: str = "", query: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Post a body, signed and in AES mode encrypted; `query` replaces parts of the signed query (for forgers)."""
        params = {**self.signed_query(), "openid": openid}
        if self.aes_key:
            secret = encrypt(message, self.aes_key, self.app_id)
            signature = sign(self.token, params["timestamp"], params["nonce"], secret)
            params |= {"encrypt_type": "aes", "msg_signature": signature}
            message = to_xml({"ToUserName": self.account, "Encrypt": secret})
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with (
                self._session() as session,
                session.post(self.bot_url, params={**params, **(query or {})}, data=message) as response,
            ):
                return response.status, await response.read()
        finally:
            self.tries.append(loop.time() - began)

    def signed_query(self) -> dict[str, str]:
        timestamp, nonce = str(int(self.now().timestamp())), str(secrets.randbelow(10**9))
        return {"signature": sign(self.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self.patience), headers={"Content-Type": "text/xml"}
        )

    def _read(self, openid: str, body: bytes) -> Answer:
        if self.aes_key:
            body = read_encrypted(body, token=self.token, aes_key=self.aes_key, app_id=self.app_id)
        answer = read_answer(body, person=openid, account=self.account)
        if answer.kind == "image":
            try:
                answer.picture = self.media_of(answer.media_id)
            except Refusal as no:
                raise BadAnswer(f"the direct reply's picture: {no}") from None
        return answer

    # The server

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/cgi-bin/stable_token", self._stable_token)
        app.router.add_route("*", "/cgi-bin/{path:.+}", self._call)
        app.router.add_post("/_fake/people/{openid}/{action}", self._by_hand)
        app.router.add_get("/_fake/people/{openid}", self._transcript)
        app.router.add_post("/_fake/faults", self._add_fault)
        app.router.add_delete("/_fake/faults", self._add_fault)

    async def _stable_token(self, request: web.Request) -> web.StreamResponse:
        self.token_fetches += 1
        given = json.loads(await request.read())
        self.calls.append(("stable_token", given))

        async def carry_out() -> web.Response:
            if given.get("grant_type") != "client_credential":
                return _no(40002, "invalid grant_type")
            if given.get("appid") != self.app_id:
                return _no(40013, "invalid appid")
            if given.get("secret") != self.app_secret:
                return _no(40125, "invalid appsecret")
            token = self._current_token(force=bool(given.get("force_refresh")))
            left = int((token.until - self.now()).total_seconds())
            return _answer({"access_token": token.value, "expires_in": left})

        return await self._or_fault(request, "stable_token", "", carry_out)

    def _current_token(self, *, force: bool) -> AccessToken:
        if force:
            self._tokens.clear()
        last = self._tokens[-1] if self._tokens else None
        if last is None or last.until - self.now() <= TOKEN_OVERLAP:
            last = AccessToken(f"token-{secrets.token_hex(12)}", self.now() + TOKEN_LIFE)
            self._tokens.append(last)
        return last

    def token_now(self) -> str:
        """Return the access token that everybody who asks now is given."""
        return self._current_token(force=False).value

    def rotate_token(self) -> None:
        """Make every access token given out so far invalid, as another program's forced refresh does."""
        self._tokens.clear()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        path, params = request.match_info["path"], await _params(request)
        recipient = params.get("touser", "")
        self.calls.append((path, params))

        async def carry_out() -> web.Response:
            token = next((t for t in self._tokens if t.value == request.query.get("access_token")), None)
            if token is None:
                return _no(40001, "invalid credential, access_token is invalid or not latest")
            if token.until <= self.now():
                return _no(42001, "access_token expired")
            if path not in METHODS:
                return _no(40066, f"invalid url: the fake WeChat has no /cgi-bin/{path}")
            try:
                return _answer(METHODS[path](self, params))
            except Refusal as no:
                return _no(no.code, no.words)

        return await self._or_fault(request, path, recipient if isinstance(recipient, str) else "", carry_out)

    async def _or_fault(
        self, request: web.Request, path: str, recipient: str, carry_out: Callable[[], Awaitable[web.Response]]
    ) -> web.StreamResponse:
        fault = next((f for f in self.faults if f.strikes(path, recipient)), None)
        if fault is None:
            return await carry_out()
        return await self.misbehave(request, fault, carry_out, _own_error)

    # What the methods keep

    def next_message_id(self) -> int:
        return next(self._message_ids)

    def store_media(self, data: bytes) -> str:
        media_id = f"media-{len(self._media) + 1:06}"
        self._media[media_id] = (data, self.now())
        return media_id

    def media_of(self, media_id: str) -> bytes:
        data, stored_at = self._media.get(media_id, (b"", self.now()))
        if not data or self.now() - stored_at >= MEDIA_LIFE:
            raise Refusal(40007, "invalid media_id")
        return data

    def remember(self, kind: str, key: str, message_id: int) -> None:
        if key:
            self._memory[kind, key] = (message_id, self.now())

    def remembered(self, kind: str, key: str, memory: timedelta) -> int | None:
        """Return the id of the message that was sent with this idempotency key, while WeChat remembers it."""
        message_id, at = self._memory.get((kind, key), (None, self.now()))
        if not key or message_id is None or self.now() - at >= memory:
            return None
        self.repetitions.append(f"{kind} {key}")
        return message_id

    # By hand

    async def _by_hand(self, request: web.Request) -> web.Response:
        given, person = await request.json(), self.person(request.match_info["openid"])
        acts: dict[str, Callable[[str], Awaitable[Answer]]] = {
            "says": person.says,
            "chooses": person.chooses,
            "clicks": person.clicks_menu,
            "scans": person.scans,
        }
        try:
            await acts[request.match_info["action"]](given["text"])
        except AssertionError as complaint:
            return web.Response(status=409, text=f"{complaint}\n")
        return web.Response(text=f"{person}\n")

    async def _transcript(self, request: web.Request) -> web.Response:
        return web.Response(text=f"{self.person(request.match_info['openid'])}\n")

    async def _add_fault(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self.behave()
        else:
            given = await request.json()
            self.fault(given.pop("method"), given.pop("kind"), **given)
        return web.json_response({"faults": len(self.faults)})


def _answer(body: dict[str, Any]) -> web.Response:
    # WeChat calls its JSON text/plain.
    return web.Response(text=json.dumps(body, ensure_ascii=False), content_type="text/plain")


def _no(code: int, words: str) -> web.Response:
    return _answer({"errcode": code, "errmsg": f"{words} rid: {secrets.token_hex(4)}"})


def _own_error(fault: Fault) -> web.Response:
    if fault.kind == "errcode":
        return _no(fault.options["code"], fault.options.get("words", "scripted"))
    assert fault.kind == "500", f"WeChat does not misbehave as {fault.kind!r}: use kind='errcode', code=…"
    return web.Response(status=fault.options.get("status", 500), text="", content_type="text/plain")


async def _params(request: web.Request) -> dict[str, Any]:
    given: dict[str, Any] = {name: value for name, value in request.query.items() if name != "access_token"}
    if request.content_type == "multipart/form-data":
        for name, value in (await request.post()).items():
            given[name] = value.file.read() if isinstance(value, web.FileField) else value
    elif body := await request.read():
        given.update(json.loads(body))
    return given


async def _serve(options: argparse.Namespace) -> None:
    fake = FakeWeChat(aes_key=AES_KEY if options.aes else None, bot_url=options.bot, log_file=options.log)
    await fake.start(options.port)
    keys = f"APP_ID={APP_ID} APP_SECRET={APP_SECRET} TOKEN={TOKEN}" + (f" AES_KEY={AES_KEY}" if options.aes else "")
    print(" ".join(f"FENXIAO_WECHAT__{key}" for key in [f"API_URL={fake.api_url}", *keys.split()]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="a WeChat official account for trials on this machine")
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument("--bot", default="http://127.0.0.1:8080/wechat", help="the bot's address")
    parser.add_argument("--aes", action="store_true", help="encrypt the messages to the bot")
    parser.add_argument("--log", help="file to which every accepted message is written before it is answered")
    asyncio.run(_serve(parser.parse_args()))
