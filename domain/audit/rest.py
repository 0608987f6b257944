"""What must hold beside the money: the tree of members, messages that nobody loses or gets twice, nobody's address."""

# ruff: noqa: S608 - whatever is put into these statements is a constant of the domain
from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.audit.rules import Rule, everywhere
from domain.schema import DaySalt

_IPV4: Final = 2**32
"""A keyed hash of 63 bits is below this once in two thousand million times; an address as a number always is."""

_SALTS_KEPT: Final = timedelta(days=2)


def _old_salts(db: Session) -> Iterator[Mapping[str, Any]]:
    newest = db.scalar(select(func.max(DaySalt.day)))
    if newest is None:
        return
    old = select(DaySalt.day).where(DaySalt.day < newest - _SALTS_KEPT).order_by(DaySalt.day)
    yield from ({"day": day} for day in db.scalars(old))


RULES: Final[tuple[Rule, ...]] = (
    everywhere(
        "13",
        "one message per event and recipient, one per announcement and recipient",
        "SELECT o.key AS message, count(*) AS times FROM outbox o GROUP BY o.key HAVING count(*) > 1 "
        "UNION ALL SELECT 'announcement ' || o.announcement_id || ' to ' || m.member_id, count(*) FROM outbox o "
        "JOIN member m ON m.id = o.member_id WHERE o.announcement_id IS NOT NULL "
        "GROUP BY o.announcement_id, m.member_id HAVING count(*) > 1",
    ),
    everywhere(
        "13",
        "every message is in a known state that fits its times: what is being sent has a lease, what is over an end",
        "SELECT o.id AS message, o.state FROM outbox o WHERE "
        "o.state NOT IN ('queued', 'sending', 'sent', 'failed', 'unknown', 'cancelled', 'deferred', 'muted') "
        "OR (o.state = 'sending' AND (o.lease_until IS NULL OR o.contact_id IS NULL)) "
        "OR (o.state IN ('sent', 'failed', 'unknown', 'cancelled') AND o.finished_at IS NULL) "
        "OR (o.state IN ('queued', 'sending') AND o.finished_at IS NOT NULL)",
    ),
    everywhere(
        "16",
        "what members wish can be honoured: a channel there is, quiet hours that begin and end within a day",
        "SELECT m.member_id AS member FROM member m WHERE m.first_channel NOT IN ('telegram', 'wechat', 'webchat') "
        "OR m.quiet_from NOT BETWEEN 0 AND 1439 OR m.quiet_to NOT BETWEEN 0 AND 1439 "
        "OR (m.quiet_from IS NULL) <> (m.quiet_to IS NULL)",
    ),
    everywhere(
        "19",
        "no address is stored, only hashes",
        "SELECT v.id AS visit FROM visit v "
        f"WHERE v.ip BETWEEN 0 AND {_IPV4 - 1} OR v.visitor BETWEEN 0 AND {_IPV4 - 1}",
    ),
    Rule("19", "the salt of a day is gone two days later", _old_salts),
    everywhere(
        "B10",
        "nobody stands above themselves: every member has a way up to one without a sponsor",
        "WITH RECURSIVE below(id) AS (SELECT id FROM member WHERE sponsor_id IS NULL "
        "UNION ALL SELECT m.id FROM member m JOIN below ON m.sponsor_id = below.id) "
        "SELECT m.member_id AS member FROM member m WHERE m.id NOT IN (SELECT id FROM below)",
    ),
    everywhere(
        "B10",
        "the second and third sponsor are the sponsor's and the one above",
        "SELECT m.member_id AS member FROM member m LEFT JOIN member s ON s.id = m.sponsor_id "
        "WHERE coalesce(m.sponsor2_id, 0) <> coalesce(s.sponsor_id, 0) "
        "OR coalesce(m.sponsor3_id, 0) <> coalesce(s.sponsor2_id, 0)",
    ),
)
