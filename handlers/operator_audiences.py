"""Operators put an audience together step by step, see how many it is, and keep it under a name."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any, Final

from domain.errors import Invalid, NotFound
from domain.messages import audience_rules, audiences
from domain.messages.audiences import Saved
from domain.people import members
from domain.periods import local_date
from domain.roles import CHANNELS, CLASSES, ROLES
from domain.wording import Words, words
from handlers.announcing import actor, condition, in_words, value_words
from handlers.forms import (
    BLANK,
    PAGE,
    Item,
    Row,
    beginning,
    by_mark,
    mark,
    named,
    numbered_list,
    page_number,
    pager,
    pairs,
    way_back,
)
from handlers.routing import Chat, Choice, Reply, button, number, operators, reply, route, step

FIELDS: Final = ("role", "class", "tier", "tag", "channel", "language", "active", "below", "joined_since")
"""What can be asked for in a chat. Scripts can also say `any` and descriptions within descriptions."""

_KNOWN: Final = {"role": ROLES, "class": CLASSES, "channel": CHANNELS, "language": ("zh", "en")}
_DAYS: Final = (7, 30, 90)
_QUOTED: Final = 20
_BUILD: Final = "audience_build"


@route("audiences", who=operators, command=True)
def saved(chat: Chat, page: str = "1") -> Reply:
    every = audiences.saved(chat.db)
    at = page_number(page, len(every))
    shown = every[(at - 1) * PAGE : at * PAGE]
    several = [one.criteria for one in shown]
    sizes = chat.look("audiences", partial(audiences.sizes, several=several, now=chat.now, zone=chat.shop.timezone))
    items = [_item(one, n) for one, n in zip(shown, sizes, strict=True)]
    lines, buttons = numbered_list(items)
    return reply(
        words("audiences.title"),
        *(lines or [words("audiences.none")]),
        rows=[
            *buttons,
            pager("audiences", at, len(every)),
            [button("audiences.build", f"{_BUILD}:new")],
            way_back(_back(chat)),
        ],
    )


def _item(one: Saved, n: int) -> Item:
    said = words("announce.audience_button", audience=named(one.name), n=n)
    return Item(said, named(beginning(one.name, _QUOTED)), f"audience:{one.id}")


def _back(chat: Chat) -> str:
    """Who came from an announcement goes back to it."""
    return "announce_preview" if "draft" in chat.state else "desk"


def _sized(chat: Chat, criteria: Any, said: Words) -> Words:
    return words("announce.audience_button", audience=said, n=_size(chat, criteria))


@route("audience", who=operators)
def one(chat: Chat, which: str) -> Reply:
    found = audiences.find(chat.db, number(which))
    return reply(
        _sized(chat, found.criteria, named(found.name)),
        words("audiences.is", what=in_words(found.criteria)),
        rows=[
            *pairs(
                button("audiences.use", f"audience_take:{found.id}"),
                button("audiences.change", f"audience_edit:{found.id}"),
                button("audiences.rename", f"audience_rename:{found.id}"),
                button("audiences.remove", f"audience_remove:{found.id}"),
            ),
            way_back("audiences"),
        ],
    )


@route("audience_take", who=operators)
def take(chat: Chat, which: str) -> Reply:
    found = audiences.find(chat.db, number(which))
    return _write_to(chat, found.name, dict(found.criteria))


def _write_to(chat: Chat, name: str, criteria: dict[str, Any]) -> Reply:
    """Go on with the announcement that is being written, or begin one for this audience."""
    chosen = {"audience": name, "criteria": criteria}
    if "draft" in chat.state:
        chat.state["draft"] = dict(chat.state["draft"]) | chosen
        return chat.go("announce_confirm")
    asked = chat.go("announce")
    chat.ask("announce", "text", to=chosen)  # forgotten with the question: the next announcement begins anew
    return asked


# Building one: `yes` are the conditions that hold, `no` those that must not.


@route(_BUILD, who=operators)
def build(chat: Chat, how: str = "") -> Reply:
    if how == "new" or "built" not in chat.state:
        chat.state["built"] = {"yes": {}, "no": {}}
    chat.finish()
    built = chat.state["built"]
    fields = [button(f"audience.field.{name}", f"audience_field:{name}") for name in FIELDS]
    if not _criteria(built):
        return reply(words("audiences.build_ask"), rows=[*pairs(*fields), way_back(_back(chat))])
    lines = [words("audiences.line", what=condition(name, value)) for name, value in built["yes"].items()]
    lines += [words("audiences.line_not", what=condition(name, value)) for name, value in built["no"].items()]
    return reply(
        words("audiences.build"),
        *lines,
        BLANK,
        words("audiences.count", n=_count(chat)),
        rows=[
            (button("audiences.use", "audience_use"), button("audiences.save", "audience_save")),
            *pairs(*fields),
            (button("audiences.begin_anew", f"{_BUILD}:new"),),
            way_back(_back(chat)),
        ],
    )


def _criteria(built: dict[str, Any]) -> dict[str, Any]:
    none = [{name: value} for name, value in built["no"].items()]
    return {**built["yes"], **({"not": none} if none else {})}


def _count(chat: Chat) -> int:
    return _size(chat, _criteria(chat.state["built"]))


def _size(chat: Chat, criteria: Any) -> int:
    found: int = chat.look(
        "audience", partial(audiences.size, audience=criteria, now=chat.now, zone=chat.shop.timezone)
    )
    return found


@route("audience_edit", who=operators)
def edit(chat: Chat, which: str) -> Reply:
    """Change a saved one that was put together here; of others only the name can be changed in a chat."""
    found = audiences.find(chat.db, number(which))
    yes = {name: value for name, value in found.criteria.items() if name != "not"}
    none = found.criteria.get("not", [])
    if "any" in yes or any(len(one) != 1 or set(one) & {"any", "not"} for one in none):
        raise Invalid("audience", "audience_by_script")
    no = {name: value for one in none for name, value in one.items()}
    chat.state["built"] = {"yes": yes, "no": no, "name": found.name}
    return build(chat)


@route("audience_field", who=operators)
def field(chat: Chat, name: str) -> Reply:
    """The values of one condition, those chosen marked; what is chosen can be turned round or let go."""
    if name not in FIELDS:
        raise NotFound()
    _built(chat)
    if name == "below":
        chat.ask("audience", "below")
        return reply(words("audiences.ask_below"), rows=[*_settled(chat, "below"), way_back(_BUILD)])
    if name in ("active", "joined_since"):
        return _ask_days(chat, name)
    chosen = _chosen(chat, name)
    values = [
        _switch(value_words(name, value), f"audience_set:{name}:{_short(name, value)}", on=value in chosen)
        for value in _values(chat, name)
    ]
    said = words("audiences.ask_values") if values else words(f"audiences.no_{name}")
    return reply(
        words("audiences.asks", field=words(f"audience.field.{name}")),
        said,
        *_so_far(chat),
        rows=[*pairs(*values), *_settled(chat, name), [button("audiences.done", _BUILD), *way_back()]],
    )


def _ask_days(chat: Chat, name: str) -> Reply:
    kinds = ("active_days", "dormant_days") if name == "active" else ("joined_since",)
    choices = [button(f"audience.days.{kind}", f"audience_days:{kind}:{n}", n=n) for kind in kinds for n in _DAYS]
    settled = [row for kind in kinds for row in _settled(chat, kind)]
    return reply(
        words("audiences.asks", field=words(f"audience.field.{name}")),
        *_so_far(chat),
        rows=[*pairs(*choices), *settled, [button("audiences.done", _BUILD), *way_back()]],
    )


def _switch(said: Words, action: str, *, on: bool) -> Choice:
    return button("audiences.on" if on else "audiences.off", action, what=said)


def _built(chat: Chat) -> dict[str, Any]:
    built = chat.state.get("built")
    if built is None:
        raise NotFound()
    return dict(built)


def _chosen(chat: Chat, name: str) -> list[str]:
    built = _built(chat)
    return list(built["yes"].get(name) or built["no"].get(name) or [])


def _so_far(chat: Chat) -> list[Words]:
    return [BLANK, words("audiences.count", n=_count(chat))] if _criteria(_built(chat)) else []


def _settled(chat: Chat, name: str) -> list[Row]:
    """What can be done with a condition that is there already."""
    built = _built(chat)
    if name not in built["yes"] and name not in built["no"]:
        return []
    turned = "others" if name in built["yes"] else "these"
    return [
        (
            button(f"audiences.only_{turned}", f"audience_turn:{name}"),
            button("audiences.let_go", f"audience_let_go:{name}"),
        )
    ]


def _values(chat: Chat, name: str) -> list[str]:
    if name in _KNOWN:
        return list(_KNOWN[name])
    return audiences.tiers(chat.db)[: audience_rules.MOST_VALUES // 2] if name == "tier" else audiences.tags(chat.db)


def _short(name: str, value: str) -> str:
    """A value as a button carries it: names that people have given may be long and Chinese."""
    return value if name in _KNOWN else mark(value)


@route("audience_set", who=operators)
def set_value(chat: Chat, name: str, value: str) -> Reply:
    if name not in ("role", "class", "tier", "tag", "channel", "language"):
        raise NotFound()
    values = _values(chat, name)
    full = by_mark(values, value) if name not in _KNOWN else value
    if full not in values:
        raise NotFound()
    chosen = _chosen(chat, name)
    chosen = [one for one in chosen if one != full] if full in chosen else [*chosen, full]
    _put(chat, name, chosen or None)
    return field(chat, name)


@route("audience_days", who=operators)
def set_days(chat: Chat, name: str, days: str) -> Reply:
    n = number(days)
    if name not in ("active_days", "dormant_days", "joined_since") or n not in _DAYS:
        raise NotFound()
    if name == "joined_since":
        day = local_date(chat.now, chat.shop.timezone) - timedelta(days=n)
        _put(chat, name, day.isoformat())
    else:
        _put(chat, "dormant_days" if name == "active_days" else "active_days", None)
        _put(chat, name, n)
    return build(chat)


@step("audience", "below", who=operators)
def below_written(chat: Chat) -> Reply:
    found = members.by_member_id(chat.db, chat.text)
    if found is None:
        if chat.commanded:
            return chat.elsewhere()
        return reply(words("audiences.nobody", written=beginning(chat.text, _QUOTED)), rows=[way_back(_BUILD)])
    _put(chat, "below", found.member_id)
    return build(chat)


def _put(chat: Chat, name: str, value: Any) -> None:
    """Set a condition on the side where it stands, or let it go."""
    built = _built(chat)
    side = "no" if name in built["no"] else "yes"
    kept = {one: its for one, its in built[side].items() if one != name}
    built[side] = kept if value is None else {**kept, name: value}
    chat.state["built"] = built


@route("audience_turn", who=operators)
def turn(chat: Chat, name: str) -> Reply:
    """Those for whom it holds become those for whom it does not, and the other way round."""
    built = _built(chat)
    old, new = ("yes", "no") if name in built["yes"] else ("no", "yes")
    if name not in built[old]:
        raise NotFound()
    built[new] = {**built[new], name: built[old][name]}
    built[old] = {one: its for one, its in built[old].items() if one != name}
    chat.state["built"] = built
    return build(chat)


@route("audience_let_go", who=operators)
def let_go(chat: Chat, name: str) -> Reply:
    _put(chat, name, None)
    return build(chat)


@route("audience_use", who=operators)
def use(chat: Chat) -> Reply:
    return _write_to(chat, "custom", audience_rules.checked(_criteria(_built(chat))))


@route("audience_save", who=operators)
def save(chat: Chat) -> Reply:
    built = _built(chat)
    audience_rules.checked(_criteria(built))
    chat.ask("audience", "name")
    same = [button("audiences.same_name", "audience_save_same", name=built["name"])] if "name" in built else []
    return reply(words("audiences.ask_name"), rows=[same, way_back(_BUILD)])


@step("audience", "name", who=operators)
def name_written(chat: Chat) -> Reply:
    return _save(chat, chat.text)


@route("audience_save_same", who=operators)
def save_same(chat: Chat) -> Reply:
    built = _built(chat)
    if "name" not in built:
        raise NotFound()
    return _save(chat, built["name"])


def _save(chat: Chat, name: str) -> Reply:
    kept = audiences.save(chat.db, name, _criteria(_built(chat)), by=actor(chat), now=chat.now)
    chat.state.pop("built")
    chat.finish()
    return one(chat, str(kept.id))


@route("audience_rename", who=operators)
def rename(chat: Chat, which: str) -> Reply:
    found = audiences.find(chat.db, number(which))
    chat.ask("audience", "new_name", which=found.id)
    return reply(words("audiences.ask_name"), rows=[way_back(f"audience:{found.id}")])


@step("audience", "new_name", who=operators)
def new_name_written(chat: Chat) -> Reply:
    kept = audiences.rename(chat.db, chat.form_data["which"], chat.text, by=actor(chat), now=chat.now)
    chat.finish()
    return one(chat, str(kept.id))


@route("audience_remove", who=operators)
def remove(chat: Chat, which: str) -> Reply:
    found = audiences.find(chat.db, number(which))
    return reply(
        words("audiences.remove_ask", name=found.name),
        rows=[[button("audiences.remove_yes", f"audience_remove_yes:{found.id}")], way_back(f"audience:{found.id}")],
    )


@route("audience_remove_yes", who=operators)
def removed(chat: Chat, which: str) -> Reply:
    audiences.remove(chat.db, number(which), by=actor(chat), now=chat.now)
    return saved(chat)
