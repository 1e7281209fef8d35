"""The database's schema, step by step: alembic's environment, and a file for each revision. Run by `nestex.schema`."""
