"""What the web side needs from the composition root."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from aiohttp import web
from sqlalchemy.orm import Session

from bot.database import Database
from bot.rendering import Texts
from config.settings import Settings
from handlers.routing import Shop


class Parts(Protocol):
    """Whatever has these can be given to `bot.web.app.make_web_app`."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...

    @property
    def texts(self) -> Texts: ...

    @property
    def shop(self) -> Shop: ...

    @property
    def clock(self) -> Callable[[], datetime]: ...

    @property
    def hook_secrets(self) -> Sequence[str]:
        """Whose signatures `/hooks/shop` believes, as `whsec_…`; none: it answers 404."""

    @property
    def extra_routes(self) -> Sequence[Iterable[web.AbstractRouteDef]]:
        """The routes of web chat, demo shop and channels."""

    @property
    def schema_is_current(self) -> Callable[[Session], bool]:
        """Whether every migration has been applied."""

    @property
    def wake_delivery(self) -> Callable[[], None]:
        """Called when something was written that may have put messages into the outbox."""
