"""Which ask comes next, or which has to go: the offered slices against those that are really free. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.minutes import Window
from market.reseller.own_work import kept_back
from market.reseller.supply import (
    Height,
    Rectangle,
    Vector,
    fitting,
    largest,
    plus,
    raised,
    sweep,
    vector_of,
    widened,
)
from market.reseller.view import OwnAsk, Seen, Trading

_STEPS = 8
"""The end of what is offered moves on in so many steps, or every minute would be an ask of its own."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Slices of an instrument that are free and not offered: minutes that can become an ask. `instead_of` is an own ask
    that has to make room for one that covers it and more."""

    trading: Trading
    rectangle: Rectangle
    instead_of: OwnAsk | None = None


@dataclass(frozen=True, slots=True)
class Supply:
    """What is free of the node at every minute that may be sold: over all layers, own asks apart by instrument."""

    stretches: list[tuple[int, int, Vector, tuple[int, ...]]]
    tradings: tuple[Trading, ...]

    def heights(self, index: int) -> list[Height]:
        """Slices of one instrument that could be offered beside those that are, at every minute. What other instruments
        offer takes nothing off: offers are linked."""
        piece = self.tradings[index].vector
        return [
            Height(start, end, max(0, fitting(free, piece) - offered[index]))
            for start, end, free, offered in self.stretches
        ]

    def most_free(self, index: int) -> int:
        """The most slices of one instrument that are free at some minute, were it alone."""
        return max((fitting(free, self.tradings[index].vector) for _, _, free, _ in self.stretches), default=0)


def sales_end(seen: Seen, trading: Trading | None = None) -> int:
    """The minute until which is sold, at most."""
    until = min(seen.settings.until, seen.view.reserved_until)
    if trading is None:
        return until
    reach = min(seen.settings.ahead_minutes, trading.horizon_minutes)
    step = max(1, reach // _STEPS)
    return min(until, (seen.minute + reach) // step * step)


def supply(seen: Seen, end: int, own_asks: Sequence[OwnAsk]) -> Supply:
    """The node from the next minute to `end`, with these own asks of the reseller on the book."""
    view, kept = seen.view, vector_of(kept_back(seen))
    sold = [*view.contracts, *view.other_asks]
    own = [
        [taken for ask in own_asks if ask.instrument == trading.code for taken in ask.taken((1, 0, 0))]
        for trading in view.instruments
    ]
    all_for_sale = plus(vector_of(view.offered), kept, -1)
    stretches = [
        (cut.start, cut.end, plus(all_for_sale, cut.layers[0], -1), tuple(layer[0] for layer in cut.layers[1:]))
        for cut in sweep(Window(seen.minute + 1, end), [sold, *own])
    ]
    return Supply(stretches, view.instruments)


def overcommitted(seen: Seen) -> list[OwnAsk]:
    """The own asks that must leave the book so that no minute offers more of an instrument than is free, newest first;
    and those that are not linked, as they were before offers were."""
    leaving: list[OwnAsk] = []
    staying = sorted(seen.view.own_asks, key=lambda ask: ask.order)
    known, until = {trading.code for trading in seen.view.instruments}, sales_end(seen)
    for ask in [ask for ask in staying if not _may_stay(ask, known, until)]:
        staying.remove(ask)
        leaving.append(ask)
    end = max((ask.end for ask in staying), default=0)
    while staying and end > seen.minute + 1:
        stretches = supply(seen, end, staying).stretches
        over = [
            (trading.code, start, end)
            for start, end, free, offered in stretches
            for trading, slices in zip(seen.view.instruments, offered, strict=True)
            if slices > fitting(free, trading.vector)
        ]
        if not over:
            break
        newest = next(ask for ask in reversed(staying) if any(_is_in(ask, *place) for place in over))
        staying.remove(newest)
        leaving.append(newest)
    return leaving


def gap_of(seen: Seen) -> Gap | None:
    """The largest ask that could be placed now, in slice-minutes, or the own ask that should make room for a larger
    one. None when all that is free is offered."""
    best: Gap | None = None
    for index, trading in enumerate(seen.view.instruments):
        end, shortest = sales_end(seen, trading), shortest_minutes(seen, trading)
        if not takes_asks(trading) or end < seen.minute + 1 + shortest or shortest > trading.max_minutes:
            continue
        heights = supply(seen, end, seen.view.own_asks).heights(index)
        found = largest(heights, shortest)
        for gap in (
            Gap(trading, found) if found else None,
            *(_grown(seen, ask, heights, trading) for ask in seen.view.own_asks if ask.instrument == trading.code),
        ):
            if gap is not None and (best is None or _gain(gap, seen.minute) >= _gain(best, seen.minute)):
                best = gap
    return best


def shortest_minutes(seen: Seen, trading: Trading) -> int:
    """The shortest contract that is sold."""
    return max(seen.settings.min_minutes, trading.min_minutes)


def is_worth_a_move(seen: Seen, trading: Trading, ask: OwnAsk, covering: Rectangle) -> bool:
    """Whether an own ask should lose its place in the queue to one that covers so much."""
    left = ask.slice_minutes_left(seen.minute)
    return covering.area - left >= max(left // _STEPS, ask.slices * shortest_minutes(seen, trading))


def takes_asks(trading: Trading) -> bool:
    """Whether an order may enter."""
    return trading.mode in ("open", "post_only")


def whole_node_slices(seen: Seen, trading: Trading) -> int:
    """How many slices the node holds when nothing is sold or kept back."""
    return fitting(vector_of(seen.view.offered), trading.vector)


def _grown(seen: Seen, ask: OwnAsk, heights: list[Height], trading: Trading) -> Gap | None:
    """An ask in the place of one of which nothing is sold, if that is worth its place in the queue."""
    core = Rectangle(max(ask.start, seen.minute + 1), ask.end, ask.slices)
    if not ask.is_whole or core.minutes <= 0 or not heights or core.end > heights[-1].end:
        return None
    best = max((widened(heights, core), _more(heights, core)), key=lambda grown: grown.area)
    return Gap(trading, best, ask) if is_worth_a_move(seen, trading, ask, best) else None


def _more(heights: list[Height], core: Rectangle) -> Rectangle:
    extra = raised(heights, Rectangle(core.start, core.end, 0))
    return Rectangle(core.start, core.end, core.slices + extra.slices)


def _gain(gap: Gap, minute: int) -> int:
    return gap.rectangle.area - (0 if gap.instead_of is None else gap.instead_of.slice_minutes_left(minute))


def _may_stay(ask: OwnAsk, known: set[str], until: int) -> bool:
    return ask.remaining is not None and ask.instrument in known and ask.end <= until


def _is_in(ask: OwnAsk, instrument: str, start: int, end: int) -> bool:
    """Whether the ask offers anything of the instrument in these minutes."""
    return ask.instrument == instrument and any(part.start < end and start < part.end for part in ask.taken((1, 0, 0)))
