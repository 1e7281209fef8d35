"""Linked asks: what they have left, because what others of their node sell cuts them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    linked = sa.Column("linked", sa.Boolean, comment="ask: shares what is free of its node with the other linked ones")
    remaining = "linked ask: what it has left, as start, end and slices of each stretch"
    op.add_column("orders", linked)
    op.add_column("orders", sa.Column("remaining", JSONB, comment=remaining))
    op.execute("UPDATE orders SET linked = false WHERE side = 'ask'")


def downgrade() -> None:
    op.drop_column("orders", "remaining")
    op.drop_column("orders", "linked")
