"""The WeChat official account: every message answered in time and alike each time, notices while the window is open."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog
from aiohttp import web
from sqlalchemy.exc import IntegrityError

from bot.channels import lengths
from bot.channels.answer_fates import AnswerFates
from bot.channels.lengths import utf8_bytes
from bot.channels.outcomes import Outcome, Sent
from bot.channels.parts import Parts
from bot.channels.sending import Message, Recipient
from bot.channels.wechat_client import WeChatClient
from bot.channels.wechat_codes import Codes
from bot.channels.wechat_letters import CHANNEL, Envelopes, Forged, Letter, Malformed, read
from bot.channels.wechat_mass import MassSender
from bot.channels.wechat_notes import note, opened
from bot.channels.wechat_pages import MORE, image_xml, pages, text_xml
from bot.channels.wechat_pictures import Pictures
from bot.channels.wechat_push import Capabilities, Push
from bot.database import DatabaseUnavailable
from bot.gateway import Answer, reply_from_json
from bot.rendering import Rendered, choose_locale
from bot.web import problems, strict_json
from domain.errors import NotFound
from domain.messages import conversations, signatures
from domain.messages.conversations import WaitingAnswer
from domain.wording import words
from handlers.routing import plain

log = structlog.get_logger()

ANSWER_SECONDS: Final = 4.4  # WeChat waits for five
PICTURE_SECONDS: Final = 3.0
REMEMBERED_SECONDS: Final = 30.0  # WeChat's own repetitions are over by then
RETRIES_OVER: Final = timedelta(seconds=REMEMBERED_SECONDS)
KEPT_BYTES: Final = 600  # several are shown together
AFTER_PICTURE_SECONDS: Final = 0.5
STOP_SECONDS: Final = 5.0
RATE: Final = 20.0
SUCCESS: Final = "success"

# What the picture is all about: it is the answer. Beside other pictures the words count, and a link leads to them.
_PICTURE_FIRST: Final = ("poster", "invite_poster", "traffic")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the person is shown at once: a text, a picture by its media id, or nothing."""

    text: str = ""
    media_id: str = ""
    contact_id: int = 0


class WeChatChannel:
    """One official account."""

    name = CHANNEL

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings.wechat
        assert settings.app_id
        assert settings.app_secret
        assert settings.token
        secret = settings.app_secret.get_secret_value()
        self._parts = parts
        self._client = WeChatClient(app_id=settings.app_id, app_secret=secret, api_url=settings.api_url)
        self._envelopes = Envelopes(
            token=settings.token.get_secret_value(),
            aes_key=settings.aes_key.get_secret_value() if settings.aes_key else None,
            app_id=settings.app_id,
        )
        self.account = f"{CHANNEL}:{settings.app_id}"
        self._pictures = Pictures(parts, self._client, account=self.account, secret=secret)
        self.able = Capabilities(parts)
        self._push = Push(parts, self._client, self.able)
        self._codes = Codes(parts, self._client, self.able, account=self.account)
        self.mass = MassSender(parts, self._client, self.able)
        self._fates = AnswerFates(parts.database, CHANNEL, parts.clock, self._keep_left_over, after=RETRIES_OVER)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._answers: dict[str, asyncio.Task[Reply]] = {}
        self._later: set[asyncio.Task[None]] = set()
        self.rate = RATE

    @property
    def sender(self) -> WeChatChannel:
        return self

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return [
            web.get("/wechat", self._verify, allow_head=False),
            web.post("/wechat", self._post),
            web.get("/wechat/pictures/{link}", self._picture, allow_head=False),
        ]

    async def start(self, *, may_poll: Callable[[], bool]) -> None:
        """There is nothing to ask WeChat for: it calls us. Who might ask sends the mass messages."""
        if not self._envelopes.encrypted:
            log.warning("wechat.not_encrypted", advice="set FENXIAO_WECHAT__AES_KEY: without it messages come in plain")
        self._fates.start()
        self.mass.start(may_poll)

    async def stop(self) -> None:
        going = {*self._later, *self._answers.values()}
        if going:
            await asyncio.wait(going, timeout=STOP_SECONDS)
        await self.mass.stop()
        await self._fates.stop()
        await self._client.close()

    # What goes out by itself

    async def send(self, to: Recipient, message: Message) -> Outcome:
        """Send a notice by the best way that is open to this person."""
        rendered = replace(message.rendered, text=self._with_link(message.rendered, to.contact_id))
        return await self._push.send(to, replace(message, rendered=rendered))

    # What comes in

    async def _verify(self, request: web.Request) -> web.Response:
        """WeChat asks whether this address is ours, by a word that is to be repeated."""
        word = request.query.get("echostr", "")[:128]
        try:
            self._envelopes.check(request.query, now=self._parts.clock())
            await self._check_repetition(request.query, f"echostr={word}".encode())
        except Forged as forged:
            return _forged(forged)
        except DatabaseUnavailable:
            return problems.response(problems.unavailable())
        return web.Response(text=word, headers={"X-Content-Type-Options": "nosniff"})

    async def _post(self, request: web.Request) -> web.Response:
        now = self._parts.clock()
        try:
            self._envelopes.check(request.query, now=now)
            body = await strict_json.body(request)
            await self._check_repetition(request.query, body)
            xml = self._envelopes.open(request.query, body)
        except Forged as forged:
            return _forged(forged)
        except Malformed as malformed:
            log.warning("wechat.malformed", reason=str(malformed))
            return problems.response(problems.invalid("", "is not a message", status=400))
        except problems.Problem as problem:
            return problems.response(problem)
        except DatabaseUnavailable:
            return problems.response(problems.unavailable())
        try:
            letter = read(xml)
        except Malformed as malformed:  # signed all the same: WeChat is to be content, or it would come again
            log.warning("wechat.unreadable", reason=str(malformed))
            return web.Response(text=SUCCESS)
        try:
            reply = await self._in_time(letter)
        except DatabaseUnavailable:
            return problems.response(problems.unavailable())
        return self._response(letter, reply, request.query)

    async def _check_repetition(self, query: Mapping[str, str], body: bytes) -> None:
        """Without encryption the signature does not cover the body: it may come again, but not with another one. Nor
        does it say whether it came with a message or with the word that is to be repeated."""
        if self._envelopes.encrypted:
            return
        use = partial(signatures.use, signature=query["signature"], content=hashlib.sha256(body).hexdigest())
        if not await self._parts.database.write(partial(use, now=self._parts.clock())):
            raise Forged("this signature came with another message before")

    def _response(self, letter: Letter, reply: Reply, query: Mapping[str, str]) -> web.Response:
        now = self._parts.clock()
        if reply.media_id:
            xml = image_xml(letter.person, letter.account, reply.media_id, now=now)
        elif reply.text:
            xml = text_xml(letter.person, letter.account, reply.text, now=now)
        else:
            return web.Response(text=SUCCESS)
        return web.Response(text=self._envelopes.close(xml, query, now=now), content_type="application/xml")

    async def _in_time(self, letter: Letter) -> Reply:
        """Return the answer, the same for every repetition; too late for a direct reply, it is sent after it."""
        task = self._answers.get(letter.key)
        if task is None:
            task = asyncio.create_task(self._answer(letter), name="wechat-answer")
            self._answers[letter.key] = task
            task.add_done_callback(partial(self._forget, letter.key))
        try:
            return await asyncio.wait_for(asyncio.shield(task), ANSWER_SECONDS)
        except TimeoutError:
            log.warning("wechat.late", update_key=hashlib.sha256(letter.key.encode()).hexdigest()[:12])
            self._do_later(self._send_late(letter, task), f"late {letter.key}")
            return Reply()

    def _forget(self, key: str, task: asyncio.Task[Reply]) -> None:
        failed = task.cancelled() or task.exception() is not None
        wait = 0.0 if failed else REMEMBERED_SECONDS
        asyncio.get_running_loop().call_later(wait, self._answers.pop, key, None)

    async def _send_late(self, letter: Letter, task: asyncio.Task[Reply]) -> None:
        reply = await asyncio.shield(task)
        if reply.media_id:
            send = partial(self._client.send_image, letter.person, reply.media_id)
        elif reply.text:
            send = partial(self._client.send_text, letter.person, reply.text)
        else:
            return
        self._fates.became(letter.key, await self._push.beside(reply.contact_id, send))

    # What is answered

    async def _answer(self, letter: Letter) -> Reply:
        """Let one message take its effect and return what is shown; one person's messages one after another."""
        turn = self._turns.setdefault(letter.person, asyncio.Lock())
        async with turn:
            now = self._parts.clock()
            if letter.incoming is None:
                with contextlib.suppress(IntegrityError):  # it is being noted next door
                    await self._parts.database.write(partial(note, letter=letter, now=now))
                return Reply()
            if (more := MORE.fullmatch(plain(letter.incoming.text))) is not None:
                rest = await self._rest(letter, int(more[1]))
                if rest is not None:
                    return rest
            try:
                answer = await self._parts.gateway.handle(
                    letter.incoming, beside=partial(opened, letter=letter, now=now)
                )
                self._parts.wake_delivery()
                reply = await self._reply(letter, answer)
            except DatabaseUnavailable:
                raise
            except Exception:  # sent again it would fail again: the person is told instead
                log.exception("wechat.message_failed")
                return Reply(self._parts.texts.say(words("refusal.refused"), self._parts.shop.locale))
            if answer.waiting:
                self._fates.became(letter.key, Sent(None))
            return reply

    async def _keep_left_over(self, left: WaitingAnswer) -> None:
        """No repetition of WeChat's asked for this answer any more: it is shown when the person writes again."""
        if left.update_key in self._answers:
            return
        locale = choose_locale(left.contact_locale, left.member_locale, self._parts.shop.locale)
        text = lengths.shorten(
            self._parts.texts.render(reply_from_json(left.answer), locale).text, KEPT_BYTES, utf8_bytes
        )
        keep = partial(conversations.keep_answer, channel=CHANNEL, waiting=left, text=text, now=self._parts.clock())
        await self._parts.database.write(keep)

    async def _reply(self, letter: Letter, answer: Answer) -> Reply:
        rendered = await self._codes.on_poster(answer.rendered)
        picture = rendered.picture
        if picture is None:
            return Reply(self._pages(rendered)[0], contact_id=answer.contact_id)
        if picture.kind in _PICTURE_FIRST:
            upload = self._pictures.try_upload(picture, rendered.locale, answer.contact_id)
            try:
                media_id = await asyncio.wait_for(upload, PICTURE_SECONDS)
            except TimeoutError:
                log.warning("wechat.picture_late", kind=picture.kind)
                media_id = None
            if media_id is not None:
                if not answer.repeated:
                    self._do_later(self._send_words(letter, answer.contact_id, rendered), f"words {letter.key}")
                return Reply(media_id=media_id, contact_id=answer.contact_id)
        text = self._pages(replace(rendered, text=self._with_link(rendered, answer.contact_id)))[0]
        return Reply(text, contact_id=answer.contact_id)

    def _with_link(self, rendered: Rendered, contact_id: int) -> str:
        """The text, and where its picture is to be seen."""
        if rendered.picture is None:
            return rendered.text
        return f"{rendered.text}\n🖼 {self._pictures.link(rendered.picture, rendered.locale, contact_id)}"

    async def _send_words(self, letter: Letter, contact_id: int, rendered: Rendered) -> None:
        """Send what belongs to a picture after it; whoever's window is shut finds the way by 0 all the same."""
        await asyncio.sleep(AFTER_PICTURE_SECONDS)
        send = partial(self._client.send_text, letter.person, self._pages(rendered)[0])
        outcome = await self._push.beside(contact_id, send)
        if not isinstance(outcome, Sent):
            log.info("wechat.words_not_sent", outcome=type(outcome).__name__)

    async def _rest(self, letter: Letter, page: int) -> Reply | None:
        """Return that page of the last answer, None if it has none: read anew, so that a restart loses nothing."""
        last = partial(conversations.last_answer, channel=CHANNEL, account=letter.person)
        kept = await self._parts.database.read(last)
        if kept is None:
            return None
        locale = choose_locale(kept.contact_locale, kept.member_locale, self._parts.shop.locale)
        found = self._pages(self._parts.texts.render(reply_from_json(kept.answer), locale))
        if page > len(found):
            return None
        await self._parts.database.write(
            partial(opened, contact_id=kept.contact_id, letter=letter, now=self._parts.clock())
        )
        return Reply(found[page - 1], contact_id=kept.contact_id)

    def _pages(self, rendered: Rendered) -> list[str]:
        say, locale = self._parts.texts.say, rendered.locale
        invitation = say(words("numbers.invitation"), locale)
        return pages(rendered, invitation, lambda n: say(words("numbers.more", n=n), locale))

    async def _picture(self, request: web.Request) -> web.Response:
        try:
            painted = await self._pictures.behind(request.match_info["link"])
        except NotFound:
            return problems.response(problems.not_found())
        except DatabaseUnavailable:
            return problems.response(problems.unavailable())
        headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=painted.data, content_type=painted.content_type, headers=headers)

    def _do_later(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something beside the answer; the same thing is never under way twice."""
        if any(task.get_name() == name for task in self._later):
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._later.add(task)
        task.add_done_callback(self._done_later)

    def _done_later(self, task: asyncio.Task[None]) -> None:
        self._later.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("wechat.not_sent_after", error=type(error).__name__)


def _forged(forged: Forged) -> web.Response:
    log.warning("wechat.forged", reason=str(forged))
    return problems.response(problems.Problem(403, "wrong_signature", "The signature is wrong or stale"))


def make_channel(app: Parts) -> WeChatChannel:
    return WeChatChannel(app)
