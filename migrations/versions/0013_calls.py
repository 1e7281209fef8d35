"""Dead-man timers, and writes under an Idempotency-Key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
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
    op.create_table(
        "idempotency",
        sa.Column("participant_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("api_key_id", sa.Text, nullable=False),
        sa.Column("content_sha256", postgresql.BYTEA, nullable=False, comment="of method, address and body"),
        sa.Column("token", sa.Text, nullable=False, comment="of whoever runs the call"),
        sa.Column("claimed_until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "took_effect",
            sa.Boolean,
            nullable=False,
            server_default=sa.text("false"),
            comment="set by what the call wrote",
        ),
        sa.Column("status", sa.Integer, comment="of the answer; null while the call runs"),
        sa.Column("media_type", sa.Text),
        sa.Column(
            "sealed_body", postgresql.BYTEA, comment="readable with the API key alone: it may hold what is shown once"
        ),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"], name=op.f("idempotency_participant_id_fkey")),
        sa.PrimaryKeyConstraint("participant_id", "key", name=op.f("idempotency_pkey")),
        comment="Writes under an Idempotency-Key, and their answers.",
    )
    op.create_index("idempotency_expires_at_idx", "idempotency", ["expires_at"])


def downgrade() -> None:
    op.drop_table("idempotency")
    op.drop_table("cancel_timer")
