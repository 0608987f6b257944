"""How things work: what can be asked for, the questions everybody asks, and the model in plain words."""

from __future__ import annotations

from domain.errors import NotFound
from domain.money import plans
from domain.wording import Words, words
from handlers.forms import BLANK, Item, numbered_list, pairs, way_back
from handlers.routing import Chat, Person, Reply, anyone, button, members, reply, route

SELLING = ("earn", "when", "withdraw", "frozen", "why", "refund", "levels", "cost", "customers", "tasks", "messages")
BUYING = ("parcel", "missing", "return", "earn", "cost", "messages")
VISITING = ("parcel", "earn", "cost", "levels")
QUESTIONS = frozenset((*SELLING, *BUYING))
ON_BUYING = {"refund": "return"}
"""The question that the same words mean from somebody who does not sell."""

WITH_DAYS = ("when", "frozen")

VISITORS = ("start", "products", "track", "about", "contact", "language")
CUSTOMERS = ("products", "parcels", "track", "announcements", "contact", "settings", "language")
SELLERS = (
    "products",
    "shelf",
    "share_shop",
    "traffic",
    "earnings",
    "orders",
    "team",
    "invite",
    "tasks",
    "announcements",
    "parcels",
    "track",
    "contact",
    "settings",
    "language",
)
OPERATORS = ("desk", "announce", "figures", "task_report", "holds", "alerts", "events", "member_chats")


@route("help", who=anyone, command=True)
def show_help(chat: Chat) -> Reply:
    lines = [_line(one, chat.person) for one in _for(chat.person)]
    return reply(
        words("help.title"),
        BLANK,
        *lines,
        BLANK,
        words("help.hint"),
        rows=[
            [button("help.questions", "faq"), button("menu.about", "about")],
            *pairs(
                *([button("menu.settings", "settings")] if members(chat.person) else []),
                button("menu.language", "language"),
                *([button("menu.rename", "rename")] if members(chat.person) else []),
                button("menu.contact", "contact"),
            ),
            way_back(),
        ],
    )


@route("faq", who=anyone)
def faq(chat: Chat, which: str = "") -> Reply:
    if not which:
        items = [Item(words(f"faq.{one}.question"), words(f"faq.{one}.short"), f"faq:{one}") for one in _asked_by(chat)]
        lines, buttons = numbered_list(items)
        return reply(words("faq.title"), *lines, rows=[*buttons, [button("menu.contact", "contact")], way_back("help")])
    if which not in QUESTIONS:
        raise NotFound()
    which = which if chat.person.sells else ON_BUYING.get(which, which)
    return reply(
        words(f"faq.{which}.question"),
        BLANK,
        words(f"faq.{which}.answer"),
        *(_days(chat) if which in WITH_DAYS else []),
        rows=[[button("menu.contact", "contact")], way_back("faq")],
    )


@route("about", who=anyone, command=True)
def about(chat: Chat) -> Reply:
    """What the platform is and how the model works."""
    rows = [button("help.questions", "faq")]
    if not chat.person.sells and chat.person.status == "active":
        rows.append(button("menu.join", "join"))
    return reply(words("about.text"), BLANK, words("about.rules"), rows=[*pairs(*rows), way_back()])


def _line(one: str, person: Person) -> Words:
    """One command; the goods are something to sell to some and something to buy to others."""
    if one == "products" and not person.sells:
        return words("help.line", name=words("menu.browse"), text=words("help.browse"))
    return words("help.line", name=words(f"menu.{one}"), text=words(f"commands.{one}"))


def _asked_by(chat: Chat) -> tuple[str, ...]:
    if chat.person.sells:
        return SELLING
    return VISITING if chat.person.member is None else BUYING


def _days(chat: Chat) -> list[Words]:
    """How long the plan in force freezes, as a number."""
    found = plans.in_force(chat.db, chat.now)
    return [words("faq.days", n=found[1].freeze_days)] if found else []


def _for(person: Person) -> tuple[str, ...]:
    """The commands of this person's role."""
    if person.member is None:
        return VISITORS
    own = SELLERS if person.sells else CUSTOMERS
    return own + OPERATORS if person.operator else own
