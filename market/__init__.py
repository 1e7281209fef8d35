"""The market service: HTTP, use cases, the engine that matches, and the worker that follows up."""
