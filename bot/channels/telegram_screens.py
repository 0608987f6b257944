"""An answer as Telegram shows it: text in parts that fit, buttons in rows, a picture with its caption."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from telegram import (
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
)

from bot.channels import lengths
from bot.channels.lengths import utf16_units
from bot.channels.outcomes import Outcome, Refused, Retry, Sent, Unknown
from bot.channels.painting import Painted
from bot.channels.telegram_client import TelegramBot, nothing_to_edit
from bot.channels.telegram_files import Files, is_unknown_file
from bot.channels.telegram_updates import Tapped
from bot.rendering import Button, Rendered

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
COPY_LIMIT: Final = 256
PER_ROW: Final = 8
LABEL_LIMIT: Final = 64
TRIES_OF_A_PART: Final = 3
UPLOAD_SECONDS: Final = 1.0

_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, slots=True)
class Screen:
    """What is sent: `parts` are texts of at most 4,096 units; the keyboard hangs on the last of them."""

    parts: list[str]
    keyboard: InlineKeyboardMarkup | None


def screen(rendered: Rendered) -> Screen:
    """Return the answer in Telegram's form. What cannot be a button there is written into the text instead."""
    text, rows = rendered.text.strip(), []
    for row in rendered.rows:
        shown = []
        for button in row:
            made = _button(button)
            if made is not None:
                shown.append(made)
            elif (said := button.url or button.copy) and said not in text:
                text += f"\n{button.label}: {said}"
        rows += [shown[at : at + PER_ROW] for at in range(0, len(shown), PER_ROW)]
    keyboard = InlineKeyboardMarkup(rows) if rows else None
    return Screen(lengths.split(text or "…", TEXT_LIMIT, utf16_units), keyboard)


def _button(button: Button) -> InlineKeyboardButton | None:
    label = lengths.shorten(button.label.strip(), LABEL_LIMIT, utf16_units) or "…"
    if button.action is not None:
        return InlineKeyboardButton(label, callback_data=button.action)
    if button.url is not None:
        return InlineKeyboardButton(label, url=button.url) if _may_be_opened(button.url) else None
    if button.copy and utf16_units(button.copy) <= COPY_LIMIT:
        return InlineKeyboardButton(label, copy_text=CopyTextButton(button.copy))
    return None


def _may_be_opened(url: str) -> bool:
    """Telegram refuses the whole message for a link to a host without a dot, such as localhost."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and "." in (parts.hostname or "")
    except ValueError:
        return False


Call = Callable[[], Awaitable[Message | Sent | bool]]
Carry = Callable[[Call], Awaitable[Outcome]]
"""Carries out one call of the bot when it may be, and says what became of it."""


@dataclass(frozen=True, slots=True)
class Calls:
    """How the `first` call of a screen is carried out, and `more` of them where one does not do.

    `until` is when the last of them has to begin, on the monotonic clock. `patient`: wait while somebody else uploads
    the same picture, instead of coming back later.
    """

    first: Carry
    more: Carry
    until: float
    patient: bool = True


class Screens:
    """Puts screens into chats through one bot."""

    def __init__(self, bot: TelegramBot, files: Files) -> None:
        self._bot = bot
        self._files = files

    async def show(
        self, chat: int, rendered: Rendered, picture: Painted | None, tapped: Tapped | None, calls: Calls
    ) -> Outcome:
        """Show an answer: in place of the screen that was tapped where it may be, else as a new message."""
        wanted = screen(rendered)
        if tapped is not None and rendered.edit:
            outcome = await self._edit(chat, wanted, picture, tapped, calls)
            cannot = outcome is None or nothing_to_edit(outcome) or (picture and isinstance(outcome, Refused))
            if outcome is not None and not cannot:
                return outcome
        return await self.send(chat, wanted, picture, calls)

    async def send(self, chat: int | str, wanted: Screen, picture: Painted | None, calls: Calls) -> Outcome:
        """Send as new messages. Once the first has arrived the rest is tried in place, and never all of it again."""
        if picture is None:
            return await self._texts(chat, wanted, calls)
        if len(wanted.parts) == 1 and utf16_units(wanted.parts[0]) <= CAPTION_LIMIT:
            return await self._photo(chat, picture, wanted.parts[0], wanted.keyboard, calls)
        outcome = await self._photo(chat, picture, "", None, calls)
        return await self._rest(chat, wanted, calls) if isinstance(outcome, Sent) else outcome

    async def _texts(self, chat: int | str, wanted: Screen, calls: Calls) -> Outcome:
        if len(wanted.parts) == 1:
            return await calls.first(self._text(chat, wanted.parts[0], wanted.keyboard))
        outcome = await calls.first(self._text(chat, wanted.parts[0], None))
        if not isinstance(outcome, Sent):
            return outcome
        return await self._rest(chat, replace(wanted, parts=wanted.parts[1:]), calls)

    async def _rest(self, chat: int | str, wanted: Screen, calls: Calls) -> Outcome:
        """Send what follows a beginning that has arrived, each part after the one before.

        A part that surely did not arrive is tried again here, so that nothing comes between the parts. What cannot be
        completed is Unknown: sent anew, its beginning would be doubled.
        """
        outcome: Outcome = Refused("there is nothing to say")
        for number, part in enumerate(wanted.parts, 1):
            call = self._text(chat, part, wanted.keyboard if number == len(wanted.parts) else None)
            for _ in range(TRIES_OF_A_PART):
                outcome = await calls.more(call)
                if not isinstance(outcome, Retry) or monotonic() + outcome.after_seconds > calls.until:
                    break
                await asyncio.sleep(outcome.after_seconds)
            if not isinstance(outcome, Sent):
                return Unknown(f"only its beginning arrived: {outcome.reason}")
        return outcome

    def _text(self, chat: int | str, text: str, keyboard: InlineKeyboardMarkup | None) -> Call:
        return partial(self._bot.send_text, chat, text, keyboard)

    async def _edit(
        self, chat: int, wanted: Screen, picture: Painted | None, tapped: Tapped, calls: Calls
    ) -> Outcome | None:
        """Edit the tapped message; None where its kind or length does not allow it."""
        if picture is not None:
            if len(wanted.parts) > 1 or utf16_units(wanted.parts[0]) > CAPTION_LIMIT:
                return None
            return await self._edit_photo(chat, wanted, picture, tapped, calls)
        if tapped.has_media:
            return None
        more = len(wanted.parts) > 1
        outcome = await calls.first(
            partial(
                self._bot.edit_message_text,
                wanted.parts[0],
                chat_id=chat,
                message_id=tapped.message_id,
                reply_markup=None if more else wanted.keyboard,
                link_preview_options=_NO_PREVIEW,
            )
        )
        if more and isinstance(outcome, Sent):
            return await self._rest(chat, replace(wanted, parts=wanted.parts[1:]), calls)
        return outcome

    async def _edit_photo(self, chat: int, wanted: Screen, picture: Painted, tapped: Tapped, calls: Calls) -> Outcome:
        async def edit(photo: str | bytes) -> Message | bool:
            return await self._bot.edit_message_media(
                InputMediaPhoto(photo, caption=wanted.parts[0]),
                chat_id=chat,
                message_id=tapped.message_id,
                reply_markup=wanted.keyboard,
            )

        return await self._with_file(picture, edit, calls)

    async def _photo(
        self, chat: int | str, picture: Painted, caption: str, keyboard: InlineKeyboardMarkup | None, calls: Calls
    ) -> Outcome:
        async def send(photo: str | bytes) -> Message:
            return await self._bot.send_photo(chat, photo, caption=caption or None, reply_markup=keyboard)

        return await self._with_file(picture, send, calls)

    async def _with_file(
        self, picture: Painted, call: Callable[[str | bytes], Awaitable[Message | bool]], calls: Calls
    ) -> Outcome:
        """Carry out a call with the picture: by the name Telegram gave it, or uploaded if it is new there."""
        carry = calls.first
        while True:
            if (known := await self._files.find(picture.key)) is not None:
                outcome = await carry(partial(call, known))
                if not is_unknown_file(outcome):
                    return outcome
                await self._files.forget(picture.key)
                carry = calls.more
            if self._files.begin(picture.key):
                break
            if not calls.patient:
                return Retry(UPLOAD_SECONDS, "recipient", "its picture is being uploaded")
            await self._files.settled(picture.key)
        try:
            return await self._upload(picture, call, carry)
        finally:
            self._files.end(picture.key)

    async def _upload(
        self, picture: Painted, call: Callable[[str | bytes], Awaitable[Message | bool]], carry: Carry
    ) -> Outcome:
        made: list[Message] = []

        async def upload() -> Message | bool:
            message = await call(picture.data)
            made.extend([message] if isinstance(message, Message) else [])
            return message

        outcome = await carry(upload)
        if made and made[0].photo:
            await self._files.learned(picture.key, made[0].photo[-1].file_id)
        return outcome
