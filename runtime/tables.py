"""Tables of the runtime: the deployment's clock, the outbox, and the event feed."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, TIMESTAMP

from runtime.metadata import metadata

deployment = Table(
    "deployment",
    metadata,
    Column("only", Integer, primary_key=True, server_default=text("1")),
    Column("currency", Text, nullable=False),
    Column("clock_wall_micros", BigInteger, nullable=False),
    Column("clock_market_micros", BigInteger, nullable=False),
    Column("clock_speed", Integer, nullable=False),
    Column(
        "generation",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="grows whenever the database is set back to an earlier moment",
    ),
    CheckConstraint('"only" = 1', name="one_row"),
    CheckConstraint("clock_speed >= 1", name="speed"),
    comment="One row: the settlement currency, and the anchor of market time that every process shares.",
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True, comment="also the message's Nats-Msg-Id"),
    Column("subject", Text, nullable=False),
    Column("payload", BYTEA, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("published_at", TIMESTAMP(timezone=True)),
    Index("outbox_unpublished_idx", "created_at", postgresql_where=text("published_at IS NULL")),
    comment="Messages written in the transaction that they tell of, and published after it by the relay.",
)

feed_head = Table(
    "feed_head",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("next_position", BigInteger, nullable=False),
    comment="The next position of each stream of the event feed.",
)

feed = Table(
    "feed",
    metadata,
    Column("stream", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="id of the order, trade, contract or document that changed"),
    Column("payload", JSONB, nullable=False),
    Column("at_micros", BigInteger, nullable=False, comment="market time"),
    PrimaryKeyConstraint("stream", "position"),
    comment="Every committed change, gapless per stream, in commit order; event consumers read this and nothing else.",
)
