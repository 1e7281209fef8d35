"""Disputed minutes: what was reported, and what counts while and after an operator decides."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from runtime.metadata import metadata

usage_dispute = Table(
    "usage_dispute",
    metadata,
    Column("id", Text, primary_key=True),
    Column("contract_id", Text, ForeignKey("billable_contract.contract_id"), nullable=False),
    Column("start_minute", Integer, nullable=False),
    Column("end_minute", Integer, nullable=False),
    Column("opened_by", Text, nullable=False, comment="the buyer, or an operator about records that conflict"),
    Column("reason", Text, nullable=False),
    Column("minutes", Integer, nullable=False, comment="how many are disputed"),
    Column("state", Text, nullable=False),
    Column("note", Text, comment="the operator's, with its decision"),
    Column("at_micros", BigInteger, nullable=False),
    Column("decided_at_micros", BigInteger),
    CheckConstraint("end_minute > start_minute", name="window"),
    CheckConstraint("opened_by IN ('buyer', 'operator')", name="opened_by"),
    CheckConstraint("state IN ('open', 'upheld', 'rejected')", name="state"),
    CheckConstraint("(state = 'open') = (decided_at_micros IS NULL)", name="decided"),
    Index("usage_dispute_contract_id_idx", "contract_id", "id"),
    Index("usage_dispute_open_idx", "contract_id", postgresql_where=text("state = 'open'")),
)

usage_disputed_minute = Table(
    "usage_disputed_minute",
    metadata,
    Column("contract_id", Text, nullable=False),
    Column("minute", Integer, nullable=False),
    Column("dispute_id", Text, ForeignKey("usage_dispute.id"), nullable=False, index=True),
    Column("reported_seconds", SmallInteger, nullable=False),
    Column("counted_seconds", SmallInteger, nullable=False, comment="none while it is open"),
    PrimaryKeyConstraint("contract_id", "minute"),
    CheckConstraint("reported_seconds BETWEEN 0 AND 60 AND counted_seconds BETWEEN 0 AND 60", name="seconds"),
    comment="A minute is disputed once.",
)
