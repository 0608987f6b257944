"""Where a conversation stands: who is talking, what was already answered, and what to remember for the next word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, func, insert, literal, select, text, update
from sqlalchemy.orm import Session

from domain.messages import outbox
from domain.schema import Contact, Inbox, Member, Outbox
from domain.schema.base import Utc


@dataclass(frozen=True, slots=True)
class Standing:
    """A contact with the member behind it, if any, and the answer if this very update was answered before."""

    contact_id: int
    contact_name: str
    contact_locale: str | None
    state: dict[str, Any]
    seen_at: datetime
    unreachable_since: datetime | None
    member: int | None
    member_id: str | None
    name: str
    role: str
    status: str
    operator: bool
    member_locale: str | None
    answered: bool
    answer: Any
    unread: bool  # notices were kept for this moment


# The statements of every update are built once: building them costs more than running them.
_FIND = (
    select(
        Contact.id,
        Contact.name.label("contact_name"),
        Contact.locale.label("contact_locale"),
        Contact.state,
        Contact.seen_at,
        Contact.unreachable_since,
        Member.id.label("member"),
        Member.member_id,
        Member.name,
        Member.role,
        Member.status,
        Member.operator,
        Member.locale.label("member_locale"),
        Inbox.id.label("inbox_id"),
        Inbox.answer,
        exists().where(Outbox.member_id == Contact.member_id, text("outbox.state = 'deferred'")).label("unread"),
    )
    .outerjoin(Member, Member.id == Contact.member_id)
    .outerjoin(Inbox, and_(Inbox.channel == Contact.channel, Inbox.update_key == bindparam("update_key")))
    .where(Contact.channel == bindparam("channel"), Contact.account == bindparam("account"))
    .with_for_update(of=Contact)  # what is pressed twice at once is answered one after the other
)
_REMEMBER = (
    update(Contact.__table__)  # type: ignore[arg-type]
    .where(Contact.id == bindparam("contact_id"))
    .values(
        state=bindparam("new_state", type_=Contact.__table__.c.state.type),
        seen_at=bindparam("now", type_=Utc()),
        unreachable_since=None,
        name=func.coalesce(bindparam("new_name"), Contact.__table__.c.name),
    )
)
_ANSWERED = insert(Inbox.__table__)  # type: ignore[arg-type]


def find(db: Session, channel: str, account: str, update_key: str) -> Standing | None:
    """Return where the conversation with this account stands, in one query; None for a new account."""
    asked = {"channel": channel, "account": account, "update_key": update_key}
    row = db.connection().execute(_FIND, asked).one_or_none()
    if row is None:
        return None
    return Standing(
        contact_id=row.id,
        contact_name=row.contact_name,
        contact_locale=row.contact_locale,
        state=row.state or {},
        seen_at=row.seen_at,
        unreachable_since=row.unreachable_since,
        member=row.member,
        member_id=row.member_id,
        name=row.name or "",
        role=row.role or "visitor",
        status=row.status or "active",
        operator=bool(row.operator),
        member_locale=row.member_locale,
        answered=row.inbox_id is not None,
        answer=row.answer,
        unread=bool(row.unread),
    )


def meet(db: Session, channel: str, account: str, *, name: str, locale: str | None, now: datetime) -> None:
    """Write down an account that is seen for the first time."""
    db.execute(
        insert(Contact).values(
            channel=channel, account=account, name=name, locale=locale, state={}, first_seen_at=now, seen_at=now
        )
    )


def remember(
    db: Session, standing: Standing, state: Mapping[str, Any], *, name: str | None = None, now: datetime
) -> None:
    """Keep the conversation's state; a person who writes is reachable again."""
    values = {"contact_id": standing.contact_id, "new_state": dict(state), "now": now, "new_name": name}
    db.connection().execute(_REMEMBER, values)


def answered(
    db: Session, channel: str, update_key: str, contact_id: int, answer: Any, *, answer_state: str, now: datetime
) -> None:
    """Record that the update was handled, with its answer, in the same transaction as its effect.

    Raises IntegrityError if the same update is recorded already: the caller then answers what was answered first.
    """
    row = {"channel": channel, "update_key": update_key, "contact_id": contact_id, "received_at": now}
    db.connection().execute(_ANSWERED, [{**row, "answer": answer, "answer_state": answer_state}])


def mark_answers(db: Session, channel: str, states: Mapping[str, str]) -> None:
    """Note what became of answers: `states` maps update keys to sent, failed or unknown. One statement per state."""
    for state in sorted(set(states.values())):
        keys = [key for key, value in states.items() if value == state]
        db.execute(update(Inbox).where(Inbox.channel == channel, Inbox.update_key.in_(keys)).values(answer_state=state))


def unfinished_answers(db: Session, channel: str, *, before: datetime, newest: int = 5_000) -> list[str]:
    """Return the updates received before `before` whose answers were being sent when a process vanished.

    Looks at the newest updates only: what is older was looked at by an earlier start.
    """
    latest = select(Inbox.id).order_by(Inbox.id.desc()).limit(newest).subquery()
    return list(
        db.scalars(
            select(Inbox.update_key)
            .join(latest, latest.c.id == Inbox.id)
            .where(Inbox.channel == channel, Inbox.answer_state == "sending", Inbox.received_at < before)
        )
    )


def release_kept(db: Session, member: int, contact_id: int, channel: str, *, now: datetime) -> None:
    """A member is back: what was kept for them goes out now, to the chat where they are, but for what they muted."""
    muted = outbox.is_muted_now()
    db.execute(
        update(Outbox)
        .where(Outbox.member_id == member, Outbox.state == "deferred")
        .values(
            state=case((muted, "muted"), else_="queued"),
            finished_at=case((muted, literal(now, Utc())), else_=None),
            not_before=now,
            contact_id=contact_id,
            channel=channel,
        )
    )


@dataclass(frozen=True, slots=True)
class ContactMember:
    """The member behind a contact, as far as pictures need to know: the id and the name that is printed."""

    member: int
    name: str


def member_of(db: Session, contact_id: int) -> ContactMember | None:
    """Return the member behind a contact; None for somebody who has not joined."""
    row = db.execute(
        select(Member.id, Member.name, Contact.name.label("contact_name"))
        .join(Contact, Contact.member_id == Member.id)
        .where(Contact.id == contact_id)
    ).one_or_none()
    return None if row is None else ContactMember(row.id, row.name or row.contact_name)


def left(db: Session, channel: str, account: str, *, now: datetime) -> None:
    """The platform says that this account blocked us or went away: nothing goes there until they return."""
    db.execute(
        update(Contact)
        .where(Contact.channel == channel, Contact.account == account, Contact.unreachable_since.is_(None))
        .values(unreachable_since=now)
    )


def returned(db: Session, channel: str, account: str, *, now: datetime) -> None:
    """The platform says that this account is back: what was kept for the member goes out now."""
    back = db.execute(
        update(Contact)
        .where(Contact.channel == channel, Contact.account == account, Contact.unreachable_since.is_not(None))
        .values(unreachable_since=None, seen_at=now)
        .returning(Contact.id, Contact.member_id)
    ).first()
    if back is not None and back.member_id is not None:
        release_kept(db, back.member_id, back.id, channel, now=now)


def operator_accounts(db: Session, channel: str) -> list[str]:
    """Return the accounts by which the active operators talk on this channel."""
    return list(
        db.scalars(
            select(Contact.account)
            .join(Member, Member.id == Contact.member_id)
            .where(Contact.channel == channel, Member.operator, Member.status == "active")
            .order_by(Contact.id)
        )
    )


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What an update was answered with, and to whom."""

    contact_id: int
    answer: Any
    contact_locale: str | None
    member_locale: str | None


def last_answer(db: Session, channel: str, account: str) -> KeptAnswer | None:
    """Return the newest answer on this account: read from the newest update backwards, where it is found soon."""
    mine = (Contact.channel == channel, Contact.account == account, Inbox.answer.is_not(None))
    return _answer(db, _ANSWERS.where(*mine).order_by(Inbox.id.desc()).limit(1))


_ANSWERS = (
    select(Inbox.contact_id, Inbox.answer, Contact.locale.label("contact_locale"), Member.locale.label("member_locale"))
    .join(Contact, Contact.id == Inbox.contact_id)
    .outerjoin(Member, Member.id == Contact.member_id)
)


def _answer(db: Session, which: Any) -> KeptAnswer | None:
    row = db.execute(which).one_or_none()
    return None if row is None or row.answer is None else KeptAnswer(*row)
