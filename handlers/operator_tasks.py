"""The tasks that operators ask for: look through them, change what is asked, pause, and make new ones step by step."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any

from domain.errors import NotFound
from domain.periods import local_date
from domain.wording import Words, words
from domain.work import days_off, task_templates
from domain.work.task_templates import CHECKS, COUNTED, WEEKLY, Template
from handlers.forms import BLANK, PAGE, Item, numbered_list, page_number, pager, pairs, way_back
from handlers.routing import Chat, Choice, Reply, button, number, operators, reply, route, step

_AMOUNT = re.compile(r"(\d{1,5})(?:\s*[-~–—到至]\s*(\d{1,5}))?[\s,，、;；]+(\d{1,5})")
_WEEKDAYS = (None, "12345", "67", "1", "5")


@route("task_templates", who=operators)
def show_all(chat: Chat, page: str = "1") -> Reply:
    chat.state.pop("task_draft", None)
    every = task_templates.every(chat.db)
    shown = page_number(page, len(every))
    lines, buttons = numbered_list(
        Item(_line(one), _title(one), f"task_template:{one.id}") for one in every[(shown - 1) * PAGE : shown * PAGE]
    )
    return reply(
        words("task_edit.list"),
        *lines,
        rows=[
            *buttons,
            pager("task_templates", shown, len(every)),
            [button("task_edit.new", "task_new"), button("menu.task_report", "task_report")],
            way_back("desk"),
        ],
    )


def _line(one: Template) -> Words:
    return words(
        "task_edit.line" if one.active else "task_edit.line_paused",
        title=_title(one),
        amount=_amount(one),
        points=one.points,
        audience=_audience(one.audience),
    )


@route("task_template", who=operators)
def show(chat: Chat, which: str) -> Reply:
    found = task_templates.find(chat.db, number(which))
    switch = f"task_switch:{found.id}:{0 if found.active else 1}"
    return reply(
        *_described(found),
        *([] if found.active else [words("task_edit.paused")]),
        rows=[
            [
                button("task_edit.amount_change", f"task_amount:{found.id}"),
                button("task_edit.pause" if found.active else "task_edit.resume", switch),
            ],
            way_back("task_templates"),
        ],
    )


@route("task_switch", who=operators)
def switch(chat: Chat, which: str, on: str) -> Reply:
    """Pause a task, or go on with it, from the next morning."""
    _change(chat, number(which), {"active": on == "1"})
    return show(chat, which)


@route("task_amount", who=operators)
def ask_amount(chat: Chat, which: str) -> Reply:
    found = task_templates.find(chat.db, number(which))
    chat.ask("task", "amount", template=found.id)
    return reply(
        words("task_edit.now", amount=_amount(found), points=found.points),
        words(f"task_edit.ask_{_kind(found.check)}"),
        rows=[way_back(f"task_template:{found.id}")],
    )


@step("task", "amount", who=operators)
def amount_written(chat: Chat) -> Reply:
    which = int(chat.form_data.get("template", 0))
    found = task_templates.find(chat.db, which)
    amount = read_amount(chat.text)
    if amount is None:
        return reply(words(f"task_edit.ask_{_kind(found.check)}"), rows=[way_back(f"task_template:{which}")])
    _change(chat, which, amount)
    chat.finish()
    return show(chat, str(which))


def read_amount(text: str) -> dict[str, int | None] | None:
    """Read "5 10" (target and points) or "2-20 10" (the target chosen between these two for each); else None."""
    found = _AMOUNT.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        return None
    lowest, highest, points = (int(part) if part else None for part in found.groups())
    if highest is None:
        return {"target": lowest, "points": points, "lowest": None, "highest": None}
    return {"target": lowest, "points": points, "lowest": lowest, "highest": highest}


# A new one, step by step


@route("task_new", who=operators)
def new(chat: Chat) -> Reply:
    chat.state["task_draft"] = {}
    choices = [button(f"task_check.{check}", f"task_check:{check}") for check in CHECKS]
    return reply(words("task_edit.ask_check"), rows=[*pairs(*choices), way_back("task_templates")])


@route("task_check", who=operators)
def check_chosen(chat: Chat, check: str) -> Reply:
    if check not in CHECKS:
        raise NotFound()
    chat.state["task_draft"] = {"check": check}
    choices = [
        button("task_edit.choice", f"task_for:{at}", what=_audience(name))
        for at, name in enumerate(task_templates.audiences(chat.db))
    ]
    return reply(words("task_edit.ask_audience"), rows=[*pairs(*choices), _cancel()])


@route("task_for", who=operators)
def audience_chosen(chat: Chat, which: str) -> Reply:
    known = task_templates.audiences(chat.db)
    if number(which) >= len(known):
        raise NotFound()
    draft = _noted(chat, audience=known[number(which)])
    if draft["check"] in WEEKLY:
        return weekdays_chosen(chat, "0")
    choices = [button("task_edit.choice", f"task_on:{at}", what=_weekdays(days)) for at, days in enumerate(_WEEKDAYS)]
    return reply(words("task_edit.ask_weekdays"), rows=[*pairs(*choices), _cancel()])


@route("task_on", who=operators)
def weekdays_chosen(chat: Chat, which: str) -> Reply:
    if number(which) >= len(_WEEKDAYS):
        raise NotFound()
    _noted(chat, weekdays=_WEEKDAYS[number(which)])
    chat.ask("task", "days")
    return reply(words("task_edit.ask_days"), rows=[[button("task_edit.always", "task_draft:always")], _cancel()])


@step("task", "days", who=operators)
def days_written(chat: Chat) -> Reply:
    """The days from one to the other; a single day is a task for that day only."""
    found = days_off.read_span(chat.text, local_date(chat.now, chat.shop.timezone))
    if found is None or found[0].last < found[0].first:
        return reply(
            words("task_edit.days_unclear"), rows=[[button("task_edit.always", "task_draft:always")], _cancel()]
        )
    _noted(chat, first_day=found[0].first.isoformat(), last_day=found[0].last.isoformat())
    return _ask_title(chat)


def _ask_title(chat: Chat) -> Reply:
    chat.ask("task", "title")
    return reply(words("task_edit.ask_title"), rows=[_cancel()])


@step("task", "title", who=operators)
def title_written(chat: Chat) -> Reply:
    lines = [line.strip() for line in chat.text.splitlines() if line.strip()]
    if len(lines) != 2 or any(len(line) > task_templates.LONGEST_TITLE for line in lines):
        return _ask_title(chat)
    draft = _noted(chat, title=lines[0], title_en=lines[1])
    chat.ask("task", "new_amount")
    return reply(words(f"task_edit.ask_{_kind(draft['check'])}"), rows=[_cancel()])


@step("task", "new_amount", who=operators)
def new_amount_written(chat: Chat) -> Reply:
    draft, amount = _draft(chat), read_amount(chat.text)
    if amount is None:
        return reply(words(f"task_edit.ask_{_kind(draft['check'])}"), rows=[_cancel()])
    task_templates.check_sound(_template(draft | amount))
    _noted(chat, **amount)
    chat.finish()
    return _preview(chat)


@route("task_draft", who=operators)
def with_draft(chat: Chat, what: str) -> Reply:
    """`always`: no first and last day. `preview`, `save` and `drop` say what they do."""
    match what:
        case "always":
            _noted(chat, first_day=None, last_day=None)
            return _ask_title(chat)
        case "preview":
            return _preview(chat)
        case "save":
            return _save(chat)
        case "drop":
            chat.state.pop("task_draft", None)
            return show_all(chat)
    raise NotFound()


def _preview(chat: Chat) -> Reply:
    """The task as it will stand, with the line that members see."""
    template = _template(_draft(chat))
    line = words("task.line", title=_title(template), points=template.points)
    return reply(
        words("task_edit.preview"),
        line,
        BLANK,
        *_described(template),
        rows=[[button("task_edit.save", "task_draft:save"), button("task_edit.again", "task_new")], _cancel()],
    )


def _save(chat: Chat) -> Reply:
    if "task_draft" not in chat.state and "task_saved" in chat.state:  # pressed twice
        return show(chat, str(chat.state["task_saved"]))
    template = _template(_draft(chat))
    new_id = task_templates.add(chat.db, template, actor=_actor(chat), now=chat.now)
    chat.state.pop("task_draft")
    chat.state["task_saved"] = new_id
    return show(chat, str(new_id))


def _draft(chat: Chat) -> dict[str, Any]:
    draft = chat.state.get("task_draft")
    if not draft:
        raise NotFound()
    return dict(draft)


def _noted(chat: Chat, **more: Any) -> dict[str, Any]:
    chat.state["task_draft"] = {**_draft(chat), **more}
    return dict(chat.state["task_draft"])


def _template(draft: dict[str, Any]) -> Template:
    days = {name: date.fromisoformat(draft[name]) for name in ("first_day", "last_day") if draft.get(name)}
    try:
        return Template(**{**draft, **days})
    except TypeError:  # a step was skipped, as by an old button
        raise NotFound() from None


def _change(chat: Chat, which: int, changes: dict[str, Any]) -> None:
    task_templates.change(chat.db, which, changes, actor=_actor(chat), now=chat.now)


def _actor(chat: Chat) -> str:
    return f"member:{chat.person.member_id}"


def _cancel() -> tuple[Choice, ...]:
    return (button("task_edit.drop", "task_draft:drop"), *way_back())


# In words


def _described(one: Template) -> list[Words]:
    days = words("task_edit.no_days")
    if one.first_day is not None and one.first_day == one.last_day:
        days = words("task_edit.once", day=one.first_day)
    elif one.first_day is not None and one.last_day is not None:
        days = words("task_edit.days", first=one.first_day, last=one.last_day)
    return [
        words("task_edit.title", title=_title(one)),
        words("task_edit.checked", check=words(f"task_check.{one.check}")),
        words("task_edit.audience", audience=_audience(one.audience)),
        words("task_edit.when", weekdays=_of_week(one), days=days),
        words("task_edit.amount", amount=_amount(one), points=one.points),
    ]


def _of_week(one: Template) -> Words:
    return words("task_edit.weekly") if one.check in WEEKLY else _weekdays(one.weekdays)


def _weekdays(days: str | None) -> Words:
    return words(f"task_weekdays.{days or 'every'}")


def _title(one: Template) -> Words:
    return task_templates.title(one.title, one.title_en, one.target if one.highest is None else "N")


def _amount(one: Template) -> Words:
    if one.highest is None:
        return words("task_edit.fixed", n=one.target)
    return words("task_edit.adapted", lowest=one.lowest, highest=one.highest)


def _kind(check: str) -> str:
    return "amount" if check in COUNTED else "one_amount"


def _audience(name: str) -> Words:
    kind, _, value = name.partition(":")
    if kind == "tier":
        return words("audience.tier", name=value)
    return words(f"task_audience.{name.replace(':', '_')}")
