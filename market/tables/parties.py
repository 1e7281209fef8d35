"""Who trades: participants, the people behind them, their keys."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, TIMESTAMP

from market.tables.columns import created
from runtime.metadata import metadata

participant = Table(
    "participant",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("is_provider", Boolean, nullable=False, server_default=text("false")),
    Column("fee_ppm", Integer, nullable=False, comment="of gross, paid as a seller; frozen into each trade"),
    Column(
        "reliability_ppm",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="delivered of contracted minutes as a provider; 0 while there is no record",
    ),
    created(),
    comment="An organisation with an account. Its legal identity is billing's.",
)

user_account = Table(
    "user_account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    created(),
    comment="A person. What a person may do follows from memberships.",
)

membership = Table(
    "membership",
    metadata,
    Column("participant_id", Text, ForeignKey("participant.id"), nullable=False),
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False),
    created(),
    PrimaryKeyConstraint("participant_id", "user_id"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("participant_id", Text, ForeignKey("participant.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("secret_sha256", BYTEA, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("expires_at", TIMESTAMP(timezone=True)),
    Column("revoked_at", TIMESTAMP(timezone=True)),
    created(),
    comment="Keys of 256 random bits, kept as their SHA-256 only. Expiry is real time.",
)
