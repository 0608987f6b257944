"""What platforms have forgotten is forgotten here too, and nothing that is still of use."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.database import Database
from bot.job_runner import JobRunner
from domain.messages import allowances, platform_files, signatures
from domain.schema import Allowance
from jobs import discover
from tests.someone import chat

WECHAT, TELEGRAM = "wechat:wx1", "telegram:1"


def test_closed_windows_and_expired_files_go_and_the_rest_stays(database: Database, now: datetime):
    def furnish(db: Session) -> None:
        old, new = chat(db, None, "wechat", "old"), chat(db, None, "wechat", "new")
        allowances.open_window(db, old, allowances.MESSAGE, now=now - timedelta(days=4))
        allowances.consented(db, old, "S1", now=now - timedelta(days=4))
        allowances.open_window(db, new, allowances.TAP, now=now - timedelta(minutes=5))
        platform_files.put(db, WECHAT, "gone", "m1", expires_at=now - timedelta(days=2))
        platform_files.put(db, WECHAT, "good", "m2", expires_at=now + timedelta(days=2))
        platform_files.put(db, TELEGRAM, "good", "f1")
        signatures.use(db, "old", "a", now=now - timedelta(days=2))
        signatures.use(db, "new", "a", now=now)

    database.write_now(furnish)
    runner = JobRunner(database.write_now, database.read_now, lambda: now, ZoneInfo("Asia/Shanghai"))
    assert runner.run(discover()["reach_cleanup"], "2026-11-23") == {"windows": 1, "files": 1, "signatures": 1}
    left = database.read_now(lambda db: sorted(db.scalars(select(Allowance.kind))))
    assert left == ["subscription:S1", "tap"]
    kept = [(WECHAT, "gone"), (WECHAT, "good"), (TELEGRAM, "good")]

    def known(db: Session) -> list[str | None]:
        return [platform_files.get(db, account, content, now=now) for account, content in kept]

    assert database.read_now(known) == [None, "m2", "f1"]
    for signature, content, believed in (("new", "a", True), ("new", "b", False), ("old", "b", True)):
        use = partial(signatures.use, signature=signature, content=content, now=now)
        assert database.write_now(use) is believed


def test_a_file_is_known_by_its_account_until_it_expires_or_is_forgotten(database: Database, now: datetime):
    def found(account: str, at: datetime) -> str | None:
        return database.read_now(lambda db: platform_files.get(db, account, "poster", now=at))

    put = partial(platform_files.put, account=WECHAT, content_key="poster", expires_at=now + timedelta(days=3))
    for file_id in ("m1", "m2"):
        database.write_now(partial(put, file_id=file_id))
    assert (found(WECHAT, now), found(TELEGRAM, now)) == ("m2", None)
    assert found(WECHAT, now + timedelta(days=3)) is None
    database.write_now(lambda db: platform_files.forget(db, WECHAT, "poster"))
    assert found(WECHAT, now) is None
