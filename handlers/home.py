"""The first screen of everybody: one line of what is going on, and the ways from there."""

from __future__ import annotations

from domain.mall import visits
from domain.messages import alerts
from domain.money import Money
from domain.periods import local_date
from domain.sales import earnings, holds
from domain.wording import Words, words
from domain.work import figures, task_report
from handlers.forms import pairs, way_back
from handlers.routing import Chat, Choice, Reply, anyone, button, operators, reply, route

SELLER = ("products", "traffic", "earnings", "orders", "team", "tasks", "announcements", "help")
MERCHANT = ("tasks", "products", "traffic", "earnings", "orders", "team", "announcements", "help")
CUSTOMER = ("parcels", "browse", "announcements", "join", "settings", "help")
WAITING = ("earnings", "orders", "parcels", "announcements", "help")
OPERATOR = (
    "announce",
    "audiences",
    "figures",
    "task_report",
    "holds",
    "alerts",
    "events",
    "jobs",
    "member_chats",
    "tags",
)


@route("home", who=anyone, command=True)
def home(chat: Chat) -> Reply:
    person = chat.person
    if person.member is None:
        return chat.go("start")
    if person.status != "active":
        return reply(words(f"home.{person.status}"), rows=_menu(WAITING))
    if person.sells:
        more = [button("menu.desk", "desk")] if person.operator else []
        names = MERCHANT if person.role == "merchant" else SELLER
        return reply(*_facts(chat), rows=[*_menu(names), more])
    if person.operator:
        return desk(chat)
    return reply(_hello(chat), words("home.customer"), rows=_menu(CUSTOMER))


@route("desk", who=operators, command=True)
def desk(chat: Chat) -> Reply:
    """What an operator wants to know first."""
    day = local_date(chat.now, chat.shop.timezone)
    today = figures.figures(chat.db, day, chat.shop.timezone)
    done, given = task_report.totals(chat.db, day)
    waiting = holds.count_held(chat.db)
    wrong = len(alerts.open_alerts(chat.db))
    body = [
        words("desk.title", name=_name(chat)),
        words("desk.today", orders=today.orders, visitors=today.visitors, new_members=today.new_members),
        *([words("desk.tasks", done=done, given=given)] if given else []),
        words("desk.alerts", n=wrong) if wrong else words("desk.fine"),
    ]
    if waiting:
        body.append(words("desk.holds", n=waiting))
    rows = _menu((*OPERATOR, "mass") if chat.shop.wechat_mass else OPERATOR)
    if chat.person.sells:
        return reply(*body, rows=[*rows, way_back()])
    return reply(*body, rows=[*rows, *_menu(("announcements", "parcels", "settings", "help"))])


def _facts(chat: Chat) -> list[Words]:
    """Today in one line, money in another: three reads altogether."""
    zone, currency = chat.shop.timezone, chat.shop.currency
    day = local_date(chat.now, zone)
    [today] = visits.traffic(chat.db, chat.member, day, day, zone=zone)
    mine = earnings.earnings(chat.db, chat.member, now=chat.now, zone=zone, currency=currency)
    return [
        _hello(chat),
        words("home.today", visitors=today.visitors, orders=today.orders),
        words(
            "home.money",
            estimated=Money(mine.estimated, currency),
            pending=Money(mine.frozen, currency),
            payable=Money(mine.payable, currency),
        ),
    ]


def _hello(chat: Chat) -> Words:
    """Whoever has not told us their name is not called by a number."""
    name = chat.person.name or chat.person.contact_name
    return words("home.hello", name=name) if name else words("home.hello_nameless")


def _name(chat: Chat) -> str:
    return chat.person.name or chat.person.contact_name or str(chat.person.member_id)


def _menu(names: tuple[str, ...]) -> list[tuple[Choice, ...]]:
    return pairs(*(button(f"menu.{name}", "products" if name == "browse" else name) for name in names))
