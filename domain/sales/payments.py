"""A paid order goes into the record: who is credited, who earns what on which line, and everything it was decided by.

Many payments that came together are read and written in the same few statements as one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.bulk import among
from domain.items import FieldError
from domain.messages import notices
from domain.money import ONE, Money, MoneyInvalid, check_amount, commission, convert, plans
from domain.money.order_batch import Batch
from domain.periods import format_instant
from domain.sales import attribution, earners, order_rates, payment_rows
from domain.sales.earners import Person
from domain.sales.order_data import MAX_TOTAL, Event
from domain.sales.order_rates import Rates
from domain.sales.payment_rows import Goods, Sale
from domain.schema import Product


def record(db: Session, events: Sequence[Event], batch: Batch) -> dict[str, tuple[FieldError, ...]]:
    """Record the paid orders of `events`, each of another order that is not known yet; return those that are refused.

    They see each other's bindings in the order given. The caller holds the locks of these orders and buyers.
    """
    first, last = min(event.at for event in events), max(event.at for event in events)
    products = _products(db, {item["sku"] for event in events for item in event.data["items"]})
    currencies = {event.data["currency"] for event in events}
    currencies |= {product.currency for product in products.values() if product.cost is not None}
    rates = order_rates.read(db, currencies, batch.currency, first, last)
    timeline = plans.timeline(db, first, last)
    refused: dict[str, tuple[FieldError, ...]] = {}
    sales: list[Sale] = []
    for event in events:
        lines, rate, errors = _lines(event, products, rates)
        if errors:
            refused[event.order_id] = tuple(errors)
            continue
        in_force = timeline.at(event.at)
        sales.append(Sale(event, lines, rate, *(in_force or (None, None))))
    if not sales:
        return refused
    _credit(db, sales, first, last)
    people = _share_out(db, sales)
    payment_rows.write(db, sales, products, batch)
    _tell(sales, people, products, batch)
    unplanned = next((sale for sale in sales if sale.plan is None), None)
    if unplanned:
        notices.no_plan(db, unplanned.event.order_id, unplanned.event.at, now=batch.now)
    return refused


_PRODUCTS: Final = select(
    Product.sku, Product.name, Product.name_en, Product.brand, Product.category, Product.cost, Product.currency
).where(among(Product.sku, "skus"))


def _products(db: Session, skus: Collection[str]) -> dict[str, Goods]:
    return {row[0]: Goods(*row) for row in db.connection().execute(_PRODUCTS, {"skus": skus})}


def _lines(
    event: Event, products: Mapping[str, Goods], rates: Rates
) -> tuple[list[commission.OrderLine], Decimal, list[FieldError]]:
    """Join the lines with their products and rates, or say what is wrong with each."""
    data, errors = event.data, []
    currency = data["currency"]
    rate = rates.at(currency, event.at)
    if rate is None:
        errors.append(FieldError("currency", f"no rate of {currency} is known for this time"))
        rate = ONE
    elif not _converts(sum(item["amount"] for item in data["items"]) + data["shipping"], rate, MAX_TOTAL):
        errors.append(FieldError("items", f"an order comes to at most {MAX_TOTAL} minor units once converted"))
    lines = []
    for number, item in enumerate(data["items"]):
        product = products.get(item["sku"])
        if product is None:
            errors.append(FieldError(f"items[{number}].sku", "is not known"))
            continue
        cost_rate = ONE
        if product.cost is not None:
            found = rates.at(product.currency, event.at)
            if found is None:
                errors.append(FieldError(f"items[{number}].sku", f"its cost is in {product.currency}, without a rate"))
                continue
            cost_rate = found
            if not _converts(product.cost * item["quantity"], cost_rate):
                errors.append(FieldError(f"items[{number}].quantity", "so many cost more than can be counted"))
                continue
        lines.append(
            commission.OrderLine(
                number + 1,
                product.sku,
                product.brand,
                product.category,
                item["quantity"],
                item["amount"],
                rate,
                product.cost,
                cost_rate,
            )
        )
    return lines, rate, errors


def _converts(total: int, rate: Decimal, most: int | None = None) -> bool:
    try:
        converted = convert(check_amount(total), rate)
    except MoneyInvalid:
        return False
    return most is None or converted <= most


def _credit(db: Session, sales: Sequence[Sale], first: datetime, last: datetime) -> None:
    """Decide whom each order credits, and whom it binds its buyer to: one after the other."""
    codes = earners.by_code(db, {sale.event.data["ref"] for sale in sales if sale.event.data["ref"]})
    buyers = {sale.event.data["buyer_id"] for sale in sales if sale.event.data["buyer_id"]}
    bound = earners.bound(db, buyers, first, last)
    for sale in sales:
        data = sale.event.data
        buyer = data["buyer_id"]
        ref = codes.get(data["ref"])
        ref = ref if ref and ref.live else None
        known = bound.setdefault(buyer, []) if buyer else []
        sale.decision = attribution.decide(
            ref.id if ref else None,
            [binding for binding, _ in known],
            paid_at=sale.event.at,
            rule=sale.plan.binding if sale.plan else None,
            has_buyer=bool(buyer),
        )
        credited = sale.decision.credited
        persons = {person.id: person for person in (*(each for _, each in known), ref) if person}
        sale.credited = persons[credited] if credited is not None else None
        sale.ref = ref
        if sale.decision.binds is not None:
            person = persons[sale.decision.binds]
            known.append((attribution.Binding(sale.event.at, person.id, person.live), person))


def _share_out(db: Session, sales: Sequence[Sale]) -> dict[int, Person]:
    """Decide who earns what on each line; return the sponsors of the credited and the members who are buyers."""
    credited = [sale.credited for sale in sales if sale.credited]
    buyers = {sale.event.data["buyer_id"] for sale in sales if sale.event.data["buyer_id"]}
    people = earners.people(db, earners.sponsors_of(credited), buyers)
    chains = earners.chains(db, [(s.credited, s.plan) for s in sales if s.credited and s.plan], people)
    for sale in sales:
        if sale.credited is None or sale.plan is None:
            continue
        sale.chain = chains[sale.credited.id]
        buyer = sale.event.data["buyer_id"]
        sale.self_purchase = buyer is not None and sale.credited.buyer_id == buyer
        chain = [person.earner for person in sale.chain]
        sale.shares = commission.split(sale.lines, chain, sale.plan, buyer_is_credited=sale.self_purchase)
        external = {person.id: person.member_id for person in sale.chain}
        credit = _credit_step(sale)
        for line in sale.shares:
            line.trace[:] = [credit, *(_with_external_id(step, external) for step in line.trace)]
            for share in line.shares:
                sale.earned[share.member_id] = sale.earned.get(share.member_id, 0) + share.amount
    return people


def _credit_step(sale: Sale) -> commission.Step:
    decision = sale.decision
    step: commission.Step = {"code": decision.reason}
    if sale.credited:
        step["member"] = sale.credited.member_id
    if decision.bound_at:
        step["bound_at"] = format_instant(decision.bound_at)
    if decision.reason == "credit_binding_protected" and sale.ref:
        step["ref_member"] = sale.ref.member_id
    return step


def _with_external_id(step: commission.Step, external: Mapping[int, str]) -> commission.Step:
    """Internal ids stay inside: what is kept for people names members as people know them."""
    member = step.get("member")
    return {**step, "member": external[member]} if isinstance(member, int) else step


def _tell(sales: Sequence[Sale], people: Mapping[int, Person], products: Mapping[str, Goods], batch: Batch) -> None:
    """Tell every earner what the order brings, the sponsor about a first sale, the customer that it is paid."""
    customers = {person.buyer_id: person for person in people.values() if person.buyer_id}
    first_sales: set[int] = set()
    for sale in sales:
        order_id, data = sale.event.order_id, sale.event.data
        product = products[sale.lines[0].sku]
        what = (product.name, product.name_en or product.name, len(sale.lines) - 1)
        readers = {person.id: person.reader for person in sale.chain}
        levels = {share.member_id: share.level for line in sale.shares for share in line.shares}
        for member, amount in sale.earned.items():
            money = Money(amount, batch.currency)
            batch.tell(notices.commission_earned(readers[member], order_id, money, levels[member], *what))
        seller = sale.credited
        if seller and not seller.sold_before and seller.id not in first_sales:
            first_sales.add(seller.id)
            if sponsor := people.get(seller.sponsors[0] or 0):
                batch.tell(notices.first_sale(sponsor.reader, seller.reader, seller.name or seller.member_id, order_id))
        if customer := customers.get(data["buyer_id"]):
            paid = Money(sum(item["amount"] for item in data["items"]) + data["shipping"], data["currency"])
            batch.tell(notices.order_paid(customer.reader, order_id, paid, *what))
