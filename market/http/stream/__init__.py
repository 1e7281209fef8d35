"""The stream of changes over a WebSocket: what is said on it, and who gets to hear it."""
