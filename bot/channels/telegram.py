"""The Telegram bot: updates come in by webhook or by asking, screens go out in order, notices when it is time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from hmac import compare_digest
from time import monotonic
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog
from aiohttp import web
from telegram.error import InvalidToken, TelegramError

from bot.channels.answer_fates import AnswerFates
from bot.channels.outcomes import Closed, Dead, Outcome, Refused, Retry, Sent, Stop, Unknown
from bot.channels.painting import Painted
from bot.channels.parts import Parts
from bot.channels.sending import Go, Message, Recipient
from bot.channels.telegram_client import FloodWait, attempt, classify, make_bot
from bot.channels.telegram_files import Files
from bot.channels.telegram_screens import Call, Calls, Screen, Screens
from bot.channels.telegram_screens import screen as as_screen
from bot.channels.telegram_setup import prepare
from bot.channels.telegram_updates import ALLOWED, CHANNEL, Presence, Talk, Unreadable, read, update_id
from bot.database import DatabaseUnavailable
from bot.gateway import Answer, reply_from_json
from bot.pacing import Limits, in_flight
from bot.rendering import Rendered, choose_locale
from bot.web import problems, strict_json
from domain.errors import NotFound
from domain.messages import conversations
from domain.messages.conversations import WaitingAnswer
from domain.wording import words
from handlers.routing import Incoming, Reply

log = structlog.get_logger()

POLL_SECONDS: Final = 25
LOOK_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
REFUSED_PAUSE_SECONDS: Final = 60.0
TRIES: Final = 3  # of an answer that surely did not arrive
LONGEST_WAIT_SECONDS: Final = 30.0  # nobody waits longer for a screen
PARTS_SECONDS: Final = 60.0  # for all parts of one message: well within the lease under which it is sent
STOP_SECONDS: Final = 5.0
REMEMBERED: Final = 1_000  # chats whose newest screen is known


class TelegramChannel:
    """One bot. Everything of one chat happens in the order in which it came; no chat waits for another."""

    name = CHANNEL

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings.telegram
        assert settings.token is not None
        token = settings.token.get_secret_value()
        self._parts = parts
        self._secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None
        self._bot = make_bot(token, api_url=settings.api_url, connections=in_flight(settings.rate))
        self._fates = AnswerFates(parts.database, CHANNEL, parts.clock, self._show_left_over)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._tails: dict[int, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._parked_until = 0.0
        self._newest: dict[str, str] = {}
        self._left_over: set[str] = set()  # updates whose answer is in its chat's line
        self.account = f"{CHANNEL}:{token.split(':')[0]}"
        self.rate = settings.rate
        self.limits = Limits(self.rate, monotonic, _pause_of_chat)
        self._files = Files(parts.database, self.account, parts.clock)
        self._screens = Screens(self._bot, self._files)

    @property
    def sender(self) -> TelegramChannel:
        return self

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return [web.post("/telegram", self._webhook)] if self._secret else []

    async def start(self, *, may_poll: Callable[[], bool]) -> None:
        """Get ready beside everything else: that Telegram cannot be reached just now keeps nobody from starting."""
        self._fates.start()
        self._tasks.append(asyncio.create_task(prepare(self._bot, self._parts, self._secret), name="telegram-setup"))
        if self._secret is None:
            self._tasks.append(asyncio.create_task(self._poll(may_poll), name="telegram-poll"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tails:
            await asyncio.wait(self._tails.values(), timeout=STOP_SECONDS)
        await self._fates.stop()
        await self._bot.shutdown()

    # What goes out by itself

    async def send(self, to: Recipient, message: Message) -> Outcome:
        return await (await self.prepare(to, message))()

    async def prepare(self, to: Recipient, message: Message) -> Go:
        """Draw what is to be drawn, and wait while its picture is on its way to Telegram with another message."""
        picture = await self._picture(message.rendered, to.contact_id)
        if picture is not None:
            await self._files.settled(picture.key)
        return partial(self._send, to.account, as_screen(message.rendered), picture)

    async def _send(self, chat: str, wanted: Screen, picture: Painted | None) -> Outcome:
        """Send a notice; while Telegram has told us to wait, nothing is even tried."""
        if (wait := self._parked()) > 0:
            return Retry(wait, "account", "Telegram has asked to wait")
        if (wait := self.limits.held(chat)) > 0:
            return Retry(wait, "recipient", "Telegram has asked to wait")
        until = monotonic() + PARTS_SECONDS
        calls = Calls(partial(self._carry, chat), partial(self._carry_in_turn, chat, until), until, patient=False)
        return await self._screens.send(chat, wanted, picture, calls)

    async def _carry(self, chat: str, call: Call) -> Outcome:
        """Carry out a call whose turn it is."""
        outcome = self._heeded(chat, await attempt(call()))
        self.limits.told(chat)
        return outcome

    async def _carry_in_turn(self, chat: str, until: float, call: Call) -> Outcome:
        """Carry out a further call for the same notice, at the same pace as if it were another."""
        while True:
            wait = max(self._parked(), self.limits.rest(chat))
            if monotonic() + wait > until:
                return Retry(wait, "recipient", "Telegram has asked to wait")
            await asyncio.sleep(wait)
            turn = await self.limits.turn()
            if max(self._parked(), self.limits.rest(chat)) <= 0:
                break
            self.limits.unused(turn)
        try:
            return await self._carry(chat, call)
        finally:
            self.limits.done(turn, chat)

    async def _carry_at_once(self, chat: str, call: Call) -> Outcome:
        """Carry out a call that somebody waits for: before all notices, which make up for it."""
        while (wait := max(self._parked(), self.limits.held(chat))) > 0:  # asked again, it may be longer
            if wait > LONGEST_WAIT_SECONDS:
                return Retry(wait, "recipient", "Telegram has asked to wait")
            await asyncio.sleep(wait)
        turn = self.limits.pace.beside()
        try:
            return await self._carry(chat, call)
        finally:
            self.limits.done(turn, chat)

    def _heeded(self, chat: str, outcome: Outcome) -> Outcome:
        """Wait as we are told. Telegram does not say whether a 429 is about the chat or about the bot."""
        match outcome:
            case Retry(seconds, "account", asked=True):
                if not self.limits.refused(chat, seconds):
                    return replace(outcome, scope="recipient")
                self._park(seconds)
            case Retry(seconds, "account"):
                self._park(seconds)
            case Sent() | Refused() | Closed() | Dead():
                self.limits.taken()
        return outcome

    def _park(self, seconds: float) -> None:
        self._parked_until = max(self._parked_until, monotonic() + seconds)

    def _parked(self) -> float:
        return max(0.0, self._parked_until - monotonic())

    async def refresh(self, contact_id: int, account: str, message: str | None, screen: Reply, locale: str) -> None:
        """Edit the message that is the screen: the newest answer, or after a restart the one that was tapped."""
        newest = self._newest.get(account, message)
        if newest is None or self._parked() > 0:
            return
        wanted = as_screen(self._parts.texts.render(screen, locale))
        edit = partial(
            self._bot.edit_message_text,
            wanted.parts[0],
            chat_id=int(account),
            message_id=int(newest),
            reply_markup=wanted.keyboard,
        )
        await self._carry_at_once(account, edit)

    def _note(self, account: str, outcome: Outcome) -> None:
        """Remember which message is the newest screen of a chat, for those that talked last."""
        self._newest.pop(account, None)
        if isinstance(outcome, Sent) and outcome.message_id is not None:
            self._newest[account] = outcome.message_id
        while len(self._newest) > REMEMBERED:
            del self._newest[next(iter(self._newest))]

    # What comes in

    async def _webhook(self, request: web.Request) -> web.Response:
        assert self._secret is not None
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not compare_digest(given.encode("utf-8", "surrogateescape"), self._secret.encode()):
            return problems.response(problems.Problem(401, "wrong_secret", "The secret is wrong or missing"))
        try:
            talk = await self._receive(json.loads(await strict_json.body(request)))
        except problems.Problem as problem:
            return problems.response(problem)
        except (ValueError, RecursionError):
            return problems.response(problems.invalid("", "is not an update", status=400))
        except DatabaseUnavailable:
            return problems.response(problems.unavailable())
        if talk is None or talk.callback_id is None:
            return web.Response()
        return web.json_response({"method": "answerCallbackQuery", "callback_query_id": talk.callback_id})

    async def _poll(self, may_poll: Callable[[], bool]) -> None:
        """Ask for updates while it is our turn to; what was taken is confirmed by asking for the next."""
        offset, pause, asking = 0, 1.0, False
        while True:
            if not may_poll():
                asking = False
                await asyncio.sleep(LOOK_SECONDS)
                continue
            try:
                if not asking:
                    await self._bot.delete_webhook()
                    asking = True
                updates = await self._bot.raw_updates(offset, allowed=ALLOWED, wait_seconds=POLL_SECONDS)
                if updates and await self._take(updates):
                    offset = max(update_id(update) for update in updates) + 1
                pause = 1.0
            except TelegramError as failure:
                log.warning("telegram.poll_failed", error=failure.message[:200])
                await asyncio.sleep(_pause(failure, pause))
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
            except Exception:
                log.exception("telegram.poll_failed")
                await asyncio.sleep(LONGEST_PAUSE_SECONDS)

    async def _take(self, updates: Sequence[dict[str, Any]]) -> bool:
        """Handle what was asked for; False if it has to be asked for again."""
        received = (self._receive(update, by_call=True) for update in updates)
        done = await asyncio.gather(*received, return_exceptions=True)
        failures = [result for result in done if isinstance(result, Exception) and not isinstance(result, Unreadable)]
        if not failures:
            return True
        log.warning("telegram.updates_kept", count=len(failures), error=type(failures[0]).__name__)
        await asyncio.sleep(1.0)
        return False

    async def _receive(self, update: object, *, by_call: bool = False) -> Talk | None:
        """Let one update take its effect. The answer follows after the commit, each chat's in order.

        `by_call`: taps are answered by a call of their own. Raises Unreadable and DatabaseUnavailable.
        """
        meant = read(update)
        if isinstance(meant, Presence):
            change = conversations.returned if meant.here else conversations.left
            now = self._parts.clock()
            await self._parts.database.write(partial(change, channel=CHANNEL, account=meant.account, now=now))
            return None
        if meant is None:
            return None
        turn = self._turns.setdefault(meant.chat, asyncio.Lock())
        async with turn:
            try:
                answer = await self._parts.gateway.handle(meant.incoming)
            except DatabaseUnavailable:
                raise
            except Exception:  # sent again it would fail again: the person is told instead
                log.exception("telegram.update_failed", update_key=meant.incoming.update_key)
                answer = None
            self._parts.wake_delivery()
            if answer is None or answer.waiting or not answer.repeated or by_call:
                self._queue(meant, answer, by_call)
        return meant

    # What is answered

    def _queue(self, talk: Talk, answer: Answer | None, by_call: bool) -> None:
        before = self._tails.get(talk.chat)
        task = asyncio.create_task(self._follow(before, talk, answer, by_call), name="telegram-answer")
        self._tails[talk.chat] = task

        def ended(done: asyncio.Task[None]) -> None:
            if self._tails.get(talk.chat) is done:
                del self._tails[talk.chat]

        task.add_done_callback(ended)

    async def _follow(
        self, before: asyncio.Task[None] | None, talk: Talk, answer: Answer | None, by_call: bool
    ) -> None:
        """Answer after everything that this chat was told before."""
        if before is not None:
            await asyncio.wait([before])
        try:
            if by_call and talk.callback_id is not None and not self._parked():
                await attempt(self._bot.answer_callback_query(talk.callback_id))
            if answer is None:
                await self._show(talk, self._sorry(talk), None)
            elif answer.waiting or not answer.repeated:
                picture = await self._picture(answer.rendered, answer.contact_id)
                if answer.waiting and not await self._fates.begins(talk.incoming.update_key):
                    return
                outcome = await self._show(talk, answer.rendered, picture)
                self._fates.became(talk.incoming.update_key, outcome)
                self._note(talk.incoming.account, outcome)
        except Exception:
            log.exception("telegram.answer_failed", update_key=talk.incoming.update_key)
            self._fates.became(talk.incoming.update_key, Unknown("our own error"))
        finally:
            self._left_over.discard(talk.incoming.update_key)

    async def _show_left_over(self, left: WaitingAnswer) -> None:
        """Show what nobody has begun to: as a new message, since what was tapped is not known any more."""
        if left.update_key in self._left_over:
            return
        locale = choose_locale(left.contact_locale, left.member_locale, self._parts.shop.locale)
        rendered = self._parts.texts.render(reply_from_json(left.answer), locale)
        talk = Talk(int(left.account), Incoming(CHANNEL, account=left.account, update_key=left.update_key))
        self._left_over.add(left.update_key)
        self._queue(talk, Answer(rendered, left.contact_id, repeated=True, waiting=True), by_call=False)

    async def _show(self, talk: Talk, rendered: Rendered, picture: Painted | None) -> Outcome:
        """Show the answer, patiently where Telegram asks to wait or has surely not taken it."""
        outcome: Outcome = Unknown("not tried")
        carry = partial(self._carry_at_once, str(talk.chat))
        until = monotonic() + PARTS_SECONDS
        for _ in range(TRIES):
            outcome = await self._screens.show(talk.chat, rendered, picture, talk.tapped, Calls(carry, carry, until))
            match outcome:
                case Retry(after_seconds) if after_seconds <= LONGEST_WAIT_SECONDS:
                    await asyncio.sleep(after_seconds)
                case _:
                    break
        match outcome:
            case Sent():
                pass
            case Dead():
                left = partial(conversations.left, channel=CHANNEL, account=talk.incoming.account)
                await self._parts.database.write(partial(left, now=self._parts.clock()))
            case Stop(reason):
                log.error("telegram.refuses_us", reason=reason)
            case _:
                log.warning("telegram.answer_not_shown", outcome=type(outcome).__name__, reason=outcome.reason)
        return outcome

    async def _picture(self, rendered: Rendered, contact_id: int) -> Painted | None:
        """The picture that belongs to it; a screen without its picture is better than none."""
        wanted = rendered.picture
        if wanted is None:
            return None
        try:
            return await self._parts.painter.paint(wanted, rendered.locale, contact_id)
        except NotFound:
            log.warning("telegram.no_picture", kind=wanted.kind)
        except Exception:
            log.exception("telegram.picture_failed", kind=wanted.kind)
        return None

    def _sorry(self, talk: Talk) -> Rendered:
        locale = choose_locale(talk.incoming.locale, self._parts.shop.locale)
        return Rendered(self._parts.texts.say(words("refusal.refused"), locale), edit=False, locale=locale)


def _pause(failure: TelegramError, pause: float) -> float:
    if isinstance(failure, FloodWait):
        return failure.after_seconds
    if isinstance(failure, InvalidToken):
        return REFUSED_PAUSE_SECONDS
    outcome = classify(failure)
    return max(pause, outcome.after_seconds) if isinstance(outcome, Retry) else pause


def _pause_of_chat(chat: str) -> float:
    """Telegram wants one message a second in a private chat, and twenty a minute in a group, whose id is negative."""
    return 3.0 if chat.startswith("-") else 1.0


def make_channel(app: Parts) -> TelegramChannel:
    return TelegramChannel(app)
