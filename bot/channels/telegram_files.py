"""Pictures that Telegram has from our bot already: each is uploaded once and then sent by the name it got there."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from bot.channels.outcomes import Outcome, Refused
from bot.database import Database, DatabaseUnavailable
from domain.messages import platform_files

log = structlog.get_logger()

KEPT: Final = timedelta(days=60)  # Telegram keeps them; what is on them is old by then
IN_MEMORY: Final = 2_000


class Files:
    """What is known is in the database, so that a restart uploads nothing again; what is in use, in memory as well."""

    def __init__(self, database: Database, account: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._account = account
        self._clock = clock
        self._known: OrderedDict[str, str] = OrderedDict()
        self._uploading: dict[str, asyncio.Event] = {}

    async def find(self, key: str) -> str | None:
        """Return Telegram's name of the picture with this content, None if it has to be uploaded."""
        if key not in self._known:
            stored = await self._database.read(
                partial(platform_files.get, account=self._account, content_key=key, now=self._clock())
            )
            if stored is None:
                return self._known.get(key)
            self._remember(key, stored)
        return self._known[key]

    async def learned(self, key: str, file_id: str) -> None:
        self._remember(key, file_id)
        await self._write(
            partial(
                platform_files.put,
                account=self._account,
                content_key=key,
                file_id=file_id,
                expires_at=self._clock() + KEPT,
            )
        )

    async def forget(self, key: str) -> None:
        """Telegram does not know it by this name any more."""
        self._known.pop(key, None)
        await self._write(partial(platform_files.forget, account=self._account, content_key=key))

    def begin(self, key: str) -> bool:
        """Say whether the caller may upload it: one at a time does. Whoever may must `end`."""
        if key in self._uploading:
            return False
        self._uploading[key] = asyncio.Event()
        return True

    def end(self, key: str) -> None:
        self._uploading.pop(key).set()

    async def settled(self, key: str) -> None:
        """Wait while somebody uploads it."""
        while (uploading := self._uploading.get(key)) is not None:
            await uploading.wait()

    def _remember(self, key: str, file_id: str) -> None:
        self._known[key] = file_id
        if len(self._known) > IN_MEMORY:
            self._known.popitem(last=False)

    async def _write(self, work: Callable[[Session], object]) -> None:
        """What cannot be remembered now is uploaded once more some day."""
        try:
            await self._database.write(work)
        except DatabaseUnavailable as error:
            log.warning("telegram.file_not_remembered", error=str(error))


def is_unknown_file(outcome: Outcome) -> bool:
    """Tell whether Telegram refuses a call because it does not know the file by this name (any more)."""
    return isinstance(outcome, Refused) and "file" in outcome.reason.lower()
