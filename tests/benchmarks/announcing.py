"""An operator looks through every screen of an announcement to a million members: who waits for an answer meanwhile."""

from __future__ import annotations

import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path

from sqlalchemy import insert, text, update

from bot.database import Database
from bot.gateway import Gateway
from bot.rendering import Texts
from domain import facts
from domain.schema import Contact, Member
from handlers.routing import Incoming, Shop, discover
from tests.benchmarks import enqueueing
from tests.benchmarks.enqueueing import BETWEEN_SECONDS, FIRST, LONGEST_WAIT_MS, MEMBERS, RESEND, THEN, ZONE
from tests.benchmarks.figures import Figure

_SHOP = Shop(
    public_url="https://shop.example",
    shop_url="https://shop.example/shop/{sku}?ref={code}",
    timezone=ZONE,
    locale="en",
    currency="CNY",
    demo=False,
    channels=("telegram",),
)
_SAID = ("announce", "Good news for all of you", "distributors")
_BUILT = ("audience_build:new", "audience_set:language:en", "audience_days:active_days:30", "audience_use")
_LOOKED_AT = (
    f"announce_progress:{FIRST}",
    f"announce_report:{FIRST}",
    f"announce_missed:{FIRST}:refused",
    f"announce_again:{FIRST}",
    f"announce_progress:{RESEND}",
    f"announce_stop:{RESEND}",
    f"announce_again:{FIRST}:fd",
    f"announce_resend:{FIRST}:fd",
)


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'screens.db'}"
        enqueueing.make(url, MEMBERS)
        enqueueing.miss(url, MEMBERS)
        longest = max(asyncio.run(_look(url)))
    within = LONGEST_WAIT_MS / longest
    return [Figure("operator's screens, longest wait of others", longest, "ms", "300 ms", within, 1.0, within >= 1.0)]


async def _look(url: str) -> list[float]:
    """Return how long each write of another chat waited, in ms."""
    database = Database(url)
    with database.transaction() as db:
        db.execute(update(Member).where(Member.id == 1).values(operator=True))
        row = {"channel": "telegram", "account": "ops", "member_id": 1, "locale": "en", "state": {}}
        db.execute(insert(Contact).values(row | {"first_seen_at": THEN, "seen_at": THEN}))
        db.execute(text("UPDATE member SET tier = 'gold' WHERE id % 10 = 0"))
    gateway = Gateway(database, discover(), Texts(ZONE), _SHOP, lambda: THEN)
    waits: list[float] = []
    chats = asyncio.create_task(_answer_chats(database, waits))
    said = [Incoming("telegram", "ops", f"said-{n}", one) for n, one in enumerate(_SAID)]
    pressed = [*_BUILT, "announce_send", *_LOOKED_AT]
    for incoming in [*said, *(Incoming("telegram", "ops", f"tap-{n}", action=one) for n, one in enumerate(pressed))]:
        await gateway.handle(incoming)
    chats.cancel()
    await asyncio.gather(chats, return_exceptions=True)
    await asyncio.to_thread(database.close)
    return waits


async def _answer_chats(database: Database, waits: list[float]) -> None:
    number = 0
    while True:
        number += 1
        began = time.perf_counter()
        await database.write(partial(facts.put, name="chat", value=str(number)))
        waits.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(BETWEEN_SECONDS)
