"""What is billed: contracts with their terms and running totals, and the reports of their use."""

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

billable_contract = Table(
    "billable_contract",
    metadata,
    Column("contract_id", Text, primary_key=True),
    Column("instrument", Text, nullable=False),
    Column("buyer_id", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("start_minute", Integer, nullable=False),
    Column("end_minute", Integer, nullable=False),
    Column("slices", Integer, nullable=False),
    Column("price_micros", BigInteger, nullable=False),
    Column("limit_price_micros", BigInteger, nullable=False, comment="of the ask: what the bond is computed on"),
    Column("fee_ppm", Integer, nullable=False),
    Column("buyer_vat_ppm", Integer, nullable=False),
    Column("buyer_vat_category", Text, nullable=False),
    Column("buyer_identity_version", Integer),
    Column("provider_vat_ppm", Integer, nullable=False),
    Column("provider_vat_category", Text, nullable=False),
    Column("provider_identity_version", Integer),
    Column("release_ppm", Integer, nullable=False),
    Column("break_ppm", Integer, nullable=False),
    Column("allowance_minutes", Integer, nullable=False, comment="undelivered minutes that forfeit no bond"),
    Column("escrow_micros", BigInteger, nullable=False, comment="taken at the trade"),
    Column("bond_micros", BigInteger, nullable=False, comment="taken at the trade"),
    Column("delivered_seconds", BigInteger, nullable=False, server_default=text("0"), comment="running total"),
    Column("billed_minutes", Integer, nullable=False, server_default=text("0"), comment="settled so far"),
    Column("kept_minutes", Integer, nullable=False, comment="what may be billed at most"),
    Column("bond_minutes", Integer, nullable=False, server_default=text("0"), comment="whose bond has gone back"),
    Column("released_minutes", Integer, nullable=False, server_default=text("0"), comment="the release fee's base"),
    Column("released_minute", Integer, comment="in whose period the release fee is billed"),
    Column("credited_minutes", Integer, nullable=False, server_default=text("0"), comment="taken back after a close"),
    Column("compensation_micros", BigInteger, nullable=False, server_default=text("0"), comment="bond to the buyer"),
    Column("unsettlings", Integer, nullable=False, server_default=text("0"), comment="how often minutes were unbilled"),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("ending", Text, comment="how it ended before its window did"),
    Column("ended_minute", Integer, comment="no minute from it on is billed"),
    Column("closed_at_micros", BigInteger),
    CheckConstraint("kind IN ('guest', 'volume')", name="kind"),
    CheckConstraint("end_minute > start_minute AND slices > 0", name="window"),
    CheckConstraint("ended_minute BETWEEN start_minute AND end_minute", name="ended"),
    CheckConstraint("price_micros > 0 AND escrow_micros >= 0 AND bond_micros >= 0", name="amounts"),
    CheckConstraint(
        "buyer_vat_category IN ('S', 'AE', 'O') AND provider_vat_category IN ('S', 'AE', 'O')", name="vat_category"
    ),
    CheckConstraint("fee_ppm BETWEEN 0 AND 1000000", name="fee"),
    CheckConstraint("state IN ('open', 'closed')", name="state"),
    CheckConstraint("ending IN ('released', 'reclaimed', 'failed', 'busted')", name="ending"),
    CheckConstraint(
        "(ending IS NULL OR ended_minute IS NOT NULL)"
        " AND coalesce(ending = 'released', false) = (released_minute IS NOT NULL)",
        name="early",
    ),
    CheckConstraint(
        "credited_minutes BETWEEN 0 AND billed_minutes AND released_minutes >= 0 AND compensation_micros >= 0",
        name="counters",
    ),
    CheckConstraint("kept_minutes BETWEEN billed_minutes AND end_minute - start_minute", name="kept"),
    CheckConstraint("bond_minutes BETWEEN billed_minutes AND end_minute - start_minute", name="bond"),
    CheckConstraint(
        "billed_minutes >= 0 AND billed_minutes <= end_minute - start_minute"
        " AND billed_minutes * 60::bigint <= delivered_seconds",
        name="billed",
    ),
    Index(
        "billable_contract_unsettled_idx",
        "contract_id",
        postgresql_where=text("delivered_seconds >= (billed_minutes + 1) * 60::bigint"),
    ),
    Index(
        "billable_contract_open_idx",
        text("coalesce(ended_minute, end_minute)"),
        postgresql_where=text("state = 'open'"),
    ),
    Index(
        "billable_contract_failing_idx",
        "contract_id",
        postgresql_where=text("state = 'open' AND ending IS NULL AND ended_minute < end_minute"),
    ),
    Index("billable_contract_released_idx", "released_minute", postgresql_where=text("released_minute IS NOT NULL")),
    Index("billable_contract_window_idx", "start_minute", "end_minute"),
    comment="What billing needs of a contract: its terms, frozen at the trade, and running totals.",
)

usage_minute = Table(
    "usage_minute",
    metadata,
    Column("contract_id", Text, nullable=False),
    Column("minute", Integer, nullable=False),
    Column("seconds", SmallInteger, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("life", BigInteger, nullable=False, server_default=text("0")),
    Column("sequence", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("cpu_ns", BigInteger, nullable=False),
    Column("memory_kib", BigInteger, nullable=False),
    Column("disk_bytes", BigInteger, nullable=False),
    Column("network_bytes", BigInteger, nullable=False),
    Column("volume_gib", BigInteger, nullable=False, server_default=text("0"), comment="the size of a volume"),
    PrimaryKeyConstraint("contract_id", "minute"),
    CheckConstraint("seconds BETWEEN 0 AND 60", name="seconds"),
    comment="The record that counts, of each contract and minute.",
)

delivered_by = Table(
    "delivered_by",
    metadata,
    Column("contract_id", Text, ForeignKey("billable_contract.contract_id"), nullable=False),
    Column("by_contract_id", Text, ForeignKey("billable_contract.contract_id"), nullable=False, index=True),
    Column("from_minute", Integer, nullable=False),
    Column("until_minute", Integer, nullable=False),
    PrimaryKeyConstraint("contract_id", "from_minute"),
    CheckConstraint("until_minute > from_minute AND by_contract_id <> contract_id", name="window"),
    comment="In these minutes, what is recorded for by_contract_id is recorded for contract_id too.",
)

usage_receipt = Table(
    "usage_receipt",
    metadata,
    Column("node_id", Text, nullable=False),
    Column("life", BigInteger, nullable=False, server_default=text("0")),
    Column("sequence", BigInteger, nullable=False),
    Column("minute", Integer, nullable=False),
    PrimaryKeyConstraint("node_id", "life", "sequence"),
    comment="Every usage report that was recorded, also those without guests.",
)

usage_watermark = Table(
    "usage_watermark",
    metadata,
    Column("node_id", Text, nullable=False),
    Column("life", BigInteger, nullable=False, server_default=text("0"), comment="of the agent's file"),
    Column("sequence", BigInteger, nullable=False, comment="every report of the life up to it is recorded"),
    Column("minute", Integer, nullable=False, comment="of that report"),
    Column("since_minute", Integer, nullable=False, server_default=text("0"), comment="what the file knows from"),
    PrimaryKeyConstraint("node_id", "life"),
)

usage_refused = Table(
    "usage_refused",
    metadata,
    Column("node_id", Text, nullable=False),
    Column("life", BigInteger, nullable=False, server_default=text("0")),
    Column("sequence", BigInteger, nullable=False),
    Column("contract_id", Text, nullable=False),
    Column("minute", Integer, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("cpu_ns", BigInteger, nullable=False),
    Column("memory_kib", BigInteger, nullable=False),
    Column("disk_bytes", BigInteger, nullable=False),
    Column("network_bytes", BigInteger, nullable=False),
    Column("volume_gib", BigInteger, nullable=False, server_default=text("0"), comment="the size of a volume"),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("node_id", "life", "sequence", "contract_id", "minute", "seconds", "epoch"),
    CheckConstraint(
        "reason IN ('invalid_seconds', 'unknown_contract', 'wrong_node', 'outside_window', 'after_end', 'conflicting',"
        " 'after_close', 'delivered_by_another')",
        name="reason",
    ),
    Index("usage_refused_contract_id_idx", "contract_id", "minute"),
    comment="Records that do not count, kept for inspection.",
)
