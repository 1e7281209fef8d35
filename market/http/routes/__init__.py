"""Routes, one file per area of the interface."""
