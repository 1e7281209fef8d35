"""Which version of the protocol a node's agent speaks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    spoken = "of the protocol, as its agent speaks it by the newest heartbeat"
    op.add_column("node", sa.Column("wire_version", sa.Integer, comment=spoken))


def downgrade() -> None:
    op.drop_column("node", "wire_version")
