"""An answer as Telegram shows it: text in parts that fit, buttons in rows, a picture with its caption."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from telegram import (
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
)
from telegram.error import TelegramError

from bot.channels import lengths
from bot.channels.lengths import utf16_units
from bot.channels.outcomes import Outcome, Refused, Sent, Unknown
from bot.channels.painting import Painted
from bot.channels.telegram_client import TelegramBot, attempt, classify, nothing_to_edit
from bot.channels.telegram_updates import Tapped
from bot.rendering import Button, Rendered

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
COPY_LIMIT: Final = 256
PER_ROW: Final = 8
LABEL_LIMIT: Final = 64
KNOWN_FILES: Final = 2000

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


class Screens:
    """Puts screens into chats through one bot."""

    def __init__(self, bot: TelegramBot) -> None:
        self._bot = bot
        self._files: OrderedDict[str, str] = OrderedDict()  # pictures that Telegram has already, by their content

    async def show(self, chat: int, rendered: Rendered, picture: Painted | None, tapped: Tapped | None) -> Outcome:
        """Show an answer: in place of the screen that was tapped where it may be, else as a new message."""
        wanted = screen(rendered)
        if tapped is not None and rendered.edit:
            outcome = await self._edit(chat, wanted, picture, tapped)
            cannot = outcome is None or nothing_to_edit(outcome) or (picture and isinstance(outcome, Refused))
            if outcome is not None and not cannot:
                return outcome
        return await self.send(chat, wanted, picture)

    async def send(self, chat: int | str, wanted: Screen, picture: Painted | None = None) -> Outcome:
        """Send as new messages. Only the first one's fate decides: what follows it is never sent again."""
        if picture is not None:
            if len(wanted.parts) == 1 and utf16_units(wanted.parts[0]) <= CAPTION_LIMIT:
                return await self._photo(chat, picture, wanted.parts[0], wanted.keyboard)
            outcome = await self._photo(chat, picture, "", None)
            if not isinstance(outcome, Sent):
                return outcome
            return _as_a_whole(await self._texts(chat, wanted))
        return await self._texts(chat, wanted)

    async def _texts(self, chat: int | str, wanted: Screen) -> Outcome:
        outcome: Outcome = Refused("there is nothing to say")
        for number, part in enumerate(wanted.parts, 1):
            keyboard = wanted.keyboard if number == len(wanted.parts) else None
            outcome = await attempt(
                self._bot.send_message(chat, part, reply_markup=keyboard, link_preview_options=_NO_PREVIEW)
            )
            if not isinstance(outcome, Sent):
                return outcome if number == 1 else _as_a_whole(outcome)
        return outcome

    async def _edit(self, chat: int, wanted: Screen, picture: Painted | None, tapped: Tapped) -> Outcome | None:
        """Edit the tapped message; None where its kind or length does not allow it."""
        if picture is not None:
            if len(wanted.parts) > 1 or utf16_units(wanted.parts[0]) > CAPTION_LIMIT:
                return None
            return await self._edit_photo(chat, wanted, picture, tapped)
        if tapped.has_media:
            return None
        more = len(wanted.parts) > 1
        outcome = await attempt(
            self._bot.edit_message_text(
                wanted.parts[0],
                chat_id=chat,
                message_id=tapped.message_id,
                reply_markup=None if more else wanted.keyboard,
                link_preview_options=_NO_PREVIEW,
            )
        )
        if more and isinstance(outcome, Sent):
            return _as_a_whole(await self._texts(chat, replace(wanted, parts=wanted.parts[1:])))
        return outcome

    async def _edit_photo(self, chat: int, wanted: Screen, picture: Painted, tapped: Tapped) -> Outcome:
        async def edit(photo: str | bytes) -> Message | bool:
            return await self._bot.edit_message_media(
                InputMediaPhoto(photo, caption=wanted.parts[0]),
                chat_id=chat,
                message_id=tapped.message_id,
                reply_markup=wanted.keyboard,
            )

        return await self._with_file(picture, edit)

    async def _photo(
        self, chat: int | str, picture: Painted, caption: str, keyboard: InlineKeyboardMarkup | None
    ) -> Outcome:
        async def send(photo: str | bytes) -> Message:
            return await self._bot.send_photo(chat, photo, caption=caption or None, reply_markup=keyboard)

        return await self._with_file(picture, send)

    async def _with_file(self, picture: Painted, call: Any) -> Outcome:
        """Carry out a call with the picture: by the name Telegram gave it, or uploaded if it is new there."""
        known = self._files.get(picture.key)
        if known is not None:
            outcome = await attempt(call(known))
            if not isinstance(outcome, Refused):
                return outcome
            self._files.pop(picture.key, None)
        try:
            message = await call(picture.data)
        except TelegramError as failure:
            return classify(failure)
        if isinstance(message, Message):
            if message.photo:
                self._files[picture.key] = message.photo[-1].file_id
                if len(self._files) > KNOWN_FILES:
                    self._files.popitem(last=False)
            return Sent(str(message.message_id))
        return Sent(None)


def _as_a_whole(outcome: Outcome) -> Outcome:
    """The fate of a message whose beginning has arrived already: sending it again would double that."""
    return outcome if isinstance(outcome, Sent) else Unknown(f"only its beginning arrived: {outcome.reason}")
