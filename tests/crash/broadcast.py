"""An announcement on trial: the whole program and a fake Telegram as processes of their own, and what is left to judge.

Judge is the fake's log, on disk before each answer: what people really got.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

import bot.channels.telegram
import bot.web.app
import bot.web.shop  # noqa: F401 - read once here instead of in each process that is killed
from bot.app import App, clock
from bot.database import Database
from bot.preparing import prepare
from config.groups import TelegramSettings
from config.settings import Settings
from domain.messages import announcements, outbox
from domain.messages.outbox import Notice
from domain.schema import Contact, Member, Outbox
from tests.bot.test_app import free_port
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.someone import THEN

FIRST_CHAT = 100_000
CHATTY = 10  # one chat in so many gets three more messages, whose order counts
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("429", {"share": 0.05}),
    ("accepted_then_no_answer", {"share": 0.02}),
    ("500", {"share": 0.01}),
    ("ok_false", {"share": 0.001, "description": "Bad Request: message text is empty"}),
]
TEXT = "公告：明天上午十点上新"


@contextmanager
def child(work: Callable[[], Any], log: Path) -> Iterator[int]:
    """Run `work` in a process of its own, its output in `log`; whatever is left of it in the end is killed."""
    sys.stdout.flush()
    number = os.fork()
    if not number:
        try:
            to = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(to, 1)
            os.dup2(to, 2)
            random.seed()
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a process of its own says what went wrong and ends
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        finally:
            os._exit(1)
    try:
        yield number
    finally:
        end(number, signal.SIGKILL)


def end(process: int, by: signal.Signals) -> None:
    """End a process and wait for it; one that has ended already is left alone."""
    try:
        os.kill(process, by)
        os.waitpid(process, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


@dataclass
class Trial:
    url: str
    folder: Path
    recipients: int
    rate: float = 1_000
    port: int = 0

    def __post_init__(self) -> None:
        self.port = self.port or free_port()
        self.own_port = free_port()
        self.database = Database(self.url)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "accepted.jsonl"

    def serve(self, *, faults: bool, slow: tuple[float, float] = (0.0, 0.0)) -> None:
        """Be Telegram, for ever."""

        async def run() -> None:
            fake = FakeTelegram(knows_everyone=True, log_file=self.log)
            fake.slow = slow
            for kind, options in FAULTS if faults else []:
                fake.fault("sendMessage", kind, **options)
            await fake.start(self.port)
            await asyncio.Event().wait()

        uvloop.run(run())

    def run_program(self) -> None:
        """Be the program, until stopped."""
        settings = Settings(
            database_url=SecretStr(self.url),
            port=self.own_port,
            demo="off",
            log_level="warning",
            telegram=TelegramSettings(token=SecretStr(TOKEN), api_url=self.api, rate=self.rate),
        )

        async def run() -> None:
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            program = App(settings, prepare(settings, clock))
            for name in set(program.jobs) - {"announcements"}:  # tasks and reminders would only be in the way
                del program.jobs[name]
            await program.start()
            await stop.wait()
            await program.stop()

        uvloop.run(run())

    def people(self) -> None:
        """Everybody has a Telegram chat; some have three messages waiting that must come in their order."""
        numbers = range(1, self.recipients + 1)

        def make(db: Session) -> None:
            db.execute(
                insert(Member),
                [{"id": n, "member_id": f"m-{n}", "role": "distributor", "joined_at": THEN} for n in numbers],
            )
            chat = {"channel": "telegram", "first_seen_at": THEN, "seen_at": THEN}
            db.execute(insert(Contact), [chat | {"account": str(FIRST_CHAT + n), "member_id": n} for n in numbers])

        self.database.write_now(make)

    def announce(self, *, chatty: bool = True) -> None:
        def put(db: Session) -> None:
            if chatty:
                waiting = [
                    Notice(f"{n}:{turn}", n, outbox.ANNOUNCEMENT, {"text": str(turn)}, priority=outbox.ANNOUNCEMENTS)
                    for turn in range(3)
                    for n in range(1, self.recipients + 1, CHATTY)
                ]
                for at in range(0, len(waiting), 1_000):
                    outbox.put_all(db, waiting[at : at + 1_000], now=clock())
            announcements.schedule(db, TEXT, "all", clock(), urgent=True, by="cli", now=clock())

        self.database.write_now(put)

    def open_messages(self) -> int | None:
        """How many messages are not done yet; none while the announcement is not put out."""
        over = ("sent", "failed", "unknown", "cancelled", "muted")

        def read(db: Session) -> int | None:
            put_out = db.scalar(select(func.count()).where(Outbox.announcement_id.is_not(None)))
            if put_out != self.recipients:
                return None
            return db.scalar(select(func.count()).where(Outbox.state.not_in(over)))

        return self.database.read_now(read)

    def until_done(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.open_messages() != 0:
            assert time.monotonic() < deadline, f"{self.open_messages()} messages are not done"
            time.sleep(0.3)

    def judged(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.api}/_fake/judge") as answer:
            verdict: dict[str, Any] = json.load(answer)
        verdict["unanswered"] = {(chat, _bare(text)) for chat, text in verdict["unanswered"]}
        return verdict

    def received(self) -> dict[int, list[str]]:
        """What each chat got, in order."""
        got: dict[int, list[str]] = defaultdict(list)
        for line in self.log.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            got[entry["chat_id"]].append(_bare(entry["text"]))
        return got

    def recorded(self) -> dict[int, list[tuple[str, str]]]:
        """What each chat was to get, in order: text and state."""

        def read(db: Session) -> dict[int, list[tuple[str, str]]]:
            rows = db.execute(select(Outbox.member_id, Outbox.params, Outbox.state).order_by(Outbox.id))
            found: dict[int, list[tuple[str, str]]] = defaultdict(list)
            for row in rows:
                found[FIRST_CHAT + row.member_id].append((str(row.params.get("text", TEXT)), row.state))
            return found

        return self.database.read_now(read)


def _bare(text: str) -> str:
    """An announcement without what stands before it on the screen."""
    return text.removeprefix("📢").strip()


def size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def complaints(trial: Trial) -> Iterator[str]:
    """Everything that is wrong with what people got, what we say of it, and how we behaved towards Telegram."""
    verdict, received, recorded = trial.judged(), trial.received(), trial.recorded()
    yield from (f"before its time: {early}" for early in verdict["too_early"])
    if verdict["busiest_second"] > trial.rate:
        yield f"{verdict['busiest_second']} calls in one second"
    for chat, messages in recorded.items():
        got = received.get(chat, [])
        if len(set(got)) < len(got):
            yield f"{chat} got something twice: {got}"
        if got != [text for text, _ in messages if text in got]:
            yield f"{chat} got {got}, and was to get {messages}"
        for text, state in messages:
            if state not in ("sent", "failed", "unknown"):
                yield f"{chat}: {text} is {state}"
            if (text in got) != (state == "sent") and state != "unknown":
                yield f"{chat}: {text} is {state} and was {'' if text in got else 'not '}received"
            if (chat, text) in verdict["unanswered"] and state != "unknown":
                yield f"{chat}: nobody can know about {text}, and it is {state}"
    if sum(map(len, received.values())) != verdict["accepted"]:
        yield "the log and the fake disagree"


def states(trial: Trial) -> Counter[str]:
    return Counter(state for messages in trial.recorded().values() for _, state in messages)
