"""Effects that every server process needs: the database, the bus, agent access, settings. Imports `common` only."""
