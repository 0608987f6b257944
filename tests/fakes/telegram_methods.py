"""The methods of the Bot API that a shop's bot calls, each with the checks that the real one makes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.fakes.telegram_chat import Chat, Message
from tests.fakes.telegram_rules import (
    CAPTION_LIMIT,
    SECRET_TOKEN,
    TEXT_LIMIT,
    Refusal,
    bad,
    check_reachable,
    read_commands,
    read_json,
    read_markup,
    shown_text,
)

if TYPE_CHECKING:
    from tests.fakes.telegram import FakeTelegram

Params = dict[str, Any]
Method = Callable[["FakeTelegram", Params], Awaitable[Any]]
METHODS: dict[str, Method] = {}
SENDS = {"sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup"}


def method(name: str) -> Callable[[Method], Method]:
    def keep(function: Method) -> Method:
        METHODS[name] = function
        return function

    return keep


@method("getMe")
async def get_me(fake: FakeTelegram, p: Params) -> Any:
    return fake.me


@method("sendMessage")
async def send_message(fake: FakeTelegram, p: Params) -> Any:
    chat = _recipient(fake, p)
    return _post(fake, chat, p, shown_text(str(p.get("text", "")), p.get("parse_mode"), limit=TEXT_LIMIT))


@method("sendPhoto")
async def send_photo(fake: FakeTelegram, p: Params) -> Any:
    chat = _recipient(fake, p)
    caption = _caption(p)
    return _post(fake, chat, p, caption, **_photo(fake, p.get("photo"), p))


@method("sendDocument")
async def send_document(fake: FakeTelegram, p: Params) -> Any:
    chat = _recipient(fake, p)
    caption = _caption(p)
    return _post(fake, chat, p, caption, **_document(fake, p.get("document"), p))


@method("sendMediaGroup")
async def send_media_group(fake: FakeTelegram, p: Params) -> Any:
    chat = _recipient(fake, p)
    items = read_json(p.get("media"), "media")
    if not isinstance(items, list) or not 2 <= len(items) <= 10:
        raise bad("media group must contain 2 to 10 items")
    ready = [(_caption(item), _media(fake, item, p)) for item in items]
    return [_post(fake, chat, {}, caption, **media) for caption, media in ready]


@method("sendChatAction")
async def send_chat_action(fake: FakeTelegram, p: Params) -> Any:
    _recipient(fake, p)
    return True


@method("editMessageText")
async def edit_message_text(fake: FakeTelegram, p: Params) -> Any:
    chat, message = _to_edit(fake, p)
    text = shown_text(str(p.get("text", "")), p.get("parse_mode"), limit=TEXT_LIMIT)
    if message.has_media:
        raise bad("there is no text in the message to edit")
    return _edit(fake, chat, message, p, text=text)


@method("editMessageCaption")
async def edit_message_caption(fake: FakeTelegram, p: Params) -> Any:
    chat, message = _to_edit(fake, p)
    if not message.has_media:
        raise bad("there is no caption in the message to edit")
    return _edit(fake, chat, message, p, text=_caption(p))


@method("editMessageMedia")
async def edit_message_media(fake: FakeTelegram, p: Params) -> Any:
    chat, message = _to_edit(fake, p)
    item = read_json(p.get("media"), "InputMedia")
    return _edit(fake, chat, message, p, text=_caption(item), **_media(fake, item, p))


@method("editMessageReplyMarkup")
async def edit_message_reply_markup(fake: FakeTelegram, p: Params) -> Any:
    chat, message = _to_edit(fake, p)
    return _edit(fake, chat, message, p, text=message.text)


@method("deleteMessage")
async def delete_message(fake: FakeTelegram, p: Params) -> Any:
    chat = _recipient(fake, p)
    message = chat.find(p.get("message_id"))
    if message is None:
        raise bad("message to delete not found")
    message.deleted = True
    fake.touch(message)
    return True


@method("answerCallbackQuery")
async def answer_callback_query(fake: FakeTelegram, p: Params) -> Any:
    if len(str(p.get("text") or "")) > 200:
        raise bad("MESSAGE_TOO_LONG")
    if not fake.answer_callback(str(p.get("callback_query_id")), p):
        raise bad("query is too old and response timeout expired or query ID is invalid")
    return True


@method("setMyCommands")
async def set_my_commands(fake: FakeTelegram, p: Params) -> Any:
    fake.commands[_commands_key(p)] = read_commands(p.get("commands"))
    return True


@method("deleteMyCommands")
async def delete_my_commands(fake: FakeTelegram, p: Params) -> Any:
    fake.commands.pop(_commands_key(p), None)
    return True


@method("getMyCommands")
async def get_my_commands(fake: FakeTelegram, p: Params) -> Any:
    return [{"command": c, "description": d} for c, d in fake.commands.get(_commands_key(p), [])]


@method("setChatMenuButton")
async def set_chat_menu_button(fake: FakeTelegram, p: Params) -> Any:
    return True


@method("setWebhook")
async def set_webhook(fake: FakeTelegram, p: Params) -> Any:
    url, secret = str(p.get("url") or ""), p.get("secret_token")
    if url and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if secret is not None and not SECRET_TOKEN.fullmatch(str(secret)):
        raise bad("secret token contains unallowed characters")
    fake.webhook_url, fake.webhook_secret = url, secret
    _remember_allowed_updates(fake, p)
    if str(p.get("drop_pending_updates")).lower() == "true":
        fake.pending.clear()
    return True


@method("deleteWebhook")
async def delete_webhook(fake: FakeTelegram, p: Params) -> Any:
    return await set_webhook(fake, {"drop_pending_updates": p.get("drop_pending_updates")})


@method("getWebhookInfo")
async def get_webhook_info(fake: FakeTelegram, p: Params) -> Any:
    return {"url": fake.webhook_url, "has_custom_certificate": False, "pending_update_count": len(fake.pending)}


@method("getUpdates")
async def get_updates(fake: FakeTelegram, p: Params) -> Any:
    if fake.webhook_url:
        raise Refusal(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first")
    _remember_allowed_updates(fake, p)
    return await fake.poll(int(p.get("offset") or 0), int(p.get("limit") or 100), float(p.get("timeout") or 0))


@method("getFile")
async def get_file(fake: FakeTelegram, p: Params) -> Any:
    file_id = str(p.get("file_id"))
    if file_id not in fake.files:
        raise bad("invalid file_id")
    about = {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": len(fake.files[file_id])}
    return about | {"file_path": f"photos/{file_id}.jpg"}


def _recipient(fake: FakeTelegram, p: Params) -> Chat:
    chat_id = str(p.get("chat_id", ""))
    if not chat_id:
        raise bad("chat_id is empty")
    user = fake.users.get(int(chat_id)) if chat_id.lstrip("-").isdigit() else None
    if user is None and fake.knows_everyone and chat_id.isdigit():
        user = fake.user(f"user {chat_id}", id=int(chat_id), started=True)
    if user is None:
        raise bad("chat not found")
    if user.has_blocked:
        raise Refusal(403, "Forbidden: bot was blocked by the user")
    if not user.has_started:
        raise Refusal(403, "Forbidden: bot can't initiate conversation with a user")
    return user.chat


def _caption(p: Params) -> str:
    return shown_text(str(p.get("caption") or ""), p.get("parse_mode"), limit=CAPTION_LIMIT, may_be_empty=True)


def _post(fake: FakeTelegram, chat: Chat, p: Params, text: str, **content: Any) -> Any:
    rows, markup = read_markup(p.get("reply_markup"), strict_urls=fake.strict_urls)
    message = Message(fake.next_message_id(), "bot", True, fake.now(), text, rows=rows, markup=markup, **content)
    chat.everything.append(message)
    fake.touch(message)
    fake.accept({"chat_id": chat.id, "message_id": message.id, "text": text, "at": fake.now().isoformat()})
    return message.as_json(chat, fake.me)


def _to_edit(fake: FakeTelegram, p: Params) -> tuple[Chat, Message]:
    if not p.get("message_id"):
        raise bad("message identifier is not specified")
    chat = _recipient(fake, p)
    message = chat.find(p["message_id"])
    if message is None:
        raise bad("message to edit not found")
    if not message.by_bot:
        raise bad("message can't be edited")
    return chat, message


def _edit(fake: FakeTelegram, chat: Chat, message: Message, p: Params, *, text: str, **content: Any) -> Any:
    rows, markup = read_markup(p.get("reply_markup"), strict_urls=fake.strict_urls)
    same_content = all(getattr(message, name) == value for name, value in content.items() if name != "media")
    if message.text == text and same_content and _same(message.markup, markup):
        raise bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a "
            "current content and reply markup of the message"
        )
    message.versions.append(message.text)
    message.text, message.rows, message.markup = text, rows, markup
    for name, value in content.items():
        setattr(message, name, value)
    fake.touch(message)
    return message.as_json(chat, fake.me)


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _media(fake: FakeTelegram, item: Any, p: Params) -> dict[str, Any]:
    if not isinstance(item, dict) or item.get("type") not in ("photo", "document"):
        raise bad("the fake Telegram knows media of type photo and document only")
    return (_photo if item["type"] == "photo" else _document)(fake, item.get("media"), p)


def _photo(fake: FakeTelegram, given: Any, p: Params) -> dict[str, Any]:
    if isinstance(given, str) and given.startswith("attach://"):
        given = p.get(given.removeprefix("attach://"))
    if isinstance(given, bytes):
        return {"photo": given, "photo_ref": None, "media": fake.store_photo(given), "document": None}
    reference = str(given or "")
    if not reference:
        raise bad("there is no photo in the request")
    if reference in fake.files:
        data = fake.files[reference]
        return {"photo": data, "photo_ref": None, "media": fake.photo_json(reference), "document": None}
    if not reference.startswith(("http://", "https://")):
        raise bad("wrong file identifier/HTTP URL specified")
    check_reachable(reference, strict=fake.strict_urls)
    return {"photo": None, "photo_ref": reference, "media": fake.photo_json(f"url-{reference}"), "document": None}


def _document(fake: FakeTelegram, given: Any, p: Params) -> dict[str, Any]:
    if isinstance(given, str) and given.startswith("attach://"):
        given = p.get(given.removeprefix("attach://"))
    if given is None:
        raise bad("there is no document in the request")
    file_id = fake.store_file(given) if isinstance(given, bytes) else str(given)
    if file_id not in fake.files:
        raise bad("wrong file identifier/HTTP URL specified")
    about = {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": len(fake.files[file_id])}
    return {"photo": None, "photo_ref": None, "document": file_id, "media": {"document": about}}


def _commands_key(p: Params) -> tuple[str, str]:
    scope = read_json(p.get("scope"), "BotCommandScope") or {"type": "default"}
    name = scope["type"] + (f":{scope['chat_id']}" if "chat_id" in scope else "")
    return name, str(p.get("language_code") or "")


def _remember_allowed_updates(fake: FakeTelegram, p: Params) -> None:
    if p.get("allowed_updates") is not None:
        fake.allowed_updates = set(read_json(p["allowed_updates"], "allowed_updates"))
