"""What providers use of their nodes themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "node",
        sa.Column(
            "own_work",
            postgresql.JSONB,
            comment="what the provider itself uses of the machine, by the newest heartbeat",
        ),
    )


def downgrade() -> None:
    op.drop_column("node", "own_work")
