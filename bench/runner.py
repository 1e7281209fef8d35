"""The process of one contestant: `python -m bench.runner NAME SIZE` runs a round for every line that it reads.

A process each, so that no contestant has another one's garbage to collect, and each can have a Python of its own.
Stands under `bench.race`, which tells it when.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import json
import sys

from common.clock import SystemClock


def main() -> None:
    """Answers every line with one of JSON: the seconds that the round took, and what it traded."""
    prepare = importlib.import_module(f"bench.contestants.{sys.argv[1]}").prepare
    clock, answers = SystemClock(), sys.stdout
    for _ in sys.stdin:
        run = prepare(int(sys.argv[2]))
        gc.collect()
        gc.freeze()  # what waits to be run is nothing that an engine would have to search for garbage
        started = clock.monotonic()
        tally = run()
        seconds = clock.monotonic() - started
        gc.unfreeze()
        answers.write(json.dumps({"seconds": seconds, "tally": dataclasses.astuple(tally)}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
