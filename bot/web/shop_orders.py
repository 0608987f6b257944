"""Buying in the demo shop: every press of a button is a signed event to `/hooks/shop`, as from any shop."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol
from uuid import uuid4

import aiohttp
from aiohttp import web
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from bot.web import problems
from bot.web.parts import Parts
from domain.demo import stock
from domain.mall import catalog, links
from domain.mall.catalog import ProductRow
from domain.money import settlement
from domain.periods import format_instant
from domain.sales.orders import LineView, OrderView
from domain.wording import canonical

CARRIER: Final = "环球速运 SwiftGlobe"
SHIPPING: Final = 1200  # minor units
MOST_PIECES: Final = 9
MOST_DAYS: Final = 30
_SHOPPER: Final = re.compile(r"demo-[0-9a-f]{12}")
_PATIENCE: Final = aiohttp.ClientTimeout(total=10)


class ShopParts(Parts, Protocol):
    """What the shop pages need beside what all pages need."""

    @property
    def demo(self) -> bool: ...

    @property
    def demo_hook_secret(self) -> str: ...


class Checkout:
    """The till of the demo shop."""

    def __init__(self, parts: ShopParts) -> None:
        self._parts = parts

    @staticmethod
    def shopper(kept: str) -> str:
        """Return the customer that a browser has kept, or a new one for whatever is not one of ours."""
        return kept if _SHOPPER.fullmatch(kept) else f"demo-{secrets.token_hex(6)}"

    async def buy(
        self, request: web.Request, *, sku: str, quantity: str, days_ago: str, code: str | None, shopper: str
    ) -> str:
        """Pay for one product, now or as if some days ago, and return the token of the order's page."""
        pieces, days = _number(quantity, "quantity", 1, MOST_PIECES), _number(days_ago, "days_ago", 0, MOST_DAYS)
        product = await self._parts.database.read(partial(_on_shelf, sku=sku))
        if product.stock is not None and product.stock < pieces:
            raise problems.Problem(409, "too_few", "There are not so many left")
        now = self._parts.clock()
        order_id = f"DEMO-{now:%y%m%d}-{secrets.token_hex(3).upper()}"
        paid_at = now - timedelta(days=days)
        await self._report(
            request,
            "order.paid",
            {
                "order_id": order_id,
                "buyer_id": shopper,
                **({"ref": code} if code else {}),
                "currency": product.currency,
                "paid_at": format_instant(paid_at),
                "items": [{"sku": sku, "quantity": pieces, "amount": product.price * pieces}],
                "shipping": SHIPPING,
            },
        )
        await self._parts.database.write(partial(stock.take, sku=sku, pieces=pieces))
        return await self._parts.database.write(partial(links.order_link, order_id=order_id, now=now))

    def next_steps(self, view: OrderView, now: datetime) -> Sequence[str]:
        """What can be done with the order now, the natural next step first."""
        if view.state in ("cancelled", "refunded"):
            return ()
        way = (("ship", view.shipped_at), ("customs", view.customs_cleared_at), ("deliver", view.delivered_at))
        steps = [name for name, done in way if done is None][:1]
        if view.delivered_at is not None and view.completed_at is None:
            steps.append("complete")
        unsettled = any(one.state == "frozen" for one in view.commissions)
        if unsettled and view.due_at is not None and view.due_at <= now and not view.case_open:
            steps.append("settle")
        steps += ["refund_one", "refund_part", "close_case" if view.case_open else "open_case"]
        return steps if view.completed_at is not None else [*steps, "cancel"]

    async def take_step(self, request: web.Request, view: OrderView, step: str) -> None:
        """Report the step; unknown ones and those whose turn is past are refused."""
        now = self._parts.clock()
        if step not in self.next_steps(view, now):
            raise problems.not_found()
        if step == "settle":
            await asyncio.to_thread(
                settlement.settle, self._parts.database.write_now, self._parts.database.read_now, as_of=now, now=now
            )
            self._parts.wake_delivery()
            return
        type_, data = _event(view, step, now)
        await self._report(request, type_, {"order_id": view.order_id, **data})
        line = view.lines[0]
        back = {"refund_one": min(1, _kept(line)), "cancel": _kept(line)}.get(step, 0)
        if back:
            await self._parts.database.write(partial(stock.put_back, sku=line.sku, pieces=back))

    async def _report(self, request: web.Request, type_: str, data: Mapping[str, Any]) -> None:
        """Sign the event and post it to ourselves over HTTP. Raises Problem 409 if it came too late, else 502."""
        assert request.transport is not None
        host, port = request.transport.get_extra_info("sockname")[:2]
        url = f"http://[{host}]:{port}/hooks/shop" if ":" in host else f"http://{host}:{port}/hooks/shop"
        now = self._parts.clock()
        body = canonical({"type": type_, "timestamp": format_instant(now), "data": dict(data)})
        id_ = f"demo-{uuid4().hex}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": id_,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self._parts.demo_hook_secret).sign(id_, now, body),
        }
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.post(url, data=body.encode(), headers=headers) as answer,
        ):
            if answer.status in (409, 422):  # somebody else has pressed a button of this order at the same time
                raise problems.Problem(409, "too_late", "Something has happened to this order meanwhile: look again")
            if answer.status >= 300:
                raise problems.Problem(502, "not_taken", f"The order event was not taken: {answer.status}")


def _event(view: OrderView, step: str, now: datetime) -> tuple[str, dict[str, Any]]:
    """The event of a step. An order that was bought as if some days ago goes through its steps on those days."""
    line = view.lines[0]
    left, kept = line.amount - line.refunded_amount, _kept(line)
    since = [at for at in (view.paid_at, view.shipped_at, view.customs_cleared_at, view.delivered_at) if at]
    at = min(now, max(since) + timedelta(hours=6)) if now - view.paid_at > timedelta(days=1) else now
    match step:
        case "ship":
            number = f"SG{secrets.randbelow(10**10):010d}"
            items = [{"sku": line.sku, "quantity": line.quantity}]
            parcel = {"carrier": CARRIER, "tracking_number": number, "warehouse": "宁波保税仓", "items": items}
            return "order.shipped", {"at": format_instant(at), "parcels": [parcel]}
        case "customs":
            return "order.customs_cleared", {"at": format_instant(at)}
        case "deliver":
            return "order.delivered", {"at": format_instant(at)}
        case "complete":
            return "order.completed", {"completed_at": format_instant(at)}
        case "refund_one":
            item = {"sku": line.sku, "quantity": min(1, kept), "amount": left // max(1, kept)}
            return "order.refunded", _refund(item, now)
        case "refund_part":
            return "order.refunded", _refund({"sku": line.sku, "quantity": 0, "amount": left // 5}, now)
        case "open_case":
            return "order.case_opened", {"case_id": "demo", "at": format_instant(now)}
        case "close_case":
            return "order.case_closed", {"case_id": "demo", "at": format_instant(now)}
        case "cancel":
            return "order.cancelled", {"at": format_instant(now)}
    raise problems.not_found()


def _kept(line: LineView) -> int:
    """How many pieces are still the buyer's."""
    return line.quantity - line.refunded_quantity


def _refund(item: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {"refund_id": f"R-{uuid4().hex[:8]}", "at": format_instant(now), "items": [dict(item)]}


def _on_shelf(db: Session, sku: str) -> ProductRow:
    product = catalog.product(db, sku)
    if not product.on_shelf:
        raise problems.not_found()
    return product


def _number(text: str, field: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and least <= int(text) <= most):
        raise problems.invalid(field, f"a whole number from {least} to {most}")
    return int(text)
