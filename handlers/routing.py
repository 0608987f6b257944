"""The conversation's grammar: what comes in, what goes out, and which handler a word or a button leads to."""

from __future__ import annotations

import importlib
import pkgutil
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from domain.errors import NotAllowed, NotFound
from domain.wording import Words

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_ACTION_BYTES = 64  # Telegram's limit for what a button carries


@dataclass(frozen=True, slots=True)
class Choice:
    """A button. Exactly one of: `action` (a route with its arguments, `products:2`), `url` to open, `copy` to the
    clipboard; the last two may be words, where they depend on the reader's language. On channels without buttons an
    action becomes a number, a url and a copy become a line of text.

    `listed` choices come first, and the body has their numbered lines already: nothing is said twice without buttons.
    """

    label: Words
    action: str | None = None
    url: str | Words | None = None
    copy: str | Words | None = None
    listed: bool = False

    def __post_init__(self) -> None:
        if sum(kind is not None for kind in (self.action, self.url, self.copy)) != 1:
            raise ValueError("a choice is an action, a url or a text to copy")
        if self.action is not None and len(self.action.encode()) > MAX_ACTION_BYTES:
            raise ValueError(f"action {self.action!r} is longer than {MAX_ACTION_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be drawn or shown, by kind and plain values; drawing itself happens outside."""

    kind: str  # product | poster | invite_poster | traffic | week | url
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a value: lines of words, rows of choices, perhaps a picture. It cannot send or write anything.

    `edit` lets channels that can replace the screen that was tapped on; a picture or a link to keep sets it False.
    `next_picture` is the kind of picture that they are likely to ask for next, so that drawing it can be prepared.
    """

    body: tuple[Words, ...]
    choices: tuple[tuple[Choice, ...], ...] = ()
    picture: Picture | None = None
    edit: bool = True
    next_picture: str | None = None

    def with_rows(self, *rows: Sequence[Choice]) -> Reply:
        return replace(self, choices=self.choices + tuple(tuple(row) for row in rows if row))


def reply(
    *body: Words,
    rows: Sequence[Sequence[Choice]] = (),
    picture: Picture | None = None,
    edit: bool = True,
    next_picture: str | None = None,
) -> Reply:
    return Reply(body, tuple(tuple(row) for row in rows if row), picture, edit, next_picture)


def button(label_key: str, action: str, **params: object) -> Choice:
    return Choice(Words(label_key, params), action=action)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One update of a platform, understood: words that were written, or the action of a button that was pressed."""

    channel: str  # telegram | wechat | webchat
    account: str
    update_key: str  # the platform's id of this update: handled once, whatever comes twice
    text: str = ""
    action: str | None = None
    name: str = ""
    locale: str | None = None  # what the client says it speaks
    start_code: str | None = None  # an invite, link or order code that opened the chat
    message: str | None = None  # the platform's id of the message the button hangs on, for editing in place


@dataclass(frozen=True, slots=True)
class Shop:
    """What handlers need to know of the settings."""

    public_url: str
    shop_url: str  # with {sku} and {code}
    timezone: ZoneInfo
    locale: str
    currency: str
    demo: bool
    channels: tuple[str, ...] = ("webchat",)
    telegram_username: str | None = None
    wechat_mass: str | None = None  # service or subscription, if the account on WeChat may send mass messages
    contact: str | None = None  # whom people ask; None: operators answer in chat


@dataclass(frozen=True, slots=True)
class Person:
    """Who is talking: the contact, and the member behind it once they have joined."""

    contact_id: int
    channel: str
    account: str
    contact_name: str
    locale: str
    member: int | None = None  # member.id
    member_id: str | None = None
    name: str = ""
    role: str = "visitor"  # visitor | customer | distributor | merchant | agent
    status: str = "active"
    operator: bool = False

    @property
    def sells(self) -> bool:
        return self.role in ("distributor", "merchant", "agent") and self.status == "active"


@dataclass(frozen=True, slots=True)
class Aside:
    """What written words would have led to had no question been open: an action, with the words that it is about."""

    action: str
    text: str
    command: bool  # these very words are a screen's own


class LookFirst(Exception):
    """A screen wants to know what only a reader may take the time to find out; then the update begins anew."""

    def __init__(self, name: str, work: Callable[[Session], Any]) -> None:
        super().__init__(name)
        self.name = name
        self.work = work


@dataclass(slots=True)
class Chat:
    """What a handler works with. `state` is the conversation's memory, saved with the update."""

    db: Session
    now: datetime
    shop: Shop
    person: Person
    incoming: Incoming
    state: dict[str, Any]
    speak: str | None = None  # the language of this answer, where the handler has just changed it
    routes: Routes | None = None  # what the answer may be handed on to
    answers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # group → written word → what it means
    aside: Aside | None = None  # set where a question was open
    seen: dict[str, Any] | None = None  # what was looked up beforehand; None: there is nobody to look beside the writer
    known: dict[str, Any] = field(default_factory=dict)

    def look(self, name: str, work: Callable[[Session], Any]) -> Any:
        """Return what `work` finds: for what takes longer than anybody's answer may wait, such as counting everybody.

        It is done by a reader before anything is written, so it knows nothing of what this update writes. `name` tells
        it from whatever else this update looks up.
        """
        if name in self.known:
            return self.known[name]
        if self.seen is None:
            return work(self.db)
        if name not in self.seen:
            raise LookFirst(name, work)
        return self.seen[name]

    def know(self, name: str, found: object) -> None:
        """What would be looked up under this name is known already: this very update has made it so."""
        self.known[name] = found

    @property
    def member(self) -> int:
        """The member's id; visitors are refused."""
        if self.person.member is None:
            raise NotAllowed()
        return self.person.member

    @property
    def text(self) -> str:
        return self.incoming.text.strip()

    def go(self, action: str) -> Reply:
        """Answer with another feature's screen, as if its button had been pressed."""
        assert self.routes is not None
        return self.routes.run(action, self)

    def ask(self, form: str, step: str, *, numbers: bool = False, **data: object) -> None:
        """Wait for written words: the next text goes to the step `form.step`. Survives a restart.

        Numbers choose from the screen as ever, unless a number is what is asked for. Another button or command ends
        the waiting. A step must do something with whatever is written: understand it, go `elsewhere`, or say what
        to write instead.
        """
        self.state["form"] = {"name": form, "step": step, "data": data, "numbers": numbers}

    @property
    def form_data(self) -> dict[str, Any]:
        return dict(self.state.get("form", {}).get("data", {}))

    def finish(self) -> None:
        self.state.pop("form", None)

    def meant(self, group: str) -> str | None:
        """What the written words mean among `answers.<group>` of the texts, in whichever language they are written."""
        return self.answers[group].get(spoken(self.text))

    @property
    def commanded(self) -> bool:
        """Whether the words written in answer to a question are a screen's own: they want to go there."""
        return self.aside is not None and self.aside.command

    def elsewhere(self) -> Reply:
        """Leave the question and answer the written words as if it had not been open."""
        assert self.aside is not None
        self.finish()
        self.incoming = replace(self.incoming, text=self.aside.text)
        return self.go(self.aside.action)


Handler = Callable[..., Reply]
Who = Callable[[Person], bool]


def anyone(_person: Person) -> bool:
    return True


def members(person: Person) -> bool:
    return person.member is not None and person.status != "closed"


def sellers(person: Person) -> bool:
    return person.sells


def operators(person: Person) -> bool:
    return person.operator and person.status == "active"


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    handler: Handler
    who: Who
    command: bool  # listed in the platforms' command menus


def route(name: str, *, who: Who = members, command: bool = False) -> Callable[[Handler], Handler]:
    """Make the function the owner of the action and command `name`.

    Arguments after the colon of an action arrive as strings. Its words in each language stand in the texts under
    `words.<name>`, its one-line description under `commands.<name>`.
    """

    def keep(handler: Handler) -> Handler:
        _declared(handler).append(Route(name, handler, who, command))
        return handler

    return keep


def step(form: str, name: str, *, who: Who = members) -> Callable[[Handler], Handler]:
    """Make the function the receiver of the words asked for by `chat.ask(form, name)`."""
    return route(f"{form}.{name}", who=who)


def _declared(handler: Any) -> list[Route]:
    if not hasattr(handler, "__routes__"):
        handler.__routes__ = []
    return handler.__routes__  # type: ignore[no-any-return]


class Routes:
    """Everything that can be asked for, found once at start."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.by_name: dict[str, Route] = {}
        for found in routes:
            if found.name in self.by_name:
                raise ValueError(f"two handlers own {found.name!r}")
            self.by_name[found.name] = found

    @property
    def commands(self) -> list[Route]:
        return [found for found in self.by_name.values() if found.command]

    def run(self, action: str, chat: Chat, *, written: bool = False) -> Reply:
        """Answer an action such as `product:17`. Who may do it is checked here, wherever the action came from;
        the steps of a form (`withdraw.amount`) are for written words only.

        Raises NotFound for an unknown or mangled action, NotAllowed for somebody else's.
        """
        name, *arguments = action.split(":")
        found = self.by_name.get(name)
        if found is None or ("." in name and not written):
            raise NotFound()
        if not found.who(chat.person):
            raise _no(found, chat.person)
        code = found.handler.__code__
        if not code.co_flags & 0x04 and len(arguments) >= code.co_argcount:
            raise NotFound()
        required = code.co_argcount - len(found.handler.__defaults__ or ()) - 1
        if len(arguments) < required:
            raise NotFound()
        chat.routes = self
        return found.handler(chat, *arguments)


class JoinFirst(NotAllowed):
    """What everybody may do who has joined."""

    code = "join_first"


class NoSuchNumber(NotFound):
    """A number was written that does not stand on the screen."""

    code = "no_such_number"


def _no(found: Route, person: Person) -> NotAllowed:
    joining_helps = found.who is sellers or (found.who is members and person.member is None)
    return JoinFirst() if joining_helps and person.status == "active" else NotAllowed()


def discover(package: str = "handlers") -> Routes:
    """Find every route in the modules of `package`; two owners of one name are refused."""
    routes: list[Route] = []
    for info in sorted(
        pkgutil.iter_modules(importlib.import_module(package).__path__),
        key=lambda m: m.name,
    ):
        module = importlib.import_module(f"{package}.{info.name}")
        for value in vars(module).values():
            if getattr(value, "__module__", None) == module.__name__:
                routes.extend(getattr(value, "__routes__", ()))
    return Routes(routes)


def plain(text: str) -> str:
    """Full-width digits, stray spaces and look-alike forms as a person would type them on a plain keyboard."""
    return unicodedata.normalize("NFKC", text).strip()


def spoken(text: str) -> str:
    """Written words as they are compared: capitals and the mark at the end do not count."""
    return plain(text).rstrip(".。!").rstrip().casefold()


def number(argument: str) -> int:
    """Read a number out of an action; a mangled one is as good as missing."""
    if not (argument.isascii() and argument.isdigit() and len(argument) < 16):
        raise NotFound()
    return int(argument)
