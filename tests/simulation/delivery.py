"""What was really delivered, held against what was metered and billed, by contract.

A contract is delivered by its own guest, or by that of another one: where its rest was sold on, by the guest of who
bought it, and where it made another contract's guest larger, by that one. Who delivers when follows from the market's
contracts alone, not from what billing has noted of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func, select

from billing.tables import billable_contract, usage_minute
from common.minutes import SECONDS_PER_MINUTE
from market.tables import contract
from tests.simulation.hypervisor import Run

MS_PER_MINUTE = 60_000
STEP_MS = 80_000
"""How much an agent can miss between a guest's end and its own knowledge of it, in market time, where nothing is slow:
two calls that each took a third of a second."""

Window = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the nodes really did. Of `careless` contracts less may be metered than was delivered, because their agents
    have lost what they knew, or their guests went down by themselves. The guests of `commanded` ones go down and up
    again within their windows, those of contracts that a restore has `given_back` may have; an agent misses a little of
    that. `slack_seconds` is what a clock that is off or a rounding makes of it."""

    runs: list[Run]
    offs: list[Run]
    careless: frozenset[str]
    commanded: frozenset[str]
    given_back: frozenset[str]
    slack_seconds: int


def difference(database: Engine, seen: Seen) -> str | None:
    """Every delivered minute is billed, and none that was not. The first contract of which that is not so."""
    with database.connect() as connection:
        rows = connection.execute(
            select(billable_contract, contract.c.resold_from, contract.c.grows).join(
                contract, contract.c.id == billable_contract.c.contract_id
            )
        ).all()
        usage = usage_minute.c
        query = select(usage.contract_id, func.sum(usage.seconds)).group_by(usage.contract_id)
        metered = {name: int(seconds) for name, seconds in connection.execute(query)}
    windows = _Windows(rows)
    offs = [off for off in seen.offs if off.contract in seen.commanded]
    most, least = _spans(seen.runs + offs, known=False), _spans(seen.runs + offs, known=True)
    steps = Counter(run.contract for run in (*seen.runs, *offs))
    for row in rows:
        name, seconds = row.contract_id, metered.get(row.contract_id, 0)
        parts = list(windows.delivering(name))
        up_s, delivered_s = _total_s(most, parts), _total_s(least, parts)
        slack = seen.slack_seconds * len(parts)
        if seconds > up_s + slack:
            return f"contract {name}: {seconds} s metered, {up_s:.1f} s up"
        by = {each for each, _from, _until in parts}
        if by & (seen.commanded | seen.given_back):
            slack += sum(steps[each] for each in by) * STEP_MS // 1000
        if not by & seen.careless and seconds < delivered_s - slack:
            return f"contract {name}: {seconds} s metered, {delivered_s:.1f} s delivered: too few"
        if seconds // SECONDS_PER_MINUTE != row.billed_minutes:
            return f"contract {name}: {seconds} s metered, {row.billed_minutes} minutes billed"
    return None


class _Windows:
    """Which contract's guest delivers which, when."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._window: dict[str, Window] = {}
        self._grows: dict[str, str] = {}
        self._rests: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            ended = row.end_minute if row.ended_minute is None else row.ended_minute
            self._window[row.contract_id] = row.start_minute, ended
            if row.grows is not None:
                self._grows[row.contract_id] = row.grows
            if row.resold_from is not None:
                self._rests[row.resold_from].append(row.contract_id)

    def delivering(self, name: str) -> Iterator[tuple[str, int, int]]:
        """The contracts whose guests deliver this one, each with the minutes [from, until) in which it does."""
        yield from self._within(name, *self._window[name])

    def _within(self, name: str, first: int, end: int) -> Iterator[tuple[str, int, int]]:
        if name in self._grows:
            yield from self._within(self._grows[name], first, end)
            return
        minute = first
        for rest in sorted(self._rests[name], key=lambda each: self._window[each]):
            from_minute, until = self._window[rest]
            if minute < min(from_minute, end):
                yield name, minute, min(from_minute, end)
            if max(from_minute, first) < min(until, end):
                yield from self._within(rest, max(from_minute, first), min(until, end))
            minute = max(minute, until)
        if minute < end:
            yield name, minute, end


def _spans(runs: Iterable[Run], *, known: bool) -> Mapping[str, list[tuple[int, int]]]:
    """By contract, when it was delivered, in ms of market time: at the most, or as far as its agent could know."""
    found = defaultdict(list)
    for run in runs:
        from_ms = run.known_ms if known else run.from_ms
        if from_ms is not None and run.to_ms is not None:
            found[run.contract].append((from_ms, run.to_ms))
    return found


def _total_s(spans: Mapping[str, list[tuple[int, int]]], parts: Iterable[tuple[str, int, int]]) -> float:
    total_ms = 0
    for name, first, end in parts:
        for from_ms, to_ms in spans.get(name, ()):
            total_ms += max(0, min(to_ms, end * MS_PER_MINUTE) - max(from_ms, first * MS_PER_MINUTE))
    return total_ms / 1000
