"""The ledger, its seals, and legal identities. Amounts are micro-units of the settlement currency."""

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

ledger_seal = Table(
    "ledger_seal",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("last_transfer_id", BigInteger, nullable=False, unique=True),
    Column("transfers", BigInteger, nullable=False),
    Column("at_micros", BigInteger, nullable=False),
    Column("sha256", BYTEA, nullable=False, comment="over the seal before, this one, and everything of its transfers"),
    comment="The hash chain over the ledger: each seal covers the transfers behind the seal before.",
)

books_check = Table(
    "books_check",
    metadata,
    Column("day", Date, primary_key=True, comment="UTC, of market time"),
    Column("at_micros", BigInteger, nullable=False),
    Column("differences", JSONB, nullable=False, comment="rule -> how many"),
    Column("first_difference", Text),
    comment="What the check of each night found.",
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
