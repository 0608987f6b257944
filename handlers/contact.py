"""Reaching a human: the address that the shop has named, or a message that operators answer here."""

from __future__ import annotations

from dataclasses import replace

from domain.messages import questions
from domain.people import members
from domain.wording import words
from handlers.forms import way_back
from handlers.routing import Chat, Choice, Reply, anyone, button, reply, route, step


@route("contact", who=anyone, command=True)
def contact(chat: Chat) -> Reply:
    address = chat.shop.contact
    if address:
        opens = [Choice(words("contact.open"), url=address)] if address.startswith(("http://", "https://")) else []
        rows = [opens, [button("help.questions", "faq"), *way_back()]]
        return reply(words("contact.address", contact=address), rows=rows)
    chat.ask("contact", "message")
    return reply(words("contact.ask"), rows=[[button("help.questions", "faq"), *way_back()]])


@step("contact", "message", who=anyone)
def message_written(chat: Chat) -> Reply:
    if chat.commanded:
        return chat.elsewhere()
    if not chat.text or len(chat.text) > questions.LONGEST:
        said = words("contact.too_long", length=len(chat.text), longest=questions.LONGEST)
        return reply(said, rows=[way_back()])
    chat.finish()
    if chat.person.member is None:
        _join(chat)
    person = chat.person
    taken = questions.ask(chat.db, str(person.member_id), person.name, chat.text, now=chat.now)
    said = words("contact.sent" if taken else "contact.waiting", most=questions.MOST)
    return reply(said, rows=[[button("help.questions", "faq"), *way_back()]])


def _join(chat: Chat) -> None:
    """Whoever asks is a member from then on, lest the answer reach nobody. It costs and binds nothing."""
    person = chat.person
    member = members.join(
        chat.db, person.contact_id, invite=None, role="customer", name=person.contact_name, now=chat.now
    )
    profile = members.profile(chat.db, member)
    chat.person = replace(
        person, member=member, member_id=profile.member_id, name=profile.name, role=profile.role, status=profile.status
    )
