"""One's own team: three levels below, who is active, and the invitation that brings new people."""

from __future__ import annotations

from domain.errors import NotFound
from domain.mall import links
from domain.people import network
from domain.people.network import DownlineRow
from domain.wording import Words, words
from handlers.forms import BLANK, PAGE, Item, named, numbered_list, older, page_number, pages_of, pairs, way_back
from handlers.routing import Chat, Choice, Picture, Reply, button, number, reply, route, sellers

_NEWEST = 3


@route("team", who=sellers, command=True)
def team(chat: Chat) -> Reply:
    counts = network.counts(chat.db, chat.member)
    newest = network.downline(chat.db, chat.member, 1, limit=_NEWEST, now=chat.now) if counts[0] else []
    body = [words("team.title", n=sum(counts)), *_levels(counts)]
    if newest:
        body += [BLANK, words("team.newest"), *(_line(chat, row) for row in newest)]
    else:
        body += [BLANK, words("team.none")]
    shown = [button(f"team.level_button_{level}", f"level:{level}") for level, n in enumerate(counts, 1) if n]
    return reply(*body, rows=[*pairs(*shown, button("team.invite", "invite")), way_back()])


@route("level", who=sellers)
def level(chat: Chat, which: str, after: str = "", page: str = "1") -> Reply:
    wanted = number(which)
    if wanted not in (1, 2, 3):
        raise NotFound()
    total = network.counts(chat.db, chat.member)[wanted - 1]
    at = page_number(page, total)
    before = (wanted, number(after)) if after else None
    rows = network.downline(chat.db, chat.member, wanted, after=before, limit=PAGE, now=chat.now)
    items = [Item(_line(chat, row), named(row.name or row.member_id), f"downline:{row.id}") for row in rows]
    lines, buttons = numbered_list(items)
    last = rows[-1].id if rows else 0
    return reply(
        words(f"team.level_{wanted}", n=total),
        *([words("team.third_why")] if wanted == 3 else []),
        *([words("list.page", page=at, pages=pages_of(total))] if total > PAGE else []),
        *lines,
        rows=[*buttons, older(f"level:{wanted}", last, at, more=at < pages_of(total)), way_back("team")],
    )


@route("downline", who=sellers)
def downline(chat: Chat, which: str) -> Reply:
    """One member of one's own team; anybody else's is answered like nobody."""
    wanted = number(which)
    standing = network.below(chat.db, chat.member, wanted)
    if standing is None:
        raise NotFound()
    [row] = network.downline(chat.db, chat.member, standing, after=(standing, wanted + 1), limit=1, now=chat.now)
    body = [
        words("team.member", name=row.name or row.member_id, level=standing),
        words("team.joined", at=row.joined_at),
        words("team.seen", at=row.last_seen_at) if row.last_seen_at else words("team.never_seen"),
        words("team.sold", n=row.orders_30d, at=row.last_sale_at) if row.last_sale_at else words("team.never_sold"),
        BLANK,
        words("team.active" if row.active(chat.now) else "team.dormant"),
    ]
    return reply(*body, rows=[way_back(f"level:{standing}")])


@route("invite", who=sellers, command=True)
def invite(chat: Chat) -> Reply:
    link = links.make(chat.db, chat.member, "invite", "", now=chat.now)
    urls = _ways_in(chat, link.code)
    url = urls[0].params["url"]
    text = words("invite.text", url=url)
    return reply(
        words("invite.title"),
        *urls,
        words("invite.code", code=link.code),
        BLANK,
        words("share.ready"),
        text,
        BLANK,
        words("invite.rules"),
        rows=[
            [Choice(words("share.copy_link"), copy=str(url)), Choice(words("share.copy_text"), copy=text)],
            [button("invite.poster", "invite_poster")],
            way_back("team"),
        ],
        edit=False,
    )


@route("invite_poster", who=sellers)
def invite_poster(chat: Chat, how: str = "") -> Reply:
    """The poster; on WeChat its code leads into the account for a month, or for ever if that is asked for."""
    if how not in ("", "permanent"):
        raise NotFound()
    link = links.make(chat.db, chat.member, "invite", "", now=chat.now)
    wanted = [button("invite.permanent", "invite_poster:permanent")] if chat.person.channel == "wechat" else []
    return reply(
        words("invite.poster_ready", code=link.code),
        rows=[[] if how else wanted, way_back("invite")],
        picture=Picture("invite_poster", {"link": link.code} | ({"permanent": True} if how else {})),
        edit=False,
    )


def _ways_in(chat: Chat, code: str) -> list[Words]:
    """Where somebody who was invited begins; on Telegram its own link comes first."""
    web = words("invite.web", url=links.join_url(chat.shop.public_url, code))
    if chat.shop.telegram_username is None:
        return [web]
    telegram = words("invite.telegram", url=f"https://t.me/{chat.shop.telegram_username}?start={code}")
    return [telegram, web] if chat.person.channel == "telegram" else [web, telegram]


def _levels(counts: tuple[int, int, int]) -> list[Words]:
    return [words(f"team.count_{level}", n=n) for level, n in enumerate(counts, 1)]


def _line(chat: Chat, row: DownlineRow) -> Words:
    return words(
        "team.line_active" if row.active(chat.now) else "team.line_dormant",
        name=row.name or row.member_id,
        at=row.joined_at.astimezone(chat.shop.timezone).date(),
        n=row.orders_30d,
    )
