"""What a list of members may say: each field in itself, and all of them together as one tree without a circle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from domain.items import Item, identifier, list_of, one_of, text, whole
from domain.money import BP
from domain.roles import CHANNELS, CLASSES, ROLES, SCOPED, SELF_SET, SELLERS

LONGEST_TAG: Final = 64
MOST_TAGS: Final = 20
"""Of one member."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "name": "",
    "role": "customer",
    "status": "active",
    "mode": "network",
    "class": "self_picked_products",
    "class_scope": None,
    "split_bp": None,
    "tier": None,
    "buyer_id": None,
    "locale": None,
}
"""What a new member has, and what null goes back to."""

FIELDS: Final = {
    "member_id": identifier(64),
    "name": text(100),
    "role": one_of(*ROLES),
    "status": one_of("active", "suspended", "closed"),
    "sponsor_id": identifier(64),
    "mode": one_of("network", "independent"),
    "class": one_of(*CLASSES),
    "class_scope": text(200),
    "split_bp": list_of(whole(0, BP), 1, 3),
    "tier": text(64),
    "buyer_id": identifier(128),
    "channel": one_of(*CHANNELS),
    "account": identifier(128),
    "locale": one_of("zh", "en"),
    "tags": list_of(text(LONGEST_TAG), 0, MOST_TAGS),
}

Account = tuple[str, str]  # channel and account


@dataclass(slots=True)
class Put:
    """One item on its way: what is stored of the member (`id` None for somebody new), and what shall be."""

    item: Item
    id: int | None
    before: Mapping[str, Any]
    sponsor_before: str | None
    tags_before: Sequence[str] = ()
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def member_id(self) -> str:
        return self.item.id

    @property
    def sponsor(self) -> str | None:
        found: str | None = self.item.values.get("sponsor_id", self.sponsor_before)
        return found

    @property
    def moves(self) -> bool:
        return self.sponsor != self.sponsor_before

    @property
    def tags(self) -> list[str]:
        """The tags that the member shall have, each once."""
        return sorted({" ".join(tag.split()) for tag in self.item.values.get("tags", self.tags_before) or ()} - {""})

    @property
    def retags(self) -> bool:
        """Whatever order a database has them in."""
        return set(self.tags) != set(self.tags_before)

    @property
    def changes(self) -> bool:
        return self.id is None or self.moves or self.retags or self.after != self.before

    @property
    def account(self) -> Account | None:
        """The chat account to link."""
        values = self.item.values
        return None if values.get("account") is None else (values["channel"], values["account"])

    @property
    def unlinks(self) -> bool:
        """`account` is null: the member's accounts of the named channel, or all of them, are let go."""
        return self.item.values.get("account", "") is None


@dataclass(slots=True)
class World:
    """What is stored around a list, by member ids as the shop knows them."""

    roles: dict[str, str]  # of everybody in the list or named as a sponsor
    sponsors: dict[str, str | None]  # of everybody a walk upwards may pass
    downline: dict[str, set[str]]  # of those who become customers
    buyers: dict[str, str]  # buyer id → whose it is
    accounts: dict[Account, str]


def decide(puts: Sequence[Put], load: Callable[[Sequence[Put]], World]) -> None:
    """Refuse whatever of `puts` cannot be, each with its reason; what depends on a refused item is refused as well.

    `load` gives the world around the list once each put knows what it wants to become.
    """
    for put in puts:
        _complete(put)
    world = load(puts)
    judged = None
    while judged != (judged := len(_alive(puts))):
        _refuse_until_sound(puts, world)
        _refuse_taken(puts, replace(world, buyers=dict(world.buyers), accounts=dict(world.accounts)))


def _complete(put: Put) -> None:
    values, refuse = put.item.values, put.item.refuse
    put.after = {name: values.get(name, stored) for name, stored in put.before.items()}
    chosen = put.after["class"]
    if chosen not in SCOPED:
        if values.get("class_scope") is not None:
            refuse("class_scope", f"belongs to the classes {', '.join(SCOPED)} only")
        put.after["class_scope"] = None
    elif put.after["class_scope"] is None:
        refuse("class_scope", f"must name what a member of class {chosen} may sell")
    if chosen != SELF_SET:
        if values.get("split_bp") is not None:
            refuse("split_bp", f"belongs to the class {SELF_SET} only")
        put.after["split_bp"] = None
    elif sum(put.after["split_bp"] or ()) > BP:
        refuse("split_bp", f"must not exceed {BP} basis points altogether")
    if values.get("account") is not None and values.get("channel") is None:
        refuse("channel", "must say where the account is")
    if values.get("channel") is not None and "account" not in values:
        refuse("account", "must come with its channel")


def _alive(puts: Sequence[Put]) -> dict[str, Put]:
    return {put.member_id: put for put in puts if not put.item.errors}


def _refuse_until_sound(puts: Sequence[Put], world: World) -> None:
    while True:
        before = len(_alive(puts))
        _refuse_unfit_sponsors(_alive(puts), world)
        _refuse_left_downlines(_alive(puts), world)
        _refuse_cycles(_alive(puts), world)
        if len(_alive(puts)) == before:
            return


def _refuse_unfit_sponsors(alive: Mapping[str, Put], world: World) -> None:
    roles = world.roles | {name: put.after["role"] for name, put in alive.items()}
    below: dict[str, list[Put]] = {}
    refused: list[Put] = []
    for put in alive.values():
        if put.sponsor is None or not put.moves:
            continue
        below.setdefault(put.sponsor, []).append(put)
        if put.sponsor == put.member_id:
            put.item.refuse("sponsor_id", "must be somebody else")
        elif put.sponsor not in roles:
            put.item.refuse("sponsor_id", f"{put.sponsor} is not a member")
        elif roles[put.sponsor] not in SELLERS:
            put.item.refuse("sponsor_id", f"{put.sponsor} is a customer; only those who sell have a downline")
        if put.item.errors:
            refused.append(put)
    while refused:
        gone = refused.pop()
        for put in below.get(gone.member_id, ()) if gone.id is None else ():
            if not put.item.errors:
                put.item.refuse("sponsor_id", f"{gone.member_id} is not a member")
                refused.append(put)


def _refuse_left_downlines(alive: Mapping[str, Put], world: World) -> None:
    for name, below in world.downline.items():
        if name in alive and any(one not in alive or alive[one].sponsor == name for one in below):
            alive[name].item.refuse("role", "a customer cannot have a downline; move the downline first")


def _refuse_cycles(alive: Mapping[str, Put], world: World) -> None:
    """Walk up from everybody; of the changed sponsors that close a circle the last in the list is refused."""
    place = {name: position for position, name in enumerate(alive)}
    sound: set[str] = set()
    for start in alive:
        path: list[str] = []
        passed: set[str] = set()
        at: str | None = start
        while at is not None and at not in sound and at not in passed:
            path.append(at)
            passed.add(at)
            at = alive[at].sponsor if at in alive else world.sponsors.get(at)
        if at is not None and at in passed:
            circle = [name for name in path[path.index(at) :] if name in alive and alive[name].moves]
            last = max(circle, key=lambda name: place[name])
            if not alive[last].item.errors:
                alive[last].item.refuse("sponsor_id", f"{alive[last].sponsor} stands below {last}: that is a circle")
        sound |= passed


def _refuse_taken(puts: Sequence[Put], world: World) -> None:
    """A buyer and a chat account belong to one member only; of two in the list the first one gets it."""
    for put in _alive(puts).values():
        old, new, account = put.before["buyer_id"], put.after["buyer_id"], put.account
        if new is not None and world.buyers.get(new, put.member_id) != put.member_id:
            put.item.refuse("buyer_id", "belongs to another member")
        if account is not None and world.accounts.get(account, put.member_id) != put.member_id:
            put.item.refuse("account", "belongs to another member")
        if put.item.errors:
            continue
        if old != new and old is not None:
            world.buyers.pop(old, None)
        if new is not None:
            world.buyers[new] = put.member_id
        if account is not None:
            world.accounts[account] = put.member_id
