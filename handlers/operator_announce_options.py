"""What an announcement may be besides its words: of which kind, urgent, with a picture; and a try on oneself first."""

from __future__ import annotations

from domain.errors import NotFound
from domain.mall import catalog
from domain.mall.catalog import ProductRow
from domain.messages import announcements
from domain.messages.announcements import KINDS, PROMOTION, Draft
from domain.wording import Words, words
from handlers.announcing import actor, draft_of
from handlers.forms import BLANK, Item, beginning, in_both, numbered_list, pairs, way_back
from handlers.routing import Chat, Reply, button, number, operators, reply, route, step

_CONFIRM = "announce_confirm"
_QUOTED = 20
_OFFERED = 5


@route("announce_kind", who=operators)
def kinds(chat: Chat) -> Reply:
    """Each kind with what it means: who can have muted it, and whether it wakes anybody."""
    draft_of(chat)
    chat.ask("announce", "kind")
    choices = [button(f"announce.kind_button.{kind}", f"announce_kind_is:{kind}") for kind in KINDS]
    return reply(
        words("announce.ask_kind"),
        BLANK,
        *(words(f"announce.kind_means.{kind}") for kind in KINDS),
        rows=[*pairs(*choices), way_back(_CONFIRM)],
    )


@step("announce", "kind", who=operators)
def kind_written(chat: Chat) -> Reply:
    meant = chat.meant("announce_kind")
    if meant is not None:
        return kind_is(chat, meant)
    return chat.elsewhere() if chat.commanded else kinds(chat)


@route("announce_kind_is", who=operators)
def kind_is(chat: Chat, kind: str) -> Reply:
    if kind not in KINDS:
        raise NotFound()
    draft = draft_of(chat) | {"kind": kind}
    if kind != PROMOTION:
        draft.pop("urgent", None)
    chat.state["draft"] = draft
    return chat.go(_CONFIRM)


@route("announce_urgent", who=operators)
def urgent(chat: Chat) -> Reply:
    """A promotion that does not wait for its readers' morning, or one that does again."""
    draft = draft_of(chat)
    if not draft.pop("urgent", False):
        draft["urgent"] = True
    chat.state["draft"] = draft
    return chat.go(_CONFIRM)


@route("announce_picture", who=operators)
def picture(chat: Chat) -> Reply:
    draft = draft_of(chat)
    chat.ask("announce", "picture")
    without = [button("announce.no_picture", "announce_picture_off")] if "sku" in draft else []
    return reply(words("announce.ask_picture"), rows=[without, way_back(_CONFIRM)])


@step("announce", "picture", who=operators)
def picture_written(chat: Chat) -> Reply:
    """A SKU, or words to find the product by."""
    try:
        return _with(chat, catalog.product(chat.db, chat.text))
    except NotFound:
        if chat.commanded:
            return chat.elsewhere()
    found = catalog.browse(chat.db, text=chat.text, limit=_OFFERED).items
    if not found:
        said = words("announce.picture_unknown", written=beginning(chat.text, _QUOTED))
        return reply(said, rows=[way_back(_CONFIRM)])
    items = [Item(_name(one), _name(one), f"announce_picture_of:{one.id}") for one in found]
    lines, buttons = numbered_list(items)
    return reply(words("announce.picture_which"), *lines, rows=[*buttons, way_back(_CONFIRM)])


@route("announce_picture_of", who=operators)
def picture_chosen(chat: Chat, which: str) -> Reply:
    return _with(chat, catalog.product(chat.db, number(which)))


def _with(chat: Chat, product: ProductRow) -> Reply:
    chat.state["draft"] = draft_of(chat) | {"sku": product.sku}
    return chat.go(_CONFIRM)


def _name(product: ProductRow) -> Words:
    return in_both(beginning(product.name, _QUOTED), beginning(product.name_en or product.name, _QUOTED))


@route("announce_picture_off", who=operators)
def no_picture(chat: Chat) -> Reply:
    draft = draft_of(chat)
    draft.pop("sku", None)
    chat.state["draft"] = draft
    return chat.go(_CONFIRM)


@route("announce_try", who=operators)
def try_it(chat: Chat) -> Reply:
    """Send it to the one who writes it, the way readers will get it on this very channel."""
    draft = draft_of(chat)
    said = Draft(draft["text"], draft.get("text_en"), draft.get("kind", PROMOTION), sku=draft.get("sku"))
    person = chat.person
    announcements.try_out(chat.db, said, chat.member, person.contact_id, person.channel, by=actor(chat), now=chat.now)
    chat.ask("announce", "confirm")
    return reply(words("announce.tried"), rows=[[button("announce.go_on", _CONFIRM), *way_back()]])
