"""The people on WeChat: what they write, tap and scan, and what they see in the official account's chat."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.fakes.wechat_wire import MENU_LINK, OUT_OF_SERVICE, Answer, plain

if TYPE_CHECKING:
    from tests.fakes.wechat import FakeWeChat

MESSAGE_WINDOW, MESSAGE_COUNT = timedelta(hours=48), 5
EVENT_WINDOW, EVENT_COUNT = timedelta(minutes=1), 3


@dataclass
class Seen:
    """One thing in the chat: `via` is "said", "reply", "customer", "template", "mass" or "error"."""

    via: str
    kind: str
    text: str
    at: datetime
    picture: bytes | None = None
    articles: list[dict[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        picture = "[picture] " if self.picture else ""
        cards = "".join(f"\n      [article {card.get('Title', '')} → {card.get('Url', '')}]" for card in self.articles)
        return f"{self.via:>9}: {picture}{plain(self.text)}{cards}"


@dataclass
class Window:
    """Permission to send customer-service messages: until when, and how many are left."""

    until: datetime
    left: int


@dataclass
class Person:
    """Somebody with WeChat on their phone; `print(person)` shows the chat."""

    fake: "FakeWeChat"
    openid: str
    is_follower: bool = False
    patience: float = 5.0
    """How many seconds `hears` waits before the test fails."""
    seen: list[Seen] = field(default_factory=list)
    windows: dict[str, Window] = field(default_factory=dict)
    mass_this_month: dict[str, int] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)
    """Template → how many subscription notices of it they have agreed to."""
    last_sent: dict[str, Any] = field(default_factory=dict)

    # What they do. Each returns the direct reply; kind "nothing" if the bot chose not to answer.

    async def says(self, text: str, **more: Any) -> Answer:
        """Write `text`; this opens the window of 48 hours and five messages."""
        self.seen.append(Seen("said", "text", text, self.fake.now()))
        return await self._message({"MsgType": "text", "Content": text, **more})

    async def chooses(self, label: str) -> Answer:
        """Reply with the number that stands before `label` in the newest numbered list."""
        for seen in reversed(self.seen):
            choices = Answer("text", seen.text).choices if seen.via != "said" else {}
            exact = [number for number, words in choices.items() if words == label]
            near = [number for number, words in choices.items() if label in words]
            if exact or near:
                assert exact or len(near) == 1, f"{label!r} fits several choices: {choices}\n{self}"
                return await self.says((exact or near)[0])
        raise AssertionError(f"no numbered list offers {label!r}\n{self}")

    async def taps_link(self, label: str) -> Answer:
        """Tap a link inside a text that answers for the person (weixin://bizmsgmenu)."""
        for seen in reversed(self.seen):
            match = MENU_LINK.fullmatch(Answer("text", seen.text).links.get(label, ""))
            if match:
                content = unquote(match[1])
                self.seen.append(Seen("said", "text", content, self.fake.now()))
                answer = {"MsgType": "text", "Content": content, "bizmsgmenuid": unquote(match[2])}
                return await self._message(answer, opens="event")
        raise AssertionError(f"no text has a link {label!r} that answers\n{self}")

    def link_of(self, label: str) -> str:
        """Return where the newest link with this label leads."""
        for seen in reversed(self.seen):
            if label in (links := Answer("text", seen.text).links):
                return links[label]
        raise AssertionError(f"no text has a link {label!r}\n{self}")

    async def sends_photo(self, data: bytes) -> Answer:
        media_id = self.fake.store_media(data)
        self.seen.append(Seen("said", "image", "", self.fake.now(), picture=data))
        return await self._message({"MsgType": "image", "PicUrl": "http://mmbiz.qpic.cn/x", "MediaId": media_id})

    async def follows(self, scene: str | None = None) -> Answer:
        """Start to follow, by scanning the code with this scene if one is given."""
        code = {"EventKey": f"qrscene_{scene}", "Ticket": f"ticket-{scene}"} if scene else {"EventKey": ""}
        return await self._event("subscribe", f"follows {scene or ''}".strip(), **code)

    async def unfollows(self) -> Answer:
        self.windows.clear()
        return await self._event("unsubscribe", "unfollows", opens=None, EventKey="")

    async def scans(self, scene: str) -> Answer:
        """Scan a code of the account (its scene, or the `url` that is drawn in it); those who do not follow, follow."""
        scene = self.fake.scenes.get(scene, scene)
        if not self.is_follower:
            return await self.follows(scene)
        return await self._event("SCAN", f"scans {scene}", EventKey=scene, Ticket=f"ticket-{scene}")

    async def agrees(self, *templates: str, to: bool = True) -> Answer:
        """Answer the question whether the account may send one notice of each of these templates."""
        for template in templates:
            self.consents[template] = self.consents.get(template, 0) + 1 if to else 0
        said = "accept" if to else "reject"
        entries = [{"TemplateId": one, "SubscribeStatusString": said, "PopupScene": 2} for one in templates]
        event = "subscribe_msg_popup_event"
        return await self._event(event, f"{said}s {templates}", opens=None, SubscribeMsgPopupEvent={"List": entries})

    async def clicks_menu(self, key: str) -> Answer:
        return await self._event("CLICK", f"clicks {key}", EventKey=key)

    async def taps_menu(self, label: str) -> Answer:
        """Tap an entry of the account's menu by what stands on it."""
        entries = [entry for top in self.fake.menu for entry in (top.get("sub_button") or [top])]
        entry = next((entry for entry in entries if entry["name"] == label), None)
        assert entry, f"the menu has no {label!r}, only {[entry['name'] for entry in entries]}"
        if entry["type"] == "view":
            return await self._event("VIEW", f"views {entry['url']}", opens=None, EventKey=entry["url"])
        return await self.clicks_menu(entry["key"])

    async def repeats(self) -> Answer:
        """The last message or event once more, the same in every field, as WeChat does when it missed the answer."""
        return await self._deliver(dict(self.last_sent))

    def opens_window(self, by: str = "message") -> None:
        """Open the window of customer-service messages as a message does, or as an "event": without telling the bot."""
        life, count = (MESSAGE_WINDOW, MESSAGE_COUNT) if by == "message" else (EVENT_WINDOW, EVENT_COUNT)
        self.windows[by] = Window(self.fake.now() + life, count)

    # What they see

    @property
    def heard(self) -> list[Seen]:
        """Everything that the account sent, oldest first."""
        return [seen for seen in self.seen if seen.via not in ("said", "error")]

    @property
    def texts(self) -> list[str]:
        return [seen.text for seen in self.heard]

    async def hears(self, words: str, *, within: float | None = None) -> Seen:
        """Wait until something that contains `words` has arrived by any way; return the newest such thing."""
        return await self.fake.until(  # type: ignore[no-any-return]
            lambda: next((seen for seen in reversed(self.heard) if words in seen.text), None),
            within=self.patience if within is None else within,
            complaint=lambda: f"{self.openid} never heard {words!r}\n{self}",
        )

    def receives(self, via: str, kind: str, text: str, **content: Any) -> None:
        self.seen.append(Seen(via, kind, text, self.fake.now(), **content))
        self.fake.changed()

    def window(self) -> str:
        """Take one customer-service message out of an open window; return "ok", "shut" or "used up"."""
        opened = [w for name in ("event", "message") if (w := self.windows.get(name)) and w.until > self.fake.now()]
        usable = next((window for window in opened if window.left > 0), None)
        if usable:
            usable.left -= 1
        return "ok" if usable else "used up" if opened else "shut"

    def __str__(self) -> str:
        title = f"--- WeChat of {self.openid} ---"
        return "\n".join([title, *map(str, self.seen), "-" * len(title)])

    async def _message(self, fields: dict[str, Any], opens: str | None = "message") -> Answer:
        return await self._first({**fields, "MsgId": self.fake.next_message_id()}, opens)

    async def _event(self, event: str, words: str, *, opens: str | None = "event", **more: Any) -> Answer:
        self.seen.append(Seen("said", "event", f"({words})", self.fake.now()))
        return await self._first({"MsgType": "event", "Event": event, **more}, opens)

    async def _first(self, fields: dict[str, Any], opens: str | None) -> Answer:
        now = self.fake.now()
        # Only who follows sees the chat and the menu.
        self.is_follower = fields.get("Event") != "unsubscribe"
        if opens:
            self.opens_window(opens)
        whole = {"ToUserName": self.fake.account, "FromUserName": self.openid, "CreateTime": int(now.timestamp())}
        return await self._deliver({**whole, **fields})

    async def _deliver(self, fields: dict[str, Any]) -> Answer:
        self.last_sent = fields
        try:
            answer = await self.fake.deliver(self.openid, fields)
        except AssertionError as complaint:
            self.seen.append(Seen("error", "text", OUT_OF_SERVICE, self.fake.now()))
            raise AssertionError(f"{complaint}\n{self}") from None
        if answer.kind != "nothing":
            self.receives("reply", answer.kind, answer.text, picture=answer.picture, articles=answer.articles)
        return answer
