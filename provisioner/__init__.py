"""The agent in each node (L1): desired state in, guests (L2) and usage reports out. Imports `common` only."""
