"""What is traded: slice classes and instruments."""
