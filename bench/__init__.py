"""Benchmarks: ratios taken in one run against a named baseline. `make bench` runs all, `python -m bench NAME` one."""
