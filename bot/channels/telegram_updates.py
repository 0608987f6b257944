"""What Telegram tells us, understood: words, a tap on a button, somebody who blocked us or came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.channels.strangers import clean_name, clean_text
from domain.codes import is_code
from handlers.routing import MAX_ACTION_BYTES, Incoming

CHANNEL: Final = "telegram"
ALLOWED: Final = ["message", "callback_query", "my_chat_member"]
HELP: Final = "help"  # the answer to a photo, a sticker or whatever else we cannot read

_GONE: Final = ("kicked", "left")
_BACK: Final = ("member",)


@dataclass(frozen=True, slots=True)
class Tapped:
    """The message whose button was pressed. A photo's words are its caption, which is edited differently."""

    message_id: int
    has_media: bool


@dataclass(frozen=True, slots=True)
class Talk:
    """Somebody wrote or tapped. `callback_id` wants an answer, or their phone shows a spinner."""

    chat: int
    incoming: Incoming
    callback_id: str | None = None
    tapped: Tapped | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody blocked the bot or came back."""

    account: str
    here: bool


class Unreadable(ValueError):
    """No update of Telegram's looks like this."""


def update_id(update: object) -> int:
    """Return the update's number; raises Unreadable without one."""
    number = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**63:
        raise Unreadable("there is no update_id")
    return number


def read(update: object) -> Talk | Presence | None:
    """Return what the update means to us; None for what is none of our business, as in groups.

    Raises Unreadable for what is no update at all.
    """
    key = str(update_id(update))
    assert isinstance(update, dict)
    if isinstance(update.get("callback_query"), dict):
        return _tap(key, update["callback_query"])
    if isinstance(update.get("message"), dict):
        return _message(key, update["message"])
    if isinstance(update.get("my_chat_member"), dict):
        return _presence(update["my_chat_member"])
    return None


def _message(key: str, message: Mapping[str, Any]) -> Talk | None:
    chat, sender = _private_chat(message), _person(message.get("from"))
    if chat is None or sender is None:
        return None
    text = clean_text(message.get("text") or message.get("caption")).strip()
    code = _start_code(text)
    unreadable = not text and code is None
    incoming = Incoming(
        CHANNEL,
        account=str(sender["id"]),
        update_key=key,
        text=text,
        action=HELP if unreadable else None,
        name=_name(sender),
        locale=_locale(sender),
        start_code=code,
    )
    return Talk(chat, incoming)


def _tap(key: str, query: Mapping[str, Any]) -> Talk | None:
    sender, query_id, data = _person(query.get("from")), query.get("id"), query.get("data")
    message = query.get("message")
    if sender is None or not isinstance(query_id, str) or not isinstance(data, str):
        return None
    chat: int | None = int(sender["id"])
    tapped = None
    if isinstance(message, dict):
        chat = _private_chat(message)
        if _is_id(message.get("message_id")) and message.get("date") != 0:  # 0: too old to be edited
            tapped = Tapped(message["message_id"], has_media="photo" in message or "document" in message)
    if chat is None:
        return None
    action = clean_text(data)
    incoming = Incoming(
        CHANNEL,
        account=str(sender["id"]),
        update_key=key,
        action=action if len(action.encode()) <= MAX_ACTION_BYTES else HELP,
        name=_name(sender),
        locale=_locale(sender),
        message=str(tapped.message_id) if tapped else None,
    )
    return Talk(chat, incoming, callback_id=query_id[:128], tapped=tapped)


def _presence(change: Mapping[str, Any]) -> Presence | None:
    chat, now = _private_chat(change), change.get("new_chat_member")
    status = now.get("status") if isinstance(now, dict) else None
    if chat is None or status not in (*_GONE, *_BACK):
        return None
    return Presence(str(chat), here=status in _BACK)


def _start_code(text: str) -> str | None:
    """What a link to the bot carried: `/start CODE`."""
    command, _, rest = text.partition(" ")
    code = rest.strip()
    return code if command.split("@")[0] == "/start" and is_code(code) else None


def _private_chat(holder: Mapping[str, Any]) -> int | None:
    chat = holder.get("chat")
    if not isinstance(chat, dict) or chat.get("type") != "private" or not _is_id(chat.get("id")):
        return None
    return int(chat["id"])


def _person(sender: object) -> Mapping[str, Any] | None:
    if not isinstance(sender, dict) or not _is_id(sender.get("id")) or sender.get("is_bot") is True:
        return None
    return sender


def _name(sender: Mapping[str, Any]) -> str:
    return clean_name(sender.get("first_name"), sender.get("last_name"))


def _locale(sender: Mapping[str, Any]) -> str | None:
    code = sender.get("language_code")
    return code if isinstance(code, str) and code.isascii() and 0 < len(code) <= 35 else None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
