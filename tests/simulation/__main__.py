"""Many seeds: `python -m tests.simulation --seeds 1000 --from 0`. Stops at the first that fails, and says how to repeat
it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from common.clock import SystemClock
from nestex import schema
from nestex.stack.folder import DataFolder
from nestex.stack.postgres import start_postgres
from nestex.stack.postgres_home import discard_home
from nestex.stack.supervisor import Supervisor
from tests.simulation.database import prepare
from tests.simulation.folders import memory_folder
from tests.simulation.seed import Told, run


def main() -> int:
    """The exit code: 1 when a seed fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first one")
    parser.add_argument("--calm", action="store_true", help="without faults")
    parser.add_argument("--go-on", action="store_true", help="do not stop at a seed that fails")
    parser.add_argument("--verbose", action="store_true", help="tell every seed's faults")
    given = parser.parse_args()
    real, failed = SystemClock(), 0
    with _database() as url, memory_folder() as folder:
        begun = real.monotonic()
        for number, seed in enumerate(range(given.first, given.first + given.seeds), start=1):
            told = run(seed, url, folder, with_faults=not given.calm)
            sys.stdout.write(_line(told, (real.monotonic() - begun) / number) + "\n")
            if given.verbose or told.difference:
                sys.stdout.write("\n".join(told.faults) + "\n")
            if told.difference:
                sys.stdout.write(f"FAILED: {told.difference}\n")
                sys.stdout.write(f"repeat: python -m tests.simulation --seeds 1 --from {seed}\n")
                failed += 1
            sys.stdout.flush()
            if failed and not given.go_on:
                break
    return int(failed > 0)


def _line(told: Told, seconds_each: float) -> str:
    used = ", ".join(f"{count} {name}" for name, count in told.uses.items() if count)
    return (
        f"seed {told.seed}: {told.orders} orders, {told.contracts} contracts, {told.minutes} minutes billed,"
        f" {used or 'nothing else'}, {len(told.faults)} faults, {told.unknown} outcomes unknown,"
        f" {told.seconds:.0f} s lived, {told.digest[:8]}, {seconds_each:.2f} s each {told.ends}"
    )


@contextmanager
def _database() -> Iterator[str]:
    with ExitStack() as cleanup:
        path = Path(tempfile.mkdtemp(prefix="nestex-simulation-"))
        path.chmod(0o711)  # PostgreSQL runs as another user when we are root
        cleanup.callback(shutil.rmtree, path)
        folder = cleanup.enter_context(DataFolder.hold(path))
        cleanup.callback(discard_home, folder)
        url = start_postgres(cleanup.enter_context(Supervisor(folder, SystemClock())), durable=False)
        schema.upgrade(url)
        prepare(url)
        yield url


if __name__ == "__main__":
    sys.exit(main())
