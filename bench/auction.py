"""The auction alone, pure and compiled: windowed orders against shallow and deep books; plain orders against its peers.

Everything runs in turn in one run (`bench.race`), so the ratios hold whatever else the machine does.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from bench.compiled import ROOT, compiled_matching
from bench.contestants.nestex_windowed import COMMANDS
from bench.peers import newer_python, peers_folder
from bench.race import Contestant, Result, race

_CACHE = ROOT / ".bench_cache"
_RESTING = (5_000, 50_000)
_OPERATIONS = 200_000
_FEW = 2_000
"""What `order-matching` gets: it takes longer for every order the more of them rest."""

_PEERS = ("liquibook", "litebook", "cython_orderbook", "lightmatchingengine")


def run() -> Iterator[str]:
    """Lines of the report."""
    _CACHE.mkdir(exist_ok=True)
    compiled = yield from _made(lambda: compiled_matching(_CACHE), "compiled auction")
    yield from _windowed(compiled)
    peers = yield from _made(lambda: peers_folder(_CACHE, sys.executable), "peers")
    yield from _plain(compiled, peers)
    yield from _newer()


def _windowed(compiled: Path | None) -> Iterator[str]:
    contestants = [
        Contestant(f"{kind}, {resting:,} resting", "nestex_windowed", resting, folders)
        for resting in _RESTING
        for kind, folders in _kinds(compiled)
    ]
    results = race(contestants)
    yield f"{COMMANDS:,} windowed commands"
    for contestant in contestants:
        first = results[contestants[0].name]
        yield _line(contestant, COMMANDS, results[contestant.name], first, contestants[0].name)


def _plain(compiled: Path | None, peers: Path | None) -> Iterator[str]:
    ours = [Contestant(kind, "nestex_plain", _OPERATIONS, folders) for kind, folders in _kinds(compiled)]
    book = Contestant("plain book of bench/plain_book.py", "plain_book", _OPERATIONS)
    others = [Contestant(name, name, _OPERATIONS, (peers,)) for name in _PEERS] if peers else []
    yield f"{_OPERATIONS:,} plain operations"
    yield from _compared([*ours, book, *others], _OPERATIONS)
    if peers:
        slow = Contestant("order_matching", "order_matching", _FEW, (peers,))
        yield f"{_FEW:,} plain operations"
        yield from _compared([Contestant("pure", "nestex_plain", _FEW), slow], _FEW)


def _newer() -> Iterator[str]:
    """`matching-engine`, and ours pure, both on the Python that it needs."""
    python = newer_python()
    if python is None:
        yield "matching_engine is not measured: it needs Python 3.12 or later, and none is on the PATH"
        return
    peers = yield from _made(lambda: peers_folder(_CACHE, python), "matching_engine")
    if peers:
        ours = Contestant("pure", "nestex_plain", _OPERATIONS, (), python)
        other = Contestant("matching_engine", "matching_engine", _OPERATIONS, (peers,), python)
        yield f"{_OPERATIONS:,} plain operations, on {Path(python).name}"
        yield from _compared([ours, other], _OPERATIONS)


def _compared(contestants: list[Contestant], operations: int) -> Iterator[str]:
    """The first one is what the others are compared with."""
    results = race(contestants)
    first = results[contestants[0].name]
    for contestant in contestants:
        yield _line(contestant, operations, results[contestant.name], first, contestants[0].name)


def _line(contestant: Contestant, operations: int, result: Result, first: Result, first_name: str) -> str:
    if result.failure:
        return f"  {contestant.name}: not measured: {result.failure}"
    rate, ratio = operations / result.seconds, first.seconds / result.seconds
    line = f"  {contestant.name}: {rate:,.0f} a second, {ratio:.2f} x {first_name}"
    if contestant.module != "nestex_windowed" and result.tally != first.tally:
        line += f"; its trades differ: {result.tally} instead of {first.tally}"
    return line


def _kinds(compiled: Path | None) -> list[tuple[str, tuple[Path, ...]]]:
    return [("pure", ()), *([("compiled", (compiled,))] if compiled else [])]


def _made(make: Callable[[], Path], what: str) -> Generator[str, None, Path | None]:
    """What was made; or None, and a line that says why not."""
    try:
        return make()
    except subprocess.CalledProcessError as error:
        yield f"{what}: not measured: {error.stdout.strip().splitlines()[-1]}"
        return None
