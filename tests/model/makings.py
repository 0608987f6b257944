"""What made-up histories are made of: goods, people, plans and orders, each drawn with dice."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.model.rules import Values

T = TypeVar("T")

BEGINNING = datetime(2026, 1, 5, tzinfo=UTC)
PER_FOREIGN_UNIT = {"CNY": 1.0, "USD": 7.1, "JPY": 4.8}  # only to make plausible amounts
CLASSES = (
    "self_set_commission", "self_set_commission", "self_set_commission",
    "single_brand", "single_category", "single_product", "self_picked_brands",
)  # fmt: skip
SPLITS = (
    [2000, 1000, 500], [1000, 200], [500], [3000, 1500, 500],
    [0, 800], [1500, 0, 1500], [400, 300, 200], [1000, 1000, 0],
)  # fmt: skip
SCOPES = {"single_brand": "brand", "single_category": "category", "single_product": "sku"}


def text_of(moment: datetime) -> str:
    """A time as the interface writes it."""
    return moment.isoformat().replace("+00:00", "Z")


def hour(number: int) -> str:
    """The time `number` hours after the beginning of every history."""
    return text_of(BEGINNING + timedelta(hours=number))


class Dice:
    """Choices drawn by Hypothesis; the first of several, and the lesser, is what it shrinks to."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self._draw = draw

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.between(0, len(choices) - 1)]

    def between(self, least: int, most: int) -> int:
        number: int = least if least == most else self._draw(st.integers(least, most))
        return number

    def chance(self, percent: int) -> bool:
        return self.between(0, 99) >= 100 - percent

    def shuffled(self, values: Sequence[T]) -> list[T]:
        left, out = list(values), []
        while left:
            out.append(left.pop(self.between(0, len(left) - 1)))
        return out


class SeededDice(Dice):
    """The same choices, evenly spread, for a number: no search for a smaller example, and no runs of similar ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def between(self, least: int, most: int) -> int:
        return self._random.randint(least, most)


def some_product(dice: Dice, sku: str) -> Values:
    """A product as in `PUT /products`; some have no cost, some cost more than they bring."""
    price = dice.pick((12900, 1999, 5000, 25800, 301))
    item = {
        "sku": sku, "name": f"Thing {sku}", "brand": dice.pick(("HADA", "KOTO")), "price": price,
        "category": dice.pick(("skincare", "snacks")), "currency": dice.pick(("CNY", "CNY", "CNY", "USD")),
        "on_shelf": True,
    }  # fmt: skip
    if not dice.chance(10):
        item["cost"] = price + 500 if dice.chance(6) else price * dice.pick((45, 60, 75, 88)) // 100
    return item


def some_member(dice: Dice, number: int, sponsors: list[str], products: dict[str, Values]) -> Values:
    """A person as in `PUT /members`, below one of `sponsors`, the newest more often than not."""
    role = dice.pick(("distributor", "distributor", "distributor", "merchant", "agent", "merchant", "customer"))
    item: Values = {"member_id": f"m-{number}", "name": f"Person {number}", "role": role if number > 1 else "merchant"}
    if sponsors and dice.chance(90):
        item["sponsor_id"] = sponsors[-1] if dice.chance(70) else dice.pick(sponsors)
    if dice.chance(8):
        item["mode"] = "independent"
    if dice.chance(35):
        item["tier"] = dice.pick(("gold", "silver", "unheard-of"))
    if dice.chance(60):
        item["buyer_id"] = f"u-{number}"
    return item | (some_class(dice, products) if dice.chance(40) else {})


def some_class(dice: Dice, products: dict[str, Values]) -> Values:
    """A class with what belongs to it: a scope taken from the products, or a split, seldom forgotten."""
    name = dice.pick(CLASSES)
    scope = products[dice.pick(list(products))][SCOPES[name]] if name in SCOPES else None
    item = {"class": name, "class_scope": scope}
    if name == "self_set_commission" and not dice.chance(6):
        item["split_bp"] = dice.pick(SPLITS)
    return item


def some_plan(dice: Dice, name: str, skus: list[str]) -> Values:
    """A complete plan; on the price paid its rates are a quarter at times, so that the guard does not always bite."""
    base = dice.pick(("margin", "price", "margin"))
    part = dice.pick((4, 4, 1)) if base == "price" else 1

    def levels() -> list[int]:
        rates = (
            0 if dice.chance(5) else dice.pick((3500, 4000, 333, 1250, 2000)),
            dice.pick((1500, 800, 0, 1000)),
            dice.pick((500, 333, 0, 300)),
        )
        return [rate // part for rate in rates[: dice.pick((3, 3, 3, 2, 1))]]

    plan: Values = {
        "name": name,
        "base": base,
        "levels_bp": levels(),
        "max_margin_share_bp": 0 if dice.chance(3) else dice.pick((6000, 10000, 4000, 700, 2500)),
        "freeze_days": dice.pick((7, 0, 1, 14)),
        "binding": {"policy": dice.pick(("last", "protected", "permanent")), "days": dice.pick((30, 7, 1))},
        "self_purchase": dice.pick(("hold", "pay", "none")),
        "compression": dice.pick(("none", "pass_up")),
        "self_set_min_level1_bp": dice.pick((500, 1000, 0)),
    }
    for table, names in (("brand", ["HADA", "KOTO"]), ("category", ["skincare", "snacks"]), ("product", skus)):
        if dice.chance(30):
            plan[table] = {dice.pick(names): {"levels_bp": levels()}}
    if dice.chance(75):
        plan["tier"] = {"gold": {"bonus_bp": dice.pick((300, 55))}}
        if dice.chance(60):
            plan["tier"]["silver"] = {"bonus_bp": 100}
    plan["margin"] = {"hot_max_bp": 800, "other_bp": [1000, 2500]}
    plan["compliance"] = {"market": "CN", "acknowledged_by": "the owner"}
    return plan


def some_payment(
    dice: Dice, order_id: str, paid: int, sellers: dict[str, str | None], products: dict[str, Values]
) -> Values:
    """The data of an `order.paid`; `sellers` are members with a code and their own buyer ids, the deepest first."""
    currency = dice.pick(("CNY", "CNY", "CNY", "CNY", "CNY", "USD", "USD", "JPY"))
    data: Values = {"order_id": order_id, "currency": currency, "paid_at": hour(paid), "shipping": dice.pick((0, 1200))}
    if not dice.chance(7):
        data["buyer_id"] = "c-2" if dice.chance(20) else "c-1"
    selves = [member_id for member_id, buyer_id in sellers.items() if buyer_id]
    ref = dice.pick(("member", "member", "self", "member", "missing", "member", "missing", "unknown", "member"))
    if order_id == "A-1" and ref in ("missing", "unknown"):  # somebody has to begin
        ref = "member"
    if ref == "self" and selves:
        member_id = dice.pick(selves)
        data |= {"buyer_id": sellers[member_id], "ref": {"member": member_id}}
    elif ref in ("member", "self") and sellers:
        some = list(sellers)
        data["ref"] = {"member": dice.pick(some[:2] if dice.chance(60) else some)}
    elif ref == "unknown":
        data["ref"] = "nosuchcode"
    data["items"] = [
        some_item(dice, products[sku], currency) for sku in dice.shuffled(list(products))[: dice.between(1, 3)]
    ]
    return data


def some_item(dice: Dice, product: Values, currency: str) -> Values:
    """One line of an order, paid at about the price, sometimes far below it."""
    quantity = dice.between(1, 4)
    full = int(product["price"] * quantity * PER_FOREIGN_UNIT[product["currency"]] / PER_FOREIGN_UNIT[currency])
    return {
        "sku": product["sku"],
        "quantity": quantity,
        "amount": full * (0 if dice.chance(5) else dice.pick((100, 97, 50, 93, 100))) // 100,
    }


def some_refunds(dice: Dice, items: list[Values]) -> list[Values]:
    """Refunds in parts that together never exceed the order, so that any order of their arrival is fine."""
    first = items[0]
    if dice.chance(15):  # first money back with the goods kept, then the goods come home
        kept = {"sku": first["sku"], "quantity": 0, "amount": first["amount"] // dice.pick((3, 2, 10))}
        home = {
            "sku": first["sku"],
            "quantity": first["quantity"],
            "amount": dice.pick((0, 1)) * (first["amount"] // 20),
        }
        return [{"refund_id": "r-1", "items": [kept]}, {"refund_id": "r-2", "items": [home]}]
    money = {item["sku"]: item["amount"] for item in items}
    pieces = {item["sku"]: item["quantity"] for item in items}
    refunds: list[Values] = []
    for number in range(1, dice.pick((0, 0, 1, 1, 2, 3)) + 1):
        parts = []
        for sku in money if dice.chance(50) else [first["sku"]]:
            amount = dice.pick((money[sku] // 3, money[sku], money[sku] // 2, 0, min(1, money[sku])))
            quantity = dice.pick((0, pieces[sku], min(1, pieces[sku])))
            money[sku], pieces[sku] = money[sku] - amount, pieces[sku] - quantity
            parts.append({"sku": sku, "quantity": quantity, "amount": amount})
        refunds.append({"refund_id": f"r-{number}", "items": [] if dice.chance(8) else parts})
    return refunds


def some_parcel(data: Values) -> Values:
    """The whole order in one parcel."""
    goods = [{"sku": item["sku"], "quantity": item["quantity"]} for item in data["items"]]
    return {"carrier": "SF", "tracking_number": f"SF-{data['order_id']}", "warehouse": "HK", "items": goods}
