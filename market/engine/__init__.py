"""The engine: one writer per shard. Commands in, one transaction per batch, answers after the commit."""
