"""The minute at which a contract ended early, on the market's side too, and indexes for those who follow it up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

FAILING = "state = 'open' AND ending IS NULL AND ended_minute < end_minute"
LEAVING = "ended_minute IS NOT NULL AND want <> 'gone' AND guest_state IS DISTINCT FROM 'removed'"


def upgrade() -> None:
    op.add_column(
        "contract",
        sa.Column(
            "ended_minute",
            sa.Integer,
            nullable=True,
            comment="the first minute that it no longer covers, where it ended early",
        ),
    )
    op.create_check_constraint(
        op.f("contract_ended_check"), "contract", "ended_minute BETWEEN start_minute AND end_minute"
    )
    op.create_index("contract_leaving_idx", "contract", ["node_id"], postgresql_where=sa.text(LEAVING))
    op.create_index(
        "billable_contract_failing_idx", "billable_contract", ["contract_id"], postgresql_where=sa.text(FAILING)
    )


def downgrade() -> None:
    op.drop_index("billable_contract_failing_idx", "billable_contract")
    op.drop_index("contract_leaving_idx", "contract")
    op.drop_constraint("contract_ended_check", "contract")
    op.drop_column("contract", "ended_minute")
