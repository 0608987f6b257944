"""What goes out on WeChat by itself: by the best way that is open, counted before it is tried."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from bot.channels import lengths, wechat_routes
from bot.channels.lengths import utf8_bytes
from bot.channels.outcomes import Closed, Outcome, Refused, Retry, Sent, Unknown
from bot.channels.parts import Parts
from bot.channels.sending import Message, Recipient
from bot.channels.wechat_client import WeChatClient
from bot.channels.wechat_pages import TEXT_LIMIT_BYTES, harmless
from bot.channels.wechat_routes import CUSTOMER, SUBSCRIPTION, TEMPLATE, Route
from bot.database import DatabaseUnavailable
from domain.messages import alerts, allowances
from domain.messages.allowances import WINDOWS, Spent
from domain.messages.outbox import ANNOUNCEMENT
from domain.wording import Words, words

log = structlog.get_logger()

OFF: Final = timedelta(hours=24)  # until a capability that WeChat refused is tried again
DATABASE_RETRY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Taken:
    """The way that was chosen, and what it cost. `repeated`: it may have arrived this way before."""

    route: Route
    spent: Spent | None
    repeated: bool = False


class Capabilities:
    """What the account may do: by its kind, less what WeChat has refused lately. Operators are told of that.

    A template that WeChat refuses is left alone in the same way, by its id.
    """

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings.wechat
        self._parts = parts
        self._by_kind = wechat_routes.capabilities(settings.kind, certified=settings.certified)
        self._off: dict[str, datetime] = {}
        self._proved: set[str] = set()

    @property
    def now(self) -> frozenset[str]:
        return self._by_kind - self.off

    @property
    def off(self) -> frozenset[str]:
        at = self._parts.clock()
        return frozenset(name for name, until in self._off.items() if at < until)

    async def refused(self, name: str, reason: str) -> None:
        """WeChat says that the account may not do this (48001): leave it for a day, and tell the operators."""
        said = words("alert.wechat_capability", what=words(f"wechat.capability.{name}"), reason=reason)
        await self._switch_off(name, said, reason)

    async def template_refused(self, template_id: str, reason: str) -> None:
        """WeChat does not know the template, or its fields are others: only an operator can put it right."""
        await self._switch_off(template_id, words("alert.wechat_template", template=template_id, reason=reason), reason)

    async def proved(self, *names: str) -> None:
        """WeChat has done it: whatever alert there was, also from before a restart, is over."""
        for name in set(names) - self._proved:
            self._proved.add(name)
            self._off.pop(name, None)
            await self._write(partial(alerts.clear_alert, key=_alert(name), now=self._parts.clock()))

    async def _switch_off(self, name: str, said: Words, reason: str) -> None:
        log.warning("wechat.switched_off", what=name, reason=reason)
        self._off[name] = self._parts.clock() + OFF
        self._proved.discard(name)
        await self._write(partial(alerts.raise_alert, key=_alert(name), said=said, now=self._parts.clock()))

    async def _write(self, work: Callable[[Session], object]) -> None:
        try:
            await self._parts.database.write(work)
        except DatabaseUnavailable as error:
            log.warning("wechat.database_unavailable", error=str(error))


class Push:
    """Sends notices and what belongs to answers, as far as the quota book allows."""

    def __init__(self, parts: Parts, client: WeChatClient, able: Capabilities) -> None:
        self._parts = parts
        self._client = client
        self._able = able
        self._templates = parts.settings.wechat.templates
        self._subscriptions = parts.settings.wechat.subscriptions

    async def send(self, to: Recipient, message: Message) -> Outcome:
        """Send a notice by the first way that takes it; Closed if none does, and it is kept for the next contact."""
        tried: list[Route] = []
        given_up: Closed | Unknown = Closed("no way is open")
        while True:
            try:
                taken = await self._parts.database.write(partial(self._take, to=to, message=message, tried=tried))
            except DatabaseUnavailable as error:
                return Retry(DATABASE_RETRY_SECONDS, "account", f"the database is away: {error}")
            if taken is None:
                return given_up
            if isinstance(taken, Unknown):
                return taken
            outcome = await self._by(taken.route, to, message)
            await self._settle(taken, outcome, None if taken.repeated else message.key)
            match outcome:
                case Closed(reason):
                    tried.append(taken.route)
                case Refused(reason) if taken.route.template is not None:  # it is the template that is wrong
                    tried.append(taken.route)
                case _:
                    return outcome
            # What WeChat refuses to repeat may have arrived the first time: no other way, and nobody knows.
            given_up = Unknown(reason) if taken.repeated else Closed(reason)

    async def beside(self, contact_id: int, send: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Send what belongs to an answer as a customer-service message, if the book has one left."""
        taken = await self._parts.database.write(partial(self._take_window, contact_id=contact_id))
        if taken is None:
            return Closed("no window is open")
        outcome = await send()
        await self._settle(taken, outcome, None)
        return outcome

    def _take(self, db: Session, *, to: Recipient, message: Message, tried: Sequence[Route]) -> Taken | Unknown | None:
        """Choose the way and take what it costs out of the book, before anything is sent. None: no way is open."""
        now, off = self._parts.clock(), self._able.off
        open_now = wechat_routes.routes(
            message.kind,
            able=self._able.now,
            left=allowances.open_kinds(db, to.contact_id, now=now),
            templates=self._templates,
            subscriptions=self._subscriptions,
        )
        # A route that is noted already went out with nobody knowing whether it arrived: only for templates WeChat
        # drops a repetition, so it may go no other way.
        repeated = allowances.route_of(db, message.key) == TEMPLATE
        for route in open_now:
            shut = route in tried or (route.template is not None and route.template.template_id in off)
            if shut or (repeated and route.name != TEMPLATE):
                continue
            taken = self._pay(db, to.contact_id, route, now)
            if taken is not None:
                allowances.note_route(db, message.key, route.name)
                return replace(taken, repeated=repeated)
        return Unknown("its template was switched off meanwhile") if repeated else None

    def _take_window(self, db: Session, *, contact_id: int) -> Taken | None:
        now = self._parts.clock()
        left = allowances.open_kinds(db, contact_id, now=now) if CUSTOMER in self._able.now else []
        ways = (self._pay(db, contact_id, Route(CUSTOMER, kind), now) for kind in left if kind in WINDOWS)
        return next((taken for taken in ways if taken is not None), None)

    def _pay(self, db: Session, contact_id: int, route: Route, now: datetime) -> Taken | None:
        if route.allowance is None:
            return Taken(route, None)
        spent = allowances.spend(db, contact_id, [route.allowance], now=now)
        return None if spent is None else Taken(route, spent)

    async def _by(self, route: Route, to: Recipient, message: Message) -> Outcome:
        if route.template is None:
            return await self._client.send_text(to.account, self._text(message))
        fields = {field: self._field(message, name) for field, name in route.template.fields.items()}
        template = route.template.template_id
        if route.name == SUBSCRIPTION:
            return await self._client.send_subscription(to.account, template, fields)
        once = hashlib.sha256(message.key.encode()).hexdigest()[:32]
        return await self._client.send_template(to.account, template, fields, client_msg_id=once)

    def _text(self, message: Message) -> str:
        """The words, shortened where WeChat takes no more; of an announcement the whole can be read on request."""
        text = harmless(message.rendered.text)
        if message.kind != ANNOUNCEMENT or utf8_bytes(text) <= TEXT_LIMIT_BYTES:
            return lengths.shorten(text, TEXT_LIMIT_BYTES, utf8_bytes)
        return shortened(text, self._parts.texts.say(words("wechat.read_on"), message.rendered.locale))

    def _field(self, message: Message, name: str) -> str:
        said = words("as_is", text=message.params.get(name, ""))
        return self._parts.texts.say(said, message.rendered.locale)

    async def _settle(self, taken: Taken, outcome: Outcome, key: str | None) -> None:
        """What surely was not sent costs nothing; what WeChat counts otherwise is believed."""
        route = taken.route
        match outcome:
            case Sent():
                await self._able.proved(route.name, *([route.template.template_id] if route.template else []))
                return
            case Unknown():
                return
            case Closed(reason, alert=True):
                await self._able.refused(route.name, reason)
            case Refused(reason) if route.template is not None:
                await self._able.template_refused(route.template.template_id, reason)
        shut = isinstance(outcome, Closed) and not outcome.alert

        def settle(db: Session) -> None:
            if taken.spent is not None:
                (allowances.close if shut else allowances.give_back)(db, taken.spent)
            if key is not None:
                allowances.note_route(db, key, None)

        try:
            await self._parts.database.write(settle)
        except DatabaseUnavailable as error:  # a message too few is no harm, and no route noted is none repeated
            log.warning("wechat.database_unavailable", error=str(error))


def shortened(text: str, ending: str) -> str:
    """Return as much of `text` as WeChat takes before `ending`."""
    room = TEXT_LIMIT_BYTES - utf8_bytes(ending) - 1
    return f"{lengths.shorten(text, room, utf8_bytes)}\n{ending}"


def _alert(capability: str) -> str:
    return f"wechat_capability:{capability}"
