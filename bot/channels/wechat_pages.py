"""An answer as WeChat shows it: text with numbers to reply with, never longer than a message may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.channels import lengths
from bot.channels.lengths import utf8_bytes
from bot.rendering import Rendered, numbered

TEXT_LIMIT_BYTES: Final = 2048
LEAST_ROOM_BYTES: Final = 400
MORE: Final = re.compile(r"(?:更多|more)\s*([2-9])", re.I)
"""How the rest of a long answer is asked for."""

_TAG: Final = re.compile(r"<(?=[a-zA-Z/!?])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def harmless(text: str) -> str:
    """Return `text` so that WeChat shows it as it is: it would take `<a` for a link, and `]]>` for its end."""
    return _TAG.sub("＜", _CONTROL.sub("", text)).replace("]]>", "]]＞")


def pages(rendered: Rendered, invitation: str, more: Callable[[int], str]) -> list[str]:
    """Return the answer in one text, or in several where it is too long: each has the whole menu.

    `more(n)` is the line that says how to ask for page n.
    """
    whole = harmless(numbered(rendered, invitation))
    if utf8_bytes(whole) <= TEXT_LIMIT_BYTES:
        return [whole]
    menu = harmless(numbered(replace(rendered, text=""), invitation))
    turn = utf8_bytes(more(9)) + 1
    room = TEXT_LIMIT_BYTES - utf8_bytes(menu) - turn - 1
    if room < LEAST_ROOM_BYTES:  # the menu itself is too long: it goes on like any other text
        parts = lengths.split(whole, TEXT_LIMIT_BYTES - turn, utf8_bytes)
        return _with_turns(parts, more)
    parts = _with_turns(lengths.split(harmless(rendered.text), room, utf8_bytes), more)
    return [harmless(numbered(replace(rendered, text=part), invitation)) for part in parts]


def _with_turns(parts: list[str], more: Callable[[int], str]) -> list[str]:
    last = len(parts)
    return [part if number == last else f"{part}\n{more(number + 1)}" for number, part in enumerate(parts, 1)]


def text_xml(to: str, account: str, text: str, *, now: datetime) -> str:
    """The direct reply with a text that is harmless already."""
    return _reply(to, account, "text", f"<Content><![CDATA[{text}]]></Content>", now)


def image_xml(to: str, account: str, media_id: str, *, now: datetime) -> str:
    """The direct reply with a picture that was uploaded."""
    return _reply(to, account, "image", f"<Image><MediaId><![CDATA[{media_id}]]></MediaId></Image>", now)


def _reply(to: str, account: str, kind: str, content: str, now: datetime) -> str:
    return (
        f"<xml><ToUserName><![CDATA[{to}]]></ToUserName><FromUserName><![CDATA[{account}]]></FromUserName>"
        f"<CreateTime>{int(now.timestamp())}</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>{content}</xml>"
    )
