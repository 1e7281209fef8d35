"""How often a process under load looks for garbage: an engine, a market, a worker, and the benchmarks of their work."""

from __future__ import annotations

import gc

_COLLECT_AFTER = 50_000
"""New objects, in place of Python's 700: an engine's batch makes some tens of thousands, of which it keeps a few
thousand; a worker's as many, a request a thousand, and neither keeps any."""


def spare_the_collector() -> None:
    """Open orders and a market's routes live long: what there is now is never looked at again, what comes later
    seldom."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
