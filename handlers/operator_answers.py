"""Answering what somebody has asked in their own words."""

from __future__ import annotations

from domain import audit_log
from domain.errors import NotFound
from domain.messages import alerts, questions
from domain.messages.alerts import OpenAlert
from domain.wording import words
from handlers.forms import BLANK, way_back
from handlers.routing import Chat, Reply, button, number, operators, reply, route, step


@route("answer", who=operators)
def answer(chat: Chat, which: str) -> Reply:
    found = _question(chat, number(which))
    chat.ask("answer", "text", question=found.id)
    return reply(found.words, BLANK, words("answer.ask"), rows=[way_back(f"alert:{found.id}")])


@step("answer", "text", who=operators)
def text_written(chat: Chat) -> Reply:
    if chat.commanded:
        return chat.elsewhere()
    found = _question(chat, int(chat.form_data["question"]))
    if not chat.text or len(chat.text) > questions.LONGEST:
        said = words("contact.too_long", length=len(chat.text), longest=questions.LONGEST)
        return reply(said, rows=[way_back(f"alert:{found.id}")])
    chat.finish()
    asked_by = questions.answer(chat.db, found, chat.text, now=chat.now)
    if asked_by is None:
        raise NotFound()
    audit_log.record(
        chat.db,
        actor=f"member:{chat.person.member_id}",
        action="question.answer",
        subject=f"member:{asked_by}",
        before={"question": found.words.params["text"]},
        after={"answer": chat.text},
        now=chat.now,
    )
    sent = words("answer.sent", name=found.words.params["name"])
    return reply(sent, rows=[[button("menu.alerts", "alerts")], way_back("desk")])


def _question(chat: Chat, which: int) -> OpenAlert:
    """A question that still waits; anything else is as good as missing."""
    found = alerts.open_alert(chat.db, which)
    if found is None or found.words.key != questions.QUESTION:
        raise NotFound()
    return found
