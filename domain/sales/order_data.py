"""What the shop says about an order: each event read strictly, or refused with the field and the reason.

`read` gives an event with everything that counts; what the shop sends besides is not kept. Money is minor units.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

from domain import items
from domain.items import FieldError, FieldInvalid, Rule
from domain.periods import InstantInvalid, format_instant, parse_instant
from domain.wording import canonical

MAX_TOTAL: Final = 10**12
"""What one order can come to at most, shipping included, in its own currency and in the settlement currency."""
MAX_LINES: Final = 500
MAX_QUANTITY: Final = 1_000_000
MAX_ID: Final = 128
MAX_KEPT: Final = 1000


class IncomingEvent(NamedTuple):
    """An order event as it came: `data` is whatever JSON it carried. `timestamp` is kept for whoever looks at it."""

    webhook_id: str
    type: str
    timestamp: str
    data: object


@dataclass(frozen=True, slots=True)
class Event:
    """An event that was read. `data` has plain JSON values, times in one spelling, nothing missing.

    `at` is when it happened in the shop. `fact` is what can happen to an order once only.
    """

    type: str
    order_id: str
    at: datetime
    data: Mapping[str, Any]
    fact: str | None
    fingerprint: str


class EventInvalid(ValueError):
    """What is wrong with an event, field by field."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.reason}" for error in errors))
        self.errors = errors


def read_all(incoming: IncomingEvent) -> Event:
    """Read the event with its envelope; raises EventInvalid with everything that is wrong with it."""
    try:
        _identifier(incoming.webhook_id)
    except FieldInvalid as error:
        raise EventInvalid(FieldError("webhook-id", str(error))) from None
    return read(incoming.type, incoming.data)


def read(type_: str, data: object) -> Event:
    """Read what the event says; raises EventInvalid with everything that is wrong with it."""
    fields = _FIELDS.get(type_) if isinstance(type_, str) else None
    if fields is None:
        raise EventInvalid(FieldError("type", f"must be one of {', '.join(_FIELDS)}"))
    values = _object(fields)(data)
    if errors := values.pop(_ERRORS, None):
        raise EventInvalid(*errors)
    if type_ == "order.paid":
        _check_payment(values)
    elif type_ == "order.refunded":
        _each_once(values["items"])
    time = _TIMES.get(type_, "at")
    facts = {"order.paid": "paid", "order.completed": "completed"}
    fact = f"refund:{values['refund_id']}" if type_ == "order.refunded" else facts.get(type_)
    return Event(
        type_, values["order_id"], datetime.fromisoformat(values[time]), values, fact, fingerprint(type_, values)
    )


def fingerprint(type_: str, data: object) -> str:
    """Return the same short text for the same content; the order of keys and of list entries does not count."""
    said = canonical([type_, _in_any_order(data)])
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def order_id_of(data: object) -> str:
    """Return the order that an unreadable event is about, as far as that can be said; else an empty text."""
    try:
        return str(_identifier(data.get("order_id"))) if isinstance(data, Mapping) else ""
    except FieldInvalid:
        return ""


def storable(incoming: IncomingEvent) -> IncomingEvent:
    """Return an event that could not be read as it can be kept: what no database takes becomes readable text."""
    try:
        canonical(incoming.data).encode()
        data = incoming.data
    except (ValueError, TypeError, RecursionError):
        data = {"unreadable": _plain(incoming.data, MAX_KEPT)}
    webhook_id, type_ = (_plain(text, MAX_ID) for text in (incoming.webhook_id, incoming.type))
    return incoming._replace(webhook_id=webhook_id, type=type_, data=data)


def _plain(value: object, longest: int) -> str:
    """Return a printable text unchanged, anything else in ASCII."""
    if isinstance(value, str) and value.isprintable() and len(value) <= longest:
        return value
    try:
        return ascii(value)[:longest]
    except (ValueError, RecursionError):
        return "not even printable"


def _check_payment(values: dict[str, Any]) -> None:
    _each_once(values["items"])
    if sum(item["amount"] for item in values["items"]) + values["shipping"] > MAX_TOTAL:
        raise EventInvalid(FieldError("items", f"an order comes to at most {MAX_TOTAL} minor units"))


def _each_once(lines: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for number, line in enumerate(lines):
        if line["sku"] in seen:
            raise EventInvalid(FieldError(f"items[{number}].sku", "each SKU stands in one line only"))
        seen.add(line["sku"])


def _in_any_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_any_order(each) if isinstance(each, list | dict) else each for key, each in value.items()}
    if isinstance(value, list):
        return sorted((_in_any_order(each) for each in value), key=_place)
    return value


def _place(value: Any) -> str:
    sku = value.get("sku") if isinstance(value, dict) else None
    return canonical(value) if sku is None else f"{sku}\0{value.get('quantity')}"


# How each kind of event is read. A field is (rule, default); without a default it must be there.

_MISSING: Final = object()
_ERRORS: Final = "errors"
_Field = tuple[Rule, object]


def _object(fields: Mapping[str, _Field]) -> Callable[[object], dict[str, Any]]:
    """Read an object by its fields; what is wrong is gathered under _ERRORS, with the path of each field."""

    def rule(value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            return {_ERRORS: [FieldError("", "must be an object")]}
        found: dict[str, Any] = {}
        errors: list[FieldError] = []
        for name, (read_field, default) in fields.items():
            given = value.get(name)
            if given is None:
                if default is _MISSING:
                    errors.append(FieldError(name, "is missing"))
                else:
                    found[name] = default
                continue
            try:
                found[name] = read_field(given)
            except FieldInvalid as error:
                errors.append(FieldError(name, str(error)))
            except EventInvalid as error:
                errors += [FieldError(f"{name}{inside.field}", inside.reason) for inside in error.errors]
        if errors:
            found[_ERRORS] = errors
        return found

    return rule


def _list(fields: Mapping[str, _Field], shortest: int, longest: int) -> Rule:
    inside = _object(fields)

    def rule(value: object) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise FieldInvalid("must be a list")
        if not shortest <= len(value) <= longest:
            raise FieldInvalid(f"must have {shortest} to {longest} entries")
        found = [inside(entry) for entry in value]
        errors = [
            FieldError(f"[{number}].{error.field}" if error.field else f"[{number}]", error.reason)
            for number, entry in enumerate(found)
            for error in entry.get(_ERRORS, ())
        ]
        if errors:
            raise EventInvalid(*errors)
        return found

    return rule


def _instant(value: object) -> str:
    try:
        return format_instant(parse_instant(cast(str, value)))
    except InstantInvalid as error:
        raise FieldInvalid(str(error)) from None


def _maybe(rule: Rule) -> Rule:
    """An empty text says as much as a missing one."""
    return lambda value: None if value == "" else rule(value)


def _ref(value: object) -> str | None:
    """Any text may come with a buyer; what cannot be a code belongs to nobody and does not stop a sale."""
    if not isinstance(value, str):
        raise FieldInvalid("must be a text")
    try:
        return str(_identifier(value))
    except FieldInvalid:
        return None


_any_text: Final = items.text(MAX_ID)


def _identifier(value: object) -> str:
    """A text as ids are. Nearly all of them are plain ASCII, which is seen at once."""
    if isinstance(value, str) and len(value) <= MAX_ID and value.isascii() and value.isprintable() and value.strip():
        return value
    return str(_any_text(value))


_id: Final = (_identifier, _MISSING)
_at: Final = (_instant, _MISSING)
_sku: Final = {"sku": _id}
_LINE: Final[Mapping[str, _Field]] = {
    **_sku,
    "quantity": (items.whole(1, MAX_QUANTITY), _MISSING),
    "amount": (items.whole(0, MAX_TOTAL), _MISSING),
}
_GIVEN_BACK: Final[Mapping[str, _Field]] = {**_LINE, "quantity": (items.whole(0, MAX_QUANTITY), _MISSING)}
_IN_PARCEL: Final[Mapping[str, _Field]] = {**_sku, "quantity": (items.whole(1, MAX_QUANTITY), 1)}
_PARCEL: Final[Mapping[str, _Field]] = {
    "carrier": _id,
    "tracking_number": _id,
    "warehouse": (_maybe(_identifier), None),
    "items": (_list(_IN_PARCEL, 0, MAX_LINES), None),
}
_CASE: Final[Mapping[str, _Field]] = {"order_id": _id, "case_id": _id, "at": _at}

_FIELDS: Final[Mapping[str, Mapping[str, _Field]]] = {
    "order.paid": {
        "order_id": _id,
        "buyer_id": (_maybe(_identifier), None),
        "ref": (_ref, None),
        "currency": (items.currency, _MISSING),
        "paid_at": _at,
        "items": (_list(_LINE, 1, MAX_LINES), _MISSING),
        "shipping": (items.whole(0, MAX_TOTAL), 0),
        "channel": (_maybe(_identifier), None),
        "payment": (_maybe(_identifier), None),
    },
    "order.shipped": {"order_id": _id, "parcels": (_list(_PARCEL, 1, MAX_LINES), _MISSING), "at": _at},
    "order.customs_cleared": {"order_id": _id, "at": _at},
    "order.delivered": {"order_id": _id, "at": _at},
    "order.completed": {"order_id": _id, "completed_at": _at},
    "order.refunded": {
        "order_id": _id,
        "refund_id": _id,
        "at": _at,
        "items": (_list(_GIVEN_BACK, 0, MAX_LINES), _MISSING),
    },
    "order.cancelled": {"order_id": _id, "at": _at},
    "order.case_opened": _CASE,
    "order.case_closed": _CASE,
}
_TIMES: Final = {"order.paid": "paid_at", "order.completed": "completed_at"}
TYPES: Final = tuple(_FIELDS)
