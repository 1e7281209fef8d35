"""What is taken back: credits after a close, and what providers could not cover of them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from runtime.metadata import metadata

billing_credit = Table(
    "billing_credit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("contract_id", Text, ForeignKey("billable_contract.contract_id"), nullable=False),
    Column("key", Text, nullable=False, comment="the operator's"),
    Column("day", Date, nullable=False, comment="UTC, of the billed day that it corrects"),
    Column("item", Text, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("gross_micros", BigInteger, nullable=False),
    Column("fee_micros", BigInteger, nullable=False),
    Column("buyer_vat_micros", BigInteger, nullable=False),
    Column("provider_net_micros", BigInteger, nullable=False),
    Column("provider_vat_micros", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_micros", BigInteger, nullable=False),
    UniqueConstraint("contract_id", "key", "day", "item"),
    CheckConstraint("item IN ('usage', 'release')", name="item"),
    CheckConstraint("minutes > 0", name="minutes"),
    Index("billing_credit_contract_id_idx", "contract_id", "day"),
    comment="Billed minutes that were taken back after the close of their month.",
)

provider_debt = Table(
    "provider_debt",
    metadata,
    Column("provider_id", Text, primary_key=True),
    Column("covered_micros", BigInteger, nullable=False, comment="by the reserve, in all"),
    Column("recovered_micros", BigInteger, nullable=False, comment="from later earnings, in all"),
    CheckConstraint("recovered_micros BETWEEN 0 AND covered_micros", name="recovered"),
    comment="What the reserve has paid for a provider that could not.",
)
