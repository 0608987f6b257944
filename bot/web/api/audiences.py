"""Saved audiences for scripts: what each describes and how many that is now."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.orm import Session

from bot.web.api.calls import Asked
from bot.web.api.shapes import Answer, Body, Text, text_in_path
from domain.errors import NotFound
from domain.messages import audiences

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


def listed(db: Session, asked: Asked, given: None) -> Audiences:
    found = [
        Audience(name=one.name, description=dict(one.criteria), recipients=_size(db, asked, one.criteria))
        for one in audiences.saved(db)
    ]
    return Audiences(items=found)


def put(db: Session, asked: Asked, given: Put) -> Audiences:
    """All of them or, if one cannot be understood, none."""
    for one in given.items:
        audiences.save(db, one.name, one.description, by=asked.actor, now=asked.now)
    return listed(db, asked, None)


def count(db: Session, asked: Asked, given: Counted) -> Count:
    return Count(recipients=_size(db, asked, given.audience))


def remove(db: Session, asked: Asked, given: None) -> Audiences:
    name = text_in_path(asked.path["name"])
    for one in audiences.saved(db):
        if one.name == name:
            audiences.remove(db, one.id, by=asked.actor, now=asked.now)
            return listed(db, asked, None)
    raise NotFound()


def _size(db: Session, asked: Asked, criteria: Any) -> int:
    return audiences.size(db, criteria, now=asked.now, zone=asked.shop.timezone)
