"""The outbox on its way: taken in small portions, sent at an even pace, and its fate written down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from bot import fates
from bot.channels.outcomes import Outcome, Refused, Sent
from bot.channels.sending import Message, Recipient, Sender, Shelf
from bot.database import Database, DatabaseUnavailable
from bot.fates import Fate
from bot.lanes import Lane, Unspeakable
from bot.locks import Locks
from bot.rendering import Rendered, Texts, choose_locale
from domain import facts
from domain.messages import alerts, doubts, outbox
from domain.messages.outbox import Claimed
from handlers.routing import Picture

log = structlog.get_logger()

LEASE: Final = timedelta(seconds=120)  # longer than any send may take, all parts of a long text together
LOOK_SECONDS: Final = 0.3
RECOVER_SECONDS: Final = 30.0
GROUP: Final = 100  # marks in one transaction
GROUP_SECONDS: Final = 0.02  # how long the first mark of a group waits: a crash makes this much unknown
WAYS: Final = 500


class Delivery:
    """Everything that goes out by itself. `channels` are those switched on, by name."""

    def __init__(
        self,
        database: Database,
        texts: Texts,
        channels: Mapping[str, Sender | Shelf],
        locks: Locks,
        clock: Callable[[], datetime],
        *,
        locale: str,
        sends: bool = True,
    ) -> None:
        self._database = database
        self._clock = clock
        self._locks = locks
        self._texts = texts
        self._locale = locale
        self._shelves = {name: way for name, way in channels.items() if isinstance(way, Shelf)}
        senders = {name: way for name, way in channels.items() if not isinstance(way, Shelf)}
        self._channels = list(channels)
        self._pushing = list(senders)
        self._lanes = [Lane(name, sender, self) for name, sender in senders.items()] if sends else []
        self._fates: list[Fate] = []
        self._news = asyncio.Event()
        self._nudge = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        await self._database.write(partial(outbox.choose_anew, channels=self._channels))
        # On SQLite nobody else sends: whatever is still being sent was left by a crash.
        await self._recover(self._clock() + (outbox.LONGEST_LEASE if self._database.sqlite else timedelta()))
        for lane in self._lanes:
            self._locks.want(lane.lock)
        loops = [self._look(), self._record(), self._keep_recovering(), *(lane.run() for lane in self._lanes)]
        self._tasks = [asyncio.create_task(loop, name="delivery") for loop in loops]

    async def stop(self) -> None:
        """Finish what is under way, give back the rest, and write everything down."""
        self._stopping = True
        await asyncio.gather(*(lane.finish() for lane in self._lanes))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._flush()

    def wake(self) -> None:
        """Something may have been put into the outbox: look now instead of in a moment."""
        self._nudge.set()

    def may_send(self, lock: str) -> bool:
        return not self._stopping and self._locks.holds(lock)

    def now(self) -> datetime:
        return self._clock()

    async def take(self, channel: str, limit: int) -> list[Claimed]:
        now = self._clock()
        return await self._database.write(
            partial(outbox.claim, channel=channel, limit=limit, lease_until=now + LEASE, now=now, zone=self._texts.zone)
        )

    def render(self, message: Claimed) -> tuple[Recipient, Message]:
        """Put the message into its reader's language; raises Unspeakable if it cannot be."""
        locale = choose_locale(message.contact_locale, message.member_locale, self._locale)
        try:
            text = self._texts.say(message.words, locale)
        except Exception as error:
            log.exception("delivery.unspeakable", text_key=message.words.key, outbox_id=message.id)
            raise Unspeakable(f"{message.words.key} cannot be put into words: {type(error).__name__}") from None
        picture = None if message.picture is None else Picture(*message.picture)
        rendered = Rendered(text, picture=picture, locale=locale)
        said = Message(message.key, message.words.key, message.words.params, rendered)
        return Recipient(message.contact_id, message.account, locale), said

    def became(self, message: Claimed, outcome: Outcome | None, not_before: datetime | None = None) -> None:
        """Note what became of a message; it is written down a moment later, together with others."""
        self._fates.append(Fate(message, outcome, self._clock(), not_before))
        self._news.set()

    async def park(self, account: str, until: datetime) -> None:
        """Remember, also after a restart, that nothing may go out through `account` before `until`."""
        await self._database.write(partial(facts.put, name=f"parked:{account}", value=until.isoformat()))

    async def parked_until(self, account: str) -> datetime | None:
        stored = await self._database.read(partial(facts.get, name=f"parked:{account}"))
        return datetime.fromisoformat(stored) if stored else None

    async def _look(self) -> None:
        """See a few times a second whether something is due, without troubling the writer while nothing is."""
        while True:
            try:
                if await self._hand_on(await self._database.read(self._due)):
                    continue
            except DatabaseUnavailable as error:
                log.warning("delivery.database_unavailable", error=str(error))
                await asyncio.sleep(1)
            except Exception:
                log.exception("delivery.look_failed")
                await asyncio.sleep(1)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudge.wait(), LOOK_SECONDS)
            self._nudge.clear()

    async def _hand_on(self, due: set[str | None]) -> bool:
        """Take everything that is due one step further; returns whether there is more to do at once."""
        more = None in due and await self._choose_ways() == WAYS
        for name in self._shelves:
            if name in due:
                more |= await self._put_on_shelf(name) == GROUP
        for lane in self._lanes:
            if lane.name in due:
                lane.wake()
        return more

    def _due(self, db: Session) -> set[str | None]:
        now = self._clock()
        ways: list[str | None] = [None, *self._shelves, *(lane.name for lane in self._lanes)]
        return {way for way in ways if outbox.anything_due(db, way, now=now)}

    async def _choose_ways(self) -> int:
        now = self._clock()
        return await self._database.write(partial(outbox.choose_ways, channels=self._channels, limit=WAYS, now=now))

    async def _put_on_shelf(self, name: str) -> int:
        taken = await self._database.write(partial(self._shelve, name=name, now=self._clock()))
        if taken:
            await self._shelves[name].wake({message.contact_id for message in taken})
        return len(taken)

    def _shelve(self, db: Session, *, name: str, now: datetime) -> list[Claimed]:
        """Take, put down and mark as sent in one transaction."""
        lease, zone = now + LEASE, self._texts.zone
        taken = outbox.claim(db, name, limit=GROUP, lease_until=lease, now=now, zone=zone, one_by_one=False)
        done = []
        for message in taken:
            if not message.reachable:
                done.append(Fate(message, None, now))
                continue
            try:
                recipient, rendered = self.render(message)
            except Unspeakable as error:
                done.append(Fate(message, Refused(str(error)), now))
                continue
            self._shelves[name].put(db, recipient, rendered, now=now)
            done.append(Fate(message, Sent(None), now))
        fates.record(db, done, pushing=self._pushing, now=now)
        return taken

    async def _record(self) -> None:
        while True:
            await self._news.wait()
            if len(self._fates) < GROUP:
                await asyncio.sleep(GROUP_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        """Write down all fates there are; while the database is away they are kept and tried again."""
        self._news.clear()
        while self._fates:
            group = self._fates[:GROUP]
            try:
                await self._write_down(group)
            except DatabaseUnavailable as error:
                log.warning("delivery.database_unavailable", error=str(error))
                if self._stopping:
                    return
                await asyncio.sleep(1)
                continue
            except Exception:
                log.exception("delivery.record_failed", count=len(group))
                await self._write_down_singly(group)
            del self._fates[: len(group)]

    async def _write_down(self, group: Sequence[Fate]) -> None:
        await self._database.write(partial(fates.record, fates=group, pushing=self._pushing, now=self._clock()))

    async def _write_down_singly(self, group: Sequence[Fate]) -> None:
        """One of the group cannot be written down; its lease will end, and it will be shown as unknown."""
        for fate in group:
            try:
                await self._write_down([fate])
            except Exception:
                log.exception("delivery.record_failed", outbox_id=fate.message.id)

    async def _keep_recovering(self) -> None:
        while True:
            await asyncio.sleep(RECOVER_SECONDS)
            try:
                await self._recover(self._clock())
            except DatabaseUnavailable as error:
                log.warning("delivery.database_unavailable", error=str(error))
            except Exception:
                log.exception("delivery.recover_failed")

    async def _recover(self, at: datetime) -> None:
        now = self._clock()

        def recover(db: Session) -> int:
            left = outbox.recover(db, before=at, now=now)
            if left:
                alerts.raise_alert(db, doubts.UNKNOWN_ALERT, fates.UNKNOWN_WORDS, now=now)
            elif not doubts.any_unknown(db):
                alerts.clear_alert(db, doubts.UNKNOWN_ALERT, now=now)
            return left

        if left := await self._database.write(recover):
            log.warning("delivery.unknown", count=left)
