"""Closes that go in steps, credit notes, and documents that are paid or void."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PERIOD_COLUMNS = (
    "closing_at_micros",
    "frozen_through",
    "contracts_frozen",
    "documented_through",
    "participants_documented",
)


def upgrade() -> None:
    empty = {"server_default": sa.text("''"), "nullable": False}
    zero = {"server_default": sa.text("0"), "nullable": False}
    for column in (
        sa.Column("closing_at_micros", sa.BigInteger, comment="when the close began: the documents' time of issue"),
        sa.Column("frozen_through", sa.Text, **empty, comment="last contract"),
        sa.Column("contracts_frozen", sa.Integer, **zero),
        sa.Column("documented_through", sa.Text, **empty, comment="last participant"),
        sa.Column("participants_documented", sa.Integer, **zero),
    ):
        op.add_column("billing_period", column)
    op.create_index(
        "billable_contract_released_idx",
        "billable_contract",
        ["released_minute"],
        postgresql_where=sa.text("released_minute IS NOT NULL"),
    )
    op.add_column("document", sa.Column("corrects", sa.Text, comment="credit notes: what they are taken off"))
    op.create_foreign_key(op.f("document_corrects_fkey"), "document", "document", ["corrects"], ["id"])
    op.create_index(op.f("document_corrects_idx"), "document", ["corrects"])
    op.drop_constraint("document_month_participant_id_kind_key", "document")
    op.create_index(
        "document_standing_key",
        "document",
        ["month", "participant_id", "kind"],
        unique=True,
        postgresql_where=sa.text("corrects IS NULL AND state <> 'void'"),
    )
    op.drop_constraint("document_kind_check", "document")
    op.drop_constraint("document_state_check", "document")
    op.create_check_constraint(
        op.f("document_kind_check"),
        "document",
        "CASE WHEN kind IN ('invoice', 'self_billed_invoice') THEN corrects IS NULL"
        " WHEN kind IN ('credit_note', 'self_billed_credit_note') THEN corrects IS NOT NULL ELSE false END",
    )
    op.create_check_constraint(
        op.f("document_state_check"), "document", "state IN ('draft', 'finalised', 'paid', 'void')"
    )
    op.create_table_comment("document", "Once it is final, nothing of a document changes but its state.")
    _keep_final_documents()


def downgrade() -> None:
    op.execute("DROP TRIGGER document_final ON document")
    op.execute("DROP FUNCTION refuse_change_of_final()")
    op.drop_table_comment("document")
    op.drop_constraint("document_kind_check", "document")
    op.drop_constraint("document_state_check", "document")
    op.create_check_constraint(op.f("document_kind_check"), "document", "kind IN ('invoice', 'self_billed_invoice')")
    op.create_check_constraint(op.f("document_state_check"), "document", "state IN ('draft', 'finalised')")
    op.drop_index("document_standing_key", "document")
    op.create_unique_constraint(
        op.f("document_month_participant_id_kind_key"), "document", ["month", "participant_id", "kind"]
    )
    op.drop_column("document", "corrects")
    op.drop_index("billable_contract_released_idx", "billable_contract")
    for column in PERIOD_COLUMNS:
        op.drop_column("billing_period", column)


def _keep_final_documents() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change_of_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.state <> 'draft' AND (
                TG_OP = 'DELETE' OR to_jsonb(OLD) - 'state' <> to_jsonb(NEW) - 'state' OR NEW.state = 'draft'
            ) THEN
                RAISE EXCEPTION 'final rows of % are immutable', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN coalesce(NEW, OLD);
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER document_final BEFORE UPDATE OR DELETE ON document"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change_of_final()"
    )
