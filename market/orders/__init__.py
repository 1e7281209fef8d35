"""Orders: from a request to the engine, and back out of the tables."""
