"""Resellers of nodes: what providers want, where each reseller stands, and what the reservations cost meanwhile."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from market.tables.columns import created
from runtime.metadata import metadata

reseller = Table(
    "reseller",
    metadata,
    Column("node_id", Text, ForeignKey("node.id"), primary_key=True),
    Column("state", Text, nullable=False, comment="stopping: its offers are leaving the book"),
    Column("settings", JSONB, nullable=False, comment="the provider's wishes"),
    Column("version", Integer, nullable=False, comment="1, and one more whenever the provider changes something"),
    Column("turn_minute", Integer, nullable=False, server_default=text("0"), comment="of its last turn"),
    Column("memory", JSONB, nullable=False, comment="what it takes from one turn to the next"),
    Column("pending", JSONB(none_as_null=True), comment="what the engine was asked for, until its answer is known"),
    Column("said", JSONB, nullable=False, server_default=text("'[]'"), comment="its last turn, in sentences"),
    created(),
    CheckConstraint("state IN ('on', 'stopping', 'off')", name="state"),
    comment="The automatic offers of a node.",
)

reseller_span = Table(
    "reseller_span",
    metadata,
    Column("node_id", Text, ForeignKey("reseller.node_id"), nullable=False),
    Column("from_minute", Integer, nullable=False),
    Column("until_minute", Integer, nullable=False, comment="when it was switched off, or would be over"),
    Column("cost_micros_per_hour", BigInteger, nullable=False, comment="of the provider's reservation"),
    Column("vcpus", Integer, nullable=False, comment="offered by the node then"),
    Column("memory_mib", Integer, nullable=False),
    Column("disk_gib", Integer, nullable=False),
    Column("kept_vcpus", Integer, nullable=False, comment="kept back for the provider's own work"),
    Column("kept_memory_mib", Integer, nullable=False),
    Column("kept_disk_gib", Integer, nullable=False),
    PrimaryKeyConstraint("node_id", "from_minute"),
    CheckConstraint("until_minute >= from_minute", name="minutes"),
    comment="The times for which a reseller was on, with what counts for its result.",
)
