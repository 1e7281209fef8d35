"""Hypervisors behind one small port."""
