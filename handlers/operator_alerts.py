"""What is wrong right now and what to do about it; order events of the shop that could not be applied."""

from __future__ import annotations

import re
from typing import Any

from domain import audit_log
from domain.errors import NotFound
from domain.items import FieldError
from domain.messages import alerts
from domain.sales import order_events, reasons
from domain.sales.order_events import RefusedEvent
from domain.wording import Words, words
from handlers.forms import BLANK, PAGE, Item, beginning, named, numbered_list, way_back
from handlers.routing import Chat, Choice, Reply, button, number, operators, reply, route

_REASONS = 5


@route("alerts", who=operators, command=True)
def open_alerts(chat: Chat) -> Reply:
    found = alerts.open_alerts(chat.db, PAGE + 1)
    if not found:
        return reply(words("alerts.none"), rows=[[button("menu.events", "events")], way_back("desk")])
    items = [
        Item(words("alerts.line", at=one.raised_at, text=one.words), words("alerts.open"), f"alert:{one.id}")
        for one in found[:PAGE]
    ]
    lines, buttons = numbered_list(items)
    more = [words("alerts.more")] if len(found) > PAGE else []
    return reply(
        words("alerts.title"), *lines, *more, rows=[*buttons, [button("menu.events", "events")], way_back("desk")]
    )


@route("alert", who=operators)
def alert(chat: Chat, which: str) -> Reply:
    found = _alert(chat, number(which))
    rows = [[button("alerts.done", f"alert_done:{found.id}"), *_helping(found.words.key)], way_back("alerts")]
    return reply(words("alerts.one", at=found.raised_at), found.words, BLANK, _advice(found.words.key), rows=rows)


@route("alert_done", who=operators)
def done(chat: Chat, which: str) -> Reply:
    """An operator has seen to it. What is still wrong is raised again by whatever finds it."""
    found = _alert(chat, number(which))
    alerts.clear_alert(chat.db, found.key, now=chat.now)
    _record(chat, "alert.clear", f"alert:{found.id}", {"key": found.key})
    return reply(words("alerts.closed"), rows=[[button("menu.alerts", "alerts")], way_back("desk")])


@route("events", who=operators, command=True)
def refused_events(chat: Chat, before: str = "") -> Reply:
    after = number(before) if before else None
    found = order_events.refused_events(chat.db, limit=PAGE + 1, after=after)
    if not found:
        return reply(words("events.none"), rows=[way_back("desk")])
    lines, buttons = numbered_list(
        Item(_line(one), named(one.order_id or one.type), f"event:{one.id}") for one in found[:PAGE]
    )
    older = [button("button.older", f"events:{found[PAGE - 1].id}")] if len(found) > PAGE else []
    return reply(words("events.title"), *lines, rows=[*buttons, older, way_back("desk")])


@route("event", who=operators)
def event(chat: Chat, which: str) -> Reply:
    found = _event(chat, number(which))
    return reply(
        words("events.one", type=found.type, order_id=found.order_id or "–", at=found.received_at),
        words("events.id", id=found.id, webhook_id=beginning(found.webhook_id, 64)),
        *(_reason(error, found.data) for error in found.errors[:_REASONS]),
        BLANK,
        words("events.waited" if found.waited else "events.advice"),
        rows=[[button("events.retry", f"event_retry:{found.id}")], way_back("events")],
    )


@route("event_retry", who=operators)
def retry(chat: Chat, which: str) -> Reply:
    found = _event(chat, number(which))
    result = order_events.retry_event(chat.db, found.id, now=chat.now, settlement_currency=chat.shop.currency)
    _record(chat, "event.retry", f"order_event:{found.id}", {"status": result.status})
    still = [_reason(error, found.data) for error in result.errors[:_REASONS]]
    return reply(words(f"events.result.{result.status}"), *still, rows=[way_back("events")])


def _line(one: RefusedEvent) -> Words:
    reason = reasons.told_at(one.errors[0]) if one.errors else ""
    return words("events.line", at=one.received_at, type=one.type, order_id=one.order_id or "–", reason=reason)


def _reason(error: FieldError, data: Any) -> Words:
    """What is wrong, with what the shop sent there."""
    given = _value_at(data, error.field)
    if given is None:
        return words("events.reason", field=error.field, reason=reasons.told(error.reason))
    return words(
        "events.reason_given", field=error.field, given=beginning(str(given), 40), reason=reasons.told(error.reason)
    )


def _value_at(data: Any, field: str) -> Any:
    """The value under a field such as items[0].sku; None where there is none."""
    for name, place in re.findall(r"([^.\[\]]+)|\[([0-9]+)\]", field):
        if name and isinstance(data, dict):
            data = data.get(name)
        elif place and isinstance(data, list) and int(place) < len(data):
            data = data[int(place)]
        else:
            return None
    return data


def _alert(chat: Chat, wanted: int) -> alerts.OpenAlert:
    for found in alerts.open_alerts(chat.db, 500):
        if found.id == wanted:
            return found
    raise NotFound()


def _event(chat: Chat, wanted: int) -> RefusedEvent:
    for found in order_events.refused_events(chat.db, limit=1, after=wanted + 1):
        if found.id == wanted:
            return found
    raise NotFound()


def _advice(key: str) -> Words:
    """Every alert has words about what to do."""
    return words(f"alert_advice.{key.removeprefix('alert.')}")


def _helping(key: str) -> list[Choice]:
    if key.startswith("alert.job_"):
        return [button("menu.jobs", "jobs")]
    return [button("menu.events", "events")] if key == "alert.event_refused" else []


def _record(chat: Chat, action: str, subject: str, after: dict[str, str]) -> None:
    audit_log.record(
        chat.db, actor=f"member:{chat.person.member_id}", action=action, subject=subject, after=after, now=chat.now
    )
