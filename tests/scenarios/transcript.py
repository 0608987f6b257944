"""What a person saw on a channel, written down as prose: taken from what the platform recorded, nothing of the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from tests.fakes.telegram_chat import Message
from tests.fakes.wechat_person import Seen as WeChatSeen
from tests.fakes.wechat_wire import LINK, plain
from tests.scenarios.talkers import Talker, TelegramTalker, WebTalker, WeChatTalker

INDENT = "    "
LONGEST_ADDRESS = 60
_RANDOM = (
    ("CONNECT", re.compile(r"\bLK[2-9A-Z]{8}\b")),
    ("PICTURE", re.compile(r"(?<=/wechat/pictures/)[\w.~-]+")),
    ("LINK", re.compile(r"(?<=/r/)\w+")),
    ("CODE", re.compile(r"(?:invite=|[?&]start=|^/start |^\((?:follows|scans) |邀请码[：\s]*|Invite code:? )(\w+)")),
    ("ACCOUNT", re.compile(r"\b[0-9a-f]{2}…[0-9a-f]{2}\b")),
    ("MEMBER", re.compile(r"(?<=[（(])m(?!erchants)\w{8}(?=[）)])")),
)


class Placeholders:
    """Names for what differs from run to run, in the order in which it is seen: LINK-1, CODE-2."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def learn(self, kind: str, value: str) -> None:
        if value not in self._names and value not in self._names.values():
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"{kind}-{self._counts[kind]}"

    def tidy(self, text: str) -> str:
        for kind, pattern in _RANDOM:
            for value in pattern.findall(text):
                self.learn(kind, value)
        for value in sorted(self._names, key=len, reverse=True):
            text = text.replace(value, self._names[value])
        return text


@dataclass(frozen=True)
class Line:
    """One thing in a chat. `said`: by the person. `by_itself`: nobody there had just asked for it. `how`: the way it
    came, or that it replaced what stood there."""

    text: str
    said: bool = False
    how: str = ""
    buttons: Sequence[str] = ()
    by_itself: bool = False


class Watcher(Protocol):
    """Looks at one person's chat; each look tells what is new or looks different since the one before."""

    def news(self) -> list[Line]: ...


def watch(talker: Talker) -> Watcher:
    match talker:
        case TelegramTalker():
            return TelegramWatcher(talker)
        case WeChatTalker():
            return WeChatWatcher(talker)
        case WebTalker():
            return WebWatcher(talker)
    raise TypeError(talker)


def answers_first(lines: Iterable[Line]) -> list[Line]:
    """After what was said its answer, then what came by itself: these two may cross on the wire."""
    turn, turns = 0, []
    for line in lines:
        turn += line.said
        turns.append((turn, line.by_itself, line))
    return [line for _, _, line in sorted(turns, key=lambda one: one[:2])]


@dataclass
class TelegramWatcher:
    talker: TelegramTalker
    _known: dict[int, int] = field(default_factory=dict)

    def news(self) -> list[Line]:
        found = []
        for message in self.talker.chat.everything:
            before = self._known.get(message.id)
            if before == message.change:
                continue
            self._known[message.id] = message.change
            found.append(_of_telegram(message, edited=before is not None))
        return answers_first(found)


def _of_telegram(message: Message, *, edited: bool) -> Line:
    how = "deleted" if message.deleted else "edited" if edited else ""
    picture = "[photo] " if "photo" in message.media else ""
    rows = [" ".join(_button(one.label, one.kind, one.value) for one in row) for row in message.rows]
    return Line(picture + message.text, not message.by_bot, how, rows, by_itself=message.by_bot and not message.rows)


def _button(label: str, kind: str, value: str) -> str:
    """A button as it looks: where a link leads stands with it, what is copied stands in the text above."""
    if kind in ("url", "web_app"):
        return f"[{label} → {shortened(value)}]"
    return f"[{label} ⧉]" if kind == "copy_text" else f"[{label}]"


def shortened(address: str) -> str:
    readable = unquote(address).split("\n")[0]
    return readable if len(readable) <= LONGEST_ADDRESS else readable[:LONGEST_ADDRESS] + "…"


@dataclass
class WeChatWatcher:
    talker: WeChatTalker
    _count: int = 0

    def news(self) -> list[Line]:
        everything = self.talker.person.seen
        new, self._count = everything[self._count :], len(everything)
        return answers_first(_of_wechat(one) for one in new)


_WAYS: Mapping[str, str] = {"customer": "customer-service message", "template": "template", "mass": "mass message"}


def _of_wechat(seen: WeChatSeen) -> Line:
    text = LINK.sub(_link, seen.text)
    picture = "[picture] " if seen.picture and not text else "[picture]\n" if seen.picture else ""
    said = seen.via == "said"
    how = "" if said or seen.via == "reply" else _WAYS.get(seen.via, seen.via)
    return Line(picture + plain(text), said, how, by_itself=seen.via not in ("said", "reply"))


def _link(match: re.Match[str]) -> str:
    """A link that answers looks like any word underlined; of another one people see where it leads."""
    return match[2] if match[1].startswith("weixin:") else f"{match[2]} ({match[1]})"


@dataclass
class WebWatcher:
    talker: WebTalker
    _known: dict[int, str] = field(default_factory=dict)

    def news(self) -> list[Line]:
        found = []
        for number, message in sorted(self.talker.messages.items()):
            shown = repr([message["text"], message["rows"]])
            if self._known.get(number) == shown:
                continue
            found.append(_of_web(message, edited=number in self._known))
            self._known[number] = shown
        return answers_first(found)


def _of_web(message: Mapping[str, Any], *, edited: bool) -> Line:
    rows = [" ".join(_web_button(one) for one in row) for row in message["rows"]]
    text = ("[picture]\n" if message["picture"] else "") + message["text"]
    mine = bool(message["mine"])
    return Line(text, mine, "edited" if edited else "", rows, by_itself=not mine and not rows)


def _web_button(button: Mapping[str, Any]) -> str:
    kind = "url" if "url" in button else "copy_text" if "copy" in button else "callback_data"
    return _button(str(button["label"]), kind, str(button.get("url", "")))


def written(name: str, lines: Iterable[Line], places: Placeholders) -> Iterator[str]:
    """The lines of a transcript: who speaks, what they see below it, indented."""
    asked = False
    for line in lines:
        if line.said:
            asked = True
            yield ""
            yield f"{name}: {places.tidy(line.text)}"
            continue
        if line.by_itself or not asked:
            yield ""
            yield f"→ {name}" + (f" ({line.how})" if line.how else "")
        elif line.how:
            yield f"{INDENT}({line.how})"
        yield from (f"{INDENT}{row}".rstrip() for row in places.tidy(line.text).split("\n"))
        yield from (f"{INDENT}{places.tidy(row)}" for row in line.buttons)
