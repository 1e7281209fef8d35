"""Who runs which test when tests run in parallel (`pytest -n auto`).

Most tests work, and as many of them run at a time as there are processors. Those of the running deployment mostly wait,
for its clock and for processes that come back: they have workers of their own, so that their waiting costs nobody time.
Long ones come first, lest one of them runs alone at the end.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

WAITING_WORKERS = 3
WAITING = ("tests/reliability/", "tests/nestex/demo/test_demo.py")
"""Tests that wait."""
EACH_FOR_ITSELF = ("tests/reliability/", "tests/simulation/test_seeds.py", "tests/simulation/test_planted_mistakes.py")
"""Modules whose tests may be divided among workers; of others one worker runs all, since they share what is costly."""
LONG = (
    "tests/reliability/test_real_guest.py",
    "tests/reliability/test_cut_network.py",
    "tests/reliability/test_full_disk.py",
    "tests/reliability/test_month_end.py",
    "tests/simulation/test_planted_mistakes.py",
    "tests/simulation/test_seeds.py",
    "tests/provisioner/hypervisor/",
)
"""What comes first, the longest at the beginning."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means."""
    return len(os.sched_getaffinity(0)) + WAITING_WORKERS


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Ours, unless the command line asks for another (`--dist`)."""
    return TwoKinds(config, log) if config.getvalue("dist") == "load" else None


class TwoKinds(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist publishes no types
    """The first workers take what waits, and help with the work when no more waits; the others the other way round."""

    def _split_scope(self, nodeid: str) -> str:
        """What one worker takes at a time: a module, or a single test of those that may be divided."""
        return nodeid if nodeid.startswith(EACH_FOR_ITSELF) else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        waits = self.nodes.index(node) < WAITING_WORKERS
        next_unit = min(self.workqueue, key=lambda unit: (unit.startswith(WAITING) != waits, _rank(unit)))
        self.workqueue.move_to_end(next_unit, last=False)
        super()._assign_work_unit(node)


def _rank(unit: str) -> int:
    return next((rank for rank, prefix in enumerate(LONG) if unit.startswith(prefix)), len(LONG))
