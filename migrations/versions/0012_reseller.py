"""Automatic offers of idle slices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reseller",
        sa.Column("node_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, comment="stopping: its offers are leaving the book"),
        sa.Column("settings", postgresql.JSONB, nullable=False, comment="the provider's wishes"),
        sa.Column(
            "version", sa.Integer, nullable=False, comment="1, and one more whenever the provider changes something"
        ),
        sa.Column("turn_minute", sa.Integer, nullable=False, server_default=sa.text("0"), comment="of its last turn"),
        sa.Column("memory", postgresql.JSONB, nullable=False, comment="what it takes from one turn to the next"),
        sa.Column("pending", postgresql.JSONB, comment="what the engine was asked for, until its answer is known"),
        sa.Column(
            "said",
            postgresql.JSONB,
            nullable=False,
            server_default=sa.text("'[]'"),
            comment="its last turn, in sentences",
        ),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("node_id", name=op.f("reseller_pkey")),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("reseller_node_id_fkey")),
        sa.CheckConstraint("state IN ('on', 'stopping', 'off')", name=op.f("reseller_state_check")),
        comment="The automatic offers of a node.",
    )
    op.create_table(
        "reseller_span",
        sa.Column("node_id", sa.Text, nullable=False),
        sa.Column("from_minute", sa.Integer, nullable=False),
        sa.Column("until_minute", sa.Integer, nullable=False, comment="when it was switched off, or would be over"),
        sa.Column("cost_micros_per_hour", sa.BigInteger, nullable=False, comment="of the provider's reservation"),
        sa.Column("vcpus", sa.Integer, nullable=False, comment="offered by the node then"),
        sa.Column("memory_mib", sa.Integer, nullable=False),
        sa.Column("disk_gib", sa.Integer, nullable=False),
        sa.Column("kept_vcpus", sa.Integer, nullable=False, comment="kept back for the provider's own work"),
        sa.Column("kept_memory_mib", sa.Integer, nullable=False),
        sa.Column("kept_disk_gib", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("node_id", "from_minute", name=op.f("reseller_span_pkey")),
        sa.ForeignKeyConstraint(["node_id"], ["reseller.node_id"], name=op.f("reseller_span_node_id_fkey")),
        sa.CheckConstraint("until_minute >= from_minute", name=op.f("reseller_span_minutes_check")),
        comment="The times for which a reseller was on, with what counts for its result.",
    )
    op.create_index(
        "orders_open_asks_idx",
        "orders",
        ["node_id"],
        postgresql_where=sa.text("state IN ('new', 'partially_filled') AND node_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("orders_open_asks_idx", "orders")
    op.drop_table("reseller_span")
    op.drop_table("reseller")
