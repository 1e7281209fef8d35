"""Tables of billing: ledger, legal identities, billable contracts, usage, periods and documents.

Amounts are micro-units of the settlement currency, `*_cents` whole cents, minutes UTC minutes since the Unix epoch,
and `*_at_micros` market time. Ids of participants, nodes and contracts are the market's; no foreign key leads there.
The migration lets nobody change a row of `ledger_transfer`, `ledger_entry`, `legal_identity` or `billed_day`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from runtime.metadata import metadata

ledger_account = Table(
    "ledger_account",
    metadata,
    Column("id", Text, primary_key=True, comment="owner/kind"),
    Column("owner", Text, nullable=False, comment="a participant, or market"),
    Column("kind", Text, nullable=False),
    Column("balance_micros", BigInteger, nullable=False, server_default=text("0")),
    Column("reserved_micros", BigInteger, nullable=False, server_default=text("0"), comment="open orders; cash only"),
    UniqueConstraint("owner", "kind"),
    CheckConstraint("id = owner || '/' || kind", name="id"),
    CheckConstraint(
        "CASE owner WHEN 'market' THEN kind IN ('bank', 'fees', 'tax', 'reserve')"
        " ELSE kind IN ('cash', 'escrow', 'bond', 'earned', 'payable') END",
        name="kind",
    ),
    CheckConstraint("owner = 'market' OR balance_micros >= 0", name="floor"),
    CheckConstraint("reserved_micros >= 0 AND (kind = 'cash' OR reserved_micros = 0)", name="reserved"),
    CheckConstraint("kind <> 'cash' OR reserved_micros <= balance_micros", name="available"),
    comment="Balances, kept beside the entries in the same transaction.",
)

ledger_transfer = Table(
    "ledger_transfer",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="idempotency key"),
    Column("kind", Text, nullable=False),
    Column("at_micros", BigInteger, nullable=False),
    Column("content_sha256", BYTEA, nullable=False, comment="tells a retry from a reused key"),
    comment="Two or more entries that sum to zero. Never changed: a mistake is corrected by a new transfer.",
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("transfer_id", BigInteger, ForeignKey("ledger_transfer.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    # No foreign key: it would share-lock the market's accounts for every entry; post() and the books check do it.
    Column("account_id", Text, nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("reference", Text, comment="the contract or document that it is for"),
    PrimaryKeyConstraint("transfer_id", "ordinal"),
    CheckConstraint("amount_micros <> 0", name="amount"),
    Index("ledger_entry_account_id_idx", "account_id", "transfer_id", "ordinal"),
    Index("ledger_entry_reference_idx", "reference", "transfer_id", postgresql_where=text("reference IS NOT NULL")),
)

legal_identity = Table(
    "legal_identity",
    metadata,
    Column("participant_id", Text, nullable=False, comment="or market"),
    Column("version", Integer, nullable=False),
    Column("company", Text, nullable=False),
    Column("tax_number", Text, comment="VAT numbers of the EU carry their country's prefix"),
    Column("country", Text, nullable=False, comment="ISO 3166-1 alpha-2"),
    Column("iban", Text),
    Column("street", Text, nullable=False),
    Column("postcode", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("created_at_micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("participant_id", "version"),
    CheckConstraint("version >= 1", name="version"),
    comment="Who somebody is on documents. A change is a new version.",
)

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
    Column("state", Text, nullable=False, server_default=text("'open'")),
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
    Column("sequence", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("cpu_ns", BigInteger, nullable=False),
    Column("memory_kib", BigInteger, nullable=False),
    Column("disk_bytes", BigInteger, nullable=False),
    Column("network_bytes", BigInteger, nullable=False),
    PrimaryKeyConstraint("contract_id", "minute"),
    CheckConstraint("seconds BETWEEN 0 AND 60", name="seconds"),
    comment="The record that counts, of each contract and minute.",
)

usage_receipt = Table(
    "usage_receipt",
    metadata,
    Column("node_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("minute", Integer, nullable=False),
    PrimaryKeyConstraint("node_id", "sequence"),
    comment="Every usage report that was recorded, also those without guests.",
)

usage_watermark = Table(
    "usage_watermark",
    metadata,
    Column("node_id", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False, comment="every report up to it is recorded"),
    Column("minute", Integer, nullable=False, comment="of that report"),
)

usage_refused = Table(
    "usage_refused",
    metadata,
    Column("node_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("contract_id", Text, nullable=False),
    Column("minute", Integer, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("cpu_ns", BigInteger, nullable=False),
    Column("memory_kib", BigInteger, nullable=False),
    Column("disk_bytes", BigInteger, nullable=False),
    Column("network_bytes", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("node_id", "sequence", "contract_id", "minute", "seconds", "epoch"),
    CheckConstraint(
        "reason IN ('invalid_seconds', 'unknown_contract', 'wrong_node', 'outside_window', 'after_end', 'conflicting',"
        " 'after_close')",
        name="reason",
    ),
    Index("usage_refused_contract_id_idx", "contract_id", "minute"),
    comment="Records that do not count, kept for inspection.",
)

billing_period = Table(
    "billing_period",
    metadata,
    Column("month", Text, primary_key=True, comment="YYYY-MM, UTC"),
    Column("state", Text, nullable=False),
    Column("closed_at_micros", BigInteger),
    CheckConstraint("state IN ('open', 'closing', 'closed')", name="state"),
    CheckConstraint("(state = 'closed') = (closed_at_micros IS NOT NULL)", name="closed"),
    comment="A month without a row is open.",
)

billed_day = Table(
    "billed_day",
    metadata,
    Column("contract_id", Text, ForeignKey("billable_contract.contract_id"), nullable=False),
    Column("day", Date, nullable=False, comment="UTC"),
    Column("month", Text, ForeignKey("billing_period.month"), nullable=False),
    Column("billed_minutes", Integer, nullable=False),
    Column("gross_micros", BigInteger, nullable=False),
    Column("fee_micros", BigInteger, nullable=False),
    Column("buyer_vat_micros", BigInteger, nullable=False),
    Column("provider_net_micros", BigInteger, nullable=False),
    Column("provider_vat_micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("contract_id", "day"),
    Index("billed_day_month_idx", "month"),
    comment="Figures per contract and day, cut in minute order at the close of the month, and frozen.",
)

document = Table(
    "document",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("type_code", Integer, nullable=False, comment="UNTDID 1001"),
    Column("issuer", Text, nullable=False, comment="whose numbers it takes"),
    Column("year", Integer, nullable=False),
    Column("sequence", Integer, comment="within issuer, kind and year; drawn when finalised"),
    Column("number", Text, unique=True),
    Column("month", Text, ForeignKey("billing_period.month"), nullable=False),
    Column("participant_id", Text, nullable=False),
    Column("identity_version", Integer),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("net_cents", BigInteger, nullable=False),
    Column("vat_cents", BigInteger, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("rounding_micros", BigInteger, nullable=False, comment="ledger amount less the document's total"),
    Column("content", JSONB, nullable=False, comment="parties, lines, tax breakdown, appendix"),
    Column("issued_at_micros", BigInteger),
    UniqueConstraint("month", "participant_id", "kind"),
    UniqueConstraint("issuer", "kind", "year", "sequence"),
    CheckConstraint("kind IN ('invoice', 'self_billed_invoice')", name="kind"),
    CheckConstraint("state IN ('draft', 'finalised')", name="state"),
    CheckConstraint("net_cents + vat_cents = total_cents", name="total"),
    CheckConstraint(
        "num_nonnulls(sequence, number, issued_at_micros) = CASE state WHEN 'draft' THEN 0 ELSE 3 END", name="finalised"
    ),
    Index("document_participant_id_id_idx", "participant_id", "id"),
)

document_counter = Table(
    "document_counter",
    metadata,
    Column("issuer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("year", Integer, nullable=False),
    Column("next_number", Integer, nullable=False),
    PrimaryKeyConstraint("issuer", "kind", "year"),
    comment="Numbers without gaps: moved in the finalising transaction only.",
)
