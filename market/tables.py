"""Tables of the market: who trades, what is traded, orders, trades, contracts, and the engine's lease and journal.

Minutes are UTC minutes since the Unix epoch, prices micro-units per slice-minute, amounts micro-units.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TIMESTAMP

from runtime.metadata import metadata


def _created() -> Column[object]:
    return Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()"))


participant = Table(
    "participant",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("is_provider", Boolean, nullable=False, server_default=text("false")),
    Column("fee_ppm", Integer, nullable=False, comment="of gross, paid as a seller; frozen into each trade"),
    _created(),
    comment="An organisation with an account. Its legal identity is billing's.",
)

user_account = Table(
    "user_account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    _created(),
    comment="A person. What a person may do follows from memberships.",
)

membership = Table(
    "membership",
    metadata,
    Column("participant_id", Text, ForeignKey("participant.id"), nullable=False),
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False),
    _created(),
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
    _created(),
    comment="Keys of 256 random bits, kept as their SHA-256 only. Expiry is real time.",
)

slice_class = Table(
    "slice_class",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("vcpus", Integer, nullable=False),
    Column("memory_mib", Integer, nullable=False),
    Column("disk_gib", Integer, nullable=False),
    Column("cpu_shares", Integer, nullable=False, server_default=text("1024")),
    _created(),
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
    _created(),
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
    Column("agent_version", Text),
    Column("agent_public_key", Text, unique=True),
    Column("heartbeat_at", TIMESTAMP(timezone=True), comment="real time"),
    _created(),
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
    _created(),
    comment="One-time tokens with which an agent enrols its public key.",
)

orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("shard", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False, comment="of the command that entered it"),
    Column("participant_id", Text, ForeignKey("participant.id"), nullable=False),
    Column("client_order_id", Text),
    Column("content_sha256", BYTEA, nullable=False, comment="tells a retry from a reused client_order_id"),
    Column("instrument", Text, ForeignKey("instrument.code"), nullable=False),
    Column("side", Text, nullable=False),
    Column("price_micros", BigInteger, nullable=False),
    Column("time_in_force", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("revision", Integer, nullable=False),
    Column("reserved_micros", BigInteger, nullable=False),
    Column("entered_minute", Integer, nullable=False),
    Column("entered_at_micros", BigInteger, nullable=False),
    Column("updated_at_micros", BigInteger, nullable=False),
    Column("guests", Integer, comment="bid"),
    Column("guests_filled", Integer, comment="bid"),
    Column("slices_per_guest", Integer, comment="bid"),
    Column("duration_minutes", Integer, comment="bid"),
    Column("start_from", Integer, comment="bid, minute"),
    Column("start_by", Integer, comment="bid, minute"),
    Column("template", JSONB, comment="bid: the guest's image, keys and user data"),
    Column("node_id", Text, ForeignKey("node.id"), comment="ask backed by a node"),
    Column("backing_contract_id", Text, comment="ask backed by a contract (resale)"),
    Column("slices", Integer, comment="ask"),
    Column("available_from", Integer, comment="ask, minute"),
    Column("available_until", Integer, comment="ask, minute"),
    Column("min_minutes", Integer, comment="ask"),
    Column("slice_minutes_sold", BigInteger, comment="ask"),
    UniqueConstraint("participant_id", "client_order_id"),
    CheckConstraint("side IN ('bid', 'ask')", name="side"),
    CheckConstraint("reserved_micros >= 0", name="reserved"),
    CheckConstraint(
        "(side = 'bid' AND node_id IS NULL AND backing_contract_id IS NULL)"
        " OR (side = 'ask' AND num_nonnulls(node_id, backing_contract_id) = 1)",
        name="backing",
    ),
    Index("orders_participant_id_id_idx", "participant_id", "id"),
    Index("orders_open_idx", "shard", "instrument", postgresql_where=text("state IN ('new', 'partially_filled')")),
)

trade = Table(
    "trade",
    metadata,
    Column("shard", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("instrument", Text, ForeignKey("instrument.code"), nullable=False),
    Column("bid_order_id", Text, ForeignKey("orders.id"), nullable=False, index=True),
    Column("ask_order_id", Text, ForeignKey("orders.id"), nullable=False, index=True),
    Column("taker_side", Text, nullable=False),
    Column("price_micros", BigInteger, nullable=False),
    Column("start_minute", Integer, nullable=False),
    Column("end_minute", Integer, nullable=False),
    Column("guests", Integer, nullable=False),
    Column("slices_per_guest", Integer, nullable=False),
    Column("at_micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("shard", "sequence", "ordinal"),
    Index("trade_instrument_at_micros_idx", "instrument", "at_micros"),
)

contract = Table(
    "contract",
    metadata,
    Column("id", Text, primary_key=True),
    Column("shard", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False, comment="of the trade in its command"),
    Column("instrument", Text, ForeignKey("instrument.code"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("bid_order_id", Text, ForeignKey("orders.id"), nullable=False, index=True),
    Column("ask_order_id", Text, ForeignKey("orders.id"), nullable=False, index=True),
    Column("buyer_id", Text, ForeignKey("participant.id"), nullable=False),
    Column("provider_id", Text, ForeignKey("participant.id"), nullable=False),
    Column("node_id", Text, ForeignKey("node.id"), nullable=False),
    Column("start_minute", Integer, nullable=False),
    Column("end_minute", Integer, nullable=False),
    Column("slices", Integer, nullable=False),
    Column("price_micros", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("want", Text, nullable=False),
    Column("revision", Integer, nullable=False, comment="of the desired state"),
    Column("applied_revision", Integer, nullable=False, server_default=text("0")),
    Column("guest", JSONB, nullable=False, comment="the guest's specification"),
    Column("guest_state", Text),
    Column(
        "guest_state_at_ms", BigInteger, nullable=False, server_default=text("0"), comment="by the agent's market clock"
    ),
    Column("endpoints", JSONB, nullable=False, server_default=text("'[]'")),
    Column("ready_at_micros", BigInteger),
    Column("created_at_micros", BigInteger, nullable=False),
    Column("updated_at_micros", BigInteger, nullable=False),
    CheckConstraint("kind IN ('guest', 'volume')", name="kind"),
    CheckConstraint("end_minute > start_minute", name="window"),
    Index("contract_buyer_id_id_idx", "buyer_id", "id"),
    Index("contract_provider_id_id_idx", "provider_id", "id"),
    Index(
        "contract_live_idx",
        "node_id",
        postgresql_where=text("state IN ('scheduled', 'provisioning', 'running', 'stopped')"),
    ),
)

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
