"""What the books check of each night found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "books_check",
        sa.Column("day", sa.Date, nullable=False, comment="UTC, of market time"),
        sa.Column("at_micros", sa.BigInteger, nullable=False),
        sa.Column("differences", postgresql.JSONB, nullable=False, comment="rule -> how many"),
        sa.Column("first_difference", sa.Text),
        sa.PrimaryKeyConstraint("day", name=op.f("books_check_pkey")),
        comment="What the check of each night found.",
    )


def downgrade() -> None:
    op.drop_table("books_check")
