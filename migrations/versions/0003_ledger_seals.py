"""The hash chain over the ledger, and tables of record that cannot be emptied."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IMMUTABLE_BEFORE = ("ledger_transfer", "ledger_entry", "legal_identity", "billed_day")


def upgrade() -> None:
    op.create_table(
        "ledger_seal",
        sa.Column("sequence", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("last_transfer_id", sa.BigInteger, nullable=False),
        sa.Column("transfers", sa.BigInteger, nullable=False),
        sa.Column("at_micros", sa.BigInteger, nullable=False),
        sa.Column(
            "sha256",
            postgresql.BYTEA,
            nullable=False,
            comment="over the seal before, this one, and everything of its transfers",
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("ledger_seal_pkey")),
        sa.UniqueConstraint("last_transfer_id", name=op.f("ledger_seal_last_transfer_id_key")),
        comment="The hash chain over the ledger: each seal covers the transfers behind the seal before.",
    )
    op.execute(
        "CREATE TRIGGER ledger_seal_immutable BEFORE UPDATE OR DELETE ON ledger_seal"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    for table in (*IMMUTABLE_BEFORE, "ledger_seal"):
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in IMMUTABLE_BEFORE:
        op.execute(f"DROP TRIGGER {table}_kept ON {table}")
    op.drop_table("ledger_seal")
