"""How an audience is described: plain values that scripts write, operators put together, and the record keeps.

All conditions of a description hold at once. `any` is a list of descriptions of which one has to fit, `not` a list of
which none may: {"role": ["merchant"], "tag": ["vip"], "not": [{"active_days": 30}]} are the merchants tagged vip of
whom nothing was seen for thirty days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from domain.errors import Invalid
from domain.roles import CHANNELS, CLASSES, ROLES

MOST_CONDITIONS: Final = 20
MOST_VALUES: Final = 50
DEEPEST: Final = 3
LONGEST: Final = 64
"""Characters of a name: of an audience, a tag, a tier."""

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Of days that can be said; at the ends of the calendar there is no instant for them in every time zone."""

Criteria = Mapping[str, Any]


def checked(given: object) -> dict[str, Any]:
    """Return the description in its one form: lists where there may be several values, nothing empty.

    Raises Invalid for the field that cannot be understood, and for a description of nobody in particular.
    """
    found = _description(given, "audience", 1)
    if not found:
        raise Invalid("audience", "audience_empty")
    if _count(found) > MOST_CONDITIONS:
        raise Invalid("audience", "audience_too_much", limit=MOST_CONDITIONS)
    return found


def _description(given: object, at: str, depth: int) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise Invalid(at, "audience_unclear", at=at)
    if depth > DEEPEST:
        raise Invalid(at, "audience_too_much", limit=MOST_CONDITIONS)
    found = {}
    for name, value in given.items():
        where = f"{at}.{name}"
        if name in ("any", "not"):
            found[name] = [_not_empty(one, where, depth + 1) for one in _listed(value, where)]
        elif name in _READ:
            found[name] = _READ[name](value, where)
        else:
            raise Invalid(where, "audience_unclear", at=where)
    return found


def _not_empty(given: object, at: str, depth: int) -> dict[str, Any]:
    """Nothing at all would hold for everybody, and its opposite for nobody."""
    found = _description(given, at, depth)
    if not found:
        raise Invalid(at, "audience_empty")
    return found


def _count(description: Mapping[str, Any]) -> int:
    return sum(sum(map(_count, value)) if name in ("any", "not") else 1 for name, value in description.items())


def _listed(value: object, at: str) -> list[Any]:
    listed = value if isinstance(value, list) else [value]
    if not 1 <= len(listed) <= MOST_VALUES:
        raise Invalid(at, "audience_too_much", limit=MOST_VALUES)
    return listed


def _one_of(*known: str) -> Callable[[object, str], list[str]]:
    def read(value: object, at: str) -> list[str]:
        listed = _listed(value, at)
        if any(one not in known for one in listed):
            raise Invalid(at, "audience_value", at=at, known=", ".join(known))
        return sorted(set(listed))

    return read


def _names(value: object, at: str) -> list[str]:
    return sorted({_name(one, at) for one in _listed(value, at)})


def _name(value: object, at: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= LONGEST or not value.isprintable():
        raise Invalid(at, "audience_unclear", at=at)
    return value.strip()


def _days(value: object, at: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 366:
        raise Invalid(at, "audience_days", at=at)
    return value


def _day(value: object, at: str) -> str:
    try:
        day = date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise Invalid(at, "audience_day", at=at) from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Invalid(at, "audience_day", at=at)
    return day.isoformat()


def _true(value: object, at: str) -> bool:
    if value is not True:
        raise Invalid(at, "audience_unclear", at=at)
    return True


_READ: Final[Mapping[str, Callable[[object, str], Any]]] = {
    "role": _one_of(*ROLES),
    "class": _one_of(*CLASSES),
    "tier": _names,
    "tag": _names,
    "channel": _one_of(*CHANNELS),
    "language": _one_of("zh", "en"),
    "active_days": _days,  # a visit through their links, or a sale credited to them
    "dormant_days": _days,  # neither
    "below": _name,  # a member id: everybody on the three levels below
    "joined_since": _day,
    "operator": _true,
}

CONDITIONS: Final = tuple(_READ)


def named(name: str) -> dict[str, Any] | None:
    """Return what a name that never changes describes; None for any other name."""
    if name in _ALWAYS:
        return dict(_ALWAYS[name])
    kind, _, value = name.partition(":")
    if kind == "tier" and value:
        return {"tier": [value]}
    if kind == "locale" and value in ("zh", "en"):
        return {"language": [value]}
    return None


_ALWAYS: Final[Mapping[str, Mapping[str, Any]]] = {
    "all": {},
    "distributors": {"role": ["distributor"]},
    "merchants": {"role": ["merchant"]},
    "agents": {"role": ["agent"]},
    "customers": {"role": ["customer"]},
    "operators": {"operator": True},
}

NAMES: Final = tuple(_ALWAYS)
"""Besides these: `locale:zh`, `locale:en` and `tier:NAME`."""

CUSTOM, RESEND, PREVIEW = "custom", "resend", "preview"
"""What stands for the name of an audience that has none: described on the spot, those not reached, oneself."""

RESERVED: Final = (*NAMES, CUSTOM, RESEND, PREVIEW)
"""No audience of an operator's own has one of these names, or one with a colon in it."""


def own_name(name: str) -> str:
    """Return the name as it is kept; Invalid for one that means something already."""
    kept = " ".join(name.split())
    if not kept or len(kept) > LONGEST or not kept.isprintable():
        raise Invalid("name", "audience_name", limit=LONGEST)
    if kept.casefold() in RESERVED or ":" in kept or kept.isdigit():
        raise Invalid("name", "audience_name_taken", name=kept)
    return kept
