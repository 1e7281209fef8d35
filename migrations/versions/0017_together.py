"""Orders that stand together: exclusive groups of bids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "orders",
        sa.Column(
            "exclusive_group", sa.Text, comment="bid: the id of the first bid of its group, of which only one trades"
        ),
    )


def downgrade() -> None:
    op.drop_column("orders", "exclusive_group")
