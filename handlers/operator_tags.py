"""Operators put tags on members, to write to those who have one."""

from __future__ import annotations

from domain.people import members, tags
from domain.people.members import MemberProfile
from domain.wording import Words, words
from handlers.announcing import actor
from handlers.forms import by_mark, mark, named, pairs, way_back
from handlers.routing import Chat, Reply, button, number, operators, reply, route, step


@route("tags", who=operators, command=True)
def ask_whose(chat: Chat) -> Reply:
    chat.ask("tags", "whose")
    return reply(words("tags.ask"), rows=[way_back("desk")])


@step("tags", "whose", who=operators)
def whose(chat: Chat) -> Reply:
    found = members.by_member_id(chat.db, chat.text)
    if found is None:
        return chat.elsewhere() if chat.commanded else reply(words("tags.nobody"), rows=[way_back("desk")])
    return _show(chat, found)


@route("tags_of", who=operators)
def tags_of(chat: Chat, which: str) -> Reply:
    return _show(chat, members.profile(chat.db, number(which)))


@step("tags", "add", who=operators)
def tag_written(chat: Chat) -> Reply:
    if chat.commanded:
        return chat.elsewhere()
    member = members.profile(chat.db, chat.form_data["member"])
    tags.add(chat.db, member.id, chat.text, actor=actor(chat), now=chat.now)
    return _show(chat, member)


@route("tag_off", who=operators)
def tag_off(chat: Chat, which: str, tag: str) -> Reply:
    member = members.profile(chat.db, number(which))
    gone = by_mark(tags.of(chat.db, member.id), tag)
    tags.remove(chat.db, member.id, gone, actor=actor(chat), now=chat.now)
    return _show(chat, member)


def _show(chat: Chat, member: MemberProfile) -> Reply:
    """The tags of a member; whatever is written next is one more."""
    chat.ask("tags", "add", member=member.id)
    found = tags.of(chat.db, member.id)
    name: Words = named(member.name or member.member_id)
    return reply(
        words("tags.of", name=name, member_id=member.member_id),
        words("tags.add" if found else "tags.none"),
        rows=[
            *pairs(*(button("tags.off", f"tag_off:{member.id}:{mark(tag)}", tag=tag) for tag in found)),
            [button("tags.other", "tags")],
            way_back("desk"),
        ],
    )
