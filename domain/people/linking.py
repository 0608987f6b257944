"""One member on several channels: a code that is asked for on one chat and entered on another joins the two."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, delete, select, update
from sqlalchemy.orm import Session

from domain import audit_log, sql
from domain.errors import NotFound, Refusal
from domain.messages import outbox, ways
from domain.messages.outbox import Notice
from domain.people import merging, network
from domain.schema import ChannelCode, Contact, Member, Outbox, WrongCode
from domain.wording import words

LIFE: Final = timedelta(minutes=10)
MOST_WRONG: Final = 5
WRONG_COUNTED: Final = timedelta(hours=1)

_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LENGTH: Final = 8  # 32^8, about 10^12, against five tries an hour and ten minutes of life
_SHAPE: Final = re.compile(rf"LK[{_LETTERS}]{{{_LENGTH}}}")


class ChannelAlreadyYours(Refusal):
    """The code was asked for by the very member who enters it."""

    code = "channel_already_yours"


class ChannelOtherWayRound(Refusal):
    """What stands on this chat's member cannot move, but nothing stands on the other's."""

    code = "channel_other_way_round"


class ChannelBothInUse(Refusal):
    """Two members with something of value each: only people can say what is to become of them."""

    code = "channel_both_in_use"


class ChannelCodeTries(Refusal):
    """Too many codes that lead nowhere were tried on this chat."""

    code = "channel_code_tries"


class ChannelChanged(Refusal):
    """Whose chat this is has changed since it was shown what would happen."""

    code = "channel_changed"


class LastChannel(Refusal):
    """Without any chat a member would not get in again."""

    code = "last_channel"


@dataclass(frozen=True, slots=True)
class Account:
    """A chat of a member; `account` shows just enough of its name to know it by."""

    contact_id: int
    channel: str
    account: str
    seen_at: datetime
    reachable: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What a code would do: this chat comes to `member`, and with it, if there is one, everything of the member `own`.

    `asked_on` is the chat that the code was asked for on.
    """

    member: int
    member_id: str
    name: str
    asked_on: Account
    own: int | None


def read_code(written: str) -> str | None:
    """Return the code in what somebody wrote, in small letters or in groups too; None if it cannot be one."""
    code = re.sub(r"[\s-]", "", written[:40]).upper()
    return code if _SHAPE.fullmatch(code) else None


def masked(account: str) -> str:
    """Just enough of a chat account's name to know it by: 12…67."""
    name = account.rpartition(":")[2]
    return f"{name[:2]}…{name[-2:]}" if len(name) > 5 else f"{name[:1]}…"


def new_code(
    db: Session, member: int, contact_id: int, *, now: datetime, choose: Callable[[str], str] = secrets.choice
) -> str:
    """Return a fresh code for `member`, good for LIFE; the one before ends."""
    code = "LK" + "".join(choose(_LETTERS) for _ in range(_LENGTH))
    row = {"member_id": member, "contact_id": contact_id, "hash": _digest(code), "expires_at": now + LIFE}
    sql.upsert(db, ChannelCode, [row], key=["member_id"], change=["contact_id", "hash", "expires_at"])
    channel = db.scalar(select(Contact.channel).where(Contact.id == contact_id))
    _record(db, member, "channel.code", None, {"asked_on": channel}, actor=None, now=now)
    return code


def is_open(db: Session, code: str, *, now: datetime) -> bool:
    return _open_code(db, code, now) is not None


def offer(db: Session, contact_id: int, written: str, *, now: datetime) -> Offer | None:
    """Return what the code would do for this chat. A wrong, used or late one gives None, and is counted.

    Raises ChannelCodeTries after too many of those, and what `merging.judge` finds in the way.
    """
    own = db.execute(select(Contact.member_id).where(Contact.id == contact_id).with_for_update()).scalar_one()
    if _wrong_codes(db, contact_id, now) >= MOST_WRONG:
        raise ChannelCodeTries()
    found = _open_code(db, read_code(written) or "", now)
    if found is None:
        _count_wrong(db, contact_id, now)
        return None
    _refuse_what_cannot_be(db, own, found.member)
    asked_on = Account(found.contact_id, found.channel, masked(found.account), found.seen_at, True)
    return Offer(found.member, found.member_id, found.name, asked_on, own)


def join(db: Session, contact_id: int, written: str, own: int | None, *, now: datetime) -> Offer | None:
    """Do what `offer` showed when the chat belonged to `own`. The code is used up: of two at once one gets it.

    Raises ChannelChanged if the chat belongs to another member by now, and whatever `offer` raises.
    """
    network.lock(db)
    taken = offer(db, contact_id, written, now=now)
    if taken is None:
        return None
    if taken.own != own:
        raise ChannelChanged()
    db.execute(delete(ChannelCode).where(ChannelCode.member_id == taken.member))
    if own is not None:
        merging.merge(db, own, taken.member, now=now)
    db.execute(update(Contact).where(Contact.id == contact_id).values(member_id=taken.member))
    joined = db.execute(select(Contact.channel, Contact.account).where(Contact.id == contact_id)).one()
    shown = {"channel": joined.channel, "account": masked(joined.account)}
    _record(db, taken.member, "channel.join", None, shown, actor=None, now=now)
    _tell(db, taken, contact_id, shown, now=now)
    return taken


def accounts(db: Session, member: int) -> list[Account]:
    """Return the member's chats in the order in which notices try them."""
    rows = db.execute(
        select(Contact.id, Contact.channel, Contact.account, Contact.seen_at, Contact.unreachable_since)
        .join(Member, Member.id == Contact.member_id)
        .where(Contact.member_id == member)
        .order_by(*ways.in_order(Contact, Member))
    )
    return [Account(row[0], row[1], masked(row[2]), row[3], row[4] is None) for row in rows]


def let_go(db: Session, member: int, contact_id: int, *, actor: str | None = None, now: datetime) -> Account:
    """Part a chat from its member. Members themselves, without `actor`, keep one at least, else LastChannel is raised;
    an operator may take away the last one, so that it can come to the member it ought to belong to.

    Somebody else's chat is answered like a missing one, by NotFound.
    """
    network.lock(db)
    mine = accounts(db, member)
    gone = next((chat for chat in mine if chat.contact_id == contact_id), None)
    if gone is None:
        raise NotFound()
    if len(mine) == 1 and actor is None:
        raise LastChannel()
    db.execute(update(Contact).where(Contact.id == contact_id).values(member_id=None, state={}))
    db.execute(delete(ChannelCode).where(ChannelCode.contact_id == contact_id))
    ways.forget(db, [contact_id])
    _record(
        db, member, "channel.let_go", {"channel": gone.channel, "account": gone.account}, None, actor=actor, now=now
    )
    if actor is not None:
        told = {"channel": words(f"channel.{gone.channel}"), "account": gone.account}
        key = f"channel_let_go:{contact_id}:{now.isoformat()}"
        outbox.put_all(db, [Notice(key, member, "notice.channel_let_go", told, "system")], now=now)
    return gone


def _refuse_what_cannot_be(db: Session, own: int | None, member: int) -> None:
    if own == member:
        raise ChannelAlreadyYours()
    if own is None:
        return
    mine, theirs = merging.standing(db, own), merging.standing(db, member)
    if merging.may_merge(mine, theirs):
        return
    if merging.may_merge(theirs, mine):
        raise ChannelOtherWayRound()
    raise ChannelBothInUse(own=mine.member_id, other=theirs.member_id)


def _open_code(db: Session, code: str, now: datetime) -> Any:
    """A code ends as well when the chat that asked for it is not the member's any more."""
    return db.execute(
        select(
            ChannelCode.contact_id,
            Member.id.label("member"),
            Member.member_id,
            Member.name,
            Contact.channel,
            Contact.account,
            Contact.seen_at,
        )
        .join(Member, Member.id == ChannelCode.member_id)
        .join(Contact, and_(Contact.id == ChannelCode.contact_id, Contact.member_id == Member.id))
        .where(ChannelCode.hash == _digest(code), ChannelCode.expires_at > now, Member.status != "closed")
    ).one_or_none()


def _wrong_codes(db: Session, contact_id: int, now: datetime) -> int:
    counted = (WrongCode.contact_id == contact_id, WrongCode.since > now - WRONG_COUNTED)
    return db.scalar(select(WrongCode.tries).where(*counted)) or 0


def _count_wrong(db: Session, contact_id: int, now: datetime) -> None:
    """The caller holds the chat's row, so that tries at the same moment count as well."""
    over = (WrongCode.contact_id == contact_id, WrongCode.since <= now - WRONG_COUNTED)
    db.execute(delete(WrongCode).where(*over))
    sql.insert_ignore(db, WrongCode, [{"contact_id": contact_id, "tries": 0, "since": now}], key=["contact_id"])
    db.execute(update(WrongCode).where(WrongCode.contact_id == contact_id).values(tries=WrongCode.tries + 1))


def _tell(db: Session, taken: Offer, contact_id: int, shown: dict[str, str], *, now: datetime) -> None:
    """Say so where the code was asked for: whoever did not mean it can part the chats again."""
    told = {"channel": words(f"channel.{shown['channel']}"), "account": shown["account"]}
    key = f"channel_joined:{contact_id}:{now.isoformat()}"
    outbox.put_all(db, [Notice(key, taken.member, "notice.channel_joined", told, "system")], now=now)
    there = taken.asked_on
    way = update(Outbox).where(Outbox.key == key)
    db.execute(way.values(contact_id=there.contact_id, channel=there.channel))


def _record(
    db: Session, member: int, action: str, before: Any, after: Any, *, actor: str | None, now: datetime
) -> None:
    whose = "member:" + str(db.scalar(select(Member.member_id).where(Member.id == member)))
    audit_log.record(db, actor=actor or whose, action=action, subject=whose, before=before, after=after, now=now)


def _digest(code: str) -> str:
    """A plain hash is enough for something that is of no use ten minutes later."""
    return hashlib.sha256(code.encode()).hexdigest()
