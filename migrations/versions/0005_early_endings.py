"""Contracts that end early, credits after a close, and the debts of providers that cannot cover them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CONTRACT_COLUMNS = (
    "bond_minutes",
    "released_minutes",
    "released_minute",
    "credited_minutes",
    "compensation_micros",
    "unsettlings",
    "ending",
)
CONTRACT_CHECKS = {
    "ending": "ending IN ('released', 'reclaimed', 'failed', 'busted')",
    "early": "(ending IS NULL OR ended_minute IS NOT NULL)"
    " AND coalesce(ending = 'released', false) = (released_minute IS NOT NULL)",
    "counters": "credited_minutes BETWEEN 0 AND billed_minutes AND released_minutes >= 0 AND compensation_micros >= 0",
    "bond": "bond_minutes BETWEEN billed_minutes AND end_minute - start_minute",
}


def upgrade() -> None:
    _contracts()
    op.execute("DROP TRIGGER billed_day_immutable ON billed_day")
    op.add_column(
        "billed_day",
        sa.Column(
            "item", sa.Text, server_default=sa.text("'usage'"), nullable=False, comment="usage, or the release fee"
        ),
    )
    op.drop_constraint("billed_day_pkey", "billed_day")
    op.create_primary_key(op.f("billed_day_pkey"), "billed_day", ["contract_id", "day", "item"])
    op.create_check_constraint(op.f("billed_day_item_check"), "billed_day", "item IN ('usage', 'release')")
    _immutable("billed_day")
    _credits()
    op.create_table(
        "provider_debt",
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("covered_micros", sa.BigInteger, nullable=False, comment="by the reserve, in all"),
        sa.Column("recovered_micros", sa.BigInteger, nullable=False, comment="from later earnings, in all"),
        sa.CheckConstraint("recovered_micros BETWEEN 0 AND covered_micros", name=op.f("provider_debt_recovered_check")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("provider_debt_pkey")),
        comment="What the reserve has paid for a provider that could not.",
    )


def downgrade() -> None:
    op.drop_table("provider_debt")
    op.drop_table("billing_credit")
    op.drop_constraint("billed_day_item_check", "billed_day")
    op.drop_constraint("billed_day_pkey", "billed_day")
    op.drop_column("billed_day", "item")
    op.create_primary_key(op.f("billed_day_pkey"), "billed_day", ["contract_id", "day"])
    for name in CONTRACT_CHECKS:
        op.drop_constraint(f"billable_contract_{name}_check", "billable_contract")
    for column in CONTRACT_COLUMNS:
        op.drop_column("billable_contract", column)


def _contracts() -> None:
    zero = {"server_default": sa.text("0"), "nullable": False}
    for column in (
        sa.Column("bond_minutes", sa.Integer, **zero, comment="whose bond has gone back"),
        sa.Column("released_minutes", sa.Integer, **zero, comment="the release fee's base"),
        sa.Column("released_minute", sa.Integer, comment="in whose period the release fee is billed"),
        sa.Column("credited_minutes", sa.Integer, **zero, comment="taken back after a close"),
        sa.Column("compensation_micros", sa.BigInteger, **zero, comment="bond to the buyer"),
        sa.Column("unsettlings", sa.Integer, **zero, comment="how often minutes were unbilled"),
        sa.Column("ending", sa.Text, comment="how it ended before its window did"),
    ):
        op.add_column("billable_contract", column)
    op.execute("UPDATE billable_contract SET bond_minutes = billed_minutes")
    for name, condition in CONTRACT_CHECKS.items():
        op.create_check_constraint(op.f(f"billable_contract_{name}_check"), "billable_contract", condition)


def _credits() -> None:
    op.create_table(
        "billing_credit",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False, comment="the operator's"),
        sa.Column("day", sa.Date, nullable=False, comment="UTC, of the billed day that it corrects"),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("gross_micros", sa.BigInteger, nullable=False),
        sa.Column("fee_micros", sa.BigInteger, nullable=False),
        sa.Column("buyer_vat_micros", sa.BigInteger, nullable=False),
        sa.Column("provider_net_micros", sa.BigInteger, nullable=False),
        sa.Column("provider_vat_micros", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at_micros", sa.BigInteger, nullable=False),
        sa.CheckConstraint("item IN ('usage', 'release')", name=op.f("billing_credit_item_check")),
        sa.CheckConstraint("minutes > 0", name=op.f("billing_credit_minutes_check")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["billable_contract.contract_id"], name=op.f("billing_credit_contract_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("billing_credit_pkey")),
        sa.UniqueConstraint(
            "contract_id", "key", "day", "item", name=op.f("billing_credit_contract_id_key_day_item_key")
        ),
        comment="Billed minutes that were taken back after the close of their month.",
    )
    op.create_index("billing_credit_contract_id_idx", "billing_credit", ["contract_id", "day"])
    _immutable("billing_credit")
    op.execute(
        "CREATE TRIGGER billing_credit_kept BEFORE TRUNCATE ON billing_credit"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _immutable(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
