"""What is traded, and on which nodes it runs. Prices are micro-units per slice-minute, lengths minutes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, TIMESTAMP

from market.tables.columns import created
from runtime.metadata import metadata

slice_class = Table(
    "slice_class",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("vcpus", Integer, nullable=False),
    Column("memory_mib", Integer, nullable=False),
    Column("disk_gib", Integer, nullable=False),
    Column("cpu_shares", Integer, nullable=False, server_default=text("1024")),
    created(),
    CheckConstraint("kind IN ('guest', 'volume')", name="kind"),
    CheckConstraint("vcpus >= 0 AND memory_mib >= 0 AND disk_gib >= 0", name="resources"),
    comment="The resource vector of one slice.",
)

instrument = Table(
    "instrument",
    metadata,
    Column("code", Text, primary_key=True),
    Column("zone", Text, nullable=False, index=True),
    Column("slice_class", Text, ForeignKey("slice_class.name"), nullable=False),
    Column("firmness", Text, nullable=False),
    Column("mode", Text, nullable=False, server_default=text("'open'")),
    Column("tick_micros", BigInteger, nullable=False),
    Column("price_min_micros", BigInteger, nullable=False),
    Column("price_max_micros", BigInteger, nullable=False),
    Column("min_minutes", Integer, nullable=False),
    Column("max_minutes", Integer, nullable=False),
    Column("horizon_minutes", Integer, nullable=False),
    Column("delivery_deadline_minutes", Integer, nullable=False),
    Column("bond_ppm", Integer, nullable=False),
    Column("release_ppm", Integer, nullable=False),
    Column("break_ppm", Integer, nullable=False),
    created(),
    CheckConstraint("firmness IN ('firm', 'spot')", name="firmness"),
    CheckConstraint("mode IN ('open', 'post_only', 'cancel_only', 'halted')", name="mode"),
)

node = Table(
    "node",
    metadata,
    Column("id", Text, primary_key=True),
    Column("participant_id", Text, ForeignKey("participant.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("vcpus", Integer, nullable=False, comment="offered, never more than measured"),
    Column("memory_mib", Integer, nullable=False),
    Column("disk_gib", Integer, nullable=False),
    Column("reserved_until", Integer, nullable=False, comment="minute"),
    Column("state", Text, nullable=False, server_default=text("'new'")),
    Column("measured", JSONB, comment="capacity as the agent measured it"),
    Column(
        "own_work",
        JSONB(none_as_null=True),
        comment="what the provider itself uses of the machine, by the newest heartbeat",
    ),
    Column("agent_version", Text),
    Column("wire_version", Integer, comment="of the protocol, as its agent speaks it by the newest heartbeat"),
    Column("agent_public_key", Text, unique=True),
    Column("heartbeat_at", TIMESTAMP(timezone=True), comment="real time"),
    Column("draining", Boolean, nullable=False, server_default=text("false"), comment="nothing more of it is sold"),
    created(),
    UniqueConstraint("participant_id", "name"),
    CheckConstraint("state IN ('new', 'online', 'lost')", name="state"),
    comment="A Nested Cloud VM (L1) of a provider.",
)

enrolment = Table(
    "enrolment",
    metadata,
    Column("id", Text, primary_key=True),
    Column("node_id", Text, ForeignKey("node.id"), nullable=False, index=True),
    Column("token_sha256", BYTEA, nullable=False, unique=True),
    Column("expires_at", TIMESTAMP(timezone=True), nullable=False),
    Column("used_at", TIMESTAMP(timezone=True)),
    created(),
    comment="One-time tokens with which an agent enrols its public key.",
)
