"""What the platforms' channels need from the composition root."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bot.channels.painting import Painter
from bot.database import Database
from bot.gateway import Gateway
from bot.rendering import Texts
from config.settings import Settings
from handlers.routing import Routes, Shop


class Parts(Protocol):
    """Whatever has these can be given to a channel's `make_channel`."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...

    @property
    def gateway(self) -> Gateway: ...

    @property
    def texts(self) -> Texts: ...

    @property
    def shop(self) -> Shop: ...

    @property
    def routes(self) -> Routes: ...

    @property
    def painter(self) -> Painter: ...

    @property
    def clock(self) -> Callable[[], datetime]: ...

    @property
    def wake_delivery(self) -> Callable[[], None]:
        """Called when something was written that may have put messages into the outbox."""

    def set_telegram_username(self, name: str) -> None:
        """Told once Telegram has said what the bot is called."""
