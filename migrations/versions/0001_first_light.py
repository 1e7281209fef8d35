"""First light: clock, outbox and feed; the market, its orders and journals; the ledger, usage and documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RUNTIME_TABLES = ("deployment", "outbox", "feed_head", "feed")
MARKET_TABLES = (
    "participant",
    "user_account",
    "membership",
    "api_key",
    "slice_class",
    "instrument",
    "node",
    "enrolment",
    "orders",
    "trade",
    "contract",
    "lease",
    "journal",
)
BILLING_TABLES = (
    "ledger_account",
    "ledger_transfer",
    "ledger_entry",
    "legal_identity",
    "billable_contract",
    "usage_minute",
    "usage_receipt",
    "usage_watermark",
    "usage_refused",
    "billing_period",
    "billed_day",
    "document",
    "document_counter",
)
IMMUTABLE_TABLES = ("ledger_transfer", "ledger_entry", "legal_identity", "billed_day")


def upgrade() -> None:
    _create_runtime()
    _create_market()
    _create_billing()
    _forbid_changes()


def downgrade() -> None:
    for table in reversed((*RUNTIME_TABLES, *MARKET_TABLES, *BILLING_TABLES)):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change()")


def _create_runtime() -> None:
    op.create_table(
        "deployment",
        sa.Column("only", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("clock_wall_micros", sa.BigInteger(), nullable=False),
        sa.Column("clock_market_micros", sa.BigInteger(), nullable=False),
        sa.Column("clock_speed", sa.Integer(), nullable=False),
        sa.CheckConstraint('"only" = 1', name=op.f("deployment_one_row_check")),
        sa.CheckConstraint("clock_speed >= 1", name=op.f("deployment_speed_check")),
        sa.PrimaryKeyConstraint("only", name=op.f("deployment_pkey")),
        comment="One row: the settlement currency, and the anchor of market time that every process shares.",
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False, comment="also the message's Nats-Msg-Id"),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.BYTEA(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", postgresql.TIMESTAMP(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pkey")),
        comment="Messages written in the transaction that they tell of, and published after it by the relay.",
    )
    op.create_index(
        "outbox_unpublished_idx", "outbox", ["created_at"], postgresql_where=sa.text("published_at IS NULL")
    )
    op.create_table(
        "feed_head",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("next_position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("feed_head_pkey")),
        comment="The next position of each stream of the event feed.",
    )
    op.create_table(
        "feed",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "subject", sa.Text(), nullable=False, comment="id of the order, trade, contract or document that changed"
        ),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("at_micros", sa.BigInteger(), nullable=False, comment="market time"),
        sa.PrimaryKeyConstraint("stream", "position", name=op.f("feed_pkey")),
        comment="Every committed change, gapless per stream, in commit order; event consumers read this and nothing else.",
    )


def _create_market() -> None:
    op.create_table(
        "participant",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_provider", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "fee_ppm", sa.Integer(), nullable=False, comment="of gross, paid as a seller; frozen into each trade"
        ),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("participant_pkey")),
        comment="An organisation with an account. Its legal identity is billing's.",
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("user_account_pkey")),
        sa.UniqueConstraint("email", name=op.f("user_account_email_key")),
        comment="A person. What a person may do follows from memberships.",
    )
    op.create_table(
        "membership",
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"], name=op.f("membership_participant_id_fkey")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("membership_user_id_fkey")),
        sa.PrimaryKeyConstraint("participant_id", "user_id", name=op.f("membership_pkey")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_sha256", postgresql.BYTEA(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True)),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True)),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"], name=op.f("api_key_participant_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_key_pkey")),
        comment="Keys of 256 random bits, kept as their SHA-256 only. Expiry is real time.",
    )
    op.create_index(op.f("api_key_participant_id_idx"), "api_key", ["participant_id"])
    op.create_table(
        "slice_class",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("vcpus", sa.Integer(), nullable=False),
        sa.Column("memory_mib", sa.Integer(), nullable=False),
        sa.Column("disk_gib", sa.Integer(), nullable=False),
        sa.Column("cpu_shares", sa.Integer(), server_default=sa.text("1024"), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('guest', 'volume')", name=op.f("slice_class_kind_check")),
        sa.CheckConstraint(
            "vcpus >= 0 AND memory_mib >= 0 AND disk_gib >= 0", name=op.f("slice_class_resources_check")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("slice_class_pkey")),
        comment="The resource vector of one slice.",
    )
    op.create_table(
        "instrument",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("slice_class", sa.Text(), nullable=False),
        sa.Column("firmness", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("tick_micros", sa.BigInteger(), nullable=False),
        sa.Column("price_min_micros", sa.BigInteger(), nullable=False),
        sa.Column("price_max_micros", sa.BigInteger(), nullable=False),
        sa.Column("min_minutes", sa.Integer(), nullable=False),
        sa.Column("max_minutes", sa.Integer(), nullable=False),
        sa.Column("horizon_minutes", sa.Integer(), nullable=False),
        sa.Column("delivery_deadline_minutes", sa.Integer(), nullable=False),
        sa.Column("bond_ppm", sa.Integer(), nullable=False),
        sa.Column("release_ppm", sa.Integer(), nullable=False),
        sa.Column("break_ppm", sa.Integer(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("firmness IN ('firm', 'spot')", name=op.f("instrument_firmness_check")),
        sa.CheckConstraint(
            "mode IN ('open', 'post_only', 'cancel_only', 'halted')", name=op.f("instrument_mode_check")
        ),
        sa.ForeignKeyConstraint(["slice_class"], ["slice_class.name"], name=op.f("instrument_slice_class_fkey")),
        sa.PrimaryKeyConstraint("code", name=op.f("instrument_pkey")),
    )
    op.create_index(op.f("instrument_zone_idx"), "instrument", ["zone"])
    op.create_table(
        "node",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("vcpus", sa.Integer(), nullable=False, comment="offered, never more than measured"),
        sa.Column("memory_mib", sa.Integer(), nullable=False),
        sa.Column("disk_gib", sa.Integer(), nullable=False),
        sa.Column("reserved_until", sa.Integer(), nullable=False, comment="minute"),
        sa.Column("state", sa.Text(), server_default=sa.text("'new'"), nullable=False),
        sa.Column("measured", postgresql.JSONB(), comment="capacity as the agent measured it"),
        sa.Column("agent_version", sa.Text()),
        sa.Column("agent_public_key", sa.Text()),
        sa.Column("heartbeat_at", postgresql.TIMESTAMP(timezone=True), comment="real time"),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('new', 'online', 'lost')", name=op.f("node_state_check")),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"], name=op.f("node_participant_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("node_pkey")),
        sa.UniqueConstraint("agent_public_key", name=op.f("node_agent_public_key_key")),
        sa.UniqueConstraint("participant_id", "name", name=op.f("node_participant_id_name_key")),
        comment="A Nested Cloud VM (L1) of a provider.",
    )
    op.create_index(op.f("node_participant_id_idx"), "node", ["participant_id"])
    op.create_table(
        "enrolment",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("token_sha256", postgresql.BYTEA(), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", postgresql.TIMESTAMP(timezone=True)),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("enrolment_node_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("enrolment_pkey")),
        sa.UniqueConstraint("token_sha256", name=op.f("enrolment_token_sha256_key")),
        comment="One-time tokens with which an agent enrols its public key.",
    )
    op.create_index(op.f("enrolment_node_id_idx"), "enrolment", ["node_id"])
    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="of the command that entered it"),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("client_order_id", sa.Text()),
        sa.Column(
            "content_sha256", postgresql.BYTEA(), nullable=False, comment="tells a retry from a reused client_order_id"
        ),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=False),
        sa.Column("time_in_force", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reserved_micros", sa.BigInteger(), nullable=False),
        sa.Column("entered_minute", sa.Integer(), nullable=False),
        sa.Column("entered_at_micros", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_micros", sa.BigInteger(), nullable=False),
        sa.Column("guests", sa.Integer(), comment="bid"),
        sa.Column("guests_filled", sa.Integer(), comment="bid"),
        sa.Column("slices_per_guest", sa.Integer(), comment="bid"),
        sa.Column("duration_minutes", sa.Integer(), comment="bid"),
        sa.Column("start_from", sa.Integer(), comment="bid, minute"),
        sa.Column("start_by", sa.Integer(), comment="bid, minute"),
        sa.Column("template", postgresql.JSONB(), comment="bid: the guest's image, keys and user data"),
        sa.Column("node_id", sa.Text(), comment="ask backed by a node"),
        sa.Column("backing_contract_id", sa.Text(), comment="ask backed by a contract (resale)"),
        sa.Column("slices", sa.Integer(), comment="ask"),
        sa.Column("available_from", sa.Integer(), comment="ask, minute"),
        sa.Column("available_until", sa.Integer(), comment="ask, minute"),
        sa.Column("min_minutes", sa.Integer(), comment="ask"),
        sa.Column("slice_minutes_sold", sa.BigInteger(), comment="ask"),
        sa.CheckConstraint(
            "(side = 'bid' AND node_id IS NULL AND backing_contract_id IS NULL) OR (side = 'ask' AND num_nonnulls(node_id, backing_contract_id) = 1)",
            name=op.f("orders_backing_check"),
        ),
        sa.CheckConstraint("side IN ('bid', 'ask')", name=op.f("orders_side_check")),
        sa.CheckConstraint("reserved_micros >= 0", name=op.f("orders_reserved_check")),
        sa.ForeignKeyConstraint(["instrument"], ["instrument.code"], name=op.f("orders_instrument_fkey")),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("orders_node_id_fkey")),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"], name=op.f("orders_participant_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("orders_pkey")),
        sa.UniqueConstraint(
            "participant_id", "client_order_id", name=op.f("orders_participant_id_client_order_id_key")
        ),
    )
    op.create_index(
        "orders_open_idx",
        "orders",
        ["shard", "instrument"],
        postgresql_where=sa.text("state IN ('new', 'partially_filled')"),
    )
    op.create_index("orders_participant_id_id_idx", "orders", ["participant_id", "id"])
    op.create_table(
        "trade",
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("bid_order_id", sa.Text(), nullable=False),
        sa.Column("ask_order_id", sa.Text(), nullable=False),
        sa.Column("taker_side", sa.Text(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=False),
        sa.Column("start_minute", sa.Integer(), nullable=False),
        sa.Column("end_minute", sa.Integer(), nullable=False),
        sa.Column("guests", sa.Integer(), nullable=False),
        sa.Column("slices_per_guest", sa.Integer(), nullable=False),
        sa.Column("at_micros", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["ask_order_id"], ["orders.id"], name=op.f("trade_ask_order_id_fkey")),
        sa.ForeignKeyConstraint(["bid_order_id"], ["orders.id"], name=op.f("trade_bid_order_id_fkey")),
        sa.ForeignKeyConstraint(["instrument"], ["instrument.code"], name=op.f("trade_instrument_fkey")),
        sa.PrimaryKeyConstraint("shard", "sequence", "ordinal", name=op.f("trade_pkey")),
    )
    op.create_index(op.f("trade_ask_order_id_idx"), "trade", ["ask_order_id"])
    op.create_index(op.f("trade_bid_order_id_idx"), "trade", ["bid_order_id"])
    op.create_index("trade_instrument_at_micros_idx", "trade", ["instrument", "at_micros"])
    op.create_table(
        "contract",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False, comment="of the trade in its command"),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("bid_order_id", sa.Text(), nullable=False),
        sa.Column("ask_order_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("start_minute", sa.Integer(), nullable=False),
        sa.Column("end_minute", sa.Integer(), nullable=False),
        sa.Column("slices", sa.Integer(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("want", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, comment="of the desired state"),
        sa.Column("applied_revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("guest", postgresql.JSONB(), nullable=False, comment="the guest's specification"),
        sa.Column("guest_state", sa.Text()),
        sa.Column(
            "guest_state_at_ms",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="by the agent's market clock",
        ),
        sa.Column("endpoints", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("ready_at_micros", sa.BigInteger()),
        sa.Column("created_at_micros", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('guest', 'volume')", name=op.f("contract_kind_check")),
        sa.CheckConstraint("end_minute > start_minute", name=op.f("contract_window_check")),
        sa.ForeignKeyConstraint(["ask_order_id"], ["orders.id"], name=op.f("contract_ask_order_id_fkey")),
        sa.ForeignKeyConstraint(["bid_order_id"], ["orders.id"], name=op.f("contract_bid_order_id_fkey")),
        sa.ForeignKeyConstraint(["buyer_id"], ["participant.id"], name=op.f("contract_buyer_id_fkey")),
        sa.ForeignKeyConstraint(["instrument"], ["instrument.code"], name=op.f("contract_instrument_fkey")),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("contract_node_id_fkey")),
        sa.ForeignKeyConstraint(["provider_id"], ["participant.id"], name=op.f("contract_provider_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("contract_pkey")),
    )
    op.create_index(op.f("contract_ask_order_id_idx"), "contract", ["ask_order_id"])
    op.create_index(op.f("contract_bid_order_id_idx"), "contract", ["bid_order_id"])
    op.create_index("contract_buyer_id_id_idx", "contract", ["buyer_id", "id"])
    op.create_index(
        "contract_live_idx",
        "contract",
        ["node_id"],
        postgresql_where=sa.text("state IN ('scheduled', 'provisioning', 'running', 'stopped')"),
    )
    op.create_index("contract_provider_id_id_idx", "contract", ["provider_id", "id"])
    op.create_table(
        "lease",
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False, comment="database time"),
        sa.Column("next_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_at_micros", sa.BigInteger(), nullable=False, comment="market time of the newest command"),
        sa.PrimaryKeyConstraint("shard", name=op.f("lease_pkey")),
        comment="Who may write a shard's journal: every batch moves next_sequence under its epoch, or fails.",
    )
    op.create_table(
        "journal",
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="of the block's first command"),
        sa.Column("commands", sa.Integer(), nullable=False),
        sa.Column("at_micros", sa.BigInteger(), nullable=False),
        sa.Column("block", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "sequence", name=op.f("journal_pkey")),
        comment="Every command that changed a book, with the outside facts that it used.",
    )


def _create_billing() -> None:
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Text(), nullable=False, comment="owner/kind"),
        sa.Column("owner", sa.Text(), nullable=False, comment="a participant, or market"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("balance_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "reserved_micros",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="open orders; cash only",
        ),
        sa.CheckConstraint(
            "CASE owner WHEN 'market' THEN kind IN ('bank', 'fees', 'tax', 'reserve') ELSE kind IN ('cash', 'escrow', 'bond', 'earned', 'payable') END",
            name=op.f("ledger_account_kind_check"),
        ),
        sa.CheckConstraint("id = owner || '/' || kind", name=op.f("ledger_account_id_check")),
        sa.CheckConstraint(
            "kind <> 'cash' OR reserved_micros <= balance_micros", name=op.f("ledger_account_available_check")
        ),
        sa.CheckConstraint("owner = 'market' OR balance_micros >= 0", name=op.f("ledger_account_floor_check")),
        sa.CheckConstraint(
            "reserved_micros >= 0 AND (kind = 'cash' OR reserved_micros = 0)",
            name=op.f("ledger_account_reserved_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_account_pkey")),
        sa.UniqueConstraint("owner", "kind", name=op.f("ledger_account_owner_kind_key")),
        comment="Balances, kept beside the entries in the same transaction.",
    )
    op.create_table(
        "ledger_transfer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="idempotency key"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_micros", sa.BigInteger(), nullable=False),
        sa.Column("content_sha256", postgresql.BYTEA(), nullable=False, comment="tells a retry from a reused key"),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_transfer_pkey")),
        sa.UniqueConstraint("key", name=op.f("ledger_transfer_key_key")),
        comment="Two or more entries that sum to zero. Never changed: a mistake is corrected by a new transfer.",
    )
    op.create_table(
        "ledger_entry",
        sa.Column("transfer_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), comment="the contract or document that it is for"),
        sa.CheckConstraint("amount_micros <> 0", name=op.f("ledger_entry_amount_check")),
        sa.ForeignKeyConstraint(["transfer_id"], ["ledger_transfer.id"], name=op.f("ledger_entry_transfer_id_fkey")),
        sa.PrimaryKeyConstraint("transfer_id", "ordinal", name=op.f("ledger_entry_pkey")),
    )
    op.create_index("ledger_entry_account_id_idx", "ledger_entry", ["account_id", "transfer_id", "ordinal"])
    op.create_index(
        "ledger_entry_reference_idx",
        "ledger_entry",
        ["reference", "transfer_id"],
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.create_table(
        "legal_identity",
        sa.Column("participant_id", sa.Text(), nullable=False, comment="or market"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("tax_number", sa.Text(), comment="VAT numbers of the EU carry their country's prefix"),
        sa.Column("country", sa.Text(), nullable=False, comment="ISO 3166-1 alpha-2"),
        sa.Column("iban", sa.Text()),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("created_at_micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("legal_identity_version_check")),
        sa.PrimaryKeyConstraint("participant_id", "version", name=op.f("legal_identity_pkey")),
        comment="Who somebody is on documents. A change is a new version.",
    )
    op.create_table(
        "billable_contract",
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start_minute", sa.Integer(), nullable=False),
        sa.Column("end_minute", sa.Integer(), nullable=False),
        sa.Column("slices", sa.Integer(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=False),
        sa.Column(
            "limit_price_micros", sa.BigInteger(), nullable=False, comment="of the ask: what the bond is computed on"
        ),
        sa.Column("fee_ppm", sa.Integer(), nullable=False),
        sa.Column("buyer_vat_ppm", sa.Integer(), nullable=False),
        sa.Column("buyer_vat_category", sa.Text(), nullable=False),
        sa.Column("buyer_identity_version", sa.Integer()),
        sa.Column("provider_vat_ppm", sa.Integer(), nullable=False),
        sa.Column("provider_vat_category", sa.Text(), nullable=False),
        sa.Column("provider_identity_version", sa.Integer()),
        sa.Column("release_ppm", sa.Integer(), nullable=False),
        sa.Column("break_ppm", sa.Integer(), nullable=False),
        sa.Column(
            "allowance_minutes", sa.Integer(), nullable=False, comment="undelivered minutes that forfeit no bond"
        ),
        sa.Column("escrow_micros", sa.BigInteger(), nullable=False, comment="taken at the trade"),
        sa.Column("bond_micros", sa.BigInteger(), nullable=False, comment="taken at the trade"),
        sa.Column(
            "delivered_seconds", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="running total"
        ),
        sa.Column(
            "billed_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="settled so far"
        ),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("ended_minute", sa.Integer(), comment="no minute from it on is billed"),
        sa.Column("closed_at_micros", sa.BigInteger()),
        sa.CheckConstraint(
            "buyer_vat_category IN ('S', 'AE', 'O') AND provider_vat_category IN ('S', 'AE', 'O')",
            name=op.f("billable_contract_vat_category_check"),
        ),
        sa.CheckConstraint("kind IN ('guest', 'volume')", name=op.f("billable_contract_kind_check")),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("billable_contract_state_check")),
        sa.CheckConstraint(
            "billed_minutes >= 0 AND billed_minutes <= end_minute - start_minute AND billed_minutes * 60::bigint <= delivered_seconds",
            name=op.f("billable_contract_billed_check"),
        ),
        sa.CheckConstraint("end_minute > start_minute AND slices > 0", name=op.f("billable_contract_window_check")),
        sa.CheckConstraint(
            "ended_minute BETWEEN start_minute AND end_minute", name=op.f("billable_contract_ended_check")
        ),
        sa.CheckConstraint("fee_ppm BETWEEN 0 AND 1000000", name=op.f("billable_contract_fee_check")),
        sa.CheckConstraint(
            "price_micros > 0 AND escrow_micros >= 0 AND bond_micros >= 0", name=op.f("billable_contract_amounts_check")
        ),
        sa.PrimaryKeyConstraint("contract_id", name=op.f("billable_contract_pkey")),
        comment="What billing needs of a contract: its terms, frozen at the trade, and running totals.",
    )
    op.create_index(
        "billable_contract_open_idx",
        "billable_contract",
        [sa.literal_column("coalesce(ended_minute, end_minute)")],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "billable_contract_unsettled_idx",
        "billable_contract",
        ["contract_id"],
        postgresql_where=sa.text("delivered_seconds >= (billed_minutes + 1) * 60::bigint"),
    )
    op.create_index("billable_contract_window_idx", "billable_contract", ["start_minute", "end_minute"])
    op.create_table(
        "usage_minute",
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.SmallInteger(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("cpu_ns", sa.BigInteger(), nullable=False),
        sa.Column("memory_kib", sa.BigInteger(), nullable=False),
        sa.Column("disk_bytes", sa.BigInteger(), nullable=False),
        sa.Column("network_bytes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("seconds BETWEEN 0 AND 60", name=op.f("usage_minute_seconds_check")),
        sa.PrimaryKeyConstraint("contract_id", "minute", name=op.f("usage_minute_pkey")),
        comment="The record that counts, of each contract and minute.",
    )
    op.create_table(
        "usage_receipt",
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "sequence", name=op.f("usage_receipt_pkey")),
        comment="Every usage report that was recorded, also those without guests.",
    )
    op.create_table(
        "usage_watermark",
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="every report up to it is recorded"),
        sa.Column("minute", sa.Integer(), nullable=False, comment="of that report"),
        sa.PrimaryKeyConstraint("node_id", name=op.f("usage_watermark_pkey")),
    )
    op.create_table(
        "usage_refused",
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("cpu_ns", sa.BigInteger(), nullable=False),
        sa.Column("memory_kib", sa.BigInteger(), nullable=False),
        sa.Column("disk_bytes", sa.BigInteger(), nullable=False),
        sa.Column("network_bytes", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('invalid_seconds', 'unknown_contract', 'wrong_node', 'outside_window', 'after_end', 'conflicting', 'after_close')",
            name=op.f("usage_refused_reason_check"),
        ),
        sa.PrimaryKeyConstraint(
            "node_id", "sequence", "contract_id", "minute", "seconds", "epoch", name=op.f("usage_refused_pkey")
        ),
        comment="Records that do not count, kept for inspection.",
    )
    op.create_index("usage_refused_contract_id_idx", "usage_refused", ["contract_id", "minute"])
    op.create_table(
        "billing_period",
        sa.Column("month", sa.Text(), nullable=False, comment="YYYY-MM, UTC"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_at_micros", sa.BigInteger()),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at_micros IS NOT NULL)", name=op.f("billing_period_closed_check")
        ),
        sa.CheckConstraint("state IN ('open', 'closing', 'closed')", name=op.f("billing_period_state_check")),
        sa.PrimaryKeyConstraint("month", name=op.f("billing_period_pkey")),
        comment="A month without a row is open.",
    )
    op.create_table(
        "billed_day",
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC"),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("billed_minutes", sa.Integer(), nullable=False),
        sa.Column("gross_micros", sa.BigInteger(), nullable=False),
        sa.Column("fee_micros", sa.BigInteger(), nullable=False),
        sa.Column("buyer_vat_micros", sa.BigInteger(), nullable=False),
        sa.Column("provider_net_micros", sa.BigInteger(), nullable=False),
        sa.Column("provider_vat_micros", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["billable_contract.contract_id"], name=op.f("billed_day_contract_id_fkey")
        ),
        sa.ForeignKeyConstraint(["month"], ["billing_period.month"], name=op.f("billed_day_month_fkey")),
        sa.PrimaryKeyConstraint("contract_id", "day", name=op.f("billed_day_pkey")),
        comment="Figures per contract and day, cut in minute order at the close of the month, and frozen.",
    )
    op.create_index("billed_day_month_idx", "billed_day", ["month"])
    op.create_table(
        "document",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("type_code", sa.Integer(), nullable=False, comment="UNTDID 1001"),
        sa.Column("issuer", sa.Text(), nullable=False, comment="whose numbers it takes"),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), comment="within issuer, kind and year; drawn when finalised"),
        sa.Column("number", sa.Text()),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("identity_version", sa.Integer()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column(
            "rounding_micros", sa.BigInteger(), nullable=False, comment="ledger amount less the document's total"
        ),
        sa.Column("content", postgresql.JSONB(), nullable=False, comment="parties, lines, tax breakdown, appendix"),
        sa.Column("issued_at_micros", sa.BigInteger()),
        sa.CheckConstraint("kind IN ('invoice', 'self_billed_invoice')", name=op.f("document_kind_check")),
        sa.CheckConstraint(
            "num_nonnulls(sequence, number, issued_at_micros) = CASE state WHEN 'draft' THEN 0 ELSE 3 END",
            name=op.f("document_finalised_check"),
        ),
        sa.CheckConstraint("state IN ('draft', 'finalised')", name=op.f("document_state_check")),
        sa.CheckConstraint("net_cents + vat_cents = total_cents", name=op.f("document_total_check")),
        sa.ForeignKeyConstraint(["month"], ["billing_period.month"], name=op.f("document_month_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("document_pkey")),
        sa.UniqueConstraint("issuer", "kind", "year", "sequence", name=op.f("document_issuer_kind_year_sequence_key")),
        sa.UniqueConstraint("month", "participant_id", "kind", name=op.f("document_month_participant_id_kind_key")),
        sa.UniqueConstraint("number", name=op.f("document_number_key")),
    )
    op.create_index("document_participant_id_id_idx", "document", ["participant_id", "id"])
    op.create_table(
        "document_counter",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "kind", "year", name=op.f("document_counter_pkey")),
        comment="Numbers without gaps: moved in the finalising transaction only.",
    )


def _forbid_changes() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are immutable', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in IMMUTABLE_TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
