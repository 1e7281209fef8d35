"""What consumers want, minute by minute of a week: more by day than by night, and less at its end. A function of the
seed and the minute alone, so that the same week can be played again, whatever the market answers."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from bench.week.cast import BUYERS
from common.minutes import MINUTES_PER_DAY

_SLICES = (1, 1, 2, 4)
_MINUTES = ((30, 20), (60, 25), (120, 25), (240, 20), (480, 10))
"""Lengths, and how many of a hundred have each."""
_PATIENCE_MINUTES = (0, 0, 15, 60, 240)
"""How long a bid waits on the book for a price that it can pay; 0: now or never."""
_LOWEST_PERCENT, _HIGHEST_PERCENT = 60, 180
"""The most that consumers pay, as percent of what a slice has to bring, in even parts: a third pays less than that."""
_NIGHT_LOAD, _DAY_LOAD = 0.4, 1.6
"""The slices that are wanted, at whatever price, over those that there are: at its least and at its most."""
_WEEKEND = 0.6
_RELEASED_ONE_IN = 12


@dataclass(frozen=True, slots=True)
class Wish:
    """A guest that somebody wants from now on. `patience_minutes` is 0 for now or never; `released_after` is the minute
    of the guest's life in which it turns out to be needed no more."""

    name: str
    buyer: int
    price_micros: int
    slices: int
    minutes: int
    patience_minutes: int
    released_after: int | None


@dataclass(frozen=True, slots=True)
class Demand:
    """All wishes of a week that begins on a Monday at the minute `begin`, for a market of so many slices."""

    seed: int
    begin: int
    slices: int
    floor_micros: int

    def of(self, minute: int) -> list[Wish]:
        """What is wanted in this minute."""
        draw = random.Random(f"{self.seed}/{minute - self.begin}")
        return [self._wish(draw, f"wish-{minute}-{number}") for number in range(_poisson(draw, self._mean(minute)))]

    def _mean(self, minute: int) -> float:
        day, of_day = divmod(minute - self.begin, MINUTES_PER_DAY)
        height = (1 - math.cos(2 * math.pi * (of_day / MINUTES_PER_DAY - 0.08))) / 2  # least at 2, most at 14 o'clock
        load = (_NIGHT_LOAD + (_DAY_LOAD - _NIGHT_LOAD) * height) * (_WEEKEND if day % 7 >= 5 else 1)
        mean_minutes = sum(minutes * percent for minutes, percent in _MINUTES) / 100
        return load * self.slices / (mean_minutes * sum(_SLICES) / len(_SLICES))

    def _wish(self, draw: random.Random, name: str) -> Wish:
        (minutes,) = draw.choices([minutes for minutes, _ in _MINUTES], [percent for _, percent in _MINUTES])
        return Wish(
            name=name,
            buyer=draw.randrange(BUYERS),
            price_micros=self.floor_micros * draw.randint(_LOWEST_PERCENT, _HIGHEST_PERCENT) // 100,
            slices=draw.choice(_SLICES),
            minutes=minutes,
            patience_minutes=draw.choice(_PATIENCE_MINUTES),
            released_after=draw.randrange(minutes) if draw.randrange(_RELEASED_ONE_IN) == 0 else None,
        )


def _poisson(draw: random.Random, mean: float) -> int:
    """How many come when `mean` come in the mean. Source: Knuth, The Art of Computer Programming, 3.4.1."""
    limit, count, product = math.exp(-mean), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return count
