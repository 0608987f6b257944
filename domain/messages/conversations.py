"""Where a conversation stands: who is talking, what was already answered, and what to remember for the next word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, func, insert, literal, or_, select, text, update
from sqlalchemy.orm import Session

from domain import wording
from domain.messages import outbox
from domain.schema import Contact, Inbox, Member, Outbox
from domain.schema.base import Utc
from domain.schema.messages import ANSWER_OPEN


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
    answer_state: str | None
    answer_theirs: bool  # the chat belongs to whom it belonged to when this was answered
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
        Inbox.answer_state,
        Inbox.member_id.label("answered_member"),
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
_ANSWERED = insert(Inbox.__table__).values(  # type: ignore[arg-type]
    channel=bindparam("its_channel"),
    update_key=bindparam("its_key"),
    contact_id=bindparam("its_contact"),
    member_id=select(Contact.member_id).where(Contact.id == bindparam("its_contact")).scalar_subquery(),
    received_at=bindparam("now", type_=Utc()),
    answer=bindparam("its_answer", type_=Inbox.__table__.c.answer.type),
    answer_state=bindparam("its_state"),
)

_STILL_THEIRS = Inbox.member_id.is_not_distinct_from(
    select(Contact.member_id).where(Contact.id == Inbox.contact_id).scalar_subquery()
)
"""SQL: the chat still belongs to whom the answer was made for."""


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
        answer_state=row.answer_state,
        answer_theirs=row.answered_member == row.member,
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

    The answer is for whoever the chat belongs to after that effect. Raises IntegrityError if the same update is
    recorded already: the caller then answers what was answered first.
    """
    row = {"its_channel": channel, "its_key": update_key, "its_contact": contact_id, "now": now}
    db.connection().execute(_ANSWERED, {**row, "its_answer": answer, "its_state": answer_state})


def begin_answer(db: Session, channel: str, update_key: str) -> bool:
    """Claim the sending of an answer: true for one caller only, who may then have sent it, whatever happens.

    An answer for somebody whose chat this is no more is nobody's to send.
    """
    mine = (Inbox.channel == channel, Inbox.update_key == update_key, Inbox.answer_state == "waiting", _STILL_THEIRS)
    return db.execute(update(Inbox).where(*mine).values(answer_state="sending").returning(Inbox.id)).first() is not None


def mark_answers(db: Session, channel: str, states: Mapping[str, str]) -> None:
    """Note what became of answers: `states` maps update keys to sent, failed or unknown. One statement per state."""
    for state in sorted(set(states.values())):
        keys = [key for key, value in states.items() if value == state]
        db.execute(update(Inbox).where(Inbox.channel == channel, Inbox.update_key.in_(keys)).values(answer_state=state))


def give_up_answers(db: Session, channel: str, *, before: datetime) -> int:
    """Nobody knows whether an answer arrived that was being sent when a process vanished, and nobody is shown one whose
    chat has changed hands before it was sent; return how many there are."""
    vanished = and_(Inbox.answer_state == "sending", Inbox.received_at < before)
    passed_on = and_(Inbox.answer_state == "waiting", ~_STILL_THEIRS)
    left = (text(ANSWER_OPEN), Inbox.channel == channel, or_(vanished, passed_on))
    return len(db.execute(update(Inbox).where(*left).values(answer_state="unknown").returning(Inbox.id)).all())


@dataclass(frozen=True, slots=True)
class WaitingAnswer:
    """An answer that nobody has begun to send: its update took effect, and then the process vanished. The chat still
    belongs to the `member` it was made for."""

    update_key: str
    contact_id: int
    account: str
    member: int | None
    answer: Any
    contact_locale: str | None
    member_locale: str | None


def waiting_answers(db: Session, channel: str, *, before: datetime, limit: int = 1_000) -> list[WaitingAnswer]:
    """Return the answers to updates received before `before` that still wait, the oldest first."""
    rows = db.execute(
        select(
            Inbox.update_key,
            Inbox.contact_id,
            Contact.account,
            Inbox.member_id,
            Inbox.answer,
            Contact.locale,
            Member.locale,
        )
        .join(Contact, Contact.id == Inbox.contact_id)
        .outerjoin(Member, Member.id == Contact.member_id)
        .where(text(ANSWER_OPEN), Inbox.channel == channel, Inbox.answer_state == "waiting")
        .where(Inbox.received_at < before, Inbox.member_id.is_not_distinct_from(Contact.member_id))
        .order_by(Inbox.id)
        .limit(limit)
    )
    return [WaitingAnswer(*row) for row in rows]


def keep_answer(db: Session, channel: str, waiting: WaitingAnswer, text: str, *, now: datetime) -> None:
    """Show an answer that could only be given at once at the next contact of the member it was made for; of a stranger,
    and where the chat has changed hands, it stays unknown."""
    theirs = and_(Inbox.member_id.is_not(None), _STILL_THEIRS)
    mine = (Inbox.channel == channel, Inbox.update_key == waiting.update_key, Inbox.answer_state == "waiting")
    mark = update(Inbox).where(*mine).values(answer_state=case((theirs, "kept"), else_="unknown"))
    row = db.execute(mark.returning(Inbox.id, Inbox.member_id, Inbox.answer_state)).first()
    if row is not None and row.answer_state == "kept":
        kept = {
            "key": f"kept_answer:{row.id}",
            "member_id": row.member_id,
            "text_key": "notice.kept_answer",
            "params": wording.to_json({"text": text}),
            "category": "system",
            "priority": outbox.STEPS,
            "state": "deferred",
            "not_before": now,
            "created_at": now,
        }
        db.execute(insert(Outbox).values(kept))


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
    """What an update was answered with, and in which chat."""

    contact_id: int
    answer: Any
    contact_locale: str | None
    member_locale: str | None


def last_answer(db: Session, channel: str, account: str) -> KeptAnswer | None:
    """Return the newest answer on this account, none where the chat has changed hands since.

    It is read from the newest update backwards, where it is found soon.
    """
    theirs = Inbox.member_id.is_not_distinct_from(Contact.member_id)
    row = db.execute(
        select(Inbox.contact_id, Inbox.answer, Contact.locale, Member.locale, theirs.label("theirs"))
        .join(Contact, Contact.id == Inbox.contact_id)
        .outerjoin(Member, Member.id == Contact.member_id)
        .where(Contact.channel == channel, Contact.account == account, Inbox.answer.is_not(None))
        .order_by(Inbox.id.desc())
        .limit(1)
    ).one_or_none()
    return KeptAnswer(*row[:4]) if row is not None and row.theirs else None
