"""Backups of a deployment's database, and the return to one of them."""
