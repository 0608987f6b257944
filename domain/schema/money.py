"""The ledger: accounts, entries that balance, postings that never change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from domain.schema.base import Base


class Account(Base):
    """`member_id` is 0 for the platform's own accounts. `balance` is kept by the ledger alone and only for members'
    accounts; a platform account's balance is the sum of its postings."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("kind", "member_id", "currency"),
        Index("ix_account_member_id", "member_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    member_id: Mapped[int]
    currency: Mapped[str]
    balance: Mapped[int] = mapped_column(default=0)


class Entry(Base):
    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    cause: Mapped[str]  # the order, settlement or withdrawal that it comes from
    at: Mapped[datetime] = mapped_column(index=True)  # when it happened in the business
    recorded_at: Mapped[datetime]


class Posting(Base):
    """Debit positive, credit negative, in minor units of the account's currency."""

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        Index("ix_posting_account_id", "account_id"),
    )
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    amount: Mapped[int]
