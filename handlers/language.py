"""In which language the chat speaks: asked once, changed at any time."""

from __future__ import annotations

from domain.errors import NotFound
from domain.people import members
from domain.wording import words
from handlers.forms import way_back
from handlers.routing import Chat, Reply, anyone, button, reply, route, step

LANGUAGES = ("zh", "en")


@route("language", who=anyone, command=True)
def language(chat: Chat) -> Reply:
    chat.ask("language", "chosen")
    return reply(
        words("language.ask"),
        rows=[[button(f"language.{one}", f"speak:{one}") for one in LANGUAGES], way_back()],
    )


@step("language", "chosen", who=anyone)
def language_written(chat: Chat) -> Reply:
    chosen = chat.meant("language")
    if chosen is None:
        return chat.elsewhere()
    chat.finish()
    return speak(chat, chosen)


@route("speak", who=anyone)
def speak(chat: Chat, chosen: str) -> Reply:
    if chosen not in LANGUAGES:
        raise NotFound()
    members.set_locale(chat.db, chat.person.contact_id, chosen)
    chat.speak = chosen
    return reply(words("language.changed"), rows=[way_back()])
