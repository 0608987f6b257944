"""The people on Telegram: what they type and tap, and what they see in their chat with the bot."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.telegram_rules import START_PAYLOAD, Button, utf16_units

if TYPE_CHECKING:
    from tests.fakes.telegram import FakeTelegram


@dataclass
class Message:
    """One message in a chat, as it looks now; `versions` are the texts that it had before it was edited."""

    id: int
    sender: str
    by_bot: bool
    at: datetime
    text: str = ""
    photo: bytes | None = None
    photo_ref: str | None = None
    document: str | None = None
    rows: list[list[Button]] = field(default_factory=list)
    markup: dict[str, Any] | None = None
    media: dict[str, Any] = field(default_factory=dict)
    versions: list[str] = field(default_factory=list)
    deleted: bool = False
    change: int = 0

    @property
    def has_media(self) -> bool:
        return bool(self.media)

    @property
    def buttons(self) -> list[str]:
        """The labels of all buttons, row by row."""
        return [button.label for row in self.rows for button in row]

    def button(self, label: str) -> Button | None:
        """Return the button with exactly this label, else the only one that contains it."""
        every = [button for row in self.rows for button in row]
        exact = [button for button in every if button.label == label]
        near = [button for button in every if label in button.label]
        return exact[0] if exact else near[0] if len(near) == 1 else None

    def as_json(self, chat: "Chat", bot: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {"message_id": self.id, "date": int(self.at.timestamp()), "chat": chat.as_json()}
        body["from"] = bot if self.by_bot else chat.user.as_json()
        body |= self.media
        if self.text:
            body["caption" if self.media else "text"] = self.text
        if not self.by_bot and self.text.startswith("/"):
            command = self.text.split()[0]
            body["entities"] = [{"type": "bot_command", "offset": 0, "length": utf16_units(command)}]
        if self.versions:
            body["edit_date"] = int(self.at.timestamp())
        if self.markup and "inline_keyboard" in self.markup:
            body["reply_markup"] = self.markup
        return body

    def __str__(self) -> str:
        picture = f"[photo{' ' + self.photo_ref if self.photo_ref else ''}] " if "photo" in self.media else ""
        picture += f"[document {self.document}] " if self.document else ""
        lines = [f"#{self.id} {self.sender}: {picture}{self.text}"]
        lines += ["      " + " ".join(f"[{button.label}]" for button in row) for row in self.rows]
        lines += [f"      (edited; was: {old.splitlines()[0] if old else ''})" for old in self.versions]
        return "\n".join(lines) + ("\n      (deleted)" if self.deleted else "")


@dataclass
class Chat:
    """A private chat between one person and the bot; `print(chat)` shows the transcript."""

    id: int
    user: "User"
    everything: list[Message] = field(default_factory=list)
    """All messages, deleted ones too."""

    @property
    def messages(self) -> list[Message]:
        """What can be seen now, oldest first."""
        return [message for message in self.everything if not message.deleted]

    @property
    def from_bot(self) -> list[Message]:
        return [message for message in self.messages if message.by_bot]

    @property
    def texts(self) -> list[str]:
        """The texts and captions that the bot sent and that can be seen now."""
        return [message.text for message in self.from_bot]

    @property
    def last(self) -> Message:
        """The newest message from the bot."""
        assert self.from_bot, f"the bot has written nothing yet\n{self}"
        return self.from_bot[-1]

    def find(self, message_id: object) -> Message | None:
        return next((m for m in self.messages if str(m.id) == str(message_id)), None)

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "type": "private", "first_name": self.user.name}

    def __str__(self) -> str:
        title = f"--- Telegram chat {self.id} with {self.user.name} ---"
        return "\n".join([title, *map(str, self.everything), "-" * len(title)])


@dataclass
class User:
    """A person with Telegram on their phone."""

    fake: "FakeTelegram"
    id: int
    name: str
    language: str = "zh-hans"
    patience: float = 15.0
    """How many seconds they wait for the bot to answer before the test fails."""
    has_started: bool = False
    has_blocked: bool = False
    said_at: int = 0

    @property
    def chat(self) -> Chat:
        return self.fake.chat(self.id)

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "is_bot": False, "first_name": self.name, "language_code": self.language}

    async def sends(self, text: str, *, answered: bool = True) -> Message:
        """Type `text`; return the message that the bot wrote or edited in answer.

        With `answered=False` return at once what was typed, without waiting.
        """
        return await self._says(Message(self.fake.next_message_id(), self.name, False, self.fake.now(), text), answered)

    async def sends_photo(self, data: bytes, caption: str = "", *, answered: bool = True) -> Message:
        media = self.fake.store_photo(data)
        message = Message(self.fake.next_message_id(), self.name, False, self.fake.now(), caption, photo=data)
        message.media = media
        return await self._says(message, answered)

    async def opens(self, link: str, *, answered: bool = True) -> Message:
        """Follow a t.me link to the bot and press START."""
        parts = urlsplit(link)
        payload = parse_qs(parts.query).get("start", [""])[0]
        where = f"{parts.netloc}{parts.path}"
        assert where == f"t.me/{self.fake.username}", f"{link} does not lead to this bot (t.me/{self.fake.username})"
        assert not payload or START_PAYLOAD.fullmatch(payload), f"Telegram ignores the start payload {payload!r}"
        return await self.sends(f"/start {payload}".strip(), answered=answered)

    async def taps(self, label: str, *, answered: bool = True) -> Message:
        """Tap the button `label` on the newest message that has it; return what the bot wrote or edited then.

        Fails if there is no such button, if the bot leaves the tap unanswered (the phone would show a spinner) or
        shows nothing new. For a button with a link use `link_of`.
        """
        message = self._message_with(label)
        button = message.button(label)
        assert button is not None
        if button.kind == "text":
            return await self.sends(button.value, answered=answered)
        assert button.kind == "callback_data", f"[{label}] is a {button.kind} button ({button.value}), not one to tap"
        return await self.taps_data(button.value, message, answered=answered)

    async def taps_data(self, data: str, message: Message, *, answered: bool = True) -> Message:
        """Tap a button with this callback data, whether the message still has it or not (old clients, forgers)."""
        query_id = self.fake.new_callback(self.id)
        query = {"id": query_id, "from": self.as_json(), "chat_instance": str(self.id), "data": data}
        query["message"] = message.as_json(self.chat, self.fake.me)
        since = self._begin()
        await self.fake.deliver({"callback_query": query})
        if not answered:
            return message
        await self.fake.until(
            lambda: self.fake.callback_answer(query_id) is not None,
            within=self.patience,
            complaint=lambda: f"the bot did not answer the tap on {data!r}\n{self.chat}",
        )
        toast = self.fake.callback_answer(query_id) or {}
        if toast.get("text") and not self._news(since):
            return replace(message, text=str(toast["text"]), rows=[])
        return await self._answer(since, f"tapped {data!r}")

    def link_of(self, label: str) -> str:
        """Return where the link button `label` leads, or what its copy button copies."""
        button = self._message_with(label).button(label)
        assert button is not None
        assert button.kind in ("url", "web_app", "copy_text"), f"[{label}] is no link: {button}"
        return button.value

    async def hears(self, words: str, *, within: float | None = None) -> Message:
        """Wait until a message of the bot that can be seen now contains `words`; return the newest such one.

        `within` seconds, `patience` if not given.
        """
        return await self.fake.until(  # type: ignore[no-any-return]
            lambda: next((m for m in reversed(self.chat.from_bot) if words in m.text), None),
            within=self.patience if within is None else within,
            complaint=lambda: f"{self.name} never heard {words!r}\n{self.chat}",
        )

    async def blocks_bot(self) -> None:
        self.has_blocked = True
        await self._member_update("member", "kicked")

    async def returns(self, *, answered: bool = True) -> Message:
        """Unblock the bot, which starts it again."""
        self.has_blocked = False
        await self._member_update("kicked", "member")
        return await self.sends("/start", answered=answered)

    async def _says(self, message: Message, answered: bool) -> Message:
        self.has_started = True
        self.has_blocked = False
        self.chat.everything.append(message)
        since = self._begin()
        await self.fake.deliver({"message": message.as_json(self.chat, self.fake.me)})
        return await self._answer(since, f"said {message.text!r}") if answered else message

    def _begin(self) -> int:
        self.said_at = self.fake.change
        return self.said_at

    def _news(self, since: int) -> list[Message]:
        return sorted((m for m in self.chat.from_bot if m.change > since), key=lambda m: m.change)

    async def _answer(self, since: int, what: str) -> Message:
        await self.fake.until(
            lambda: self._news(since),
            within=self.patience,
            complaint=lambda: f"{self.name} {what} and the bot showed nothing new in {self.patience} s\n{self.chat}",
        )
        await asyncio.sleep(0)
        return self._news(since)[-1]

    def _message_with(self, label: str) -> Message:
        found = next((m for m in reversed(self.chat.from_bot) if m.button(label)), None)
        offered = [f"#{m.id}: {m.buttons}" for m in self.chat.from_bot if m.rows][-5:]
        assert found, f"no message has the button [{label}]; there are:\n" + "\n".join(offered) + f"\n{self.chat}"
        return found

    async def _member_update(self, before: str, after: str) -> None:
        def seen(status: str) -> dict[str, Any]:
            return {"user": self.fake.me, "status": status, **({"until_date": 0} if status == "kicked" else {})}

        change = {"chat": self.chat.as_json(), "from": self.as_json(), "date": int(self.fake.now().timestamp())}
        change |= {"old_chat_member": seen(before), "new_chat_member": seen(after)}
        await self.fake.deliver({"my_chat_member": change})
