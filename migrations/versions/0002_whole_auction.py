"""The whole auction: every attribute of an order, reliability of providers, snapshots of engines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ORDER_COLUMNS = ("expires_at", "post_only", "self_trade_prevention", "nodes", "avoid_providers", "min_reliability_ppm")


def upgrade() -> None:
    op.add_column(
        "participant",
        sa.Column(
            "reliability_ppm",
            sa.Integer,
            server_default=sa.text("0"),
            nullable=False,
            comment="delivered of contracted minutes as a provider; 0 while there is no record",
        ),
    )
    for column in (
        sa.Column("expires_at", sa.Integer, comment="gtd, minute"),
        sa.Column("post_only", sa.Boolean, server_default=sa.text("false"), nullable=False),
        sa.Column("self_trade_prevention", sa.Text, server_default=sa.text("'cancel_taker'"), nullable=False),
        sa.Column("nodes", postgresql.ARRAY(sa.Text), comment="bid: the only nodes that it takes; empty: any"),
        sa.Column("avoid_providers", postgresql.ARRAY(sa.Text), comment="bid"),
        sa.Column("min_reliability_ppm", sa.Integer, comment="bid"),
    ):
        op.add_column("orders", column)
    op.alter_column("orders", "revision", comment="1, and one more for every amendment")
    op.create_table(
        "snapshot",
        sa.Column("shard", sa.Text, nullable=False),
        sa.Column("next_sequence", sa.BigInteger, nullable=False, comment="of the first command that it does not know"),
        sa.Column("state_sha256", sa.Text, nullable=False, comment="of the auction, as the restored one must have it"),
        sa.Column("state", postgresql.BYTEA, nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("shard", "next_sequence", name=op.f("snapshot_pkey")),
        comment="A shard's memory at one place of its journal, so that a start does not depend on the journal's length.",
    )


def downgrade() -> None:
    op.drop_table("snapshot")
    op.alter_column("orders", "revision", comment=None)
    for column in reversed(ORDER_COLUMNS):
        op.drop_column("orders", column)
    op.drop_column("participant", "reliability_ppm")
