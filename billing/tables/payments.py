"""Payments that leave the market's bank account."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint

from runtime.metadata import metadata

payment = Table(
    "payment",
    metadata,
    Column("id", Text, primary_key=True, comment="also the end-to-end id at the bank"),
    Column("kind", Text, nullable=False),
    Column("participant_id", Text, nullable=False),
    Column("key", Text, nullable=False, comment="of the withdrawal, or of the run of payouts"),
    Column("identity_version", Integer, comment="of the legal identity that gave name or IBAN"),
    Column("holder", Text, nullable=False, comment="name of the bank account's holder"),
    Column("iban", Text, nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("at_micros", BigInteger, nullable=False),
    UniqueConstraint("kind", "participant_id", "key"),
    CheckConstraint("kind IN ('withdrawal', 'payout')", name="kind"),
    CheckConstraint("amount_cents > 0", name="amount"),
    Index("payment_participant_id_id_idx", "participant_id", "id"),
    Index("payment_key_idx", "kind", "key", "id"),
    comment="What the bank is told to pay, each booked by one transfer.",
)
