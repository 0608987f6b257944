"""What is wrong right now and what to do about it; order events of the shop that could not be applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain import audit_log
from domain.errors import NotFound
from domain.items import FieldError
from domain.messages import alerts, questions
from domain.sales import order_events, reasons
from domain.sales.order_events import RefusedEvent
from domain.wording import Words, words
from handlers.forms import BLANK, PAGE, Item, beginning, named, numbered_list, way_back
from handlers.routing import Chat, Choice, Reply, button, number, operators, reply, route

_REASONS = 5
_BEGINNING = 40


@route("alerts", who=operators, command=True)
def open_alerts(chat: Chat) -> Reply:
    found = alerts.open_alerts(chat.db, PAGE + 1)
    if not found:
        return reply(words("alerts.none"), rows=[[button("menu.events", "events")], way_back("desk")])
    items = [
        Item(words("alerts.line", at=one.raised_at, text=_short(one.words)), words("alerts.open"), f"alert:{one.id}")
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
    rows = [[button("alerts.done", f"alert_done:{found.id}"), *_helping(found)], way_back("alerts")]
    said = [words("alerts.one", at=found.raised_at), found.words]
    if found.words.key != questions.QUESTION:  # the button says what to do with it
        said += [BLANK, _advice(found.words.key)]
    return reply(*said, rows=rows)


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
    lines, buttons = numbered_list(Item(_line(one), _name(one), f"event:{one.id}") for one in found[:PAGE])
    older = [button("button.older", f"events:{found[PAGE - 1].id}")] if len(found) > PAGE else []
    return reply(words("events.title"), *lines, rows=[*buttons, older, way_back("desk")])


@route("event", who=operators)
def event(chat: Chat, which: str) -> Reply:
    found = _event(chat, number(which))
    return reply(
        words(
            "events.one",
            type=reasons.event_name(found.type),
            order_id=found.order_id or "–",
            at=found.received_at,
        ),
        words("events.id", id=found.id, webhook_id=beginning(found.webhook_id, 64)),
        *_reasons(found.errors, found.data),
        BLANK,
        words("events.waited" if found.waited else "events.advice"),
        rows=[[button("events.retry", f"event_retry:{found.id}")], way_back("events")],
    )


@route("event_retry", who=operators)
def retry(chat: Chat, which: str) -> Reply:
    found = _event(chat, number(which))
    result = order_events.retry_event(chat.db, found.id, now=chat.now, settlement_currency=chat.shop.currency)
    _record(chat, "event.retry", f"order_event:{found.id}", {"status": result.status})
    still = _reasons(result.errors, found.data)
    return reply(words(f"events.result.{result.status}"), *still, rows=[way_back("events")])


def _line(one: RefusedEvent) -> Words:
    reason = reasons.told_at(one.errors[0], one.data) if one.errors else ""
    type_ = reasons.event_name(one.type)
    return words("events.line", at=one.received_at, type=type_, order_id=one.order_id or "–", reason=reason)


def _name(one: RefusedEvent) -> Words:
    return named(one.order_id) if one.order_id else reasons.event_name(one.type)


def _reasons(errors: Sequence[FieldError], data: Any) -> list[Words]:
    """What is wrong, with what the shop sent there."""
    return [words("events.reason", reason=reasons.told_at(error, data)) for error in errors[:_REASONS]]


def _short(said: Words) -> Words:
    """What somebody asks may be long; a list shows how it begins."""
    if said.key != questions.QUESTION:
        return said
    return Words(said.key, {**said.params, "text": beginning(str(said.params["text"]), _BEGINNING)})


def _alert(chat: Chat, wanted: int) -> alerts.OpenAlert:
    found = alerts.open_alert(chat.db, wanted)
    if found is None:
        raise NotFound()
    return found


def _event(chat: Chat, wanted: int) -> RefusedEvent:
    for found in order_events.refused_events(chat.db, limit=1, after=wanted + 1):
        if found.id == wanted:
            return found
    raise NotFound()


def _advice(key: str) -> Words:
    """Every alert has words about what to do."""
    return words(f"alert_advice.{key.removeprefix('alert.')}")


def _helping(found: alerts.OpenAlert) -> list[Choice]:
    """The way to whatever helps."""
    key = found.words.key
    if key == questions.QUESTION:
        return [button("answer.write", f"answer:{found.id}")]
    if key.startswith("alert.job_"):
        return [button("menu.jobs", "jobs")]
    return [button("menu.events", "events")] if key == "alert.event_refused" else []


def _record(chat: Chat, action: str, subject: str, after: dict[str, str]) -> None:
    audit_log.record(
        chat.db, actor=f"member:{chat.person.member_id}", action=action, subject=subject, after=after, now=chat.now
    )
