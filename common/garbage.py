"""How often a process that holds a book looks for garbage: its engine, and the benchmarks of the same work."""

from __future__ import annotations

import gc

_COLLECT_AFTER = 50_000
"""New objects, in place of Python's 700: a batch makes some tens of thousands, of which it keeps a few thousand."""


def spare_the_collector() -> None:
    """Open orders live long and are no garbage: what there is now is never looked at again, and what comes later
    seldom."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
