"""The command line. Each command imports what it needs when it runs, so that a bare agent needs no server packages."""

from __future__ import annotations

from nestex.cli.app import main

__all__ = ["main"]
