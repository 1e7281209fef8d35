"""`nestex replay`: the auction as a filter, for tests from outside and bug reports. It needs no server."""

from __future__ import annotations

import sys
from io import BufferedIOBase
from typing import cast

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay() -> None:
    """Run the auction alone: commands as JSON lines on standard input, events on standard output (docs/replay.md)."""
    from nestex import replay as replay_filter

    # The interpreter's own streams: buffered binary ones below the text.
    replay_filter.replay(cast(BufferedIOBase, sys.stdin.buffer), cast(BufferedIOBase, sys.stdout.buffer))
