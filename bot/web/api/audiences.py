"""Saved audiences for scripts: what each describes and how many that is now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.orm import Session

from bot.web.api.calls import Asked
from bot.web.api.shapes import Answer, Body, Cursor, Limit, NextCursor, Query, Text, cursor, text_in_path
from domain.errors import NotFound
from domain.messages import audiences
from domain.messages.audiences import Saved

Description = Annotated[
    dict[str, Any],
    Field(
        description="All of its conditions hold: role, class, tier, tag, channel, language (one value or a list), "
        "active_days, dormant_days (visits or sales), below (a member id: three levels), joined_since (a day), "
        "operator (true); `any`: a list of descriptions of which one fits, `not`: a list of which none may"
    ),
]


class Named(Body):
    name: Annotated[Text, Field(max_length=64)]
    description: Description


class Put(Body):
    items: Annotated[list[Named], Field(min_length=1, max_length=100)]


class Counted(Body):
    audience: Description


class Count(Answer):
    recipients: int


class Audience(Answer):
    name: str
    description: dict[str, Any]
    recipients: int


class Audiences(Answer):
    items: list[Audience]


class Page(Query):
    limit: Limit = 20
    cursor: Cursor | None = None


class Found(Audiences):
    cursor: NextCursor


def listed(db: Session, asked: Asked, given: Page) -> Found:
    begun = given.cursor[0] if given.cursor else 0
    found = audiences.saved(db, after=begun, limit=given.limit + 1)
    more = cursor(begun + given.limit) if len(found) > given.limit else None
    return Found(items=shown(db, asked, found[: given.limit]).items, cursor=more)


def shown(db: Session, asked: Asked, which: Sequence[Saved]) -> Audiences:
    sizes = audiences.sizes(db, [one.criteria for one in which], now=asked.now, zone=asked.shop.timezone)
    return Audiences(
        items=[
            Audience(name=one.name, description=dict(one.criteria), recipients=n)
            for one, n in zip(which, sizes, strict=True)
        ]
    )


def put(db: Session, asked: Asked, given: Put) -> Sequence[Saved]:
    """All of them or, if one cannot be understood, none."""
    return [audiences.save(db, one.name, one.description, by=asked.actor, now=asked.now) for one in given.items]


def count(db: Session, asked: Asked, given: Counted) -> Count:
    return Count(recipients=audiences.size(db, given.audience, now=asked.now, zone=asked.shop.timezone))


def remove(db: Session, asked: Asked, given: None) -> Page:
    """What is shown afterwards are the first of those that are left."""
    name = text_in_path(asked.path["name"])
    for one in audiences.saved(db):
        if one.name == name:
            audiences.remove(db, one.id, by=asked.actor, now=asked.now)
            return Page()
    raise NotFound()
