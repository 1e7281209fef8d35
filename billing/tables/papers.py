"""Billing periods, the figures that they freeze, and documents. `*_cents` are whole cents."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runtime.metadata import metadata

billing_period = Table(
    "billing_period",
    metadata,
    Column("month", Text, primary_key=True, comment="YYYY-MM, UTC"),
    Column("state", Text, nullable=False),
    Column("closing_at_micros", BigInteger, comment="when the close began: the documents' time of issue"),
    Column("frozen_through", Text, nullable=False, server_default=text("''"), comment="last contract"),
    Column("contracts_frozen", Integer, nullable=False, server_default=text("0")),
    Column("documented_through", Text, nullable=False, server_default=text("''"), comment="last participant"),
    Column("participants_documented", Integer, nullable=False, server_default=text("0")),
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
    Column("item", Text, nullable=False, server_default=text("'usage'"), comment="usage, or the release fee"),
    Column("month", Text, ForeignKey("billing_period.month"), nullable=False),
    Column("billed_minutes", Integer, nullable=False),
    Column("gross_micros", BigInteger, nullable=False),
    Column("fee_micros", BigInteger, nullable=False),
    Column("buyer_vat_micros", BigInteger, nullable=False),
    Column("provider_net_micros", BigInteger, nullable=False),
    Column("provider_vat_micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("contract_id", "day", "item"),
    CheckConstraint("item IN ('usage', 'release')", name="item"),
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
    Column("corrects", Text, ForeignKey("document.id"), index=True, comment="credit notes: what they are taken off"),
    Column("currency", Text, nullable=False),
    Column("net_cents", BigInteger, nullable=False),
    Column("vat_cents", BigInteger, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("rounding_micros", BigInteger, nullable=False, comment="ledger amount less the document's total"),
    Column("content", JSONB, nullable=False, comment="parties, lines, tax breakdown, appendix"),
    Column("issued_at_micros", BigInteger),
    UniqueConstraint("issuer", "kind", "year", "sequence"),
    CheckConstraint(
        "CASE WHEN kind IN ('invoice', 'self_billed_invoice') THEN corrects IS NULL"
        " WHEN kind IN ('credit_note', 'self_billed_credit_note') THEN corrects IS NOT NULL ELSE false END",
        name="kind",
    ),
    CheckConstraint("state IN ('draft', 'finalised', 'paid', 'void')", name="state"),
    CheckConstraint("net_cents + vat_cents = total_cents", name="total"),
    CheckConstraint(
        "num_nonnulls(sequence, number, issued_at_micros) = CASE state WHEN 'draft' THEN 0 ELSE 3 END", name="finalised"
    ),
    Index("document_participant_id_id_idx", "participant_id", "id"),
    Index(
        "document_standing_key",
        "month",
        "participant_id",
        "kind",
        unique=True,
        postgresql_where=text("corrects IS NULL AND state <> 'void'"),
    ),
    comment="Once it is final, nothing of a document changes but its state.",
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
