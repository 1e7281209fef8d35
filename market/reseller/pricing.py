"""The price of each instrument that a node sells: its corridor, what its strategy asks now, and why. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from common.price import Price
from market.reseller.floor import Corridor, break_even_micros, corridor, floor_sentence
from market.reseller.settings import Memory
from market.reseller.shape import whole_node_slices
from market.reseller.strategies import Quote, Sight, quote, rested_in_vain
from market.reseller.view import Seen, Trading


@dataclass(frozen=True, slots=True)
class Priced:
    """What an instrument is to be offered for; without a corridor it cannot be, for the reason in `sentence`.
    `rested_minutes` is for how long it has been offered without a sale, and without saying that nobody wants it."""

    trading: Trading
    corridor: Corridor | None
    quote: Quote | None
    sentence: str
    rested_minutes: int = 0


def price_all(seen: Seen) -> list[Priced]:
    """One for each of the node's instruments, in their order."""
    return [_priced(seen, trading) for trading in seen.view.instruments]


def remembered(seen: Seen, priced: list[Priced]) -> Memory:
    """What the reseller takes along from this turn: what it learned, and when it sold, or did not."""
    sold = dict(seen.memory.sold_minute)
    for each in priced:
        if any(is_own for _, is_own in each.trading.trades):
            sold[each.trading.code] = seen.minute
    learned = {each.trading.code: each.quote.learned for each in priced if each.quote and each.quote.learned}
    newest = max(seen.memory.seen_sequence, seen.view.newest_sequence)
    return dataclasses.replace(
        seen.memory,
        seen_sequence=newest,
        sold_minute=sold,
        looked_minute=seen.minute,
        rested_minutes={each.trading.code: each.rested_minutes for each in priced},
        learned=learned,
    )


def _priced(seen: Seen, trading: Trading) -> Priced:
    settings, fee_ppm = seen.settings, seen.view.fee_ppm
    slices, utilisation = whole_node_slices(seen, trading), settings.expected_utilisation_percent
    break_even = break_even_micros(settings.cost_micros_per_hour, slices, utilisation, fee_ppm)
    if break_even is None:
        return Priced(trading, None, None, f"{trading.code}: the node is too small for one slice, or the fee too high.")
    between = corridor(
        break_even, settings.markup_percent, trading.tick_micros, trading.price_min_micros, trading.price_max_micros
    )
    why_floor = floor_sentence(trading.code, settings.cost_micros_per_hour, slices, utilisation, fee_ppm, break_even)
    if between is None:
        most = Price(trading.price_max_micros).hourly()
        too_dear = f"That is more than the highest price that {trading.code} allows, {most}: it cannot be sold there."
        return Priced(trading, None, None, f"{why_floor} {too_dear}")
    seed = f"{seen.view.node}/{trading.code}"
    rested = _rested_minutes(seen, trading)
    sight = _sight(seen, trading, rested)
    asked = quote(settings, between, sight, seen.memory.learned.get(trading.code), seed)
    why_price = (
        f"The strategy {settings.strategy} asks {Price(asked.price_micros).hourly()} per slice-hour in {trading.code}"
        f" (floor {Price(between.floor_micros).hourly()}, first price {Price(between.opening_micros).hourly()}):"
        f" {asked.reason}."
    )
    return Priced(trading, between, asked, f"{why_floor} {why_price}", 0 if sight.vain_minutes else rested)


def _sight(seen: Seen, trading: Trading, rested_minutes: int) -> Sight:
    since = max(seen.memory.since_minute, seen.memory.sold_minute.get(trading.code, 0))
    return Sight(
        competitor_micros=trading.competitor_micros,
        idle_minutes=0 if _has_sold(trading) else max(0, seen.minute - since),
        trades=tuple(shout for shout, _ in trading.trades),
        vain_minutes=rested_minutes if rested_in_vain(rested_minutes) else 0,
    )


def _rested_minutes(seen: Seen, trading: Trading) -> int:
    """So long it has been offered from the next minute on, and nothing was sold. A minute in which it was not, because
    all was sold, or no cash or no agent was there, is nobody's refusal."""
    if _has_sold(trading):
        return 0
    looked = max(seen.memory.looked_minute, seen.memory.since_minute)
    asks = (ask for ask in seen.view.own_asks if ask.instrument == trading.code)
    begun = [max(ask.entered_minute, ask.first_minute(seen.minute) - 1) for ask in asks]
    more = max(0, seen.minute - max(looked, min(begun, default=seen.minute)))
    return seen.memory.rested_minutes.get(trading.code, 0) + more


def _has_sold(trading: Trading) -> bool:
    return any(is_own for _, is_own in trading.trades)
