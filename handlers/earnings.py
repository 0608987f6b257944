"""What one has earned, where each amount stands on its way, and why it is what it is."""

from __future__ import annotations

from domain.errors import NotFound
from domain.money import Money, commissions
from domain.sales import earnings
from domain.sales.earnings import CommissionRow
from domain.wording import Words, words
from handlers.forms import BLANK, PAGE, Item, in_both, numbered_list, older, pairs, way_back
from handlers.routing import Chat, Reply, button, number, reply, route

ALL = "all"


@route("earnings", command=True)
def overview(chat: Chat) -> Reply:
    """The stations of money in their order: estimated, pending with its date, payable, withdrawn; and debts."""
    zone, currency = chat.shop.timezone, chat.shop.currency
    mine = earnings.earnings(chat.db, chat.member, now=chat.now, zone=zone, currency=currency)

    def money(amount: int) -> Money:
        return Money(amount, currency)

    body = [
        words("earnings.title", amount=money(mine.today)),
        BLANK,
        words("earnings.estimated", amount=money(mine.estimated)),
        words("earnings.pending", amount=money(mine.frozen)),
    ]
    if mine.next_due_at is not None:
        body.append(words("earnings.next_due", at=mine.next_due_at, amount=money(mine.next_due_amount)))
    if mine.held:
        body.append(words("earnings.held", amount=money(mine.held)))
    body.append(words("earnings.payable", amount=money(mine.payable)))
    if mine.payable:
        body.append(words("earnings.how_paid"))
    if mine.withdrawing:
        body.append(words("earnings.withdrawing", amount=money(mine.withdrawing)))
    body.append(words("earnings.withdrawn", amount=money(mine.withdrawn)))
    if mine.owed:
        body.append(words("earnings.owed", amount=money(mine.owed)))
        body.append(words("earnings.owed_why"))
    return reply(
        *body,
        rows=[
            [button("earnings.list", "commissions"), button("menu.orders", "orders")],
            [button("earnings.when", "faq:when"), *way_back()],
        ],
    )


@route("commissions")
def listed(chat: Chat, state: str = ALL, after: str = "", page: str = "1") -> Reply:
    if state not in (ALL, *commissions.STATES):
        raise NotFound()
    rows = earnings.commissions_of(
        chat.db,
        chat.member,
        state=None if state == ALL else state,
        after=number(after) if after else None,
        limit=PAGE + 1,
    )
    shown, at = rows[:PAGE], number(page)
    lines, buttons = numbered_list(_item(chat, row) for row in shown)
    others = [
        button(f"earnings.only.{one}", f"commissions:{one}") for one in (ALL, *commissions.STATES) if one != state
    ]
    chat.state["commissions"] = ":".join(["commissions", state, *([after, page] if after else [])])
    turn = older(f"commissions:{state}", shown[-1].id, at, more=len(rows) > PAGE) if shown else ()
    return reply(
        words(f"earnings.listed.{state}"),
        *(lines or [words("earnings.nothing")]),
        *([words("earnings.ask_why")] if lines else []),
        rows=[*buttons, turn, *(pairs(*others) if lines or state != ALL else []), way_back("earnings")],
    )


@route("why")
def why(chat: Chat, which: str) -> Reply:
    """Every step from the rate to the amount, in sentences with their figures."""
    detail = earnings.commission(chat.db, chat.member, number(which))
    own, line = detail.commission, detail.line
    amount = Money(own.amount - own.reversed, detail.currency)
    head = words(
        "why.title",
        amount=amount,
        level=own.level,
        name=in_both(line.name, line.name_en),
        n=line.quantity,
        order_id=detail.order_id,
    )
    steps = [words("why.step", text=said) for said in own.why]
    return reply(
        head,
        words("why.standing", state=_standing(own.state, own.due_at)),
        BLANK,
        *steps,
        rows=[
            [button("menu.contact", "contact")],
            way_back(chat.state.get("commissions", "commissions")),
        ],
    )


def _standing(state: str, due_at: object) -> Words:
    if state == commissions.FROZEN and due_at is not None:
        return words("commission.state.frozen_until", at=due_at)
    return words(f"commission.state.{state}")


def _item(chat: Chat, row: CommissionRow) -> Item:
    name = in_both(row.product, row.product_en)
    at = row.earned_at.astimezone(chat.shop.timezone).date()
    if row.left:
        amount, state = Money(row.left, chat.shop.currency), _standing(row.state, row.due_at)
        line = words("earnings.line", amount=amount, state=state, name=name, level=row.level, at=at)
    else:
        line = words(
            "earnings.line_reversed", amount=Money(row.amount, chat.shop.currency), name=name, level=row.level, at=at
        )
    return Item(line, name, f"why:{row.id}")
