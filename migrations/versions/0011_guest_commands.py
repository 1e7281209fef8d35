"""What a buyer has asked of its guest since the trade, and what its agent answered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "contract",
        sa.Column("rescaled", postgresql.JSONB(), comment="the specification where its buyer has changed it"),
    )
    op.add_column("contract", sa.Column("extras", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'")))
    op.add_column("contract", sa.Column("answers", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    for column in ("answers", "extras", "rescaled"):
        op.drop_column("contract", column)
