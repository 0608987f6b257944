"""Where the published rules leave room: steps that two honest readers could answer differently."""

from datetime import datetime

from tests.model.oracle import Step, World
from tests.model.rules import Values

instant = datetime.fromisoformat


def doubt(world: World, step: Step) -> str | None:
    """Why the rules do not decide this step beyond doubt, or None. Changes nothing."""
    kind = step["step"]
    if kind == "put_members":
        return _doubt_members(world, step)
    if kind == "publish_plan":
        return "two plans from the same time" if instant(step["from"]) in world.plans else None
    if kind in ("hold", "release", "deny") and step["order_id"] in world.orders:
        order = world.orders[step["order_id"]]
        if order.denied or not any(each.left for each in order.commissions):
            return "a decision on nothing"
        if kind == "hold" and (order.held or any(each.settled for each in order.commissions)):
            return "hold of what is held or payable"
        return "release of what is not held" if kind == "release" and not order.held else None
    if kind == "event":
        return _doubt_event(world, step["body"]["type"], step["body"]["data"])
    return None


def _doubt_members(world: World, step: Step) -> str | None:
    after = world.members_after(step)
    if len(step["items"]) > 1 and any(world.objection(after, item["member_id"]) for item in step["items"]):
        return "which item of several is the wrong one"
    for item in step["items"]:
        before = world.members.get(item["member_id"])
        if before and before["status"] == "closed" and after[item["member_id"]]["status"] != "closed":
            return "a closed member comes back"
        has_downline = any(each["sponsor_id"] == item["member_id"] for each in after.values())
        if before and has_downline and after[item["member_id"]]["role"] == "customer":
            return "a sponsor becomes a customer"
    return None


def _doubt_event(world: World, kind: str, data: Values) -> str | None:
    order_id = data["order_id"]
    if kind == "order.completed" and order_id not in world.orders and world.fact(kind, data) in world.seen_facts:
        return "a second completion while the first still waits"
    if kind == "order.refunded" and any(late.get("refund_id") == data["refund_id"] for _, late, _ in world.listed):
        return "a refund again that proved invalid after waiting"
    if kind == "order.refunded" and order_id not in world.orders and any(item["amount"] < 0 for item in data["items"]):
        return "a negative amount in an event that would have to wait"
    if kind == "order.paid" and order_id not in world.orders:
        if any(item["sku"] not in world.products for item in data["items"]):
            return None
        plan = world.plan_at(instant(data["paid_at"]))
        touched = set(world.touched)
        credited, binds = world.credit(data, plan)
        world.touched = touched  # only a look
        if None in world.rates_for(data).values() and (plan is None or credited is None):
            return "a missing rate where nobody would earn"
        if plan is None and binds and data.get("buyer_id"):
            return "a binding without a plan that says how"
    return None
