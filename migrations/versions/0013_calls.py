"""Dead-man timers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cancel_timer",
        sa.Column("participant_id", sa.Text, nullable=False),
        sa.Column("seconds", sa.Integer, nullable=False, comment="real"),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "claimed_until",
            postgresql.TIMESTAMP(timezone=True),
            comment="somebody is canceling; nobody else does until then",
        ),
        sa.CheckConstraint("seconds > 0", name=op.f("cancel_timer_seconds_check")),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"], name=op.f("cancel_timer_participant_id_fkey")),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("cancel_timer_pkey")),
        comment="Dead-man timers: all open orders of a participant are canceled at due_at.",
    )
    op.create_index("cancel_timer_due_at_idx", "cancel_timer", ["due_at"])


def downgrade() -> None:
    op.drop_table("cancel_timer")
