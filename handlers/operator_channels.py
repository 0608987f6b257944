"""The chats of a member, for operators: to see them, and to part one where its owner cannot."""

from __future__ import annotations

from domain.errors import NotFound
from domain.people import linking, members
from domain.people.linking import Account
from domain.people.members import MemberProfile
from domain.wording import Words, words
from handlers.forms import BLANK, Item, numbered_list, way_back
from handlers.routing import Chat, Reply, button, number, operators, reply, route, step


@route("member_chats", who=operators, command=True)
def ask_whose(chat: Chat) -> Reply:
    chat.ask("member_chats", "whose")
    return reply(words("member_chats.ask"), rows=[way_back("desk")])


@step("member_chats", "whose", who=operators)
def whose(chat: Chat) -> Reply:
    found = members.by_member_id(chat.db, chat.text)
    if found is None:
        return reply(words("member_chats.nobody"), rows=[way_back("desk")])
    chat.finish()
    return _show(chat, found)


@route("chats_of", who=operators)
def chats_of(chat: Chat, which: str) -> Reply:
    return _show(chat, members.profile(chat.db, number(which)))


@route("chat_part", who=operators)
def part(chat: Chat, which: str, contact: str) -> Reply:
    member, one = _chat(chat, which, contact)
    return reply(
        words("member_chats.part_ask", name=_name(member), account=_account(one)),
        rows=[
            [button("channels.part_yes", f"chat_part_yes:{member.id}:{one.contact_id}")],
            way_back(f"chats_of:{member.id}"),
        ],
    )


@route("chat_part_yes", who=operators)
def parted(chat: Chat, which: str, contact: str) -> Reply:
    member, one = _chat(chat, which, contact)
    linking.let_go(chat.db, member.id, one.contact_id, actor=f"member:{chat.person.member_id}", now=chat.now)
    return _show(chat, member, words("channels.parted", account=_account(one)), BLANK)


def _show(chat: Chat, member: MemberProfile, *said: Words) -> Reply:
    found = linking.accounts(chat.db, member.id)
    items = [
        Item(
            words("channels.line" if one.reachable else "channels.line_gone", account=_account(one), at=one.seen_at),
            words("member_chats.part", channel=words(f"channel.{one.channel}")),
            f"chat_part:{member.id}:{one.contact_id}",
        )
        for one in found
    ]
    lines, buttons = numbered_list(items)
    return reply(
        *said,
        words("member_chats.title", name=_name(member), member_id=member.member_id),
        *(lines or [words("member_chats.none")]),
        rows=[*buttons, [button("member_chats.other", "member_chats")], way_back("desk")],
    )


def _chat(chat: Chat, which: str, contact: str) -> tuple[MemberProfile, Account]:
    member = members.profile(chat.db, number(which))
    for one in linking.accounts(chat.db, member.id):
        if one.contact_id == number(contact):
            return member, one
    raise NotFound()


def _name(member: MemberProfile) -> str:
    return member.name or member.member_id


def _account(one: Account) -> Words:
    return words("channels.account", channel=words(f"channel.{one.channel}"), account=one.account)
