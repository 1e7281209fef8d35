"""Usage reports are numbered within a life of the agent's file. Reports of before belong to life 0."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEYS = {
    "usage_receipt": ["node_id", "life", "sequence"],
    "usage_watermark": ["node_id", "life"],
    "usage_refused": ["node_id", "life", "sequence", "contract_id", "minute", "seconds", "epoch"],
}


def upgrade() -> None:
    for table in ("usage_minute", *KEYS):
        comment = "of the agent's file" if table == "usage_watermark" else None
        life = sa.Column("life", sa.BigInteger, nullable=False, server_default=sa.text("0"), comment=comment)
        op.add_column(table, life)
    for table, columns in KEYS.items():
        _key(table, columns)
    op.alter_column("usage_watermark", "sequence", comment="every report of the life up to it is recorded")
    since = sa.Column("since_minute", sa.Integer, nullable=False, server_default=sa.text("0"))
    since.comment = "what the file knows from"
    op.add_column("usage_watermark", since)


def downgrade() -> None:
    op.drop_column("usage_watermark", "since_minute")
    op.alter_column("usage_watermark", "sequence", comment="every report up to it is recorded")
    for table, columns in KEYS.items():
        # What was told under a later life cannot be told from life 0 any more: the oldest life of a number stays.
        op.execute(sa.text(_forget(table, [column for column in columns if column != "life"])))
        _key(table, [column for column in columns if column != "life"])
    for table in ("usage_minute", *KEYS):
        op.drop_column(table, "life")


def _key(table: str, columns: list[str]) -> None:
    op.drop_constraint(f"{table}_pkey", table)
    op.create_primary_key(op.f(f"{table}_pkey"), table, columns)


def _forget(table: str, columns: list[str]) -> str:
    same = " AND ".join(f"other.{column} = doomed.{column}" for column in columns)
    return f"DELETE FROM {table} AS doomed USING {table} AS other WHERE {same} AND other.life < doomed.life"  # noqa: S608  constants
