"""Money: ledger, metering, settlement, documents, invariants. Imports `common` and `runtime`, never `market`."""
