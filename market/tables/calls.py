"""What the market remembers of calls: dead-man timers, and answers to writes that may come again. Both count real
time, by the database's clock."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, TIMESTAMP

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

idempotency = Table(
    "idempotency",
    metadata,
    Column("participant_id", Text, ForeignKey("participant.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("api_key_id", Text, nullable=False),
    Column("content_sha256", BYTEA, nullable=False, comment="of method, address and body"),
    Column("token", Text, nullable=False, comment="of whoever runs the call"),
    Column("claimed_until", TIMESTAMP(timezone=True), nullable=False),
    Column("took_effect", Boolean, nullable=False, server_default=text("false"), comment="set by what the call wrote"),
    Column("status", Integer, comment="of the answer; null while the call runs"),
    Column("media_type", Text),
    Column("sealed_body", BYTEA, comment="readable with the API key alone: it may hold what is shown once"),
    Column("expires_at", TIMESTAMP(timezone=True), nullable=False, index=True),
    PrimaryKeyConstraint("participant_id", "key"),
    comment="Writes under an Idempotency-Key, and their answers.",
)
