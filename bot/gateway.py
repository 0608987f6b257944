"""One update is one transaction: what was written or pressed goes to its handler, and the answer is kept with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.database import Database
from bot.rendering import LOCALES, Rendered, Texts, choose_locale
from domain import wording
from domain.codes import is_code
from domain.errors import Invalid, NotAllowed, NotFound, Refusal
from domain.messages import conversations, digest
from domain.messages.conversations import Standing
from domain.people import linking
from domain.wording import Words, words
from handlers.routing import (
    Aside,
    Chat,
    Choice,
    Incoming,
    LookFirst,
    NoSuchNumber,
    Person,
    Picture,
    Reply,
    Routes,
    Shop,
    button,
    plain,
    reply,
    spoken,
)

Keep = Callable[[Session, int, Reply], None]
"""Told of an answer and its contact once, inside the update's transaction: for a channel that keeps the talk itself."""

Beside = Callable[[Session, int], None]
"""Told of the contact once, inside the update's transaction: for what a channel notes of every update."""

HOME, HELP, ASK, SEARCH, START, UNREAD = "home", "help", "ask", "search", "start", "unread"
_SEARCHING = ("products", SEARCH)  # "选品 面膜": these take a noun after their word
_QUESTIONS = "asked"  # the answers that are common questions, understood wherever they are written


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be said now. `repeated` is set when the same update had been answered before, `waiting` while nobody
    has begun to send the answer; `next_picture` is the kind of picture that is likely to be asked for next."""

    rendered: Rendered
    contact_id: int
    repeated: bool
    waiting: bool
    next_picture: str | None = None


class Gateway:
    def __init__(
        self,
        database: Database,
        routes: Routes,
        texts: Texts,
        shop: Shop,
        clock: Callable[[], datetime],
        *,
        prepare_picture: Callable[[str], None] | None = None,
    ) -> None:
        """`prepare_picture` is told of kinds of pictures that are likely to be asked for soon."""
        self.database = database
        self.routes = routes
        self.texts = texts
        self.shop = shop
        self.clock = clock
        self._prepare_picture = prepare_picture
        self._words = _vocabulary(routes, texts)
        self._answers = _answers(texts)

    async def handle(self, incoming: Incoming, keep: Keep | None = None, beside: Beside | None = None) -> Answer:
        """Answer one update. Its effect and its answer are committed together, once, however often it comes."""
        answer = await self._handle(incoming, keep, beside)
        if answer.next_picture is not None and self._prepare_picture is not None:
            self._prepare_picture(answer.next_picture)
        return answer

    async def _handle(self, incoming: Incoming, keep: Keep | None, beside: Beside | None) -> Answer:
        seen: dict[str, Any] = {}
        try:
            return await self._looking_first(incoming, None, keep, beside, seen)
        except Refusal as refusal:
            refused = refusal
        except IntegrityError:  # the same update is being handled next door; its answer is there by now
            return await self._looking_first(incoming, None, keep, beside, seen)
        return await self._looking_first(incoming, refused, keep, beside, seen)

    async def _looking_first(
        self,
        incoming: Incoming,
        refusal: Refusal | None,
        keep: Keep | None,
        beside: Beside | None,
        seen: dict[str, Any],
    ) -> Answer:
        """What a screen has to look for at length is looked for by a reader: nobody else's answer waits for it."""
        while True:
            try:
                return await self.database.write(lambda db: self.converse(db, incoming, refusal, keep, beside, seen))
            except LookFirst as wanted:
                seen[wanted.name] = await self.database.read(wanted.work)

    def converse(
        self,
        db: Session,
        incoming: Incoming,
        refusal: Refusal | None = None,
        keep: Keep | None = None,
        beside: Beside | None = None,
        seen: dict[str, Any] | None = None,
    ) -> Answer:
        """The whole update inside one transaction.

        A Refusal leaves it, so that nothing of a refused action stays; it is then called again to say no. With `seen`,
        what was looked up beforehand, LookFirst leaves it for what is missing there.
        """
        now = self.clock()
        standing = conversations.find(db, incoming.channel, incoming.account, incoming.update_key)
        if standing is None:
            conversations.meet(
                db, incoming.channel, incoming.account, name=incoming.name, locale=incoming.locale, now=now
            )
            standing = conversations.find(db, incoming.channel, incoming.account, incoming.update_key)
            assert standing is not None
        locale = choose_locale(standing.contact_locale, standing.member_locale, incoming.locale, self.shop.locale)
        if standing.answered:
            return self._repeated(standing, locale)
        chat = Chat(db, now, self.shop, _person(standing, incoming, locale), incoming, dict(standing.state))
        chat.answers, chat.seen = self._answers, seen
        if refusal is None:
            action, written = self._destination(chat)
            waiting = chat.state.get("form")
            answer = self.routes.run(action, chat, written=written)
            if waiting is not None and not written and chat.state.get("form") is waiting:
                chat.finish()  # they went elsewhere: what they write next is not for the form any more
        else:
            answer = _refused(refusal, self.texts)
            if isinstance(refusal, NotAllowed | NotFound) and not plain(incoming.text).isdigit():
                chat.finish()  # asked again, the form would only say no again
        if standing.unread and chat.person.member is not None and answer.choices:
            answer = self._with_unread(chat, answer)
        if answer.choices:  # else the screen before is still the one that numbers choose from
            chat.state["menu"] = [choice.action for row in answer.choices for choice in row if choice.action]
        waits = keep is None and incoming.message is None  # a tapped screen is changed at once; its button stays
        name = incoming.name if incoming.name and incoming.name != standing.contact_name else None
        conversations.remember(db, standing, chat.state, name=name, now=now)
        conversations.answered(
            db,
            incoming.channel,
            incoming.update_key,
            standing.contact_id,
            reply_to_json(answer),
            answer_state="sent" if keep is not None else "waiting" if waits else "sending",
            now=now,
        )
        if keep is not None:
            keep(db, standing.contact_id, answer)
        if beside is not None:
            beside(db, standing.contact_id)
        rendered = self.texts.render(answer, chat.speak or locale)
        return Answer(rendered, standing.contact_id, repeated=False, waiting=waits, next_picture=answer.next_picture)

    def _repeated(self, standing: Standing, locale: str) -> Answer:
        """The same answer again; but what was said to somebody whose chat this was before is like missing."""
        theirs = standing.answer_theirs
        said = reply_from_json(standing.answer) if theirs else _refused(NotFound(), self.texts)
        open_ = theirs and standing.answer_state == "waiting"
        return Answer(self.texts.render(said, locale), standing.contact_id, repeated=True, waiting=open_)

    def _destination(self, chat: Chat) -> tuple[str, bool]:
        """Return the action that this update asks for; the flag is set for the words that a question waits for."""
        incoming = chat.incoming
        if incoming.start_code is not None:
            chat.finish()
            return f"{START}:{incoming.start_code}", False
        if incoming.action is not None:
            return incoming.action, False
        text = plain(incoming.text)
        if text.startswith("/"):
            chat.finish()
            command, *rest = text[1:].split() or [HELP]  # a slash and nothing else asks what there is
            name = command.split("@")[0]
            argument = rest[0] if rest and name == START else None
            return (f"{name}:{argument}" if argument else name), False
        if linking.read_code(text):  # whatever was being asked: nobody is called like that, nothing for sale is
            return f"{START}:{linking.read_code(text)}", False
        form = chat.state.get("form")
        menu = chat.state.get("menu") or []
        if text.isascii() and text.isdigit() and len(text) <= 3 and not (form and form.get("numbers")):
            if text.strip("0") == "":
                return HOME, False
            if int(text) <= len(menu):
                return menu[int(text) - 1], False
            if menu and not form:
                raise NoSuchNumber(n=int(text))
        aside = self._unasked(chat, text)
        if form and aside.action != HOME:
            chat.aside = aside
            return f"{form['name']}.{form['step']}", True
        chat.finish()
        chat.incoming = replace(incoming, text=aside.text)
        return aside.action, False

    def _unasked(self, chat: Chat, text: str) -> Aside:
        """What written words lead to where no question is open."""
        written, known = chat.incoming.text, self._words.get(_word(text))
        if known:
            return Aside(known, written, command=True)
        verb, _, noun = text.partition(" ")
        if noun and self._words.get(_word(verb)) in _SEARCHING:
            return Aside(SEARCH, noun, command=False)
        if chat.person.member is None and is_code(text):
            return Aside(f"{START}:{text}", written, command=False)
        return Aside(ASK, written, command=_word(text) in self._answers[_QUESTIONS])

    def _with_unread(self, chat: Chat, answer: Reply) -> Reply:
        """What was kept is sent now where we may write freely, and offered where every message counts (WeChat)."""
        assert chat.person.member is not None
        if chat.person.channel != "wechat":
            person = chat.person
            conversations.release_kept(chat.db, chat.person.member, person.contact_id, person.channel, now=chat.now)
            return answer
        if any(choice.action == UNREAD for row in answer.choices for choice in row):
            return answer
        waiting = digest.counts(chat.db, chat.person.member)
        return _offered(answer, waiting) if waiting else answer


def _offered(answer: Reply, waiting: Mapping[str, int]) -> Reply:
    """Say what waits and offer to read it: by number 1, but where the screen has numbered its own lines already."""
    count = sum(waiting.values())
    kinds = [words(f"unread.kind.{kind}", n=n) for kind, n in waiting.items()]
    said = (words("blank"), words("unread.waiting", n=count, kinds=kinds))
    row = (button("unread.button", UNREAD, n=count),)
    numbered = any(choice.listed for choices in answer.choices for choice in choices)
    choices = (*answer.choices, row) if numbered else (row, *answer.choices)
    return replace(answer, body=(*answer.body, *said), choices=choices)


def _vocabulary(routes: Routes, texts: Texts) -> Mapping[str, str]:
    """Every written word of every language → its route; a word with two owners is refused at start."""
    owners: dict[str, str] = {}
    for name in routes.by_name:
        for word in {_word(word) for word in texts.words_for(name)}:
            if owners.setdefault(word, name) != name:
                raise ValueError(f"{word!r} leads to both {owners[word]!r} and {name!r}")
    return owners


def _word(text: str) -> str:
    """A word as it is compared: asking for a screen leads there too."""
    return spoken(spoken(text).rstrip("?"))


def _answers(texts: Texts) -> Mapping[str, Mapping[str, str]]:
    """What may be written in answer to a question, by its group; a word that means two things is refused at start."""
    groups: dict[str, dict[str, str]] = {}
    for group, meaning, words_of_it in texts.answers():
        meanings = groups.setdefault(group, {})
        for word in words_of_it:
            if meanings.setdefault(spoken(word), meaning) != meaning:
                raise ValueError(f"{word!r} means both {meanings[spoken(word)]!r} and {meaning!r}")
    return groups


def _person(standing: Standing, incoming: Incoming, locale: str) -> Person:
    return Person(
        contact_id=standing.contact_id,
        channel=incoming.channel,
        account=incoming.account,
        contact_name=incoming.name or standing.contact_name,
        locale=locale,
        member=standing.member,
        member_id=standing.member_id,
        name=standing.name,
        role=standing.role,
        status=standing.status,
        operator=standing.operator,
    )


def _refused(refusal: Refusal, texts: Texts) -> Reply:
    key = f"invalid.{refusal.reason}" if isinstance(refusal, Invalid) else f"refusal.{refusal.code}"
    known = key in texts.keys(LOCALES[0])
    params = {name: value for name, value in refusal.params.items() if value is not None}
    said = Words(key, params) if known else words("refusal.refused")
    return reply(said, rows=[] if isinstance(refusal, NoSuchNumber) else [[button("button.home", HOME)]])


def reply_to_json(answer: Reply) -> dict[str, Any]:
    """An answer as it is kept in the inbox."""

    def choice_json(choice: Choice) -> dict[str, Any]:
        kinds = {"action": choice.action, "url": choice.url, "copy": choice.copy}
        return {
            "label": [choice.label.key, wording.to_json(choice.label.params)],
            **wording.to_json({kind: value for kind, value in kinds.items() if value is not None}),
            **({"listed": True} if choice.listed else {}),
        }

    return {
        "body": [[line.key, wording.to_json(line.params)] for line in answer.body],
        "choices": [[choice_json(choice) for choice in row] for row in answer.choices],
        "picture": None if answer.picture is None else [answer.picture.kind, wording.to_json(answer.picture.params)],
        "edit": answer.edit,
    }


def reply_from_json(stored: Mapping[str, Any]) -> Reply:
    def said(pair: Any) -> Words:
        return Words(pair[0], wording.from_json(pair[1]))

    def choice(kept: Any) -> Choice:
        kinds = wording.from_json({kind: kept[kind] for kind in ("action", "url", "copy") if kind in kept})
        return Choice(said(kept["label"]), listed=kept.get("listed", False), **cast(dict[str, Any], kinds))

    picture = stored["picture"]
    return Reply(
        body=tuple(said(pair) for pair in stored["body"]),
        choices=tuple(tuple(choice(kept) for kept in row) for row in stored["choices"]),
        picture=None if picture is None else Picture(picture[0], wording.from_json(picture[1])),
        edit=stored["edit"],
    )
