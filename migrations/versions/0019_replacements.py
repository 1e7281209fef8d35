"""Contracts that are bought in place of those that failed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_OF_CONTRACT = {
    "replaces": "the failed contract for whose rest it was bought",
    "replaced_by": "the contract that was bought for its rest when it failed",
    "not_replaced": "why none was, though its bid asked for it",
}


def upgrade() -> None:
    asked = sa.Column("replace_on_failure", sa.Boolean, nullable=False, server_default=sa.text("false"), comment="bid")
    op.add_column("orders", asked)
    told = "bid: the failed contract for whose rest the engine buys"
    op.add_column("orders", sa.Column("replaces", sa.Text, comment=told))
    for name, comment in _OF_CONTRACT.items():
        op.add_column("contract", sa.Column(name, sa.Text, comment=comment))


def downgrade() -> None:
    for name in _OF_CONTRACT:
        op.drop_column("contract", name)
    for name in ("replaces", "replace_on_failure"):
        op.drop_column("orders", name)
