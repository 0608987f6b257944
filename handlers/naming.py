"""What somebody is called here: on posters, in the team's list, in greetings."""

from __future__ import annotations

from domain.people import members
from domain.wording import words
from handlers.forms import LONGEST_NAME, name_in, way_back
from handlers.routing import Chat, Reply, reply, route, step


@route("rename")
def rename(chat: Chat) -> Reply:
    chat.ask("rename", "name")
    return reply(words("rename.ask", name=chat.person.name or chat.person.contact_name or "–"), rows=[way_back("help")])


@step("rename", "name")
def name_written(chat: Chat) -> Reply:
    if chat.commanded:
        return chat.elsewhere()
    name = name_in(chat.text)
    if name is None:
        return reply(words("join.name_unclear", longest=LONGEST_NAME), rows=[way_back("help")])
    chat.finish()
    members.rename(chat.db, chat.member, name)
    return reply(words("rename.done", name=name), rows=[way_back()])
