"""The HTTP surface, version 1: routes parse and authenticate, use cases decide nothing that the engine must decide."""
