"""Currency rates for scripts: what a minor unit of another currency is worth, from when on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from bot.web.api import lists
from bot.web.api.calls import Asked
from bot.web.api.shapes import Body
from domain.money import rates


class RateItem(BaseModel):
    """`rate` is a decimal text: minor units of the settlement currency for one minor unit of this currency."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    from_: Annotated[datetime, Field(alias="from")]
    rate: Annotated[str, Field(examples=["0.0482"])]


if TYPE_CHECKING:
    Items = list[Any]
else:
    Items = lists.items_like(RateItem)


class Rates(Body):
    items: Items


def put(db: Session, asked: Asked, given: Rates) -> lists.Results:
    return lists.results(
        rates.put_rates(db, given.items, settlement_currency=asked.shop.currency, actor=asked.actor, now=asked.now)
    )
