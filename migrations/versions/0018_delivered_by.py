"""Contracts that are delivered by the guest of another contract, and contracts that were resold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_REASONS = (
    "'invalid_seconds', 'unknown_contract', 'wrong_node', 'outside_window', 'after_end', 'conflicting', 'after_close'"
)
_OF_CONTRACTS: tuple[tuple[str, type[sa.Text] | type[sa.Integer], str], ...] = (
    ("resold_from", sa.Text, "the contract whose rest it is"),
    ("resold_to", sa.Text, "the contract that has its rest now"),
    ("resumed_minute", sa.Integer, "from when on its guest, made anew, is its own again"),
)


def upgrade() -> None:
    op.create_table(
        "delivered_by",
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("by_contract_id", sa.Text, nullable=False),
        sa.Column("from_minute", sa.Integer, nullable=False),
        sa.Column("until_minute", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "until_minute > from_minute AND by_contract_id <> contract_id", name=op.f("delivered_by_window_check")
        ),
        *(
            sa.ForeignKeyConstraint([name], ["billable_contract.contract_id"], name=op.f(f"delivered_by_{name}_fkey"))
            for name in ("contract_id", "by_contract_id")
        ),
        sa.PrimaryKeyConstraint("contract_id", "from_minute", name=op.f("delivered_by_pkey")),
        comment="In these minutes, what is recorded for by_contract_id is recorded for contract_id too.",
    )
    op.create_index(op.f("delivered_by_by_contract_id_idx"), "delivered_by", ["by_contract_id"])
    _set_reasons(f"{_REASONS}, 'delivered_by_another'")
    for name, kind, comment in _OF_CONTRACTS:
        op.add_column("contract", sa.Column(name, kind, comment=comment))
    op.create_index(
        "contract_resold_from_idx", "contract", ["resold_from"], postgresql_where=sa.text("resold_from IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("contract_resold_from_idx", "contract")
    for name, _, _ in reversed(_OF_CONTRACTS):
        op.drop_column("contract", name)
    op.execute("DELETE FROM usage_refused WHERE reason = 'delivered_by_another'")
    _set_reasons(_REASONS)
    op.drop_table("delivered_by")


def _set_reasons(reasons: str) -> None:
    name = op.f("usage_refused_reason_check")
    op.drop_constraint(name, "usage_refused")
    op.create_check_constraint(name, "usage_refused", f"reason IN ({reasons})")
