"""The database has a generation, which grows when it is restored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "deployment",
        sa.Column(
            "generation",
            sa.BigInteger,
            nullable=False,
            server_default=sa.text("0"),
            comment="grows whenever the database is set back to an earlier moment",
        ),
    )


def downgrade() -> None:
    op.drop_column("deployment", "generation")
