"""What an engine keeps for itself: its lease, its journal, and snapshots of its memory."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA, TIMESTAMP

from market.tables.columns import created
from runtime.metadata import metadata

lease = Table(
    "lease",
    metadata,
    Column("shard", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("expires_at", TIMESTAMP(timezone=True), nullable=False, comment="database time"),
    Column("next_sequence", BigInteger, nullable=False),
    Column("last_at_micros", BigInteger, nullable=False, comment="market time of the newest command"),
    comment="Who may write a shard's journal: every batch moves next_sequence under its epoch, or fails.",
)

journal = Table(
    "journal",
    metadata,
    Column("shard", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False, comment="of the block's first command"),
    Column("commands", Integer, nullable=False),
    Column("at_micros", BigInteger, nullable=False),
    Column("block", BYTEA, nullable=False),
    PrimaryKeyConstraint("shard", "sequence"),
    comment="Every command that changed a book, with the outside facts that it used.",
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("shard", Text, nullable=False),
    Column("next_sequence", BigInteger, nullable=False, comment="of the first command that it does not know"),
    Column("state_sha256", Text, nullable=False, comment="of the auction, as the restored one must have it"),
    Column("state", BYTEA, nullable=False),
    created(),
    PrimaryKeyConstraint("shard", "next_sequence"),
    comment="A shard's memory at one place of its journal, so that a start does not depend on the journal's length.",
)
