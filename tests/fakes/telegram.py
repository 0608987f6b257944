"""A Telegram on this machine: the Bot API with its limits, people who write and tap, and faults on demand.

In a test:

    async with FakeTelegram() as fake:
        ...                                   # start the bot with FENXIAO_TELEGRAM__API_URL=fake.base_url
        li = fake.user("Li")
        home = await li.sends("/start")       # the bot's answer
        await li.taps("选品")                  # by label, on the newest message that has it
        await li.hears("佣金")                 # waits for it
        print(li.chat)                        # the transcript, also part of every failure message

As a process of its own: `python -m tests.fakes.telegram --port 8081`, and then, for people by hand or by curl:
`POST /_fake/users/1001/sends {"text": …}`, `POST /_fake/users/1001/taps {"label": …}`, `GET /_fake/chats/1001`,
`GET /_fake/accepted`, `GET /_fake/judge`, `POST /_fake/faults {"method", "kind", "times", "share"}`,
`DELETE /_fake/faults`.
"""

import argparse
import asyncio
import itertools
import json
import random
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.server import FakeServer, Fault
from tests.fakes.telegram_chat import Chat, Message, User
from tests.fakes.telegram_methods import METHODS, SENDS
from tests.fakes.telegram_rules import Refusal, picture_size

TOKEN = "123456:FAKE-telegram-token-for-tests-00000"
WEBHOOK_WAITS_SECONDS = (0.05, 0.2, 0.5)
# Arrivals on a busy machine are not as even as departures were.
RATE_SLACK_SECONDS = 0.05
NO_ANSWER = ("accepted_then_no_answer", "accepted_then_hang", "half_json", "cut")


class FakeTelegram(FakeServer):
    """The Bot API for one bot.

    `rate` (messages a second over all chats) and `per_chat` (a second in one chat) are enforced when given.
    `knows_everyone`: any positive chat id is somebody who has started the bot.
    `strict_urls`: refuse links and pictures on `localhost`, as Telegram does.
    `webhook_at`: where updates go instead of the address that the bot registers, which may be a public name.
    """

    syncs_in_groups = True

    def __init__(
        self,
        *,
        token: str = TOKEN,
        username: str = "fenxiao_bot",
        rate: float | None = None,
        per_chat: float | None = None,
        knows_everyone: bool = False,
        strict_urls: bool = True,
        webhook_at: str | None = None,
        now: Callable[[], datetime] | None = None,
        log_file: str | Path | None = None,
    ) -> None:
        super().__init__(now=now, log_file=log_file)
        self.token, self.username = token, username
        self.rate, self.per_chat = rate, per_chat
        self.knows_everyone, self.strict_urls = knows_everyone, strict_urls
        self.webhook_at = webhook_at
        self.me = {"id": int(token.split(":")[0]), "is_bot": True, "first_name": "Fenxiao", "username": username}
        self.users: dict[int, User] = {}
        self.files: dict[str, bytes] = {}
        self.commands: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.webhook_url = ""
        self.webhook_secret: str | None = None
        self.allowed_updates: set[str] = set()
        self.pending: deque[dict[str, Any]] = deque()
        self.updates: dict[int, dict[str, Any]] = {}
        self.next_update_id = 700_000_001
        self.change = 0
        self.too_early: list[str] = []
        """Sends that came before the time that a 429 had named."""
        self.unanswered_sends: list[tuple[int | None, str]] = []
        """Chat and text of sends that were carried out, and whose answer never came."""
        self.slow: tuple[float, float] = (0.0, 0.0)
        """Between how many seconds an answer takes."""
        self._chats: dict[int, Chat] = {}
        self._callbacks: dict[str, dict[str, Any] | None] = {}
        self._message_ids = itertools.count(1)
        self._file_ids = itertools.count(1)
        self._polls = 0
        self._sent_at: dict[int | None, deque[float]] = defaultdict(deque)
        self._closed_until: dict[int | None, float] = {}
        self._times: list[float] = []

    @property
    def api_url(self) -> str:
        """What FENXIAO_TELEGRAM__API_URL is set to."""
        return self.base_url

    # People

    def user(self, name: str, *, id: int | None = None, language: str = "zh-hans", started: bool = False) -> User:
        """Return the person of this name, new unless known; `started`: their chat with the bot is already open."""
        known = next((u for u in self.users.values() if u.name == name and id in (None, u.id)), None)
        if known is None:
            known = User(self, id or 1001 + len(self.users), name, language, has_started=started)
            self.users[known.id] = known
        return known

    def people(self, count: int, *, first_id: int = 100_000) -> list[User]:
        """Return `count` people who have all started the bot, for announcements."""
        return [self.user(f"person {first_id + n}", id=first_id + n, started=True) for n in range(count)]

    def chat(self, chat_id: int) -> Chat:
        if chat_id not in self._chats:
            self._chats[chat_id] = Chat(chat_id, self.users[chat_id])
        return self._chats[chat_id]

    def __str__(self) -> str:
        return "\n\n".join(map(str, self._chats.values()))

    # Updates to the bot

    async def deliver(self, update: dict[str, Any]) -> None:
        """Give an update to the bot: by webhook, and then wait for its 200, else at its next getUpdates."""
        kind = next(iter(update))
        update = {"update_id": self.next_update_id, **update}
        self.next_update_id += 1
        self.updates[update["update_id"]] = update
        if not self.allowed_updates or kind in self.allowed_updates:
            await self.redeliver(update["update_id"])

    async def redeliver(self, update_id: int) -> None:
        """Give an update to the bot again, as Telegram does when it missed the answer."""
        if not self.webhook_url:
            self.pending.append(self.updates[update_id])
            self.changed()
            return
        trouble = ""
        for wait in (*WEBHOOK_WAITS_SECONDS, None):
            trouble = await self._post_update(self.updates[update_id])
            if not trouble:
                return
            if wait is not None:
                await asyncio.sleep(wait)
        raise AssertionError(
            f"the bot's webhook {self.webhook_at or self.webhook_url} did not take an update: {trouble}"
        )

    async def _post_update(self, update: dict[str, Any]) -> str:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook_secret} if self.webhook_secret else {}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
                session.post(self.webhook_at or self.webhook_url, json=update, headers=headers) as response,
            ):
                body = await response.read()
                if response.status >= 300:
                    return f"status {response.status}: {body[:300]!r}"
        except (aiohttp.ClientError, TimeoutError) as failure:
            return repr(failure)
        answer = json.loads(body) if body.startswith(b"{") else {}
        if "method" in answer:
            await self._carry_out(answer.pop("method"), answer)
        return ""

    async def poll(self, offset: int, limit: int, wait: float) -> list[dict[str, Any]]:
        """Answer getUpdates: forgets what is below `offset`, waits up to `wait` seconds for something new."""
        self._polls += 1
        mine = self._polls
        self.changed()
        if offset < 0:
            self.pending = deque(list(self.pending)[offset:])
        while offset > 0 and self.pending and self.pending[0]["update_id"] < offset:
            self.pending.popleft()
        try:
            async with asyncio.timeout(wait):
                while not self.pending and mine == self._polls and not self._closing.is_set():
                    await self._changed.wait()
        except TimeoutError:
            return []
        if mine != self._polls:
            raise Refusal(409, "Conflict: terminated by other getUpdates request; only one bot instance may run")
        return list(self.pending)[:limit]

    # The server

    def routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/bot{token:[^/]+}/{method}", self._call)
        app.router.add_get("/file/bot{token:[^/]+}/photos/{name}", self._download)
        app.router.add_post("/_fake/users/{id}/{action}", self._by_hand)
        app.router.add_get("/_fake/chats/{id}", self._transcript)
        app.router.add_get("/_fake/accepted", self._accepted)
        app.router.add_get("/_fake/judge", self._judge)
        app.router.add_post("/_fake/faults", self._add_fault)
        app.router.add_delete("/_fake/faults", self._add_fault)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != self.token:
            return _no(401, "Unauthorized")
        method, params = request.match_info["method"], await _params(request)
        if method not in METHODS:
            return _no(404, "Not Found: method not found")
        self.calls.append((method, params))
        recipient = str(params.get("chat_id", ""))
        if method in SENDS:
            self._note_arrival(recipient)
        if self.slow[1]:
            await asyncio.sleep(random.uniform(*self.slow))

        async def carry_out() -> web.Response:
            try:
                result = await self._carry_out(method, params)
            except Refusal as no:
                return _no(no.code, no.description, **no.parameters)
            await self.on_disk()
            return web.json_response({"ok": True, "result": result})

        fault = next((f for f in self.faults if f.strikes(method, recipient)), None)
        if fault is not None:
            if fault.kind in NO_ANSWER and method in SENDS:
                self.unanswered_sends.append((_chat_of(recipient), str(params.get("text", ""))))
            return await self.misbehave(request, fault, carry_out, self._own_error(recipient))
        return await carry_out()

    async def _carry_out(self, method: str, params: dict[str, Any]) -> Any:
        if method in SENDS:
            self._keep_pace(str(params.get("chat_id", "")))
        return await METHODS[method](self, params)

    def _own_error(self, recipient: str) -> Callable[[Fault], web.Response]:
        def answer(fault: Fault) -> web.Response:
            options = fault.options
            if fault.kind == "429":
                wait = options.get("retry_after", 1)
                scope = None if options.get("scope") == "account" or not recipient.isdigit() else int(recipient)
                self._closed_until[scope] = asyncio.get_running_loop().time() + wait
                return _too_many(wait)
            if fault.kind == "ok_false":
                code, words = options.get("code", 400), options.get("description", "Bad Request: something is wrong")
                return _no(code, words, status=200)
            status = options.get("status", 500)
            return _no(status, options.get("description", "Internal Server Error"))

        return answer

    async def _download(self, request: web.Request) -> web.Response:
        data = self.files.get(request.match_info["name"].removesuffix(".jpg"))
        if request.match_info["token"] != self.token or data is None:
            return _no(404, "Not Found")
        return web.Response(body=data, content_type="image/jpeg")

    # Pace

    def _note_arrival(self, chat_id: str) -> None:
        now = asyncio.get_running_loop().time()
        self._times.append(now)
        for scope in (None, _chat_of(chat_id)):
            if (early := self._closed_until.get(scope, 0.0) - now) > 0:
                self.too_early.append(f"{scope or 'account'}: {early:.2f} s too early")

    def _keep_pace(self, chat_id: str) -> None:
        now = asyncio.get_running_loop().time()
        for scope, limit in ((None, self.rate), (_chat_of(chat_id), self.per_chat)):
            early = self._closed_until.get(scope, 0.0) - now
            if early > 0 and limit:
                raise Refusal(429, f"Too Many Requests: retry after {int(early) + 1}", retry_after=int(early) + 1)
            if limit and self._is_full(scope, limit, now):
                self._closed_until[scope] = now + 1
                raise Refusal(429, "Too Many Requests: retry after 1", retry_after=1)

    def _is_full(self, scope: int | None, limit: float, now: float) -> bool:
        window, count = (1.0, limit) if limit >= 1 else (1.0 / limit, 1)
        times = self._sent_at[scope]
        while times and times[0] <= now - window + RATE_SLACK_SECONDS:
            times.popleft()
        if len(times) >= count:
            return True
        times.append(now)
        return False

    def busiest_second(self) -> int:
        """Return the largest number of sends that arrived inside any one second."""
        times, start, most = sorted(self._times), 0, 0
        for end, moment in enumerate(times):
            while times[start] <= moment - 1.0:
                start += 1
            most = max(most, end - start + 1)
        return most

    # What the methods keep

    def next_message_id(self) -> int:
        return next(self._message_ids)

    def touch(self, message: Message) -> None:
        self.change += 1
        message.change = self.change
        self.changed()

    def store_file(self, data: bytes) -> str:
        file_id = f"FILE{next(self._file_ids):06}"
        self.files[file_id] = data
        return file_id

    def store_photo(self, data: bytes) -> dict[str, Any]:
        picture_size(data)
        return self.photo_json(self.store_file(data))

    def photo_json(self, file_id: str) -> dict[str, Any]:
        width, height = picture_size(self.files[file_id]) if file_id in self.files else (800, 800)
        thumb = {"file_id": f"{file_id}s", "file_unique_id": f"u{file_id}s", "width": 90, "height": 90}
        return {
            "photo": [thumb, {"file_id": file_id, "file_unique_id": f"u{file_id}", "width": width, "height": height}]
        }

    def new_callback(self, user_id: int) -> str:
        query_id = f"{user_id}0{len(self._callbacks) + 1:06}"
        self._callbacks[query_id] = None
        return query_id

    def answer_callback(self, query_id: str, answer: dict[str, Any]) -> bool:
        if query_id not in self._callbacks:
            return False
        self._callbacks[query_id] = answer
        self.changed()
        return True

    def callback_answer(self, query_id: str) -> dict[str, Any] | None:
        return self._callbacks[query_id]

    @property
    def unanswered(self) -> list[str]:
        """Taps that the bot left without an answer."""
        return [query_id for query_id, answer in self._callbacks.items() if answer is None]

    # By hand

    async def _by_hand(self, request: web.Request) -> web.Response:
        given, user_id = await request.json(), int(request.match_info["id"])
        user = self.users.get(user_id) or self.user(str(given.get("name", f"user {user_id}")), id=user_id)
        try:
            if request.match_info["action"] == "taps":
                await user.taps(given["label"])
            else:
                await user.sends(given["text"])
        except AssertionError as complaint:
            return web.Response(status=409, text=f"{complaint}\n")
        return web.Response(text=f"{user.chat}\n")

    async def _transcript(self, request: web.Request) -> web.Response:
        chat = self._chats.get(int(request.match_info["id"]))
        return web.Response(text=f"{chat}\n" if chat else "no such chat\n", status=200 if chat else 404)

    async def _accepted(self, request: web.Request) -> web.Response:
        return web.json_response(self.accepted)

    async def _judge(self, request: web.Request) -> web.Response:
        verdict = {
            "accepted": len(self.accepted),
            "busiest_second": self.busiest_second(),
            "too_early": self.too_early[:20],
            "unanswered": self.unanswered_sends,
            "faults": {fault.kind: fault.hits for fault in self.faults},
        }
        return web.json_response(verdict)

    async def _add_fault(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self.behave()
        else:
            given = await request.json()
            self.fault(given.pop("method"), given.pop("kind"), **given)
        return web.json_response({"faults": len(self.faults)})


def _chat_of(chat_id: str) -> int | None:
    return int(chat_id) if chat_id.lstrip("-").isdigit() else None


def _no(code: int, description: str, *, status: int | None = None, **parameters: Any) -> web.Response:
    body = {"ok": False, "error_code": code, "description": description}
    return web.json_response(body | ({"parameters": parameters} if parameters else {}), status=status or code)


def _too_many(wait: float) -> web.Response:
    return _no(429, f"Too Many Requests: retry after {wait}", retry_after=wait)


async def _params(request: web.Request) -> dict[str, Any]:
    given: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        given.update(await request.json())
        return given
    for name, value in (await request.post()).items():
        given[name] = value.file.read() if isinstance(value, web.FileField) else value
    return given


async def _serve(options: argparse.Namespace) -> None:
    fake = FakeTelegram(
        token=options.token, rate=options.rate, per_chat=options.per_chat, knows_everyone=True, log_file=options.log
    )
    await fake.start(options.port)
    print(f"FENXIAO_TELEGRAM__API_URL={fake.api_url} FENXIAO_TELEGRAM__TOKEN={fake.token}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="a Telegram Bot API for trials on this machine")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--rate", type=float, help="messages a second over all chats")
    parser.add_argument("--per-chat", type=float, help="messages a second in one chat")
    parser.add_argument("--log", help="file to which every accepted message is written before it is answered")
    asyncio.run(_serve(parser.parse_args()))
