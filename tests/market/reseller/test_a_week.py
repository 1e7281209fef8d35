"""What the strategies win back in a week with a daily pattern, where buyers pay about what the slices cost."""

from __future__ import annotations

import hashlib

from market.reseller.floor import corridor
from market.reseller.settings import ResellerSettings, Strategy
from market.reseller.strategies import Sight, quote, rested_in_vain
from market.reseller.zip_trader import Shout

WEEK = 7 * 1440
SLICES = 8
FLOOR = 1000


def test_decay_and_zip_win_back_more_than_a_fixed_price() -> None:
    fixed, decay, learned = (_earned("fixed"), _earned("decay"), _earned("zip"))
    assert fixed < decay < learned


def _earned(strategy: Strategy) -> int:
    """Micro-units. By day a buyer comes in two minutes of three, by night in one of seven, and pays 0.6 to 1.6 times
    the floor at most, for one to four slices and ten minutes to two hours."""
    between = corridor(FLOOR, 50, 1, 1, 10**6)
    assert between is not None
    settings = ResellerSettings(("fra1.std.firm",), 0, 0, strategy)
    ends: list[int] = []
    learned, idle, rested, earned = None, 0, 0, 0
    trades: tuple[Shout, ...] = ()
    for minute in range(WEEK):
        ends = [end for end in ends if end > minute]
        vain = rested if rested_in_vain(rested) else 0
        asked = quote(settings, between, Sight(None, idle, trades, vain), learned, "seed")
        learned, trades = asked.learned, ()
        comes = 150 if 8 <= minute // 60 % 24 < 20 else 37
        coming, paying, size, length = hashlib.sha256(str(minute).encode()).digest()[:4]
        slices, minutes = (1, 1, 2, 4)[size % 4], (10, 30, 60, 120)[length % 4]
        pays = FLOOR * 6 // 10 + FLOOR * paying // 255
        if coming < comes and pays >= asked.price_micros and len(ends) + slices <= SLICES:
            ends += [minute + minutes] * slices
            earned += asked.price_micros * slices * minutes
            trades = (Shout(asked.price_micros, "bid", accepted=True),)
        idle = 0 if trades else idle + 1
        rested = 0 if trades or vain else rested + (len(ends) < SLICES)
    return earned
