"""Before anything starts: the database is there, its schema fits, and it is known whether this is a demo."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import migrate
from bot.database import Database
from config.settings import Settings, demo_wanted
from domain import facts
from domain.money import ledger
from domain.schema import Member
from domain.work import task_templates

log = structlog.get_logger()

DEMO_HOOK_SECRET = "demo_hook_secret"  # noqa: S105 - the name under which it is remembered


class CannotStart(Exception):
    """Why the program does not start, in a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """`demo_hook_secret` is what the demo's own shop signs with; empty where this is no demo."""

    database: Database
    demo: bool
    demo_hook_secret: str
    first_start: bool


def open_database(settings: Settings) -> Database:
    """Open the database of the settings; the folder of an embedded one is made."""
    url = settings.sqlalchemy_url
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    return Database(url)


def prepare(settings: Settings, clock: Callable[[], datetime]) -> Prepared:
    """Open the database and make it ready. The embedded one, and any empty one, is set up here.

    A PostgreSQL database with an older schema may be in use by others: CannotStart asks the operator to migrate it.
    """
    database = open_database(settings)
    if database.sqlite or database.read_now(migrate.is_empty):
        migrate.migrate(database)
    elif not database.read_now(migrate.is_current):
        database.close()
        raise CannotStart("The database has another schema than this program. Run: fenxiao migrate")
    check_currency(database, settings)
    database.write_now(task_templates.seed)
    demo, first_start = _decide_demo(database, settings)
    if demo and database.read_now(_has_nobody):  # also after a first start that was cut off while it loaded
        load_demo(database, settings, clock())
    secret = database.write_now(_demo_secret) if demo else ""
    return Prepared(database, demo, secret, first_start)


def check_currency(database: Database, settings: Settings) -> None:
    """Commissions are taken back in the currency in which they were earned: CannotStart if it is to be another one."""
    for currency in database.read_now(ledger.settlement_currencies):
        if currency != settings.currency:
            database.close()
            raise CannotStart(
                f"Commissions have been earned in {currency}, and FENXIAO_CURRENCY is {settings.currency}. "
                f"A shop keeps its settlement currency: set FENXIAO_CURRENCY={currency}."
            )


def _decide_demo(database: Database, settings: Settings) -> tuple[bool, bool]:
    """Return whether this is a demo, decided once for ever at the first start, and whether this is that start.

    A database with people in it never becomes one. FENXIAO_DEMO=off closes a demo at any time.
    """

    def decide(db: Session) -> tuple[str, bool]:
        known = facts.get(db, facts.DEMO)
        if known is not None:
            return known, False
        wanted = demo_wanted(settings) and _has_nobody(db)
        return facts.put_once(db, facts.DEMO, "on" if wanted else "off"), True

    stored, first_start = database.write_now(decide)
    if stored == "off" and settings.demo == "on":
        log.warning("demo.refused", because="this database is not a demo and never becomes one")
    return stored == "on" and settings.demo != "off", first_start


def load_demo(database: Database, settings: Settings, now: datetime, **size: int | None) -> Mapping[str, int]:
    """Load the demo shop and return what it consists of. Raises CannotStart for a database with people in it."""
    from domain.demo import shop as demo

    if not database.read_now(_has_nobody):
        raise CannotStart("This database has people in it; the demo shop goes into an empty one only.")
    database.write_now(lambda db: facts.put(db, facts.DEMO, "on"))
    database.write_now(task_templates.seed)
    given = {name: value for name, value in size.items() if value is not None}
    return demo.build(
        database.write_now, database.read_now, now=now, zone=settings.timezone, currency=settings.currency, **given
    )


def _has_nobody(db: Session) -> bool:
    return db.scalar(select(Member.id).limit(1)) is None


def _demo_secret(db: Session) -> str:
    fresh = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return facts.put_once(db, DEMO_HOOK_SECRET, fresh)
