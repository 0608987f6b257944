"""Messages that are to reach a member: put down with their cause, sent later, each exactly once or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, bindparam, case, exists, func, literal, literal_column, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from domain import wording
from domain.messages import ways
from domain.messages.quiet_sql import is_quiet_of, next_allowed_of
from domain.schema import Announcement, Contact, Member, Mute, Outbox
from domain.schema.base import Utc
from domain.schema.messages import UNDER_WAY
from domain.sql import insert_ignore
from domain.wording import Words

MONEY, STEPS, TASKS, ANNOUNCEMENTS = 20, 30, 40, 50
"""Priorities: what is smaller goes first; what everybody must know before work, and promotions last."""

LATER = "later"
"""What stands for the channel of messages that sleep until their time: nobody looks through a million of these to find
the few that are due."""

ANNOUNCEMENT = "announcement"
"""The text key of announcements; their words stand once in the announcement, not in each row."""

LONGEST_LEASE = timedelta(hours=1)

_WINDOWS = 10  # portions of a cancelled announcement that one claim takes back, in search of something to send


Drawn = tuple[str, Mapping[str, object]]
"""A picture that goes with a message: its kind, and the plain values it is drawn from."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one member. `key` names the event and the recipient: the same key is sent once.

    `category` is system (never muted), business or promotion. Not sent before `not_before` (none: at once).
    """

    key: str
    member: int
    text_key: str
    params: Mapping[str, object] = field(default_factory=dict)
    category: str = "business"
    priority: int = STEPS
    not_before: datetime | None = None
    picture: Drawn | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message taken for sending, with the chat it goes to. `reachable` is false if that chat is gone meanwhile,
    or belongs to somebody else.

    `taken` tells this taking from all others of the same message, and is over at `lease_until`.
    """

    id: int
    key: str
    member: int
    words: Words
    attempts: int
    taken: int
    lease_until: datetime
    contact_id: int
    channel: str
    account: str
    contact_locale: str | None
    member_locale: str | None
    reachable: bool
    picture: Drawn | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of a claimed message.

    `state` is sent, failed, unknown, deferred, or queued: to be tried again, not before `not_before`. A queued message
    with `contact_id` and `channel` goes that way next, with neither a way is chosen anew. `counted` is false where the
    try was not the message's fault.
    """

    id: int
    taken: int
    state: str
    error: str | None = None
    not_before: datetime | None = None
    contact_id: int | None = None
    channel: str | None = None
    counted: bool = True


def put_all(db: Session, notices: Sequence[Notice], *, now: datetime) -> None:
    """Put down `notices` in one statement; those whose key exists already are left out."""
    insert_ignore(
        db,
        Outbox,
        [
            {
                "key": notice.key,
                "member_id": notice.member,
                "text_key": notice.text_key,
                "params": wording.to_json(notice.params),
                "picture": None if notice.picture is None else [notice.picture[0], wording.to_json(notice.picture[1])],
                "category": notice.category,
                "priority": notice.priority,
                "state": "queued",
                "not_before": notice.not_before or now,
                "attempts": 0,
                "created_at": now,
            }
            for notice in notices
        ],
        key=["key"],
    )


def is_muted(member_id: Any, category: Any) -> Any:
    """SQL: whether that member has muted that category."""
    return exists().where(Mute.member_id == member_id, Mute.category == category)


def is_muted_now() -> Any:
    """SQL for a row of the outbox: whether its reader does not want it."""
    mine = is_muted(Outbox.member_id, Outbox.category)
    return mine | ((Outbox.priority == TASKS) & is_muted(Outbox.member_id, "tasks"))


def anything_due(db: Session, channel: str | None, *, now: datetime) -> bool:
    """Say whether a message waits for `channel`; None asks for those whose way is not chosen yet."""
    return db.execute(_due(channel, now).with_only_columns(literal_column("1")).limit(1)).first() is not None


def _due(channel: str | None, now: datetime) -> Select[Any]:
    # The state is spelled out, not bound: SQLite uses a partial index only where the query repeats its condition.
    way = Outbox.channel.is_(None) if channel is None else Outbox.channel == channel
    return select(Outbox.id).where(text("outbox.state = 'queued'"), way, Outbox.not_before <= now)


def choose_ways(db: Session, channels: Collection[str], *, limit: int, now: datetime) -> int:
    """Choose for up to `limit` due messages the chat each goes to, and return how many were looked at.

    It is the member's first reachable chat on one of `channels` (see `ways`). Without one the message is kept for the
    next contact (`deferred`); what the member has muted becomes `muted`.
    """
    ids = db.scalars(
        _due(None, now).order_by(Outbox.priority, Outbox.id).limit(limit).with_for_update(skip_locked=True)
    ).all()
    if not ids:
        return 0
    these = Outbox.id.in_(ids)
    db.execute(update(Outbox).where(these).values(contact_id=ways.first_chat(channels)))
    its_channel = select(Contact.channel).where(Contact.id == Outbox.contact_id).scalar_subquery()
    muted = is_muted_now()
    state = case((muted, "muted"), (Outbox.contact_id.is_(None), "deferred"), else_="queued")
    db.execute(
        update(Outbox)
        .where(these)
        .values(state=state, channel=its_channel, finished_at=case((muted, literal(now, Utc())), else_=None))
    )
    return len(ids)


def wake(db: Session, *, limit: int, now: datetime) -> int:
    """Let up to `limit` sleeping messages whose time has come look for their way, and return how many these were."""
    due = (
        select(Outbox.id)
        .where(text("outbox.channel = 'later' AND outbox.state = 'queued'"), Outbox.not_before <= now)
        .order_by(Outbox.not_before)
        .limit(limit)
    )
    woken = update(Outbox).where(Outbox.id.in_(due.scalar_subquery()), Outbox.channel == LATER)
    return len(db.execute(woken.values(channel=None).returning(Outbox.id)).all())


def anybody_sleeps(db: Session, *, now: datetime) -> bool:
    """Whether there is a sleeping message whose time has come."""
    due = text("outbox.channel = 'later' AND outbox.state = 'queued'")
    return db.execute(select(Outbox.id).where(due, Outbox.not_before <= now).limit(1)).first() is not None


def choose_anew(db: Session, channels: Collection[str]) -> None:
    """Forget the ways that lead to none of `channels`, as after a channel was switched off."""
    channels = [*channels, LATER]
    gone = (text("outbox.state = 'queued'"), Outbox.channel.is_not(None), Outbox.channel.not_in(channels))
    db.execute(update(Outbox).where(*gone).values(channel=None, contact_id=None))


def claim(
    db: Session,
    channel: str,
    *,
    limit: int,
    lease_until: datetime,
    now: datetime,
    zone: ZoneInfo,
    one_by_one: bool = True,
) -> list[Claimed]:
    """Take up to `limit` due messages of `channel` for sending, the most urgent first, `one_by_one` in each chat.

    Each is for one sender only. A chat where a message is under way or waits for another try gives nothing else, so
    order within a chat is kept. What has been waiting may not be wanted any more: the announcement was cancelled, the
    reader has muted it, has left, or sleeps. That is settled instead.
    """
    for _ in range(_WINDOWS):
        window = db.execute(_sendable(channel, now, zone).limit(limit)).all()
        chosen = [row for row in window if row.instead is None]
        if one_by_one:
            first = {row.contact_id: row.id for row in reversed(chosen)}
            chosen = [row for row in chosen if first[row.contact_id] == row.id]
        settled = _settle(db, window, now, zone)
        if chosen:
            db.execute(
                update(Outbox)
                .where(Outbox.id.in_([row.id for row in chosen]))
                .values(
                    state="sending",
                    lease_until=lease_until,
                    attempts=Outbox.attempts + 1,
                    taken=func.coalesce(Outbox.taken, 0) + 1,
                )
            )
            return [_claimed(row, lease_until) for row in chosen]
        if not settled:
            break
    return []


def _settle(db: Session, rows: Sequence[Any], now: datetime, zone: ZoneInfo) -> bool:
    """Say of messages that are not sent now what becomes of them instead; returns whether there are any."""
    for state in ("cancelled", "muted"):
        if ids := [row.id for row in rows if row.instead == state]:
            db.execute(update(Outbox).where(Outbox.id.in_(ids)).values(state=state, finished_at=now))
    if ids := [row.id for row in rows if row.instead == LATER]:
        until = select(next_allowed_of(db, now, zone)).where(Member.id == Outbox.member_id).scalar_subquery()
        db.execute(update(Outbox).where(Outbox.id.in_(ids)).values(not_before=until, channel=LATER, contact_id=None))
    return any(row.instead is not None for row in rows)


def _instead(now: datetime, zone: ZoneInfo) -> Any:
    """SQL for a message that might go now: what it becomes instead, none if it goes."""
    announced = Outbox.announcement_id.is_not(None)
    may_wait = announced & (Outbox.category == "promotion") & Announcement.urgent.is_(None)
    return case(
        (Announcement.state == "cancelled", "cancelled"),
        ((Member.status == "closed") | (announced & (Member.status != "active")), "cancelled"),
        (is_muted_now(), "muted"),
        (may_wait & is_quiet_of(now, zone), LATER),
    )


def _sendable(channel: str, now: datetime, zone: ZoneInfo) -> Select[Any]:
    """The messages of `channel` that may go now, with all that a sender needs, the most urgent first."""
    before = aliased(Outbox, name="earlier")
    blocked = (
        select(literal_column("1"))
        .select_from(before)
        .where(
            before.contact_id == Outbox.contact_id,
            text(UNDER_WAY.replace("state", "earlier.state").replace("taken", "earlier.taken")),
            or_(before.state == "sending", before.not_before > now, before.id < Outbox.id),
            before.id != Outbox.id,
        )
        .exists()
    )
    return (
        _due(channel, now)
        .with_only_columns(
            Outbox.id,
            Outbox.key,
            Outbox.member_id,
            Outbox.text_key,
            Outbox.params,
            Outbox.picture,
            Outbox.attempts,
            Outbox.taken,
            Announcement.text,
            Announcement.text_en,
            Announcement.sku,
            _instead(now, zone).label("instead"),
            Contact.id.label("contact_id"),
            Contact.channel,
            Contact.account,
            Contact.locale.label("contact_locale"),
            Contact.unreachable_since,
            Contact.member_id.label("owner"),
            Member.locale.label("member_locale"),
        )
        .select_from(Outbox)
        .join(Contact, Contact.id == Outbox.contact_id)
        .join(Member, Member.id == Outbox.member_id)
        .outerjoin(Announcement, Announcement.id == Outbox.announcement_id)
        .where(~blocked)
        .order_by(Outbox.priority, Outbox.id)
        .with_for_update(skip_locked=True, of=Outbox)
    )


def _claimed(row: Any, lease_until: datetime) -> Claimed:
    return Claimed(
        id=row.id,
        key=row.key,
        member=row.member_id,
        words=_words(row.text_key, row.params, row.text, row.text_en),
        attempts=row.attempts + 1,
        taken=(row.taken or 0) + 1,
        lease_until=lease_until,
        contact_id=row.contact_id,
        channel=row.channel,
        account=row.account,
        contact_locale=row.contact_locale,
        member_locale=row.member_locale,
        reachable=row.unreachable_since is None and row.owner == row.member_id,
        picture=_drawn(row.picture, row.sku),
    )


def _drawn(picture: Sequence[Any] | None, sku: str | None) -> Drawn | None:
    """The picture that goes with a message; with an announcement it is a product's."""
    if sku is not None:
        return "product", {"sku": sku}
    return None if picture is None else (picture[0], wording.from_json(picture[1]))


def announced(text: str, text_en: str | None) -> Words:
    """The words of an announcement, for each reader in their language where it was written in both."""
    both = text if text_en is None else Words("bilingual", {"zh": text, "en": text_en})
    return Words(ANNOUNCEMENT, {"text": both})


def _words(text_key: str, params: Mapping[str, object], text: str | None, text_en: str | None) -> Words:
    if text is not None:
        return announced(text, text_en)
    try:
        return Words(text_key, wording.from_json(params))
    except (LookupError, ValueError, TypeError):  # of a version that is not ours: it alone fails, when it is rendered
        return Words(text_key, {})


def record(db: Session, marks: Sequence[Mark], *, now: datetime) -> None:
    """Write down what became of claimed messages; most of them were sent and cost one statement together.

    Only who took a message last is believed: whoever comes back after somebody else has taken it changes nothing. What
    was called unknown meanwhile becomes what it really is, and what an operator wants sent again is sent by then.
    """
    sent: dict[int, list[int]] = {}
    for mark in marks:
        if mark.state == "sent":
            sent.setdefault(mark.taken, []).append(mark.id)
    for taken, ids in sent.items():
        db.execute(
            update(Outbox)
            .where(Outbox.id.in_(ids), Outbox.taken == taken, Outbox.state.in_(("sending", "unknown", "queued")))
            .values(state="sent", finished_at=now, lease_until=None, error=None)
        )
    others = [mark for mark in marks if mark.state != "sent"]
    if not others:
        return
    table = Outbox.__table__
    db.connection().execute(
        table.update()  # type: ignore[attr-defined]
        .where(
            table.c.id == bindparam("its_id"),
            table.c.taken == bindparam("its_taken"),
            or_(table.c.state == "sending", table.c.state == "unknown"),
        )
        .values(
            state=bindparam("its_state"),
            error=bindparam("its_error"),
            not_before=func.coalesce(bindparam("its_time", type_=Utc()), table.c.not_before),
            contact_id=bindparam("its_contact"),
            channel=bindparam("its_channel"),
            finished_at=bindparam("its_end", type_=Utc()),
            attempts=table.c.attempts - bindparam("its_uncounted"),
            lease_until=None,
        ),
        [
            {
                "its_id": mark.id,
                "its_taken": mark.taken,
                "its_state": mark.state,
                "its_error": mark.error,
                "its_time": mark.not_before,
                "its_contact": mark.contact_id,
                "its_channel": mark.channel,
                "its_end": now if mark.state in ("failed", "unknown") else None,
                "its_uncounted": 0 if mark.counted else 1,
            }
            for mark in others
        ],
    )


def recover(db: Session, *, before: datetime, now: datetime) -> int:
    """Call `unknown` what a vanished sender left behind, its lease ending before `before`; returns how many.

    It was perhaps sent, perhaps not. A lease that ends later than any does was given by a clock that was wrong.
    """
    left = db.execute(
        update(Outbox)
        .where(
            text(UNDER_WAY),
            Outbox.state == "sending",
            or_(Outbox.lease_until < before, Outbox.lease_until > now + LONGEST_LEASE),
        )
        .values(state="unknown", finished_at=now, lease_until=None, error="the sender vanished")
        .returning(Outbox.id)
    )
    return len(left.all())


def gone(db: Session, contacts: Collection[int], *, now: datetime) -> None:
    """These chats blocked us or no longer exist: nothing goes there until they write again."""
    db.execute(
        update(Contact)
        .where(Contact.id.in_(contacts), Contact.unreachable_since.is_(None))
        .values(unreachable_since=now)
    )


def moved(db: Session, contact_id: int, account: str, *, now: datetime) -> None:
    """The platform says that this chat has a new address; if we know that one already, the old one is gone."""
    contact = aliased(Contact)
    taken = exists().where(contact.channel == Contact.channel, contact.account == account)
    its = update(Contact).where(Contact.id == contact_id, ~taken).values(account=account)
    if db.execute(its.returning(Contact.id)).first() is None:
        gone(db, [contact_id], now=now)


def next_way(
    db: Session, member: int, after: int, channels: Collection[str], *, message: int | None = None
) -> tuple[int, str] | None:
    """Return contact and channel of the chat that comes after the contact `after`; none where `message` has to wait."""
    if message is not None:
        row = db.execute(select(Outbox.category, Outbox.priority).where(Outbox.id == message)).one()
        if not ways.goes_further(row.category, row.priority):
            return None
    return ways.next_chat(db, member, after, channels)


@dataclass(frozen=True, slots=True)
class Kept:
    id: int
    words: Words
    created_at: datetime


def take_deferred(db: Session, member: int, limit: int, *, now: datetime) -> list[Kept]:
    """Return the oldest messages kept for the member's next contact, and count them as sent with this answer."""
    rows = db.execute(
        select(Outbox.id, Outbox.text_key, Outbox.params, Outbox.created_at, Announcement.text, Announcement.text_en)
        .outerjoin(Announcement, Announcement.id == Outbox.announcement_id)
        .where(text("outbox.state = 'deferred'"), Outbox.member_id == member)
        .order_by(Outbox.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Outbox)
    ).all()
    if rows:
        ids = [row.id for row in rows]
        db.execute(update(Outbox).where(Outbox.id.in_(ids)).values(state="sent", finished_at=now))
    return [Kept(row.id, _words(row.text_key, row.params, row.text, row.text_en), row.created_at) for row in rows]
