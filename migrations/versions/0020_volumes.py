"""The size of volumes in what is metered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TABLES = ("usage_minute", "usage_refused")


def upgrade() -> None:
    for table in _TABLES:
        size = sa.Column(
            "volume_gib",
            sa.BigInteger,
            nullable=False,
            server_default=sa.text("0"),
            comment="the size of a volume",
        )
        op.add_column(table, size)


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "volume_gib")
