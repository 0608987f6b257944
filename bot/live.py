"""Screens that stay true while somebody looks at them: how an announcement goes, every few seconds until it is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from bot.channels.sending import Refreshing
from bot.database import Database, DatabaseUnavailable
from bot.rendering import choose_locale
from domain.errors import NotFound
from domain.messages import announcements, live_screens
from domain.messages.live_screens import Watched
from handlers import operator_announce_progress
from handlers.routing import Reply, Shop

log = structlog.get_logger()

EVERY_SECONDS: Final = 3.0


class LiveScreens:
    """`may` says of a channel whether this process is the one that shows screens there."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, object],
        shop: Shop,
        clock: Callable[[], datetime],
        may: Callable[[str], bool],
    ) -> None:
        self._database = database
        self._channels = {name: one for name, one in channels.items() if isinstance(one, Refreshing)}
        self._shop = shop
        self._clock = clock
        self._may = may
        self._shown: dict[int, Reply] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="live-screens")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.look()
            except DatabaseUnavailable as error:
                log.warning("live.database_unavailable", error=str(error))
            except Exception:
                log.exception("live.failed")

    async def look(self) -> None:
        """Show what has changed to everybody who looks at it; who went elsewhere is forgotten."""
        here, gone = await self._database.read(live_screens.watched)
        self._shown = {watched.contact_id: its for watched in here if (its := self._shown.get(watched.contact_id))}
        over = [*gone]
        screens = await self._database.read(partial(self._screens, which={one.announcement for one in here}))
        for watched in here:
            screen, going = screens[watched.announcement]
            if not self._may(watched.channel):
                continue  # whoever may shows it, the end as well
            if self._shown.get(watched.contact_id) != screen:
                await self._try_to_show(watched, screen)
            if not going:
                over.append((watched.contact_id, watched.announcement))
        if over:
            await self._database.write(partial(live_screens.forget, screens=over))

    def _screens(self, db: Session, which: set[int]) -> dict[int, tuple[Reply, bool]]:
        """Each announcement is counted once, however many look at it."""
        now, zone = self._clock(), self._shop.timezone
        found = {}
        for one in which:
            with contextlib.suppress(NotFound):
                counts = announcements.progress(db, one, zone)
                found[one] = operator_announce_progress.screen(announcements.find(db, one), counts, now)
        return found

    async def _try_to_show(self, watched: Watched, screen: Reply) -> None:
        """One that cannot be shown keeps no other from being shown, and is left until it changes again."""
        try:
            await self._show(watched, screen)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("live.screen_failed", contact_id=watched.contact_id)
        self._shown[watched.contact_id] = screen

    async def _show(self, watched: Watched, screen: Reply) -> None:
        channel = self._channels.get(watched.channel)
        if channel is None:
            return
        here, _ = await self._database.read(partial(live_screens.watched, contact_id=watched.contact_id))
        if watched not in here:  # they have gone elsewhere since: what they look at now is not to be replaced
            return
        locale = choose_locale(watched.locale, watched.member_locale, self._shop.locale)
        await channel.refresh(watched.contact_id, watched.account, watched.message, screen, locale)
