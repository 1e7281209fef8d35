"""Alembic's environment: runs the revisions on the connection, and in the transaction, that `nestex.schema` opened."""

from __future__ import annotations

from alembic import context

from nestex.schema import COMPARISON
from runtime.metadata import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, **COMPARISON)
context.run_migrations()
