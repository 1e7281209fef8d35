"""Nodes from which nothing more is sold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "node",
        sa.Column(
            "draining",
            sa.Boolean,
            nullable=False,
            server_default=sa.text("false"),
            comment="nothing more of it is sold",
        ),
    )


def downgrade() -> None:
    op.drop_column("node", "draining")
