"""An adaptive price: the seller of Zero Intelligence Plus, in integers, with randomness that can be repeated.

Source: D. Cliff and J. Bruten, "Minimal-Intelligence Agents for Bargaining Behaviors in Market-Based Environments",
Hewlett-Packard Laboratories Technical Report HPL-97-91, 1997. A seller raises its price when it sees that somebody
traded at or above it, and lowers it when an offer at or below it found nobody, or when others trade below it; each step
goes a part of the way to a target a little beyond what was seen (Widrow-Hoff rule with momentum).

Prices in here are thousandths of a micro-unit per slice-minute, so that small steps are not lost. Pure.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from common.money import PPM
from market.reseller.floor import Corridor

MILLIS = 1000

_LOWEST_RATE_PPM, _RATE_SPREAD_PPM = 100_000, 400_000
"""The learning rate, beta of the paper: 0.1 to 0.5, drawn once for each trader."""
_MOMENTUM_SPREAD_PPM = 100_000
"""The momentum, gamma of the paper: 0 to 0.1, drawn once for each trader."""
_RELATIVE_SPREAD_PPM = 50_000
"""The target lies up to 5 % beyond the price that was seen, and up to one tick more."""


@dataclass(frozen=True, slots=True)
class Shout:
    """What everybody could see: somebody named a price, and it was accepted, or not. `side` is who named it."""

    price_micros: int
    side: Literal["bid", "ask"]
    accepted: bool


@dataclass(frozen=True, slots=True)
class ZipState:
    """What the trader has learned: its price and its momentum, in thousandths, and how many shouts it has heard."""

    price_millis: int
    momentum_millis: int = 0
    heard: int = 0


def beginning(corridor: Corridor) -> ZipState:
    """A trader that has seen nothing yet asks its first price."""
    return ZipState(corridor.opening_micros * MILLIS)


def price_of(state: ZipState, corridor: Corridor) -> int:
    """What the trader asks, on a tick of the corridor."""
    return corridor.clamp(-(-state.price_millis // MILLIS))


def listen(state: ZipState, shout: Shout, corridor: Corridor, seed: str) -> ZipState:
    """The trader after one shout. `seed` is its own; with it every draw can be repeated."""
    within = _within(state.price_millis, corridor)
    state = ZipState(within, state.momentum_millis, state.heard + 1)
    seen = shout.price_micros * MILLIS
    if shout.accepted and state.price_millis <= seen:
        return _towards(state, _beyond(seen, 1, corridor, seed, state.heard), corridor, seed)
    may_lower = shout.side == ("bid" if shout.accepted else "ask")
    if may_lower and state.price_millis >= seen:
        return _towards(state, _beyond(seen, -1, corridor, seed, state.heard), corridor, seed)
    return state


def _towards(state: ZipState, target_millis: int, corridor: Corridor, seed: str) -> ZipState:
    rate_ppm = _LOWEST_RATE_PPM + _draw(seed, "rate", _RATE_SPREAD_PPM)
    momentum_ppm = _draw(seed, "momentum", _MOMENTUM_SPREAD_PPM)
    step = rate_ppm * (target_millis - state.price_millis) // PPM
    momentum = (momentum_ppm * state.momentum_millis + (PPM - momentum_ppm) * step) // PPM
    return ZipState(_within(state.price_millis + momentum, corridor), momentum, state.heard)


def _beyond(seen_millis: int, sign: int, corridor: Corridor, seed: str, heard: int) -> int:
    relative_ppm = _draw(seed, f"relative/{heard}", _RELATIVE_SPREAD_PPM)
    absolute = _draw(seed, f"absolute/{heard}", corridor.tick_micros * MILLIS)
    return seen_millis + sign * (seen_millis * relative_ppm // PPM + absolute)


def _within(price_millis: int, corridor: Corridor) -> int:
    return min(max(price_millis, corridor.floor_micros * MILLIS), corridor.ceiling_micros * MILLIS)


def _draw(seed: str, name: str, most: int) -> int:
    """0 to `most`, the same for the same seed and name."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8]) % (most + 1)
