"""Contestants in turn, several times, each in a process of its own; figures are medians of the same run.

The parent of `bench.runner`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.plain_stream import Tally

_ROOT = Path(__file__).parents[1]
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Contestant:
    """A module of `bench.contestants` with its size; folders that come before the repository on its path."""

    name: str
    module: str
    size: int
    folders: tuple[Path, ...] = ()
    python: str = sys.executable


@dataclass(frozen=True, slots=True)
class Result:
    """Median seconds of a round, and what every round traded; or why there is none."""

    seconds: float
    tally: Tally
    failure: str = ""


class _Process:
    """A running contestant. One that fails once has failed."""

    def __init__(self, contestant: Contestant) -> None:
        path = os.pathsep.join(map(str, (*contestant.folders, _ROOT)))
        self._process = subprocess.Popen(
            [contestant.python, "-P", "-m", "bench.runner", contestant.module, str(contestant.size)],
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.seconds: list[float] = []
        self.tally = Tally(0, 0, 0)
        self.failure = ""

    def round(self) -> None:
        """Runs once more."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self.failure:
            return
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: its standard error says why
        if answer := self._process.stdout.readline():
            said = json.loads(answer)
            self.seconds.append(said["seconds"])
            self.tally = Tally(*said["tally"])
        else:
            lines = self._process.communicate()[1].strip().splitlines()
            self.failure = lines[-1] if lines else f"ended with {self._process.returncode}"

    def result(self) -> Result:
        """The first round only warms up."""
        return Result(median(self.seconds[1:]) if self.seconds[1:] else 0, self.tally, self.failure)

    def end(self) -> None:
        """Ends the process."""
        if self._process.poll() is None:
            self._process.communicate()


def race(contestants: list[Contestant], rounds: int = _ROUNDS) -> dict[str, Result]:
    """Results by name."""
    with ExitStack() as running:
        processes = {contestant.name: _Process(contestant) for contestant in contestants}
        for process in processes.values():
            running.callback(process.end)
        for _ in range(1 + rounds):
            for process in processes.values():
                process.round()
        return {name: process.result() for name, process in processes.items()}
