"""Payments out of the market's bank account: withdrawals and payouts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment",
        sa.Column("id", sa.Text, nullable=False, comment="also the end-to-end id at the bank"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("participant_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False, comment="of the withdrawal, or of the run of payouts"),
        sa.Column("identity_version", sa.Integer, comment="of the legal identity that gave name or IBAN"),
        sa.Column("holder", sa.Text, nullable=False, comment="name of the bank account's holder"),
        sa.Column("iban", sa.Text, nullable=False),
        sa.Column("amount_cents", sa.BigInteger, nullable=False),
        sa.Column("at_micros", sa.BigInteger, nullable=False),
        sa.CheckConstraint("kind IN ('withdrawal', 'payout')", name=op.f("payment_kind_check")),
        sa.CheckConstraint("amount_cents > 0", name=op.f("payment_amount_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("payment_pkey")),
        sa.UniqueConstraint("kind", "participant_id", "key", name=op.f("payment_kind_participant_id_key_key")),
        comment="What the bank is told to pay, each booked by one transfer.",
    )
    op.create_index("payment_participant_id_id_idx", "payment", ["participant_id", "id"])
    op.create_index("payment_key_idx", "payment", ["kind", "key", "id"])
    op.execute(
        "CREATE TRIGGER payment_immutable BEFORE UPDATE OR DELETE ON payment"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER payment_kept BEFORE TRUNCATE ON payment FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("payment")
