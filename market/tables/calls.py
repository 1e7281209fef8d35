"""What the market remembers of calls: dead-man timers, and answers to writes that may come again. Both count real
time, by the database's clock."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from runtime.metadata import metadata

cancel_timer = Table(
    "cancel_timer",
    metadata,
    Column("participant_id", Text, ForeignKey("participant.id"), primary_key=True),
    Column("seconds", Integer, nullable=False, comment="real"),
    Column("due_at", TIMESTAMP(timezone=True), nullable=False),
    Column("claimed_until", TIMESTAMP(timezone=True), comment="somebody is canceling; nobody else does until then"),
    CheckConstraint("seconds > 0", name="seconds"),
    Index("cancel_timer_due_at_idx", "due_at"),
    comment="Dead-man timers: all open orders of a participant are canceled at due_at.",
)
