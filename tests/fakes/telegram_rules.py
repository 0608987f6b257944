"""What Telegram accepts and refuses, in its own words, as the Bot API documents it and its server says it."""

import io
import json
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
CALLBACK_DATA_LIMIT_BYTES = 64
BUTTONS_PER_ROW = 8
BUTTONS_IN_ALL = 100
PHOTO_LIMIT_BYTES = 10 * 1024 * 1024
TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "tg-spoiler", "span"}
TAGS |= {"a", "code", "pre", "blockquote", "tg-emoji"}
ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
BUTTON_KINDS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "copy_text",
    "pay",
)
START_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
SECRET_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}")
COMMAND = re.compile(r"[a-z0-9_]{1,32}")


class Refusal(Exception):
    """The platform's no: an error answer with its code and description."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.parameters = parameters


def bad(description: str) -> Refusal:
    return Refusal(400, f"Bad Request: {description}")


@dataclass(frozen=True)
class Button:
    """A button below a message: what stands on it and what a tap does."""

    label: str
    kind: str
    value: str


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shown_text(raw: str, parse_mode: str | None, *, limit: int, may_be_empty: bool = False) -> str:
    """Return what the reader sees; limits count UTF-16 units after the markup is taken out."""
    shown = _without_html(raw) if (parse_mode or "").lower() == "html" else raw
    if parse_mode and parse_mode.lower() != "html":
        raise bad(f"the fake Telegram reads parse_mode HTML only, not {parse_mode!r}")
    shown = shown.strip()
    if not shown and not may_be_empty:
        raise bad("message text is empty")
    if utf16_units(shown) > limit:
        raise bad("message is too long" if limit == TEXT_LIMIT else "message caption is too long")
    return shown


def _without_html(raw: str) -> str:
    out: list[str] = []
    open_tags: list[str] = []
    position = 0
    for found in re.finditer(r"<[^>]*>|<|&(#\d+|#x[0-9a-fA-F]+|[a-z]+);", raw):
        out.append(raw[position : found.start()])
        position = found.end()
        token = found.group()
        where = len(raw[: found.start()].encode())
        if token.startswith("&"):
            out.append(_character(found.group(1), token))
        elif token.startswith("</"):
            name = token[2:-1].strip().lower()
            if not open_tags or open_tags.pop() != name:
                raise bad(f'can\'t parse entities: Unmatched end tag at byte offset {where}, found "</{name}>"')
        else:
            name = (re.match(r"<([a-zA-Z-]+)", token) or [""] * 2)[1].lower()
            if name not in TAGS or not token.endswith(">"):
                raise bad(f'can\'t parse entities: Unsupported start tag "{name}" at byte offset {where}')
            open_tags.append(name)
    if open_tags:
        raise bad(f"can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1]}\"")
    out.append(raw[position:])
    return "".join(out)


def _character(name: str, token: str) -> str:
    if name.startswith("#x"):
        return chr(int(name[2:], 16))
    if name.startswith("#"):
        return chr(int(name[1:]))
    return ENTITIES.get(name, token)


def read_json(value: Any, what: str) -> Any:
    """Return a parameter that is JSON inside a form field, or already parsed."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise bad(f"can't parse {what} JSON object") from None


def read_markup(value: Any, *, strict_urls: bool) -> tuple[list[list[Button]], dict[str, Any] | None]:
    """Return the buttons of an inline or reply keyboard and the markup as the answer repeats it."""
    markup = read_json(value, "reply keyboard markup")
    if not markup:
        return [], None
    if "inline_keyboard" in markup:
        rows = [[_inline_button(b, strict_urls=strict_urls) for b in row] for row in markup["inline_keyboard"]]
    elif "keyboard" in markup:
        rows = [[_reply_button(b) for b in row] for row in markup["keyboard"]]
    elif markup.get("remove_keyboard") or markup.get("force_reply"):
        return [], None
    else:
        raise bad("object expected as reply markup")
    if any(len(row) > BUTTONS_PER_ROW for row in rows):
        raise bad(f"reply markup has more than {BUTTONS_PER_ROW} buttons in a row")
    if sum(map(len, rows)) > BUTTONS_IN_ALL:
        raise bad("reply markup is too long")
    return [row for row in rows if row], markup


def _inline_button(button: Any, *, strict_urls: bool) -> Button:
    if not isinstance(button, dict):
        raise bad("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    label = str(button.get("text") or "").strip()
    if not label:
        raise bad("can't parse inline keyboard button: Can't find field \"text\"")
    kinds = [kind for kind in BUTTON_KINDS if button.get(kind) is not None]
    if not kinds:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(kinds) > 1:
        raise bad(f"can't parse inline keyboard button: only one of {', '.join(kinds)} may be used")
    kind, value = kinds[0], button[kinds[0]]
    if kind == "callback_data" and not 1 <= len(str(value).encode()) <= CALLBACK_DATA_LIMIT_BYTES:
        raise bad("BUTTON_DATA_INVALID")
    if kind == "copy_text":
        value = value.get("text", "") if isinstance(value, dict) else ""
        if not 1 <= len(value) <= 256:
            raise bad("BUTTON_COPY_TEXT_INVALID")
    if kind == "web_app":
        value = value.get("url", "") if isinstance(value, dict) else ""
        if not value.startswith("https://"):
            raise bad(f"inline keyboard button Web App URL '{value}' is invalid: Only HTTPS links are allowed")
    if kind == "url":
        check_url(str(value), f"inline keyboard button URL '{value}' is invalid", strict=strict_urls)
    return Button(label, kind, str(value))


def _reply_button(button: Any) -> Button:
    label = button if isinstance(button, str) else str(button.get("text") or "")
    if not label.strip():
        raise bad("can't parse keyboard button: Can't find field \"text\"")
    return Button(label.strip(), "text", label.strip())


def check_url(url: str, complaint: str, *, strict: bool) -> None:
    """Refuse what Telegram refuses: other protocols and hosts without a dot, `localhost` among them."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "tg", "ton"):
        raise bad(f"{complaint}: Unsupported URL protocol")
    if strict and parts.scheme in ("http", "https") and "." not in (parts.hostname or ""):
        raise bad(f"{complaint}: Wrong HTTP URL")


def check_reachable(url: str, *, strict: bool) -> None:
    """Refuse a picture's URL that Telegram's servers cannot fetch: this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        hidden = ip_address(host).is_private
    except ValueError:
        hidden = "." not in host
    if strict and hidden:
        raise bad("failed to get HTTP URL content")


def picture_size(data: bytes) -> tuple[int, int]:
    """Return width and height; refuses what is no picture, above 10 MB, too large or too narrow."""
    if not data:
        raise bad("file must be non-empty")
    if len(data) > PHOTO_LIMIT_BYTES:
        raise bad("file of size more than 10 MB can't be sent as a photo")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.verify()
            width, height = picture.size
    except Exception as broken:
        raise bad("IMAGE_PROCESS_FAILED") from broken
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise bad("PHOTO_INVALID_DIMENSIONS")
    return width, height


def read_commands(value: Any) -> list[tuple[str, str]]:
    commands = read_json(value, "commands")
    if not isinstance(commands, list) or len(commands) > 100:
        raise bad("expected an Array of at most 100 BotCommand")
    for command in commands:
        if not COMMAND.fullmatch(str(command.get("command", "")).removeprefix("/")):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    return [(c["command"].removeprefix("/"), c["description"]) for c in commands]
