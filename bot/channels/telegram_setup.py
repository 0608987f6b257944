"""What Telegram has to know once at every start: the command menus, and where updates are to be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Final

import structlog
from telegram import BotCommand, BotCommandScopeChat, BotCommandScopeDefault
from telegram.error import BadRequest, TelegramError

from bot.channels.outcomes import Retry
from bot.channels.parts import Parts
from bot.channels.telegram_client import TelegramBot, classify
from bot.channels.telegram_updates import ALLOWED, CHANNEL
from bot.database import DatabaseUnavailable
from bot.rendering import LOCALES
from domain.messages import conversations
from domain.wording import words
from handlers.routing import Route, operators

log = structlog.get_logger()

FIRST_PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 300.0
CONNECTIONS: Final = 40  # in which Telegram brings updates at the same time


async def prepare(bot: TelegramBot, parts: Parts, webhook_secret: str | None) -> None:
    """Tell Telegram everything, again and again until it listens."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            await _tell(bot, parts, webhook_secret)
            return
        except (TelegramError, DatabaseUnavailable) as failure:
            log.warning("telegram.not_ready", error=str(failure)[:200])
            outcome = classify(failure) if isinstance(failure, TelegramError) else None
            wait = outcome.after_seconds if isinstance(outcome, Retry) else 0.0
            await asyncio.sleep(max(wait, pause))
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
        except Exception:
            log.exception("telegram.setup_failed")
            return


async def _tell(bot: TelegramBot, parts: Parts, webhook_secret: str | None) -> None:
    me = await bot.get_me()
    if me.username:
        parts.set_telegram_username(me.username)
    if webhook_secret is not None:
        await _set_webhook(bot, f"{parts.settings.public_url.rstrip('/')}/telegram", webhook_secret)
    everyone = [route for route in parts.routes.commands if route.who is not operators]
    for language, locale in _languages(parts.shop.locale):
        commands = _commands(everyone, parts, locale)
        await bot.set_my_commands(commands, scope=BotCommandScopeDefault(), language_code=language)
    accounts = await parts.database.read(partial(conversations.operator_accounts, channel=CHANNEL))
    for account in accounts:
        await _tell_operator(bot, parts, account)
    log.info("telegram.ready", username=me.username, webhook=webhook_secret is not None, operators=len(accounts))


async def _set_webhook(bot: TelegramBot, url: str, secret: str) -> None:
    try:
        await bot.set_webhook(url, secret_token=secret, allowed_updates=ALLOWED, max_connections=CONNECTIONS)
    except BadRequest as refused:
        # Asking again would change nothing: the address has to be public and https.
        log.error("telegram.webhook_refused", url=url, reason=refused.message)  # noqa: TRY400 - what matters is said


async def _tell_operator(bot: TelegramBot, parts: Parts, account: str) -> None:
    """Operators find their own commands too, in their chat alone."""
    for language, locale in _languages(parts.shop.locale):
        commands = _commands(parts.routes.commands, parts, locale)
        try:
            await bot.set_my_commands(commands, scope=BotCommandScopeChat(int(account)), language_code=language)
        except (BadRequest, ValueError):
            log.warning("telegram.operator_has_no_chat")
            return


def _languages(default: str) -> list[tuple[str | None, str]]:
    """For whom Telegram keeps a menu: everybody, and those who read one of our languages."""
    return [(None, default), *((locale, locale) for locale in LOCALES)]


def _commands(routes: Iterable[Route], parts: Parts, locale: str) -> list[BotCommand]:
    return [BotCommand(route.name, parts.texts.say(words(f"commands.{route.name}"), locale)) for route in routes]
