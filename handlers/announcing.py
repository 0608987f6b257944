"""What the screens about announcements share: the draft, the text as its readers get it, an audience in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from domain.errors import NotFound
from domain.messages import audience_rules
from domain.messages.announcements import Announced
from domain.schema.messages import OUTBOX_STATES
from domain.wording import Words, words
from handlers.forms import BLANK, named
from handlers.routing import Chat, Picture


def draft_of(chat: Chat) -> dict[str, Any]:
    """What is being written; NotFound where nothing is."""
    draft = chat.state.get("draft")
    if not draft or "text" not in draft:
        raise NotFound()
    return dict(draft)


def actor(chat: Chat) -> str:
    return f"member:{chat.person.member_id}"


def know_waiting(chat: Chat, announcement: int, n: int) -> None:
    """Of an announcement written down just now all recipients are waiting."""
    counts = dict.fromkeys(OUTBOX_STATES, 0) | {"recipients": n, "queued": n}
    chat.know(f"announcement:{announcement}", counts)


def as_read(text: str, text_en: str | None) -> list[Words]:
    """The text word for word as readers get it, in each language that it is written in."""
    if text_en is None:
        return [words("announcement", text=text)]
    return [
        words("announce.in_zh"),
        words("announcement", text=text),
        BLANK,
        words("announce.in_en"),
        words("announcement", text=text_en),
    ]


def picture_of(sku: str | None) -> Picture | None:
    return None if sku is None else Picture("product", {"sku": sku})


def audience_of(announced: Announced) -> Words:
    if announced.resend_of is not None:
        return words("audience.resend", number=announced.resend_of)
    return audience(announced.audience, announced.criteria)


def audience(name: str, criteria: Mapping[str, Any] | None = None) -> Words:
    """The audience in words: a name that never changes, one that an operator gave, or what it consists of."""
    if criteria is not None:
        return in_words(criteria) if name == "custom" else named(name)
    kind, _, value = name.partition(":")
    if kind == "tier":
        return words("audience.tier", name=value)
    return words(f"audience.{name.replace(':', '_')}") if audience_rules.named(name) is not None else named(name)


MOST_NAMED: Final = 5
"""Of what a script may have listed, so that it can be read on a phone."""


def in_words(criteria: Mapping[str, Any]) -> Words:
    """A description in one line, what somebody must not be at its end."""
    parts = [condition(name, value) for name, value in sorted(criteria.items(), key=lambda item: item[0] == "not")]
    return joined(parts, "audience.and") if parts else words("audience.all")


def condition(name: str, value: Any) -> Words:
    if name == "any":
        return joined([in_words(one) for one in value], "audience.or")
    if name == "not":
        return joined([words("audience.other_than", what=in_words(one)) for one in value], "audience.and")
    if name in ("active_days", "dormant_days"):
        return words(f"audience.is.{name}", n=value)
    if name == "joined_since":
        return words("audience.is.joined_since", day=date.fromisoformat(value))
    if name == "operator":
        return words("audience.operators")
    if name == "below":
        return words("audience.is.below", member_id=value)
    return joined([value_words(name, one) for one in value], "audience.or")


def value_words(name: str, value: str) -> Words:
    """One value of a condition with several."""
    if name == "tier":
        return words("audience.tier", name=value)
    if name == "tag":
        return words("audience.is.tag", tag=value)
    if name == "channel":
        return words("audience.is.channel", channel=words(f"channel.{value}"))
    return words(f"audience.{name}.{value}")


def joined(parts: Sequence[Words], with_: str) -> Words:
    first, *rest = parts
    for part in rest[: MOST_NAMED - 1]:
        first = words(with_, one=first, other=part)
    left = len(rest) - (MOST_NAMED - 1)
    return words("audience.more", one=first, n=left) if left > 0 else first
