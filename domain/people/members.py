"""The people: who somebody is, how they join in chat, and what each has chosen for themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, aliased

from domain import audit_log, sql
from domain.codes import new_code
from domain.errors import Invalid, NotAllowed, NotFound, Refusal
from domain.mall import links
from domain.messages import outbox
from domain.messages.outbox import Notice
from domain.people import network
from domain.people.member_puts import put_members
from domain.people.member_rules import DEFAULTS
from domain.roles import SELLERS
from domain.schema import Contact, Member, Mute

__all__ = [
    "BuyerTaken",
    "MemberProfile",
    "by_account",
    "by_buyer",
    "by_member_id",
    "grant_operator",
    "join",
    "link_buyer",
    "mute",
    "muted",
    "new_operator",
    "operators",
    "profile",
    "put_members",
    "rename",
    "set_locale",
    "set_operator",
    "touch_contact",
    "unmute",
]

MUTABLE: Final = ("business", "tasks", "promotion")
"""The kinds of notice that can be muted, `tasks` being part of business; what concerns the account itself cannot."""

_JOINING: Final = ("customer", "distributor")
_TRIES: Final = 20


class BuyerTaken(Refusal):
    """This customer of the shop is another member already."""

    code = "buyer_taken"


@dataclass(frozen=True, slots=True)
class MemberProfile:
    """One member with the sponsor. `member_class` says what may be sold, `class_scope` which SKU, brand or category."""

    id: int
    member_id: str
    name: str
    role: str
    status: str
    operator: bool
    mode: str
    member_class: str
    class_scope: str | None
    split_bp: list[int] | None
    tier: str | None
    buyer_id: str | None
    locale: str | None
    joined_at: datetime
    sponsor: int | None
    sponsor_member_id: str | None
    sponsor_name: str | None

    @property
    def live(self) -> bool:
        """Whether the member may sell and earn."""
        return self.role in SELLERS and self.status == "active"


def profile(db: Session, member: int) -> MemberProfile:
    """Return the member; NotFound without one."""
    found = _profile(db, Member.id == member)
    if found is None:
        raise NotFound()
    return found


def by_member_id(db: Session, member_id: str) -> MemberProfile | None:
    """Return the member whom the shop knows by `member_id`; None without one."""
    return _profile(db, Member.member_id == member_id)


def by_account(db: Session, channel: str, account: str) -> MemberProfile | None:
    """Return the member who uses this chat account; None without one."""
    mine = select(Contact.member_id).where(Contact.channel == channel, Contact.account == account)
    return _profile(db, Member.id == mine.scalar_subquery())


def _profile(db: Session, which: Any) -> MemberProfile | None:
    sponsor = aliased(Member)
    row = db.execute(
        select(
            Member.id,
            Member.member_id,
            Member.name,
            Member.role,
            Member.status,
            Member.operator,
            Member.mode,
            Member.member_class,
            Member.class_scope,
            Member.split_bp,
            Member.tier,
            Member.buyer_id,
            Member.locale,
            Member.joined_at,
            Member.sponsor_id,
            sponsor.member_id.label("sponsor_member_id"),
            sponsor.name.label("sponsor_name"),
        )
        .outerjoin(sponsor, sponsor.id == Member.sponsor_id)
        .where(which)
    ).one_or_none()
    return None if row is None else MemberProfile(*row)


def by_buyer(db: Session, buyer_id: str) -> int | None:
    """Return the member who is this customer of the shop."""
    return db.scalar(select(Member.id).where(Member.buyer_id == buyer_id))


def join(
    db: Session,
    contact_id: int,
    *,
    invite: str | None,
    role: str,
    name: str,
    now: datetime,
    choose: Callable[[], str] = new_code,
) -> int:
    """Make whoever talks on this contact a member, free of charge, and return the member's id.

    Whose code `invite` is becomes the sponsor, as long as that member is live; no code, or another's, gives none.
    Somebody who is a member stays as they are, but a customer who asks to sell becomes a distributor. Only customers
    and distributors join by themselves.
    """
    if role not in _JOINING:
        raise NotAllowed()
    network.lock(db)
    contact = db.execute(
        select(Contact.member_id, Contact.locale, Member.role, Member.status, Member.sponsor_id, Member.name)
        .outerjoin(Member, Member.id == Contact.member_id)
        .where(Contact.id == contact_id)
    ).one_or_none()
    if contact is None:
        raise NotFound()
    if contact.member_id is None:
        member = _new_member(db, role, name, contact.locale, now, choose)
        db.execute(update(Contact).where(Contact.id == contact_id).values(member_id=member))
        _stand_below(db, member, name, invite, now=now)
        return member
    if contact.role == "customer" and contact.status == "active" and role == "distributor":
        db.execute(update(Member).where(Member.id == contact.member_id).values(role=role, name=contact.name or name))
        if contact.sponsor_id is None:
            _stand_below(db, contact.member_id, contact.name or name, invite, now=now)
    return int(contact.member_id)


def _new_member(db: Session, role: str, name: str, locale: str | None, now: datetime, choose: Callable[[], str]) -> int:
    row = {**DEFAULTS, "role": role, "name": name, "locale": locale, "operator": False, "joined_at": now}
    for _ in range(_TRIES):
        made = sql.insert_ignore(
            db, Member, [{**row, "member_id": f"m{choose()}"}], key=["member_id"], returning=("id",)
        )
        if made:
            return int(made[0].id)
    raise RuntimeError("no free member id found")


def _stand_below(db: Session, member: int, name: str, invite: str | None, *, now: datetime) -> None:
    found = links.resolve(db, invite) if invite else None
    if found is None or not found.live or found.member is None or found.member == member:
        return
    network.set_sponsors(db, {member: found.member})
    told = Notice(f"joined:{member}:{found.member}", found.member, "notice.downline_joined", {"name": name})
    outbox.put_all(db, [told], now=now)


def touch_contact(db: Session, channel: str, account: str, *, now: datetime) -> int:
    """Return the id of this chat account, written down if it is new."""
    row = {"channel": channel, "account": account, "name": "", "state": {}, "first_seen_at": now, "seen_at": now}
    sql.insert_ignore(db, Contact, [row], key=["channel", "account"])
    return int(
        db.execute(select(Contact.id).where(Contact.channel == channel, Contact.account == account)).scalar_one()
    )


def link_buyer(db: Session, member: int, buyer_id: str) -> None:
    """Note which customer of the shop the member is; raises BuyerTaken if that is somebody else."""
    network.lock(db)
    if by_buyer(db, buyer_id) not in (None, member):
        raise BuyerTaken()
    db.execute(update(Member).where(Member.id == member).values(buyer_id=buyer_id))


def set_locale(db: Session, contact_id: int, locale: str) -> None:
    """Speak this language on the contact, and to the member behind it wherever there is no other choice."""
    if locale not in ("zh", "en"):
        raise Invalid("locale", "must be zh or en")
    db.execute(update(Contact).where(Contact.id == contact_id).values(locale=locale))
    behind = select(Contact.member_id).where(Contact.id == contact_id).scalar_subquery()
    db.execute(update(Member).where(Member.id == behind).values(locale=locale))


def rename(db: Session, member: int, name: str) -> None:
    """Call the member so from now on."""
    db.execute(update(Member).where(Member.id == member).values(name=name))


def operators(db: Session) -> list[int]:
    """Return the active operators."""
    return list(db.scalars(select(Member.id).where(Member.operator, Member.status == "active").order_by(Member.id)))


def set_operator(db: Session, member: int, operator: bool, *, actor: str, now: datetime) -> None:
    """Let the member run the house, or no longer."""
    row = db.execute(select(Member.member_id, Member.operator).where(Member.id == member)).one_or_none()
    if row is None:
        raise NotFound()
    if row.operator == operator:
        return
    db.execute(update(Member).where(Member.id == member).values(operator=operator))
    audit_log.record(
        db,
        actor=actor,
        action="member.operator",
        subject=f"member:{row.member_id}",
        before={"operator": row.operator},
        after={"operator": operator},
        now=now,
    )


def grant_operator(db: Session, channel: str, account: str, *, actor: str, now: datetime) -> int:
    """Make whoever uses this chat account an operator, met before or not, and return the member's id."""
    contact_id = touch_contact(db, channel, account, now=now)
    member = join(db, contact_id, invite=None, role="customer", name="", now=now)
    set_operator(db, member, True, actor=actor, now=now)
    return member


def new_operator(db: Session, name: str, *, actor: str, now: datetime) -> int:
    """Write down somebody who runs the house and has no chat account yet; return the member's id."""
    member = _new_member(db, "customer", name, None, now, new_code)
    set_operator(db, member, True, actor=actor, now=now)
    return member


def mute(db: Session, member: int, category: str) -> None:
    """Send the member no more notices of this kind."""
    if category not in MUTABLE:
        raise Invalid("category", f"must be one of {', '.join(MUTABLE)}")
    sql.insert_ignore(db, Mute, [{"member_id": member, "category": category}])


def unmute(db: Session, member: int, category: str) -> None:
    db.execute(delete(Mute).where(Mute.member_id == member, Mute.category == category))


def muted(db: Session, member: int) -> set[str]:
    """Return the kinds of notice that the member does not want."""
    return set(db.scalars(select(Mute.category).where(Mute.member_id == member)))
