"""The first words: who sent somebody here, what the house offers, and joining without paying anything."""

from __future__ import annotations

from dataclasses import replace

from domain.mall import catalog, links
from domain.people import linking, members
from domain.wording import Words, words
from handlers.forms import BLANK, LONGEST_NAME, mark, name_in, pairs, way_back
from handlers.routing import Chat, Choice, Reply, anyone, button, reply, route, step


@route("start", who=anyone, command=True)
def start(chat: Chat, code: str = "") -> Reply:
    """Begin, perhaps with the code of an invitation, of a link, or of an order to follow."""
    if not code:
        return chat.go("home") if chat.person.member is not None else welcome(chat)
    if linking.read_code(code):
        return chat.go(f"channel_code:{code}")
    target = links.resolve(chat.db, code)
    if target is None:
        return _unknown(chat, code)
    if target.kind == "order":
        return chat.go(f"follow:{code}")
    if target.kind == "invite":
        chat.state["invite"] = code
        return chat.go("join")
    chat.state["ref"] = code
    chat.state.setdefault("invite", code)  # whoever showed it to them is whose team they join, if ever they do
    if target.kind == "product" and (shown := catalog.product(chat.db, target.target)).on_shelf:
        return chat.go(f"product:{shown.id}")
    if target.kind == "brand":
        return chat.go(f"brand:{mark(target.target)}")
    return chat.go("products")


def welcome(chat: Chat, *said: Words) -> Reply:
    return reply(
        *said,
        words("start.welcome"),
        BLANK,
        words("start.choose"),
        rows=[
            [button("start.sell", "join"), button("start.bought", "track")],
            [button("menu.browse", "products"), button("menu.about", "about")],
            [button("start.elsewhere", "channel_enter"), button("menu.help", "help")],
            [button("menu.language", "language")],
        ],
    )


def _unknown(chat: Chat, code: str) -> Reply:
    if code == chat.text and catalog.browse(chat.db, text=code, limit=1).total:
        return chat.go("search")  # not a code but a word
    said = words("start.unknown_code", code=code[:32])
    if chat.person.member is None:
        return welcome(chat, said, BLANK)
    return reply(said, rows=[[button("menu.help", "help"), *way_back()]])


@route("join", who=anyone)
def join(chat: Chat) -> Reply:
    """What joining means, before anybody does."""
    if chat.person.sells:
        return reply(words("join.already"), rows=[[button("menu.team", "team"), *way_back()]])
    if chat.person.status != "active":
        return reply(words(f"home.{chat.person.status}"), rows=[way_back()])
    inviter = _inviter(chat)
    invited = [words("join.invited", name=inviter)] if inviter else []
    chat.ask("join", "yes")
    return reply(
        *invited,
        words("join.meaning"),
        BLANK,
        words("join.free"),
        rows=[[button("join.yes", "join_yes")], [button("menu.about", "about"), *way_back()]],
    )


@step("join", "yes", who=anyone)
def yes_written(chat: Chat) -> Reply:
    if chat.meant("join") == "yes":
        chat.finish()
        return joined(chat)
    return chat.elsewhere()


@route("join_yes", who=anyone)
def joined(chat: Chat) -> Reply:
    if chat.person.status != "active":
        return join(chat)
    if chat.person.sells:
        return chat.go("home")
    name = chat.person.name or chat.person.contact_name
    if not name.strip():
        chat.ask("join", "name")
        return reply(words("join.ask_name"), rows=[way_back("join")])
    return _join(chat, name)


@step("join", "name", who=anyone)
def name_written(chat: Chat) -> Reply:
    if chat.commanded:
        return chat.elsewhere()
    name = name_in(chat.text)
    if name is None:
        return reply(words("join.name_unclear", longest=LONGEST_NAME), rows=[way_back("join")])
    chat.finish()
    return _join(chat, name)


def _join(chat: Chat, name: str) -> Reply:
    person = chat.person
    inviter = _inviter(chat)
    member = members.join(
        chat.db,
        person.contact_id,
        invite=chat.state.pop("invite", None),
        role="distributor",
        name=name.strip()[:LONGEST_NAME],
        now=chat.now,
    )
    profile = members.profile(chat.db, member)
    chat.person = replace(
        person,
        member=member,
        member_id=profile.member_id,
        name=profile.name,
        role=profile.role,
        status=profile.status,
        operator=profile.operator,
    )
    team = [words("join.in_team", name=inviter)] if inviter else []
    steps: list[Choice] = [button("menu.products", "products"), button("menu.help", "help")]
    return reply(
        words("join.welcome", name=profile.name),
        *team,
        BLANK,
        words("join.first_steps"),
        rows=[*pairs(*steps), way_back()],
    )


def _inviter(chat: Chat) -> str | None:
    """The name of whoever invited this person, as long as that is somebody who may have a team."""
    code = chat.state.get("invite")
    return links.owner_name(chat.db, code) if code else None
