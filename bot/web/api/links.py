"""Links for scripts: the one code of a member for a product."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from bot.web.api.calls import Asked
from bot.web.api.shapes import Answer, Body, Text
from domain import audit_log
from domain.errors import Invalid, NotFound
from domain.mall import links
from domain.people import members


class Wanted(Body):
    member_id: Annotated[Text, Field(description="whose link")]
    sku: Annotated[Text, Field(description="to which product")]


class Made(Answer):
    """The same member and product give the same code for ever."""

    code: str
    url: str


def make(db: Session, asked: Asked, given: Wanted) -> Made:
    member = members.by_member_id(db, given.member_id)
    if member is None:
        raise Invalid("member_id", "is not a member")
    try:
        link = links.make(db, member.id, "product", given.sku, now=asked.now)
    except NotFound:
        raise Invalid("sku", "is not a known product") from None
    subject = f"member:{member.member_id}"
    audit_log.record(
        db,
        actor=asked.actor,
        action="link.make",
        subject=subject,
        after={"code": link.code, "sku": given.sku},
        now=asked.now,
    )
    return Made(code=link.code, url=links.url(asked.shop.public_url, link.code))
