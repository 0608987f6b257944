"""How the day is going: orders, sales, commissions, visitors, and the day before beside them."""

from __future__ import annotations

from datetime import timedelta

from domain.money import Money
from domain.periods import local_date
from domain.wording import Words, words
from domain.work import figures
from handlers.forms import BLANK, way_back
from handlers.routing import Chat, Reply, button, number, operators, reply, route

FURTHEST = 400
"""Days that can be looked back."""


@route("figures", who=operators, command=True)
def today(chat: Chat, back: str = "0") -> Reply:
    """The figures of the business day so many days back, beside those of the day before."""
    ago = min(number(back), FURTHEST)
    zone = chat.shop.timezone
    day = local_date(chat.now, zone) - timedelta(days=ago)
    now, then = figures.figures(chat.db, day, zone), figures.figures(chat.db, day - timedelta(days=1), zone)
    sales = [words("figures.sales", amount=Money(amount, currency)) for currency, amount in sorted(now.sales.items())]
    body: list[Words] = [
        words("figures.title" if ago else "figures.title_today", day=day),
        BLANK,
        words("figures.orders", n=now.orders, before=then.orders, sellers=now.sellers),
        *sales,
        words(
            "figures.commission_reversed" if now.reversed else "figures.commission",
            amount=Money(now.commission, chat.shop.currency),
            reversed=Money(now.reversed, chat.shop.currency),
        ),
        words("figures.visits", visitors=now.visitors, visits=now.visits, before=then.visitors),
        words("figures.members", n=now.new_members, before=then.new_members),
    ]
    if now.refused_events and not ago:  # what waits now, whatever the day
        body += [BLANK, words("figures.refused", n=now.refused_events)]
    turn = [button("figures.before", f"figures:{ago + 1}")]
    if ago:
        turn.append(button("figures.after", f"figures:{ago - 1}"))
    else:
        turn.append(button("figures.refresh", "figures"))
    return reply(*body, rows=[turn, way_back("desk")])
