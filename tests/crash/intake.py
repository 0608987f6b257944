"""Updates on trial: the program, and the platforms with their people, as processes of their own.

What people really got stands in the fakes' logs, on disk before each answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import bot.app
import bot.channels.telegram
import bot.channels.wechat
import bot.web.app
import bot.web.shop
import handlers.routing
from bot.app import App, clock
from bot.database import Database
from bot.preparing import prepare
from config.groups import TelegramSettings, WechatSettings
from config.settings import Settings
from domain import audit_log
from domain.schema import AuditRow, Inbox, Outbox
from domain.wording import words
from handlers.routing import Chat, Reply, Route, Routes, anyone, reply
from tests.bot.test_app import free_port
from tests.crash.test_settlement import in_child
from tests.fakes import telegram, wechat
from tests.fakes.telegram import FakeTelegram
from tests.fakes.wechat import FakeWeChat
from tests.fakes.wechat_wire import read_answer, to_xml
from tests.someone import chat, member

CHATS, OPENIDS, STRANGERS = 12, 12, 2
SECRET = "intake"
AGAIN_SECONDS = 0.15
TRIES = 300
LATER = timedelta(minutes=10)  # by then nobody is at work on anything any more


def count(chat: Chat) -> Reply:
    """Something that must happen once for each update, and an answer by which it is known again."""
    key = f"{chat.incoming.channel}:{chat.incoming.update_key}"
    audit_log.record(chat.db, actor="cli", action="counted", subject=key, after={}, now=chat.now)
    return reply(words("as_is", text=f"counted {key} ."))


def _routes(package: str = "handlers") -> Routes:
    return Routes([*handlers.routing.discover(package).by_name.values(), Route("count", count, anyone, command=False)])


@dataclass
class Intake:
    """One trial: where the processes are found, and what they leave behind."""

    url: str
    folder: Path
    port: int = field(default_factory=free_port)
    telegram_port: int = field(default_factory=free_port)
    wechat_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.database = Database(self.url)

        def people(db: Session) -> None:
            for n in range(CHATS - STRANGERS):
                chat(db, member(db, f"t-{n}"), "telegram", str(1000 + n))
            for n in range(OPENIDS - STRANGERS):
                chat(db, member(db, f"w-{n}"), "wechat", f"openid-{n}")

        self.database.write_now(people)

    # The program

    def program(self, *, later: bool = False) -> int:
        """Start the program and return its process, once it answers."""
        process = in_child(lambda: self._run_program(later=later))
        deadline = time.monotonic() + 20
        while not _answers(self.port):
            assert time.monotonic() < deadline, (self.folder / "program.log").read_text()
            time.sleep(0.01)
        return process

    def _run_program(self, *, later: bool) -> None:
        _talks_to(self.folder / "program.log")
        vars(bot.app)["discover"] = _routes
        now = (lambda: clock() + LATER) if later else clock
        settings = Settings(
            database_url=SecretStr(self.url),
            port=self.port,
            demo="off",
            log_level="warning",
            public_url="https://fenxiao.example",
            telegram=TelegramSettings(
                token=SecretStr(telegram.TOKEN),
                api_url=f"http://127.0.0.1:{self.telegram_port}",
                webhook_secret=SecretStr(SECRET),
            ),
            wechat=WechatSettings(
                app_id=wechat.APP_ID,
                app_secret=SecretStr(wechat.APP_SECRET),
                token=SecretStr(wechat.TOKEN),
                api_url=f"http://127.0.0.1:{self.wechat_port}",
            ),
        )

        async def run() -> None:
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            program = App(settings, prepare(settings, now), clock=now)
            program.jobs.clear()
            await program.start()
            await stop.wait()
            await program.stop()

        uvloop.run(run())

    # The platforms and their people

    def people(self) -> int:
        return in_child(lambda: uvloop.run(self._live()))

    async def _live(self) -> None:
        """People write until they are told to stop, and then wait until what they wrote has been taken."""
        _talks_to(self.folder / "people.log")
        bots = FakeTelegram(knows_everyone=True, log_file=self.folder / "telegram.jsonl")
        account = FakeWeChat(bot_url=f"http://127.0.0.1:{self.port}/wechat", log_file=self.folder / "wechat.jsonl")
        account.patience = 5.0
        await bots.start(self.telegram_port)
        await account.start(self.wechat_port)
        async with aiohttp.ClientSession() as session:
            writing = [self._writes_telegram(session, 1000 + n) for n in range(CHATS)]
            writing += [self._writes_wechat(account, n) for n in range(OPENIDS)]
            await asyncio.gather(*writing)
        (self.folder / "quiet").touch()
        await asyncio.Event().wait()

    @property
    def _told_to_stop(self) -> bool:
        return (self.folder / "stop").exists()

    async def _writes_telegram(self, session: aiohttp.ClientSession, person: int) -> None:
        """Telegram gives an update again until it is taken, and sometimes once more."""
        chance, number = random.Random(person), 0
        sender = {"id": person, "is_bot": False, "first_name": "Li", "language_code": "zh-hans"}
        while not self._told_to_stop:
            number += 1
            message = {"message_id": number, "date": 1, "chat": {"id": person, "type": "private"}, "from": sender}
            update = {"update_id": person * 100_000 + number, "message": message | {"text": "/count"}}
            for _ in range(TRIES):
                if await _posted(session, f"http://127.0.0.1:{self.port}/telegram", update) == 200:
                    break
                await asyncio.sleep(AGAIN_SECONDS)
            if chance.random() < 0.1:
                await _posted(session, f"http://127.0.0.1:{self.port}/telegram", update)
            _log(self.folder / "taken.jsonl", f"telegram:{update['update_id']}")
            await asyncio.sleep(chance.random() * 0.1)

    async def _writes_wechat(self, account: FakeWeChat, person: int) -> None:
        """WeChat repeats a message a few times; some people see "out of service" and write anew."""
        chance, number, openid = random.Random(person), 0, f"openid-{person}"
        while not self._told_to_stop:
            number += 1
            key = (person + 1) * 1_000_000 + number
            fields = {"ToUserName": account.account, "FromUserName": openid, "CreateTime": int(time.time())}
            body = to_xml({**fields, "MsgType": "text", "Content": "/count", "MsgId": key})
            for _ in range(1 if chance.random() < 0.3 else TRIES):
                try:
                    status, answer = await account.post(body, openid=openid)
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                if status == 200 and answer != b"success":
                    _log(self.folder / "read.jsonl", read_answer(answer, person=openid, account=account.account).text)
                    break
                await asyncio.sleep(AGAIN_SECONDS)
            await asyncio.sleep(chance.random() * 0.1)

    # What happened

    def complaints(self) -> Iterator[str]:
        """Everything that is wrong with what took effect, what people got, and what we say of it."""
        seen = self.database.read_now(_seen)
        sent = Counter(_key(line["text"]) for line in _lines(self.folder / "telegram.jsonl"))
        read = {_key(text) for text in _lines(self.folder / "read.jsonl")}
        for key in _lines(self.folder / "taken.jsonl"):
            if key not in seen.states:
                yield f"{key} was taken and had no effect"
        for key, state in seen.states.items():
            if seen.effects[key] != 1:
                yield f"{key} took effect {seen.effects[key]} times"
            if state not in ("sent", "unknown", "kept"):
                yield f"the answer to {key} is {state}"
            if key.startswith("telegram"):
                if sent[key] > 1 or (state == "sent" and sent[key] == 0):
                    yield f"the answer to {key} is {state} and was sent {sent[key]} times"
            elif state == "sent" and key not in read:
                yield f"the answer to {key} is called sent and nobody has read it"
            elif state == "kept" and key not in seen.kept:
                yield f"the answer to {key} is kept nowhere"
        for key in seen.effects.keys() - seen.states.keys():
            yield f"{key} took effect without being remembered"

    def states(self) -> Counter[str]:
        return Counter(f"{key.split(':')[0]} {state}" for key, state in self.database.read_now(_seen).states.items())

    def waiting(self) -> int:
        """How many answers nobody has said anything about yet."""
        open_ = select(func.count()).where(Inbox.answer_state.in_(("waiting", "sending")))
        return self.database.read_now(lambda db: db.scalar(open_) or 0)


@dataclass
class Seen:
    """What the database says: the state of each answer, how often each update took effect, which answers are kept."""

    states: dict[str, str]
    effects: Counter[str]
    kept: set[str]


def _seen(db: Session) -> Seen:
    inbox = db.execute(select(Inbox.channel, Inbox.update_key, Inbox.answer_state))
    kept = db.execute(select(Outbox.params).where(Outbox.state == "deferred"))
    return Seen(
        {f"{row.channel}:{row.update_key}": row.answer_state for row in inbox},
        Counter(db.scalars(select(AuditRow.subject).where(AuditRow.action == "counted"))),
        {_key(row.params["text"]) for row in kept},
    )


def _key(text: str) -> str:
    return text.split("counted ")[1].split(" ")[0] if "counted " in text else text


def _lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def _posted(session: aiohttp.ClientSession, url: str, update: dict[str, Any]) -> int:
    try:
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        async with session.post(url, json=update, headers=headers, timeout=aiohttp.ClientTimeout(total=5)) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


def _log(file: Path, entry: str) -> None:
    with file.open("a") as log:
        log.write(json.dumps(entry) + "\n")
        log.flush()
        os.fsync(log.fileno())


def _talks_to(log: Path) -> None:
    to = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(to, 1)
    os.dup2(to, 2)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ended(process: int, by: signal.Signals) -> None:
    """End a process and wait for it."""
    os.kill(process, by)
    os.waitpid(process, 0)
