"""The record: every table of the business, one file per department, read from top to bottom."""

from __future__ import annotations

from sqlalchemy import DDL, event

from domain.schema.base import Base
from domain.schema.mall import (
    Brand,
    CurrencyRate,
    DaySalt,
    Link,
    PickedProduct,
    Product,
    ProductText,
    Stock,
    Visit,
    VisitDay,
)
from domain.schema.messages import Announcement, Audience, ChatMessage, Inbox, LiveScreen, Outbox, UsedSignature
from domain.schema.money import Account, Entry, Posting
from domain.schema.people import ChannelCode, Contact, EntryLink, Member, MemberTag, Mute, WrongCode
from domain.schema.reach import Allowance, MassSend, PlatformFile, SceneCode
from domain.schema.sales import (
    Binding,
    Commission,
    Order,
    OrderCase,
    OrderEvent,
    OrderLine,
    Parcel,
    PlanVersion,
    Refund,
)
from domain.schema.search_ddl import search_ddl
from domain.schema.work import (
    Alert,
    ApiKey,
    AuditRow,
    Fact,
    Holiday,
    JobRun,
    Leave,
    RestDay,
    Task,
    TaskTemplate,
)

__all__ = [
    "IMMUTABLE",
    "Account",
    "Alert",
    "Allowance",
    "Announcement",
    "ApiKey",
    "Audience",
    "AuditRow",
    "Base",
    "Binding",
    "Brand",
    "ChannelCode",
    "ChatMessage",
    "Commission",
    "Contact",
    "CurrencyRate",
    "DaySalt",
    "Entry",
    "EntryLink",
    "Fact",
    "Holiday",
    "Inbox",
    "JobRun",
    "Leave",
    "Link",
    "LiveScreen",
    "MassSend",
    "Member",
    "MemberTag",
    "Mute",
    "Order",
    "OrderCase",
    "OrderEvent",
    "OrderLine",
    "Outbox",
    "Parcel",
    "PickedProduct",
    "PlanVersion",
    "PlatformFile",
    "Posting",
    "Product",
    "ProductText",
    "Refund",
    "RestDay",
    "SceneCode",
    "Stock",
    "Task",
    "TaskTemplate",
    "UsedSignature",
    "Visit",
    "VisitDay",
    "WrongCode",
    "immutability_ddl",
    "search_ddl",
]

IMMUTABLE = ("entry", "posting", "audit_row")


_REFUSE_ON_POSTGRESQL = """
CREATE OR REPLACE FUNCTION rows_never_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% rows never change', TG_TABLE_NAME; END $$
"""


def immutability_ddl(dialect: str, table: str) -> list[str]:
    """Statements that make `table` refuse UPDATE and DELETE on `dialect`."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows never change'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    return [_REFUSE_ON_POSTGRESQL] + [
        f"CREATE TRIGGER {table}_no_{verb.split()[0].lower()} BEFORE {verb} ON {table} "
        f"FOR EACH {scope} EXECUTE FUNCTION rows_never_change()"
        for verb, scope in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
    ]


for _table in Base.metadata.tables.values():
    _table.kwargs["sqlite_strict"] = True

for _name in IMMUTABLE:
    for _dialect in ("sqlite", "postgresql"):
        for _statement in immutability_ddl(_dialect, _name):
            event.listen(
                Base.metadata.tables[_name],
                "after_create",
                DDL(_statement.replace("%", "%%")).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
            )

for _dialect in ("sqlite", "postgresql"):
    for _statement in search_ddl(_dialect):
        event.listen(
            ProductText.__table__,
            "after_create",
            DDL(_statement.replace("%", "%%")).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
        )
