"""Columns that many tables have."""

from __future__ import annotations

from sqlalchemy import Column, text
from sqlalchemy.dialects.postgresql import TIMESTAMP


def created() -> Column[object]:
    """When the row was written, by the database's clock."""
    return Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()"))
