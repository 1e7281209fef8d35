"""The worker: everything that follows up on committed changes, and everything that time makes due."""
