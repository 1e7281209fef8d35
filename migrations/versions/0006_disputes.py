"""Disputed minutes, and the minutes that a contract may still be billed for as a figure of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("billable_contract", sa.Column("kept_minutes", sa.Integer, comment="what may be billed at most"))
    op.execute(
        "UPDATE billable_contract SET kept_minutes = CASE WHEN state = 'closed' THEN billed_minutes"
        " WHEN ending IS NULL THEN end_minute - start_minute ELSE ended_minute - start_minute END"
    )
    op.alter_column("billable_contract", "kept_minutes", nullable=False)
    op.create_check_constraint(
        op.f("billable_contract_kept_check"),
        "billable_contract",
        "kept_minutes BETWEEN billed_minutes AND end_minute - start_minute",
    )
    op.create_table(
        "usage_dispute",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("start_minute", sa.Integer, nullable=False),
        sa.Column("end_minute", sa.Integer, nullable=False),
        sa.Column(
            "opened_by", sa.Text, nullable=False, comment="the buyer, or an operator about records that conflict"
        ),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False, comment="how many are disputed"),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("note", sa.Text, comment="the operator's, with its decision"),
        sa.Column("at_micros", sa.BigInteger, nullable=False),
        sa.Column("decided_at_micros", sa.BigInteger),
        sa.CheckConstraint("end_minute > start_minute", name=op.f("usage_dispute_window_check")),
        sa.CheckConstraint("opened_by IN ('buyer', 'operator')", name=op.f("usage_dispute_opened_by_check")),
        sa.CheckConstraint("state IN ('open', 'upheld', 'rejected')", name=op.f("usage_dispute_state_check")),
        sa.CheckConstraint("(state = 'open') = (decided_at_micros IS NULL)", name=op.f("usage_dispute_decided_check")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["billable_contract.contract_id"], name=op.f("usage_dispute_contract_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("usage_dispute_pkey")),
    )
    op.create_index("usage_dispute_contract_id_idx", "usage_dispute", ["contract_id", "id"])
    op.create_index(
        "usage_dispute_open_idx", "usage_dispute", ["contract_id"], postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "usage_disputed_minute",
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("minute", sa.Integer, nullable=False),
        sa.Column("dispute_id", sa.Text, nullable=False),
        sa.Column("reported_seconds", sa.SmallInteger, nullable=False),
        sa.Column("counted_seconds", sa.SmallInteger, nullable=False, comment="none while it is open"),
        sa.CheckConstraint(
            "reported_seconds BETWEEN 0 AND 60 AND counted_seconds BETWEEN 0 AND 60",
            name=op.f("usage_disputed_minute_seconds_check"),
        ),
        sa.ForeignKeyConstraint(
            ["dispute_id"], ["usage_dispute.id"], name=op.f("usage_disputed_minute_dispute_id_fkey")
        ),
        sa.PrimaryKeyConstraint("contract_id", "minute", name=op.f("usage_disputed_minute_pkey")),
        comment="A minute is disputed once.",
    )
    op.create_index(op.f("usage_disputed_minute_dispute_id_idx"), "usage_disputed_minute", ["dispute_id"])


def downgrade() -> None:
    op.drop_table("usage_disputed_minute")
    op.drop_table("usage_dispute")
    op.drop_constraint("billable_contract_kept_check", "billable_contract")
    op.drop_column("billable_contract", "kept_minutes")
