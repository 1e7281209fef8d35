"""The demo: one evening and one midnight of a small market, on real servers, from the first key to the last invoice."""
