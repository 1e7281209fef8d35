"""A hundred seeds, every time; `python -m tests.simulation` runs as many as one likes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.seed import run

SEEDS = 100
OF_A_TEST = 20
WAYS = ("groups", "volumes", "of_linked")
"""What comes to something in every so many seeds, whatever breaks."""


@pytest.mark.parametrize("first", range(0, SEEDS, OF_A_TEST))
def test_whatever_breaks_the_market_keeps_its_promises(first: int, simulated_url: str, agent_files: Path) -> None:
    used: Counter[str] = Counter()
    for seed in range(first, first + OF_A_TEST):
        told = run(seed, simulated_url, agent_files)
        used.update(told.uses)
        assert told.difference is None, f"python -m tests.simulation --from {seed} --seeds 1\n" + "\n".join(told.faults)
    assert all(used[way] for way in WAYS), used


def test_without_faults_everything_that_was_sold_is_delivered(simulated_url: str, agent_files: Path) -> None:
    calm = [run(seed, simulated_url, agent_files, with_faults=False) for seed in range(3)]
    assert [(told.difference, told.unknown, told.ends) for told in calm] == [(None, 0, {})] * 3
    assert sum(told.orders for told in calm) > 60
    assert sum(told.contracts for told in calm) > 15
    assert sum(told.minutes for told in calm) > 90


def test_a_seed_gives_the_same_history_every_time(simulated_url: str, agent_files: Path) -> None:
    """Also in another process, whose hashes and addresses are others."""
    told = run(SEEDS, simulated_url, agent_files)
    assert told.faults
    program = (
        "import sys; from pathlib import Path; from tests.simulation.seed import run;"
        " told = run(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])); print(told.digest, told.seconds)"
    )
    arguments = [sys.executable, "-c", program, str(SEEDS), simulated_url, str(agent_files)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [told.digest, str(told.seconds)]
