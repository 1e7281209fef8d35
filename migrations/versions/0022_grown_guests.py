"""Contracts that are delivered by the guest of an older one, which they made larger"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bought = "bid: the contract whose guest gets what it buys"
    op.add_column("orders", sa.Column("grows", sa.Text, comment=bought))
    op.add_column("contract", sa.Column("grows", sa.Text, comment="the contract whose guest delivers it too"))
    op.create_index("contract_grows_idx", "contract", ["grows"], postgresql_where=sa.text("grows IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("contract_grows_idx", "contract")
    op.drop_column("contract", "grows")
    op.drop_column("orders", "grows")
